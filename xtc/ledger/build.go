package ledger

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"deployconstants/pipeline"
)

// maxConflicts bounds Stats.Conflicts.
const maxConflicts = 1000

// group is one row group to be read.
type group struct {
	rows    parquet.RowGroup
	segment int32 // place among the segments that are read
}

// read makes the index of the named segments. It returns all of them, those that
// are replaced by others too.
func (l *Ledger) read(ctx context.Context, o pipeline.Options, names []string) (*Index, []*segment, error) {
	var segments []*segment
	var damaged []error
	for _, name := range names {
		s, err := l.segment(name)
		if _, ok := errors.AsType[*FormatError](err); ok {
			damaged = append(damaged, err) // all are named at once
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		segments = append(segments, s)
	}
	if len(damaged) > 0 {
		return nil, nil, errors.Join(damaged...)
	}

	b := newBuilder()
	current := live(segments)
	b.x.stats.Segments = len(segments)
	source := func(_ context.Context, emit func(group) error) error {
		for i, s := range current {
			for _, rows := range s.file.RowGroups() {
				if err := emit(group{rows, int32(i)}); err != nil {
					return err
				}
			}
		}
		return nil
	}
	work := func(_ context.Context, g group) (*decoded, error) { return decode(g.rows) }
	sink := func(r pipeline.Result[group, *decoded]) error {
		if r.Err != nil {
			return &FormatError{current[r.Item.segment].path, r.Err}
		}
		b.add(r.Out, r.Item.segment)
		return nil
	}
	if err := pipeline.Run(ctx, o, source, work, sink); err != nil {
		return nil, nil, err
	}
	return b.index(), segments, nil
}

// builder makes an index of row groups.
type builder struct {
	x        *Index
	texts    map[string]int32
	kinds    map[Source]int32
	segments []int32 // of each part
}

func newBuilder() *builder {
	return &builder{x: &Index{byName: make(map[string]*Experiment)}, texts: make(map[string]int32), kinds: make(map[Source]int32)}
}

// text returns the number of a text.
func (b *builder) text(text string) int32 {
	number, known := b.texts[text]
	if !known {
		text = strings.Clone(text)
		number = int32(len(b.x.texts))
		b.x.texts = append(b.x.texts, text)
		b.texts[text] = number
	}
	return number
}

// kind returns the number of a source. The source itself shares its texts with
// others.
func (b *builder) kind(s Source) int32 {
	number, known := b.kinds[s]
	if !known {
		for _, text := range []*string{&s.Name, &s.Alias, &s.Type, &s.ID, &s.Class, &s.Cause} {
			*text = b.x.texts[b.text(*text)]
		}
		number = int32(len(b.x.kinds))
		b.x.kinds = append(b.x.kinds, s)
		b.kinds[s] = number
	}
	return number
}

// add takes a row group over, in place: its numbers become those of the index.
func (b *builder) add(d *decoded, segment int32) {
	texts, kinds := make([]int32, len(d.texts)), make([]int32, len(d.kinds))
	for i, text := range d.texts {
		texts[i] = b.text(text)
	}
	for i, s := range d.kinds {
		kinds[i] = b.kind(s)
	}
	for i := range d.part.runs[:len(d.part.runs)-1] {
		row := &d.part.runs[i]
		row.experiment, row.instrument = texts[row.experiment], texts[row.instrument]
		row.dir, row.cause = texts[row.dir], texts[row.cause]
	}
	for i, kind := range d.part.kinds {
		d.part.kinds[i] = kinds[kind]
	}
	b.x.parts = append(b.x.parts, d.part)
	b.segments = append(b.segments, segment)
}

// addRun adds a run that was merged; the part ends with it.
func (b *builder) addRun(p *part, r Run) {
	row := &p.runs[len(p.runs)-1]
	row.experiment, row.instrument = b.text(r.Experiment), b.text(r.Instrument)
	row.dir, row.cause, row.number = b.text(r.Dir), b.text(r.Cause), int32(r.Number)
	row.configure, row.begin, row.scanned = r.Configure, r.BeginRun, r.Scanned
	for _, s := range r.Sources {
		p.kinds = append(p.kinds, b.kind(s))
	}
	for _, f := range r.Files {
		p.files.names = append(p.files.names, f.Name...)
		p.files.nameEnds = append(p.files.nameEnds, uint32(len(p.files.names)))
		p.files.sizes = append(p.files.sizes, f.Size)
		p.files.modTimes = append(p.files.modTimes, f.ModTime)
	}
	p.runs = append(p.runs, runRow{firstFile: uint32(len(p.files.sizes)), firstSource: uint32(len(p.kinds))})
}

// index sorts the runs, merges those that have several records, and counts.
func (b *builder) index() *Index {
	x := b.x
	total := 0
	for _, p := range x.parts {
		total += len(p.runs) - 1
	}
	refs := make([]ref, 0, total)
	for i, p := range x.parts {
		for row := range p.runs[:len(p.runs)-1] {
			refs = append(refs, ref{uint32(i), uint32(row)})
		}
	}
	ranks := ranksOf(x.texts)
	at := func(r ref) *runRow { return &x.parts[r.part].runs[r.row] }
	order := func(r, s ref) int {
		a, b := at(r), at(s)
		return cmp.Or(cmp.Compare(ranks[a.experiment], ranks[b.experiment]), cmp.Compare(a.number, b.number))
	}
	slices.SortStableFunc(refs, func(r, s ref) int {
		if c := order(r, s); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(at(r).scanned, at(s).scanned), cmp.Compare(b.segments[r.part], b.segments[s.part]))
	})
	x.refs = b.merge(refs, order)
	b.count()
	x.digest, x.runsOf = x.digestOnce(), x.runsOfOnce()
	return x
}

// merge leaves one place for each run. The records of the merged ones are a part
// of their own.
func (b *builder) merge(refs []ref, order func(r, s ref) int) []ref {
	x := b.x
	merged := &part{runs: make([]runRow, 1)}
	number := uint32(len(x.parts))
	current := refs[:0]
	for first := 0; first < len(refs); {
		last := first + 1
		for last < len(refs) && order(refs[first], refs[last]) == 0 {
			last++
		}
		if last == first+1 {
			current = append(current, refs[first])
			first = last
			continue
		}
		run := x.run(refs[first])
		for _, later := range refs[first+1 : last] {
			var conflicts []Conflict
			run, conflicts = Merge(run, x.run(later))
			room := maxConflicts - len(x.stats.Conflicts)
			x.stats.Conflicts = append(x.stats.Conflicts, conflicts[:min(room, len(conflicts))]...)
		}
		x.stats.Superseded += last - first - 1
		current = append(current, ref{number, uint32(len(merged.runs) - 1)})
		b.addRun(merged, run)
		first = last
	}
	if x.stats.Superseded > 0 {
		merged.files.clip()
		x.parts = append(x.parts, merged)
	}
	return slices.Clip(current)
}

// count finds the experiments and the sources that current records have.
func (b *builder) count() {
	x := b.x
	x.used = make([]bool, len(x.kinds))
	first := 0
	for i, at := range x.refs {
		p := x.parts[at.part]
		for _, kind := range p.sources(at.row) {
			x.used[kind] = true
		}
		x.stats.Sources += len(p.sources(at.row))
		begin, end := p.fileRange(at.row)
		x.stats.Files += int(end - begin)
		experiment := p.runs[at.row].experiment
		if i+1 < len(x.refs) {
			if next := x.refs[i+1]; x.parts[next.part].runs[next.row].experiment == experiment {
				continue
			}
		}
		x.experiments = append(x.experiments, Experiment{x: x, name: x.texts[experiment], refs: x.refs[first : i+1]})
		first = i + 1
	}
	for i := range x.experiments {
		x.byName[x.experiments[i].name] = &x.experiments[i]
	}
	x.stats.Experiments, x.stats.Runs = len(x.experiments), len(x.refs)
	x.stats.Panels = len(x.Panels())
}

// ranksOf returns each text's place among the sorted ones.
func ranksOf(texts []string) []int32 {
	sorted := make([]int32, len(texts))
	for i := range sorted {
		sorted[i] = int32(i)
	}
	slices.SortFunc(sorted, func(a, b int32) int { return cmp.Compare(texts[a], texts[b]) })
	ranks := make([]int32, len(texts))
	for rank, i := range sorted {
		ranks[i] = int32(rank)
	}
	return ranks
}

// sum makes the digest: every distinct source is written where it occurs first, and
// is a number from then on.
func (x *Index) sum() [32]byte {
	type mattering struct {
		name, alias, typ, id, cause string
		isName                      bool
	}
	numbers := make(map[mattering]uint32)
	byKind := make([]uint32, len(x.kinds)) // number + 1
	hash := sha256.New()
	var line bytes.Buffer
	number := func(n uint64) { line.Write(binary.LittleEndian.AppendUint64(line.AvailableBuffer(), n)) }
	text := func(texts ...string) {
		for _, text := range texts {
			number(uint64(len(text)))
			line.WriteString(text)
		}
	}
	for _, at := range x.refs {
		line.Reset()
		p := x.parts[at.part]
		row := &p.runs[at.row]
		text(x.texts[row.experiment], x.texts[row.instrument], x.texts[row.dir], x.texts[row.cause])
		kinds := p.sources(at.row)
		for _, n := range []int64{int64(row.number), row.configure, row.begin, int64(len(kinds))} {
			number(uint64(n))
		}
		for _, kind := range kinds {
			if byKind[kind] == 0 {
				s := &x.kinds[kind]
				m := mattering{s.Name, s.Alias, s.Type, s.ID, s.Cause, s.IDIsName}
				if numbers[m] == 0 {
					numbers[m] = uint32(len(numbers) + 1)
					text(m.name, m.alias, m.typ, m.id, m.cause)
					if m.isName {
						number(1)
					} else {
						number(0)
					}
				}
				byKind[kind] = numbers[m]
			}
			line.Write(binary.LittleEndian.AppendUint32(line.AvailableBuffer(), byKind[kind]))
		}
		hash.Write(line.Bytes())
	}
	return [32]byte(hash.Sum(nil))
}

func comparePanels(a, b Panel) int {
	isName := func(p Panel) int {
		if p.IsName {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.ID, b.ID), isName(a)-isName(b))
}
