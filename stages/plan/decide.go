package plan

import (
	"fmt"
	"slices"
	"strings"

	"deployconstants/jobs/planfile"
	"deployconstants/repo/calibdir"
	"deployconstants/repo/digest"
)

// A need says whether a run has constants.
type need uint8

const (
	needUnknown need = iota // no id, no time, or constants that cannot be read
	needNone                // the repository has nothing that is valid
	needContent
)

// A want is what a known run should read.
type want struct {
	run    int
	need   need
	sum    digest.Sum // of needContent
	reason string     // of needUnknown
}

// A file is one in a directory of constants, or one that the plan makes.
type file struct {
	name    string
	exists  bool
	regular bool
	before  digest.Sum // of a regular file that exists
	ours    bool
	known   bool   // to be ours by a transaction; else it is to be adopted
	guessed bool   // to be ours by its bytes only: no transaction and no HISTORY tells
	why     string // it is somebody else's

	assigned bool       // a run that reads it was found
	after    digest.Sum // what it is to hold, if it is assigned
	first    int        // the first run that needs these bytes, as index of wants; -1: none, it is kept as it is

	refused planfile.Action // why the change is not made; "": it is
	reason  string
}

// needed reports whether a run needs the bytes that the file has or is to hold.
func (f *file) needed() bool { return f.ours && f.assigned && f.first >= 0 }

// action is what becomes of the file.
func (f *file) action() planfile.Action {
	switch {
	case !f.ours:
		return planfile.Foreign
	case f.refused != "":
		return f.refused
	case !f.needed():
		return planfile.Unchanged
	case !f.exists:
		return planfile.Create
	case f.before != f.after:
		return planfile.Replace
	case !f.known:
		return planfile.Adopt
	default:
		return planfile.Unchanged
	}
}

// gone reports whether the file is not made after all.
func (f *file) gone() bool { return !f.exists && f.refused != "" }

// becomes is what the file holds after the plan was carried out.
func (f *file) becomes() digest.Sum {
	if f.action().Publishes() {
		return f.after
	}
	return f.before
}

// A verdict is what becomes of a known run.
type verdict struct {
	action planfile.Action // that of the file which serves it, or why none does
	reason string
	server *file // the file that is to serve it; nil: none

	before, after       *file // what psana's Python finder picks; nil: nothing
	cxxBefore, cxxAfter *file // what its C++ finder picks
}

// A decision is what becomes of one directory of constants.
type decision struct {
	files []*file // in the order of publication, with those that only the C++ finder reads at the end
	wants []want
	runs  []verdict // of wants

	python, cxx           finder // today
	pythonAfter, cxxAfter finder
	foreign, foreignCxx   []stretch // today
}

// decide applies the rules of the package documentation to the files of a
// directory, sorted by name, and to the runs, ascending. The error is a
// *calibdir.NameError: psana reads nothing of the directory.
func decide(files []*file, wants []want) (*decision, error) {
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.name
	}
	d := &decision{wants: wants, runs: make([]verdict, len(wants)), cxx: cxxFinder(names, files)}
	var err error
	if d.python, err = pythonFinder(names, files); err != nil {
		return nil, err
	}
	d.disownTies()
	d.foreign = d.python.foreignStretches(calibdir.MaxRun)
	if n := len(wants); n > 0 {
		d.foreignCxx = d.cxx.foreignStretches(int64(wants[n-1].run))
	}
	d.pythonAfter, d.cxxAfter = d.python, d.cxx
	d.walk()
	d.settle()
	return d, nil
}

// disownTies leaves files alone between which psana chooses by the order of the
// directory, since their names mean the same runs: "5-9.data" and "05-9.data".
func (d *decision) disownTies() {
	for i := 1; i < len(d.python.files); i++ {
		a, b := d.python.files[i-1], d.python.files[i]
		if a.begin == b.begin && a.end == b.end {
			a.disown("psana may take " + visible(b.name) + " instead, for the same runs")
			b.disown("psana may take " + visible(a.name) + " instead, for the same runs")
		}
	}
}

func (f *file) disown(why string) {
	if f.ours {
		f.ours, f.why = false, why
	}
}

// walk goes through the runs and assigns each a file: one that is there, or a new
// one where the constants change.
func (d *decision) walk() {
	begun := false // an earlier run is known to need constants or none, or reads somebody else's file
	for i, w := range d.wants {
		v := &d.runs[i]
		p := d.pythonAfter.pick(w.run)
		switch today := d.python.pick(w.run); {
		case today != nil && !today.ours:
			v.action, v.reason = planfile.Foreign, today.why
			begun = true
		case w.need == needUnknown:
			v.action, v.reason = planfile.Unknown, w.reason
			p.keep()
		case w.need == needNone:
			v.action = planfile.Missing
			p.keep()
			begun = true
		default:
			d.serve(i, p, begun)
			begun = true
		}
	}
}

// serve finds the file of a run that needs constants and reads p, which is nil or
// ours.
func (d *decision) serve(i int, p *file, begun bool) {
	w, v := d.wants[i], &d.runs[i]
	switch {
	case p != nil && !p.assigned:
		p.assigned, p.after, p.first = true, w.sum, i
		v.server = p
	case p != nil && p.after == w.sum:
		if v.server = p; p.first < 0 {
			p.first = i
		}
	case p == nil && !begun && !d.foreignAt(0):
		d.begin(i, 0, nil)
	default:
		d.begin(i, w.run, p)
	}
}

// keep leaves a file of ours as it is for a run that is not known to need other
// constants.
func (f *file) keep() {
	if f != nil && !f.assigned {
		f.assigned, f.after, f.first = true, f.before, -1
	}
}

func (d *decision) foreignAt(run int) bool {
	today := d.python.pick(run)
	return today != nil && !today.ours
}

// begin makes a new file for the run, which reads p now, and those behind it. Where
// that would hide somebody else's file, it ends where p ends.
func (d *decision) begin(i, begin int, p *file) {
	w, v := d.wants[i], &d.runs[i]
	if begin > calibdir.MaxRun {
		v.action = planfile.Overreach
		return
	}
	r := calibdir.Range{Begin: begin, End: calibdir.RunEnd}
	hidden, from := d.hidden(r)
	if hidden != nil && p != nil {
		if own, err := calibdir.ParseRange(strings.TrimSuffix(p.name, ".data")); err == nil && own.End != calibdir.RunEnd {
			r.End = own.End
			hidden, from = d.hidden(r)
		}
	}
	if hidden != nil {
		v.action = planfile.Foreign
		v.reason = fmt.Sprintf("a file of ours would hide %s from run %d", visible(hidden.name), from)
		return
	}
	added := &file{name: r.FileName(), regular: true, ours: true, assigned: true, after: w.sum, first: i}
	v.server = added
	d.pythonAfter = d.pythonAfter.with(r, added)
	d.cxxAfter = d.cxxAfter.with(r, added)
}

// hidden returns somebody else's file that psana would no longer take for some run
// if there were a file of ours of that range.
func (d *decision) hidden(r calibdir.Range) (f *file, run int64) {
	if f, run = d.python.hidden(d.foreign, r); f != nil {
		return f, run
	}
	return d.cxx.hidden(d.foreignCxx, r)
}

// refuse takes the change of a file out of the decision. The caller calls settle
// at last.
func (f *file) refuse(action planfile.Action, reason string) { f.refused, f.reason = action, reason }

// settle takes out the changes that would do harm, and tells what becomes of every
// run and in which order files are published.
func (d *decision) settle() {
	d.freeze()
	for i := range d.runs {
		d.judge(i)
	}
	d.files = d.files[:0]
	for _, l := range d.pythonAfter.files {
		d.files = append(d.files, l.file)
	}
	for _, l := range d.cxxAfter.files {
		if !slices.ContainsFunc(d.pythonAfter.files, func(p listed) bool { return p.file == l.file }) {
			d.files = append(d.files, l.file)
		}
	}
}

// freeze refuses the changes that would be published behind one that is refused:
// the runs which that one should serve would read them instead.
func (d *decision) freeze() {
	var first *file
	for _, l := range d.pythonAfter.files {
		switch {
		case first == nil && l.refused != "":
			first = l.file
		case first != nil && l.action().Publishes():
			l.refuse(first.refused, fmt.Sprintf("%s with %s", first.refused, strings.TrimSuffix(first.name, ".data")))
		}
	}
}

// changes reports whether a file is published.
func (d *decision) changes() bool {
	return slices.ContainsFunc(d.files, func(f *file) bool { return f.action().Publishes() })
}

// judge tells what becomes of a run now that it is known which files change.
func (d *decision) judge(i int) {
	w, v := d.wants[i], &d.runs[i]
	v.before, v.after = d.python.pick(w.run), d.pythonAfter.pick(w.run)
	v.cxxBefore, v.cxxAfter = d.cxx.pick(w.run), d.cxxAfter.pick(w.run)
	switch {
	case w.need == needNone && v.action != planfile.Foreign:
		v.action, v.reason = planfile.Missing, "the repository has nothing that is valid"
		if v.after != nil {
			v.action, v.reason = planfile.Overreach, "nothing is valid for these runs, but psana reads "+visible(v.after.name)
		}
	case v.action == planfile.Overreach:
		v.reason = fmt.Sprintf("the constants change, but begins above %d are never written", calibdir.MaxRun)
		if today := v.before; today != nil && today.before == w.sum && !reads(v.after, w.sum) {
			v.reason += "; today they read what is right"
		}
	case v.server == nil:
	case reads(v.after, w.sum):
		v.action, v.reason = v.after.action(), ""
		if !v.action.Changes() { // it may read what is right from a file whose change is refused
			v.action = planfile.Unchanged
		}
	case v.server.refused != "":
		v.action, v.reason = v.server.refused, v.server.reason
	default:
		v.action, v.reason = planfile.Mismatch, "psana would read "+nameOf(v.after)
	}
}

func reads(f *file, sum digest.Sum) bool { return f != nil && f.regular && f.becomes() == sum }

func nameOf(f *file) string {
	if f == nil {
		return "nothing"
	}
	return visible(f.name)
}
