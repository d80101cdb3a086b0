package dataset

import (
	"cmp"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// FirstControlStream is the lowest number of a control stream; the streams below
// are those of the data acquisition.
const FirstControlStream = 80

// A FileName is the name of an XTC file, taken apart.
type FileName struct {
	Path   string
	Prefix string // "e665" or "xpptut15"; empty where the name does not follow the rule
	Run    int
	Stream int
	Chunk  int
	Small  bool // a small data file, .smd.xtc
}

// ParseFileName reads <prefix>-r<run>-s<stream>-c<chunk> from the base name of
// path up to its first point, from the right; numbers have any count of digits
// and the prefix two characters or more. A name that does not follow the rule
// has an empty prefix and run, stream and chunk 0, as psana has it: such a file
// can be read all the same.
func ParseFileName(path string) FileName {
	base := filepath.Base(path)
	name := FileName{Path: path, Small: strings.HasSuffix(base, ".smd.xtc")}
	stem, _, _ := strings.Cut(base, ".")
	stem, chunk, chunkOK := cutNumber(stem, 'c')
	stem, stream, streamOK := cutNumber(stem, 's')
	stem, run, runOK := cutNumber(stem, 'r')
	if chunkOK && streamOK && runOK && len(stem) >= 2 {
		name.Prefix, name.Run, name.Stream, name.Chunk = stem, run, stream, chunk
	}
	return name
}

// cutNumber cuts "-<letter><digits>" off the end of stem.
func cutNumber(stem string, letter byte) (rest string, number int, ok bool) {
	dash := strings.LastIndexByte(stem, '-')
	if dash < 0 || len(stem) < dash+3 || stem[dash+1] != letter || !isDigit(stem[dash+2]) {
		return "", 0, false
	}
	n, err := strconv.ParseUint(stem[dash+2:], 10, 31)
	return stem[:dash], int(n), err == nil
}

// ExperimentNumber returns the number of a prefix like e665. Names that begin
// with the experiment's own name have none: psana knows no experiment of them.
func (f FileName) ExperimentNumber() (int, bool) {
	digits, found := strings.CutPrefix(f.Prefix, "e")
	if !found || digits == "" || !isDigit(digits[0]) || !strings.HasSuffix(f.Path, ".xtc") {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	return int(n), err == nil
}

// RunFiles is the files of one run by stream and chunk, as GroupRuns sorts them.
type RunFiles struct {
	Run   int // of the file names
	Files []FileName
}

// GroupRuns groups files by run. Runs ascend, and the files of a run are sorted
// by stream, chunk and path, which is the order in which they are read.
func GroupRuns(files []FileName) []RunFiles {
	sorted := slices.SortedFunc(slices.Values(files), func(a, b FileName) int {
		return cmp.Or(cmp.Compare(a.Run, b.Run), cmp.Compare(a.Stream, b.Stream),
			cmp.Compare(a.Chunk, b.Chunk), strings.Compare(a.Path, b.Path))
	})
	var runs []RunFiles
	for _, file := range sorted {
		if len(runs) == 0 || runs[len(runs)-1].Run != file.Run {
			runs = append(runs, RunFiles{Run: file.Run})
		}
		last := &runs[len(runs)-1]
		last.Files = append(last.Files, file)
	}
	return runs
}
