package calibdir

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

const (
	// fileExt ends the name of every file of constants.
	fileExt = ".data"

	// historyName is the record of what was deployed to a directory.
	historyName = "HISTORY"
)

// ErrBlocked: psana raises an exception when it lists the directory, so it reads
// none of the constants there, whatever the run.
var ErrBlocked = errors.New("psana raises an exception on this name and reads no constants of its directory; rename or remove the file")

// A NameError is the name of a file on which psana raises an exception. It wraps
// ErrBlocked.
type NameError struct {
	Name      string
	Exception string // Python's class: "TypeError" or "ValueError"
}

func (e *NameError) Error() string {
	return fmt.Sprintf("file %q: %s: %v", e.Name, e.Exception, ErrBlocked)
}

func (e *NameError) Unwrap() error { return ErrBlocked }

// Pick returns the name of the file that psana reads for the run, of the names in
// a directory of constants as listed; "" if there is none. It is what PSCalib's
// CalibFileFinder.findCalibFile does (CalibFileFinder.py): runs above MaxRun are
// looked up as MaxRun. The error is a *NameError.
//
// Where two names mean the same runs, "5-9.data" and "05-9.data", the last in the
// listing wins.
func Pick(names []string, run int) (name string, err error) {
	listing, err := List(names)
	if err != nil {
		return "", err
	}
	return listing.Pick(run), nil
}

// A Listing is the files of a directory of constants that psana considers. It
// answers for many runs; it is safe for concurrent use.
type Listing struct {
	files []listed // in order of preference
}

// A listed file is a name with the runs that psana reads from it.
type listed struct {
	name       string
	begin, end int64
}

// List reads the names of a directory as psana does. The error is a *NameError.
func List(names []string) (Listing, error) {
	var files []listed
	for _, name := range names {
		file, ok, err := parseListed(name)
		if err != nil {
			return Listing{}, err
		}
		if ok {
			files = append(files, file)
		}
	}
	return Listing{files: byPreference(files)}, nil
}

// byPreference sorts files so that the first that covers a run is the one that
// psana takes: it sorts by begin and falling end, and searches from the last.
func byPreference(files []listed) []listed {
	slices.Reverse(files)
	slices.SortStableFunc(files, func(a, b listed) int {
		return cmp.Or(cmp.Compare(b.begin, a.begin), cmp.Compare(a.end, b.end))
	})
	return files
}

// Pick returns the name of the file that psana reads for the run, "" if there is
// none. Runs above MaxRun are looked up as MaxRun.
func (l Listing) Pick(run int) string { return l.Select(min(run, MaxRun)) }

// Select is Pick without the limit, as PSCalib's selectCalibFile: nothing covers
// a run above MaxRun.
func (l Listing) Select(run int) string { return firstCovering(l.files, int64(run)) }

func firstCovering(files []listed, run int64) string {
	for _, file := range files {
		if file.begin <= run && run <= file.end {
			return file.name
		}
	}
	return ""
}

// parseListed reads one name as PSCalib's class CalibFile does; ok is false for
// one that it skips.
func parseListed(name string) (file listed, ok bool, err error) {
	stem, ok := stemOf(name)
	if !ok || strings.Count(stem, "-") != 1 {
		return listed{}, false, nil
	}
	begin, end, _ := strings.Cut(stem, "-")
	if !isDigits(begin) {
		return listed{}, false, nil
	}
	file = listed{name: name, end: MaxRun}
	if file.begin, err = digitsValue(begin); err != nil {
		return listed{}, false, &NameError{Name: name, Exception: "ValueError"}
	}
	switch {
	case file.begin > MaxRun:
		return listed{}, false, &NameError{Name: name, Exception: "TypeError"}
	case isDigits(end):
		if file.end, err = digitsValue(end); err != nil {
			return listed{}, false, &NameError{Name: name, Exception: "ValueError"}
		}
		if file.end > MaxRun {
			return listed{}, false, &NameError{Name: name, Exception: "TypeError"}
		}
	case end != "end":
		return listed{}, false, &NameError{Name: name, Exception: "TypeError"}
	}
	return file, true, nil
}

// stemOf returns what stands before the extension of a file of constants. As
// Python's os.path.splitext, it takes a name that only begins with a dot for one
// without an extension.
func stemOf(name string) (stem string, ok bool) {
	stem, ok = strings.CutSuffix(name, fileExt)
	return stem, ok && strings.Trim(stem, ".") != ""
}

// PickCxx is Pick for psana's C++ modules (PSCalib's CalibFileFinder.cpp): names
// that it cannot read are skipped, runs and ends have no limit but that of 32
// bits, and a number may have a sign.
func PickCxx(names []string, run int) string {
	var files []listed
	for _, name := range names {
		if file, ok := parseListedCxx(name); ok {
			files = append(files, file)
		}
	}
	return firstCovering(byPreference(files), int64(run))
}

func parseListedCxx(name string) (file listed, ok bool) {
	if path.Ext(name) != fileExt {
		return listed{}, false
	}
	begin, end, ok := strings.Cut(strings.TrimSuffix(name, fileExt), "-")
	if !ok {
		return listed{}, false
	}
	file = listed{name: name, end: 1<<32 - 1}
	if file.begin, ok = lexicalUint32(begin); !ok {
		return listed{}, false
	}
	if end != "end" {
		file.end, ok = lexicalUint32(end)
	}
	return file, ok
}

// lexicalUint32 is boost::lexical_cast<unsigned>: a minus sign wraps around.
func lexicalUint32(text string) (int64, bool) {
	digits, negative := strings.CutPrefix(text, "-")
	if !negative {
		digits = strings.TrimPrefix(text, "+")
	}
	value, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return 0, false
	}
	if negative {
		value = uint64(-uint32(value))
	}
	return int64(value), true
}
