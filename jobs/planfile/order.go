package planfile

import (
	"cmp"
	"strings"

	"deployconstants/repo/calibdir"
)

// Compare orders items as they stand in a plan: by experiment; the experiment as a
// whole, its panels by type and id, then its directories by source and ctype. In a
// directory files come in the order in which they are published, begin descending
// and then end ascending, so that each run changes once; then runs; then what psana
// picks. No two items of a plan are equal.
func Compare(a, b Item) int {
	if c := cmp.Or(strings.Compare(a.Experiment, b.Experiment), cmp.Compare(rank(a.Kind), rank(b.Kind))); c != 0 {
		return c
	}
	if a.Kind == KindPanel {
		return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.ID, b.ID))
	}
	if c := cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.CType, b.CType),
		cmp.Compare(rankInside(a.Kind), rankInside(b.Kind))); c != 0 {
		return c
	}
	if a.Kind == KindFile {
		return compareFiles(a.Range, b.Range)
	}
	return cmp.Or(cmp.Compare(a.Runs.First, b.Runs.First), strings.Compare(string(a.Action), string(b.Action)))
}

func compareFiles(a, b string) int {
	x, y := rangeOf(a), rangeOf(b)
	return cmp.Or(cmp.Compare(y.Begin, x.Begin), cmp.Compare(x.End, y.End), strings.Compare(a, b))
}

// rangeOf puts names that are no run range behind all others.
func rangeOf(text string) calibdir.Range {
	r, err := calibdir.ParseRange(text)
	if err != nil {
		return calibdir.Range{Begin: -1}
	}
	return r
}

func rank(k Kind) int {
	switch k {
	case KindExperiment:
		return 0
	case KindPanel:
		return 1
	default:
		return 2
	}
}

func rankInside(k Kind) int {
	switch k {
	case KindFile:
		return 0
	case KindRun:
		return 1
	default:
		return 2
	}
}
