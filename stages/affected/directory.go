package affected

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"deployconstants/repo"
	"deployconstants/repo/calibdir"
	"deployconstants/repo/digest"
	"deployconstants/stages/resolve"
	"deployconstants/xtc/ledger"
)

// An answer is what becomes of an experiment.
type answer struct{ affected, same []Source }

// A run is a sighting with its place in the timelines of its panel.
type run struct {
	ledger.Sighting
	lines []timeline // nil: nothing is known of the run
	stamp repo.Stamp
}

// experiment looks at every source of the type.
func (q *question) experiment(ctx context.Context, e *ledger.Experiment) (answer, error) {
	var a answer
	for _, name := range e.Sources() {
		if t, err := repo.TypeOfSource(name); err == nil && t != q.typ {
			continue
		}
		runs, concerned := q.runs(e, name)
		if !concerned {
			continue
		}
		for i, ctype := range q.ctypes {
			if err := context.Cause(ctx); err != nil {
				return answer{}, err
			}
			d := directory{question: q, source: name, ctype: i, runs: runs}
			affected, same := d.compare(ctx, ctype)
			if affected != nil {
				a.affected = append(a.affected, *affected)
			}
			if same != nil {
				a.same = append(a.same, *same)
			}
		}
	}
	return a, nil
}

// runs returns the runs that have the source, and whether one is of a panel that
// the change concerns.
func (q *question) runs(e *ledger.Experiment, source string) (runs []run, concerned bool) {
	sightings := e.Sightings(source)
	runs = make([]run, 0, len(sightings))
	for _, s := range sightings {
		r := run{Sighting: s}
		if s.Type == q.typ.Name && s.ID != "" && s.BeginRun != 0 {
			r.lines = q.panels[resolve.Key{Type: s.Type, ID: s.ID, IsName: s.IDIsName}]
		}
		concerned = concerned || slices.ContainsFunc(r.lines, func(t timeline) bool { return t.differs })
		runs = append(runs, r)
	}
	if concerned {
		for i := range runs {
			if runs[i].lines != nil {
				runs[i].stamp = repo.StampOf(time.Unix(0, runs[i].BeginRun), q.Zone)
			}
		}
	}
	return runs, concerned
}

// A directory is one of constants in a calib directory.
type directory struct {
	*question
	source string
	ctype  int // in question.ctypes
	runs   []run
}

// A pair is a replacement of one file by another in the constants of an id.
type pair struct {
	id            string
	before, after *resolve.File
	same          bool
}

// compare returns what is affected of the directory and what gets other files of
// the very bytes; nil where there is none.
func (d *directory) compare(ctx context.Context, ctype string) (affected, same *Source) {
	numbers := map[pair][]int{}
	var order []pair
	for _, r := range d.runs {
		if r.lines == nil || !d.Filter.MatchRun(r.Run, time.Unix(0, r.BeginRun)) || !d.Filter.MatchSource(d.source, r.Alias, r.Type) {
			continue
		}
		st := r.lines[d.ctype].at(r.stamp)
		if !st.differs || !d.resolved(ctx, st) {
			continue
		}
		p := pair{r.ID, st.before, st.after, st.same}
		if numbers[p] == nil {
			order = append(order, p)
		}
		numbers[p] = append(numbers[p], r.Run)
	}
	for _, p := range order {
		to := &affected
		if p.same {
			to = &same
		}
		if *to == nil {
			*to = &Source{Name: d.source, Type: d.typ.Name, CType: ctype, Changes: []Change{}, Files: []FileDelta{}}
		}
		change := Change{
			ID: p.id, Runs: compact(numbers[p]), Count: len(numbers[p]),
			Before: d.contents.constants(ctx, d.before, p.before),
		}
		if !d.Touch {
			change.After = d.contents.constants(ctx, d.after, p.after)
		}
		(*to).Changes = append((*to).Changes, change)
	}
	for _, s := range [...]*Source{affected, same} {
		if s == nil {
			continue
		}
		var all []int
		for _, p := range order {
			if p.same == (s == same) {
				all = append(all, numbers[p]...)
			}
		}
		slices.Sort(all)
		s.Runs, s.Count = compact(all), len(all)
	}
	if affected != nil {
		affected.Files = d.files(ctx, ctype)
	}
	return affected, same
}

// resolved reports whether the run is resolved before or after the change: what
// nobody can read, nobody gets.
func (d *directory) resolved(ctx context.Context, st *stage) bool {
	readable := func(s *resolve.Snapshot, f *resolve.File) bool { return f == nil || d.contents.of(ctx, s, f).known }
	return readable(d.before, st.before) || readable(d.after, st.after)
}

// A deployed file is one that a plan would make in a clean directory.
type deployed struct {
	begin int
	sum   digest.Sum
	file  *resolve.File // of the first run that it serves
	used  bool          // it is what the change is about
}

// files returns the files in which clean directories before and after differ.
func (d *directory) files(ctx context.Context, ctype string) []FileDelta {
	before := d.deploy(ctx, d.before, func(st *stage) *resolve.File { return st.before })
	after := d.deploy(ctx, d.after, func(st *stage) *resolve.File { return st.after })
	path := func(begin int) string {
		name := calibdir.Range{Begin: begin, End: calibdir.RunEnd}.FileName()
		return strings.Join([]string{d.typ.Group, d.source, ctype, name}, "/")
	}
	deltas := []FileDelta{}
	if d.Touch {
		for _, f := range before {
			if f.used {
				deltas = append(deltas, FileDelta{Path: path(f.begin), Before: d.contents.constants(ctx, d.before, f.file)})
			}
		}
		return deltas
	}
	for len(before)+len(after) > 0 {
		switch {
		case len(after) == 0 || len(before) > 0 && before[0].begin < after[0].begin:
			deltas = append(deltas, FileDelta{path(before[0].begin), d.contents.constants(ctx, d.before, before[0].file), nil})
			before = before[1:]
		case len(before) == 0 || after[0].begin < before[0].begin:
			deltas = append(deltas, FileDelta{path(after[0].begin), nil, d.contents.constants(ctx, d.after, after[0].file)})
			after = after[1:]
		default:
			if before[0].sum != after[0].sum {
				deltas = append(deltas, FileDelta{
					path(before[0].begin),
					d.contents.constants(ctx, d.before, before[0].file), d.contents.constants(ctx, d.after, after[0].file),
				})
			}
			before, after = before[1:], after[1:]
		}
	}
	return deltas
}

// deploy returns the files that a plan would make in a clean directory: the first
// for all runs if no earlier one is known to have nothing, and one from each run
// on that needs other bytes than psana would read. Constants that cannot be read
// block the directory.
func (d *directory) deploy(ctx context.Context, s *resolve.Snapshot, choose func(*stage) *resolve.File) []deployed {
	var files []deployed
	begun := false
	for _, r := range d.runs {
		if r.lines == nil {
			continue
		}
		st := r.lines[d.ctype].at(r.stamp)
		f := choose(st)
		if f == nil {
			begun = true
			continue
		}
		found := d.contents.of(ctx, s, f)
		if !found.known {
			return nil
		}
		begin := r.Run
		switch {
		case len(files) == 0 && !begun:
			begin = 0
		case len(files) > 0 && files[len(files)-1].sum == found.sum:
			files[len(files)-1].used = files[len(files)-1].used || st.differs
			continue
		}
		begun = true
		if begin <= calibdir.MaxRun {
			files = append(files, deployed{begin, found.sum, f, st.differs})
		}
	}
	return files
}

// compact writes ascending numbers as ranges, "1-20,25".
func compact(numbers []int) string {
	var text strings.Builder
	for i := 0; i < len(numbers); {
		last := i
		for last+1 < len(numbers) && numbers[last+1] == numbers[last]+1 {
			last++
		}
		if i > 0 {
			text.WriteByte(',')
		}
		text.WriteString(strconv.Itoa(numbers[i]))
		if last > i {
			text.WriteString("-" + strconv.Itoa(numbers[last]))
		}
		i = last + 1
	}
	return text.String()
}
