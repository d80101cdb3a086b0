package plan

import (
	"slices"
	"sort"
	"strings"

	"deployconstants/repo/calibdir"
)

// A finder is one of psana's two ways to choose a file, over the files that a
// directory has and those that a plan gives it.
type finder struct {
	files  []listed // in the order of preference
	maxRun int64    // later runs are looked up as this one
	noEnd  int64    // what "end" means
}

// A listed file is a file with the runs for which a finder takes it.
type listed struct {
	begin, end int64 // both included
	*file
}

// pythonFinder and cxxFinder place files, sorted by name, by what psana makes of
// their names. The error is a *calibdir.NameError.
func pythonFinder(names []string, files []*file) (finder, error) {
	listing, err := calibdir.List(names)
	return newFinder(listing, files, calibdir.MaxRun, calibdir.MaxRun), err
}

func cxxFinder(names []string, files []*file) finder {
	const limit = 1<<32 - 1
	return newFinder(calibdir.ListCxx(names), files, limit, limit)
}

func newFinder(listing calibdir.Listing, files []*file, maxRun, noEnd int64) finder {
	f := finder{maxRun: maxRun, noEnd: noEnd}
	for _, known := range listing.Files() {
		i, _ := slices.BinarySearchFunc(files, known.Name, func(f *file, name string) int { return strings.Compare(f.name, name) })
		f.files = append(f.files, listed{known.Begin, known.End, files[i]})
	}
	return f
}

// pick returns the file that the finder takes for the run, nil for none. A file
// that is not made after all is not there.
func (f *finder) pick(run int) *file { return f.find(min(int64(run), f.maxRun)).file }

func (f *finder) find(run int64) listed {
	first := sort.Search(len(f.files), func(i int) bool { return f.files[i].begin <= run })
	for _, known := range f.files[first:] {
		if run <= known.end && !known.gone() {
			return known
		}
	}
	return listed{}
}

// with returns the finder of a directory that has one more file.
func (f finder) with(r calibdir.Range, added *file) finder {
	begin, end := f.runs(r)
	at := sort.Search(len(f.files), func(i int) bool {
		known := f.files[i]
		return known.begin < begin || known.begin == begin && known.end > end
	})
	f.files = slices.Insert(slices.Clip(f.files), at, listed{begin, end, added})
	return f
}

// runs is a range as the finder takes it.
func (f *finder) runs(r calibdir.Range) (begin, end int64) {
	if r.End == calibdir.RunEnd {
		return int64(r.Begin), f.noEnd
	}
	return int64(r.Begin), int64(r.End)
}

// A stretch is runs without a gap for which a finder takes one file.
type stretch struct {
	first, last int64
	listed
}

// foreignStretches returns the stretches, ascending, of the runs up to limit that
// read somebody else's file.
func (f *finder) foreignStretches(limit int64) []stretch {
	if !slices.ContainsFunc(f.files, func(l listed) bool { return !l.ours }) {
		return nil
	}
	edges := []int64{0, limit + 1}
	for _, known := range f.files {
		edges = append(edges, min(known.begin, limit+1), min(known.end, limit)+1)
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	var stretches []stretch
	for i, first := range edges[:len(edges)-1] {
		if picked := f.find(first); picked.file != nil && !picked.ours {
			stretches = append(stretches, stretch{first, edges[i+1] - 1, picked})
		}
	}
	return stretches
}

// hidden returns the file of a stretch that the finder would no longer take for
// some run if there were one more file of that range.
func (f *finder) hidden(stretches []stretch, r calibdir.Range) (hidden *file, run int64) {
	begin, end := f.runs(r)
	for _, s := range stretches {
		preferred := s.listed.begin < begin || s.listed.begin == begin && s.listed.end > end
		if first := max(s.first, begin); preferred && first <= min(s.last, end) {
			return s.file, first
		}
	}
	return nil, 0
}
