package resolve

import (
	"context"
	"fmt"
	"slices"

	"deployconstants/pipeline"
	"deployconstants/repo"
)

// Options say what of the repository is listed. The zero value is everything.
type Options struct {
	Types  []string // detector types; empty: all that the repository has
	CTypes []string // calibration types, deployed names; empty: all
	Pool   pipeline.Options
}

func (o Options) wantsType(name string) bool {
	return len(o.Types) == 0 || slices.Contains(o.Types, name)
}

// wantsDir reports whether a directory of a detector is listed; one of which nothing is
// deployed is not.
func (o Options) wantsDir(name string) bool {
	return slices.ContainsFunc(repo.UsesOf(name), o.wants)
}

// wantsDefault reports whether a default is listed.
func (o Options) wantsDefault(c repo.CType) bool {
	return slices.Contains(repo.CTypes(), c) && o.wants(c)
}

func (o Options) wants(c repo.CType) bool {
	return len(o.CTypes) == 0 || slices.Contains(o.CTypes, string(c.Deployed()))
}

// Load lists the repository. What cannot be read is a problem of the Snapshot and
// the Err of the files that are chosen for lack of knowledge; an error means that
// the repository itself cannot be listed or that ctx ended
// (pipeline.ErrNotAttempted).
func Load(ctx context.Context, r *repo.Repository, o Options) (*Snapshot, error) {
	l := loader{Repository: r, options: o}
	if err := l.load(ctx); err != nil {
		return nil, err
	}
	s := &Snapshot{repository: r, options: o, trees: make(map[string]*tree, len(l.listings))}
	for _, listing := range l.listings {
		s.trees[listing.typ.Name] = newTree(r.Dir(), listing)
	}
	s.collectProblems()
	return s, nil
}

// A loader lists a repository.
type loader struct {
	*repo.Repository
	options  Options
	listings []*listing
}

// A job is one detector's directory to list.
type job struct {
	of       *listing
	detector repo.Item
}

// A listed directory, with the number of names that everybody may write.
type listed struct {
	dir  *dirListing
	open int
}

func (l *loader) load(ctx context.Context) error {
	return pipeline.Run(ctx, l.options.Pool, l.source, l.work, func(r pipeline.Result[job, listed]) error {
		if r.Err != nil {
			r.Out.dir = &dirListing{err: reason(r.Err)}
		}
		r.Item.of.dirs[r.Item.detector.Name] = r.Out.dir
		r.Item.of.open += r.Out.open
		return nil
	})
}

// source lists the types and their detectors. Once a job of a listing is emitted,
// the listing belongs to the receiver of the results.
func (l *loader) source(_ context.Context, emit func(job) error) error {
	names, err := l.Items(".")
	if err != nil {
		return err
	}
	for _, name := range names {
		t, err := repo.TypeNamed(name.Name)
		if err != nil || !t.Deployable() || !l.options.wantsType(t.Name) {
			continue
		}
		of := l.listType(t, name)
		l.listings = append(l.listings, of)
		detectors, err := l.Items(t.Name)
		if err != nil {
			of.err = reason(err)
		}
		for _, detector := range detectors {
			if !repo.IsDetectorDir(detector.Name) || detector.Err == nil && !detector.Info.IsDir() {
				continue
			}
			if err := emit(job{of, detector}); err != nil {
				return err
			}
		}
	}
	return nil
}

// listType reads what a type has besides its detectors.
func (l *loader) listType(t repo.DetType, found repo.Item) *listing {
	of := &listing{typ: t, dirs: map[string]*dirListing{}}
	if found.Err != nil {
		of.err = reason(found.Err)
		return of
	}
	if isOpen(found.Info) {
		of.open++
	}
	var err error
	if of.aliases, err = l.ReadAliases(t); err != nil {
		of.err = printable(err.Error()) // with the file's path
	}
	defaults, err := l.Items(t.DefaultDir())
	if err != nil {
		of.defaultsErr = reason(err)
	}
	for _, i := range itemsOf(t.DefaultDir(), defaults) {
		ctype, isDefault := t.DefaultCType(i.name)
		if !isDefault || l.options.wantsDefault(ctype) {
			of.defaults = append(of.defaults, i)
		}
	}
	of.open += countOpen(defaults)
	return of
}

// work lists the directories of constants of a detector.
func (l *loader) work(ctx context.Context, j job) (listed, error) {
	if j.detector.Err != nil {
		return listed{}, j.detector.Err
	}
	name := j.of.typ.Name + "/" + j.detector.Name
	found, err := l.Items(name)
	if err != nil {
		return listed{}, err
	}
	out := listed{dir: &dirListing{ctypes: map[string]*ctypeListing{}}}
	if isOpen(j.detector.Info) {
		out.open++
	}
	for _, ctype := range found {
		if !l.options.wantsDir(ctype.Name) || ctype.Err == nil && !ctype.Info.IsDir() {
			continue
		}
		if err := context.Cause(ctx); err != nil {
			return listed{}, err
		}
		if ctype.Err != nil {
			out.dir.ctypes[ctype.Name] = &ctypeListing{err: reason(ctype.Err)}
			continue
		}
		dir := name + "/" + ctype.Name
		files, err := l.Items(dir)
		out.dir.ctypes[ctype.Name] = &ctypeListing{err: reason(err), items: itemsOf(dir, files)}
		out.open += countOpen(files)
		if isOpen(ctype.Info) {
			out.open++
		}
	}
	return out, nil
}

func countOpen(items []repo.Item) (n int) {
	for _, i := range items {
		if i.Err == nil && isOpen(i.Info) {
			n++
		}
	}
	return n
}

// collectProblems brings together what should be seen to.
func (s *Snapshot) collectProblems() {
	s.problems = nil
	if len(s.trees) == 0 {
		s.problem(s.repository.Dir(), "there is no directory of a detector type: is this the repository, and is it mounted?")
	}
	for _, name := range s.Types() {
		t := s.trees[name]
		dir := s.repository.Dir() + "/" + name
		if t.listing.err != "" {
			s.problem(dir, t.listing.err)
		}
		if t.listing.defaultsErr != "" {
			s.problem(s.repository.Dir()+"/"+t.typ.DefaultDir(), t.listing.defaultsErr)
		}
		if n := t.listing.open; n > 0 {
			s.problem(dir, fmt.Sprintf("%d files and directories can be written by everybody", n))
		}
		s.problems = append(s.problems, t.problems...)
	}
	slices.SortFunc(s.problems, compareProblems)
	s.problems = slices.Compact(s.problems)
}

func (s *Snapshot) problem(path, message string) {
	s.problems = append(s.problems, Problem{path, message})
}
