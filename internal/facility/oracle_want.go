package facility

import (
	"regexp"
	"strings"
	"time"
)

// Need says whether a run has constants.
type Need string

// The needs of a run.
const (
	Unknown    Need = "unknown"    // the headers do not tell
	Nothing    Need = "nothing"    // the repository has nothing that is valid
	Content    Need = "content"    // these constants
	Unreadable Need = "unreadable" // these constants, but they cannot be read
)

// A Want is what a run should read.
type Want struct {
	Need Need
	Path string // below the repository, of Content and Unreadable
	Sum  Sum    // of Content
}

// Want returns what a run of an experiment should read, by brute force. The
// calibration type is psana's name. A run without the detector wants nothing that
// anybody knows: Unknown.
func (f *Facility) Want(experiment string, run int, source, ctype string) Want {
	return f.want(f.Constants, f.Experiment(experiment).Run(run), source, ctype)
}

func (f *Facility) want(constants []*Constants, r *Run, source, ctype string) Want {
	d, found := r.Detector(source)
	if !found || d.ID == "" {
		return Want{Need: Unknown}
	}
	stamp := time.Unix(0, r.BeginRun).In(f.zone).Format("20060102150405")
	var best *Constants
	for _, c := range constants {
		if c.Type == d.Type && deployedName(c.CType) == ctype && !c.Stray && f.mayServe(c, d, stamp) && (best == nil || better(c, best)) {
			best = c
		}
	}
	switch {
	case best == nil:
		return Want{Need: Nothing}
	case best.Broken:
		return Want{Need: Unreadable, Path: best.Path}
	default:
		return Want{Need: Content, Path: best.Path, Sum: best.Sum()}
	}
}

// mayServe reports whether constants are the detector's and not too new.
func (f *Facility) mayServe(c *Constants, d Detector, stamp string) bool {
	if c.Default {
		return true
	}
	if c.ID != d.ID || c.Stamp > stamp {
		return false
	}
	for _, p := range f.panels {
		if p.typ == d.Type && p.id == d.ID {
			return p.alias != "" && isNamed(c.Name, d.Type+"_"+p.alias, c.CType)
		}
	}
	return false
}

// better reports whether constants a are preferred to b: those of the detector to
// the default, the newer, those of the documented short name, the greater name.
func better(a, b *Constants) bool {
	switch {
	case a.Default != b.Default:
		return b.Default
	case a.Stamp != b.Stamp:
		return a.Stamp > b.Stamp
	case a.CType != b.CType:
		return deployedName(a.CType) != a.CType
	default:
		return a.Name > b.Name
	}
}

// isNamed reports whether the name is that of constants of this pattern
// (<dettype>_<alias>) and calibration type; "" is any.
func isNamed(name, pattern, ctype string) bool {
	kind := regexp.QuoteMeta(ctype)
	if ctype == "" {
		kind = ".+"
	}
	return regexp.MustCompile(`^` + regexp.QuoteMeta(pattern) + `_\d{14}_.+_r\d+_` + kind + `\.(txt|dat|data)$`).MatchString(name)
}

// PickByStamp returns which of the names in a directory is valid at the stamp: of
// the pattern <dettype>_<alias>, the newest that is not after it, and of several
// the greatest; "" for none.
func PickByStamp(names []string, pattern, stamp string) string {
	best, bestStamp := "", ""
	for _, name := range names {
		if !isNamed(name, pattern, "") {
			continue
		}
		own := strings.TrimPrefix(name, pattern+"_")[:14]
		if own <= stamp && (own > bestStamp || own == bestStamp && name > best) {
			best, bestStamp = name, own
		}
	}
	return best
}
