package dataset

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// A listing is the XTC files of one directory, sorted by whether psana would take
// them for the experiment's.
type listing struct {
	dir    string
	prefix string // of the experiment's files
	small  bool   // small data files are wanted

	files      []FileName      // the experiment's, of all runs
	others     map[string]bool // prefixes of other XTC files
	unfinished []string        // names of files still being written
}

// read sorts the names of a directory.
func (l *listing) read(names []string) {
	extension := "xtc"
	if l.small {
		extension = "smd.xtc"
	}
	l.others = map[string]bool{}
	for _, name := range names {
		_, last, _ := strings.Cut(name, ".")
		file := ParseFileName(filepath.Join(l.dir, name))
		switch {
		case file.Prefix == "":
		case last == extension+".inprogress" && file.Prefix == l.prefix:
			l.unfinished = append(l.unfinished, name)
		case last != extension:
		case file.Prefix == l.prefix:
			l.files = append(l.files, file)
		default:
			l.others[file.Prefix] = true
		}
	}
}

// matching returns the files of the runs and streams asked for.
func (l *listing) matching(spec Spec) []FileName {
	var files []FileName
	for _, file := range l.files {
		if spec.Runs.Contains(file.Run) && (len(spec.Streams) == 0 || spec.Streams.Contains(file.Stream)) {
			files = append(files, file)
		}
	}
	return files
}

// explain is the error of a listing in which nothing matched: it says what is
// there instead.
func (l *listing) explain(spec Spec) error {
	what := "of run " + spec.Runs.String()
	if len(spec.Streams) > 0 {
		what += " stream " + spec.Streams.String()
	}
	return fmt.Errorf("%w %s in %s: %s", ErrNoFiles, what, l.dir, l.instead(spec))
}

func (l *listing) instead(spec Spec) string {
	if streams := l.streamsOf(spec); len(streams) > 0 {
		return "streams there are " + rangesOf(streams).String()
	}
	for _, name := range l.unfinished {
		if spec.Runs.Contains(ParseFileName(name).Run) {
			return "only " + name + " is there, which is still being written"
		}
	}
	if len(l.files) > 0 {
		runs := map[int]bool{}
		for _, file := range l.files {
			runs[file.Run] = true
		}
		ranges := rangesOf(slices.Sorted(maps.Keys(runs)))
		texts := make([]string, len(ranges))
		for i, one := range ranges {
			texts[i] = one.String()
		}
		return "runs there are " + some(texts, 20)
	}
	if len(l.others) > 0 {
		return fmt.Sprintf("files of the experiment are named %s-r..., those there are %s-r...",
			l.prefix, some(slices.Sorted(maps.Keys(l.others)), 5))
	}
	return "there are no XTC files"
}

// streamsOf returns the streams, ascending, that the runs asked for do have.
func (l *listing) streamsOf(spec Spec) []int {
	streams := map[int]bool{}
	for _, file := range l.files {
		if spec.Runs.Contains(file.Run) {
			streams[file.Stream] = true
		}
	}
	return slices.Sorted(maps.Keys(streams))
}
