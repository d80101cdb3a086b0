package facility

import (
	"errors"
	"math/big"
	"regexp"
	"sort"
	"strings"
	"unicode"
)

// ErrRaises is returned for names on which psana's Python finder raises.
var ErrRaises = errors.New("psana raises")

// interval is a file with the runs for which psana takes it, both included.
type interval struct {
	name       string
	begin, end int64
}

// maxRun is the last run that psana's Python finder knows; later ones are looked up
// as this one.
const maxRun = 9999

// latin writes the digits of all scripts, which are numbers to Python, as ours: they
// stand in tens, from zero on.
func latin(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsDigit(r) {
			return r
		}
		before := 0
		for unicode.IsDigit(r - rune(before) - 1) {
			before++
		}
		return '0' + rune(before%10)
	}, text)
}

var allDigits = regexp.MustCompile(`^[0-9]+$`)

var stemForm = regexp.MustCompile(`^([0-9]+)-([0-9]+|end)$`)

// pythonIntervals reads the names of a directory as PSCalib/CalibFileFinder.py
// does.
func pythonIntervals(names []string) ([]interval, error) {
	var list []interval
	for _, name := range names {
		stem, constants := strings.CutSuffix(name, ".data")
		if !constants || strings.HasPrefix(name, ".") || strings.Count(stem, "-") != 1 {
			continue
		}
		stem = latin(stem)
		if begin, _, _ := strings.Cut(stem, "-"); !allDigits.MatchString(begin) {
			continue
		}
		parts := stemForm.FindStringSubmatch(stem)
		if parts == nil {
			return nil, ErrRaises
		}
		begin, beginOK := number(parts[1], maxRun)
		end, endOK := int64(maxRun), true
		if parts[2] != "end" {
			end, endOK = number(parts[2], maxRun)
		}
		if !beginOK || !endOK {
			return nil, ErrRaises
		}
		list = append(list, interval{name, begin, end})
	}
	return list, nil
}

// cxxIntervals reads the names as src/CalibFileFinder.cpp does, as far as digits
// go.
func cxxIntervals(names []string) []interval {
	var list []interval
	for _, name := range names {
		stem, constants := strings.CutSuffix(name, ".data")
		parts := stemForm.FindStringSubmatch(stem)
		if !constants || parts == nil {
			continue
		}
		begin, beginOK := number(parts[1], 1<<32-1)
		end, endOK := int64(1<<32-1), true
		if parts[2] != "end" {
			end, endOK = number(parts[2], 1<<32-1)
		}
		if beginOK && endOK {
			list = append(list, interval{name, begin, end})
		}
	}
	return list
}

func number(digits string, limit int64) (int64, bool) {
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok || n.Cmp(big.NewInt(limit)) > 0 {
		return 0, false
	}
	return n.Int64(), true
}

// choose sorts by begin, ascending, and end, descending, and takes the last file
// that covers the run.
func choose(list []interval, run int64) string {
	sorted := append([]interval(nil), list...)
	sort.SliceStable(sorted, func(i, j int) bool {
		if sorted[i].begin != sorted[j].begin {
			return sorted[i].begin < sorted[j].begin
		}
		return sorted[i].end > sorted[j].end
	})
	for i := len(sorted) - 1; i >= 0; i-- {
		if sorted[i].begin <= run && run <= sorted[i].end {
			return sorted[i].name
		}
	}
	return ""
}

// PsanaPick returns which of the names psana's Python finder takes for a run, "" for
// none. The error is ErrRaises.
func PsanaPick(names []string, run int) (string, error) {
	list, err := pythonIntervals(names)
	if err != nil {
		return "", err
	}
	return choose(list, min(int64(run), maxRun)), nil
}

// PsanaPickCxx returns which of the names psana's C++ finder takes for a run.
func PsanaPickCxx(names []string, run int) string { return choose(cxxIntervals(names), int64(run)) }
