package scan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"deployconstants/repo"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
)

// An outcome is what became of reading one run.
type outcome struct {
	record    ledger.Run // merged with what was known
	conflicts []ledger.Conflict
	problems  []Problem
	opened    int
	pending   bool // not to be recorded: the run changed
	failed    bool // not to be recorded: the system refused
}

var errNoBegin = errors.New("the files end before BeginRun")

// read reads a batch of runs; of an experiment there is nothing to read.
func (s *scanner) read(ctx context.Context, i item) ([]outcome, error) {
	if len(i.jobs) == 0 {
		return nil, nil
	}
	outcomes, place := make([]outcome, len(i.jobs)), &i.listed.place.Place
	dir, err := xtc.OpenDir(place.Dir)
	if err != nil {
		for at, j := range i.jobs {
			outcomes[at].refuse(Problem{Experiment: place.Experiment.Name, Run: j.run.Run, Path: place.Dir, Err: err})
		}
		return outcomes, nil
	}
	defer dir.Close()
	for at := range i.jobs {
		if outcomes[at] = s.readRun(ctx, dir, place, &i.jobs[at]); ctx.Err() != nil {
			return nil, context.Cause(ctx) // abandoned: the sink does not hear of it
		}
	}
	return outcomes, nil
}

// refuse makes it the outcome of a run that the system did not let read.
func (out *outcome) refuse(p Problem) {
	p.Kind = kindOf(p.Err)
	out.failed, out.problems = true, []Problem{p}
}

func (s *scanner) readRun(ctx context.Context, dir *xtc.Dir, place *dataset.Place, j *job) (out outcome) {
	w := watch{open: s.Open, dir: dir, files: j.run.Files, opened: make([]string, 0, len(j.run.Files))}
	files := j.run.RunFiles(place.Dir)
	w.paths = files.Files
	run, err := dataset.ReadRun(ctx, files, dataset.Options{Open: w.openFile, Verify: true})
	out.opened = len(w.opened)
	problem := Problem{Experiment: place.Experiment.Name, Run: j.run.Run, Path: place.Dir, Err: err}
	if len(w.opened) > 0 {
		problem.Path = pathOf(err, w.opened[len(w.opened)-1])
	}
	if path := w.changedFile(run); path != "" {
		problem.Kind, problem.Path, problem.Err = Writing, path, dataset.ErrChanged
		out.pending, out.problems = true, []Problem{problem}
		return out
	}
	if err == nil {
		problem.Path, problem.Err = incomplete(run, problem.Path)
	}
	switch {
	case err != nil && !permanent(err):
		out.refuse(problem)
		return out
	case problem.Err != nil:
		problem.Kind = Broken
		out.problems = []Problem{problem}
	}
	out.record = ledger.Run{
		Experiment: place.Experiment.Name, Instrument: place.Experiment.Instrument, Dir: place.Dir,
		Number: j.run.Run, Files: filesOf(j.run), Scanned: j.scanned,
	}
	if problem.Err != nil {
		out.record.Cause = oneLine(problem.Err.Error())
	}
	if run != nil {
		out.describe(run, place.Dir)
	}
	if j.known {
		out.merge(s.known)
	}
	return out
}

// incomplete says why the run that was read may lack detectors: a stream, or the
// whole run, ended before it began. It returns nil and the other path if it is whole.
func incomplete(run *dataset.Run, path string) (string, error) {
	for _, warning := range run.Warnings {
		if errors.Is(warning.Err, xtc.ErrTornDgram) {
			return warning.Path, warning.Err
		}
	}
	if run.BeginRun == nil {
		return path, errNoBegin
	}
	return path, nil
}

// permanent reports whether the error is about the bytes of the files: it stays
// until they change.
func permanent(err error) bool {
	_, format := errors.AsType[*xtc.FormatError](err)
	return format || errors.Is(err, dataset.ErrEmpty) || errors.Is(err, xtc.ErrNodes)
}

// A watch opens the files of a run as they were listed, and notices those that are no
// longer so.
type watch struct {
	open   func(*xtc.Dir, xtc.Entry) (*xtc.File, error)
	dir    *xtc.Dir
	files  []dataset.ListedFile
	paths  []dataset.FileName // of the files
	opened []string           // paths
}

func (w *watch) openFile(path string) (*xtc.File, error) {
	w.opened = append(w.opened, path)
	file := w.listed(path)
	return w.open(w.dir, xtc.Entry{Name: file.Name, Size: file.Size, ModTime: file.ModTime})
}

func (w *watch) listed(path string) *dataset.ListedFile {
	return &w.files[slices.IndexFunc(w.paths, func(f dataset.FileName) bool { return f.Path == path })]
}

// changedFile returns the path of a file that changed. The run says it of those that
// it has read; where it has not begun, all are looked up again: what is wrong may be
// that they are being written. A file that is gone did not change.
func (w *watch) changedFile(run *dataset.Run) string {
	if run != nil && run.BeginRun != nil {
		for _, warning := range run.Warnings {
			if errors.Is(warning.Err, dataset.ErrChanged) {
				return warning.Path
			}
		}
		return ""
	}
	var st syscall.Stat_t
	for _, path := range w.opened {
		if f := w.listed(path); stat(path, &st) == nil &&
			(st.Size != f.Size || st.Mtim.Nano() != f.ModTime || st.Mode&syscall.S_IFMT != syscall.S_IFREG) {
			return path
		}
	}
	return ""
}

func stat(path string, st *syscall.Stat_t) error {
	err := syscall.Stat(path, st)
	for err == syscall.EINTR {
		err = syscall.Stat(path, st)
	}
	return err
}

func filesOf(run dataset.ListedRun) []ledger.File {
	files := make([]ledger.File, len(run.Files))
	for i, f := range run.Files {
		files[i] = ledger.File{Name: f.Name, Size: f.Size, ModTime: f.ModTime}
	}
	return files
}

// describe takes over what the headers say.
func (out *outcome) describe(run *dataset.Run, dir string) {
	record := &out.record
	if run.Configure != nil {
		record.Configure = nanoseconds(run.Configure.Clock)
	}
	if run.BeginRun != nil {
		record.BeginRun = nanoseconds(run.BeginRun.Clock)
		if run.Number != record.Number {
			out.odd(dir, fmt.Errorf("BeginRun says that this is run %d", run.Number))
		}
	}
	for _, warning := range run.Warnings {
		if err := warning.Err; run.BeginRun != nil && (errors.Is(err, dataset.ErrNoConfigure) || errors.Is(err, dataset.ErrNoBeginRun)) {
			out.odd(warning.Path, err)
		}
	}
	record.Sources = sourcesOf(run.Store.Detectors())
}

func (out *outcome) odd(path string, err error) {
	out.problems = append(out.problems, Problem{Kind: Odd, Experiment: out.record.Experiment, Run: out.record.Number, Path: path, Err: err})
}

// merge joins the record with the known one.
func (out *outcome) merge(known *ledger.Index) {
	e, _ := known.Experiment(out.record.Experiment)
	old, found := e.Run(out.record.Number)
	if !found {
		return
	}
	out.record, out.conflicts = ledger.Merge(old, out.record)
	for _, conflict := range out.conflicts {
		out.problems = append(out.problems, Problem{
			Kind: Conflict, Experiment: conflict.Experiment, Run: conflict.Run, Path: out.record.Dir, Err: errors.New(conflict.String()),
		})
	}
}

// nanoseconds is the clock as the ledger has it.
func nanoseconds(c xtc.Clock) int64 { return c.Time().UnixNano() }

// sourcesOf describes the detectors, sorted by name, each name once.
func sourcesOf(detectors []dataset.Detector) []ledger.Source {
	sources := make([]ledger.Source, 0, len(detectors))
	for _, d := range detectors {
		source := ledger.Source{Name: d.Source, Alias: d.Alias, Type: typeOf(d.Source), Class: d.Class, Version: versionOf(d.Class)}
		if source.Type != "" {
			id, isName, err := d.ID()
			source.ID, source.IDIsName = id, isName
			if err != nil {
				source.Cause = oneLine(err.Error())
			}
		}
		sources = append(sources, source)
	}
	slices.SortStableFunc(sources, func(a, b ledger.Source) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(sources, func(a, b ledger.Source) bool { return a.Name == b.Name })
}

// deployable are the names of the detector types by device.
var deployable = func() map[string]string {
	types := map[string]string{}
	for _, t := range repo.Types() {
		if t.Deployable() {
			types[t.Device] = t.Name
		}
	}
	return types
}()

// typeOf returns the detector type of a source, as repo.TypeOfSource has it; "" for
// devices without constants.
func typeOf(source string) string {
	_, device, _ := strings.Cut(source, ":")
	device, _, _ = strings.Cut(device, ".")
	return deployable[device]
}

// versionOf returns the number at the end of a class's name; 0 for none.
func versionOf(class string) int {
	digits := class[len(strings.TrimRight(class, "0123456789")):]
	version, _ := strconv.Atoi(digits)
	return version
}

// oneLine makes a line of text that may hold bytes of files: without control
// characters, and of bounded length.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	const most = 2000
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}
