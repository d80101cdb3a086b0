package repo

import (
	"fmt"
	"strconv"
	"strings"
)

// A Name is the name of a constants file of one detector:
//
//	<dettype>_<alias>_<14 digits>_<experiment>_r<run, %04d>_<ctype>.txt
type Name struct {
	DetType    string
	Alias      string
	Stamp      Stamp
	Experiment string
	Run        int // 0 or more; above 9999 with five digits
	CType      string
}

// String returns the file's name.
func (n Name) String() string {
	return fmt.Sprintf("%s_%s_%s_%s_r%04d_%s.txt", n.DetType, n.Alias, n.Stamp, n.Experiment, n.Run, n.CType)
}

// A Reason tells why a name in a directory of constants was not chosen.
type Reason uint8

// The reasons, from names that are no constants of this detector to those that lost.
const (
	NotConstants  Reason = iota + 1 // extension, or no name of this form
	OtherDetector                   // another detector type or alias
	OtherCType                      // the calibration type in the name is another
	TooNew                          // stamp after the one asked for
	Superseded                      // an older stamp than the chosen one
	TieLost                         // the same stamp as the chosen one, but a lesser name
)

var reasonTexts = map[Reason]string{
	NotConstants:  "not named as a constants file",
	OtherDetector: "for another detector type or alias",
	OtherCType:    "for another calibration type",
	TooNew:        "newer than the time asked for",
	Superseded:    "older than the chosen file",
	TieLost:       "of the same stamp as the chosen file, whose name is greater",
}

// String returns the reason in words that follow the name of the file.
func (r Reason) String() string {
	if text, known := reasonTexts[r]; known {
		return text
	}
	return "reason " + strconv.Itoa(int(r))
}

// A Rejected is a name in a directory of constants that was not chosen.
type Rejected struct {
	Name   string // as in the directory
	Reason Reason
}

// Stray reports whether the name does not belong into the directory at all:
// worth a warning, where a lost candidate is not.
func (r Rejected) Stray() bool { return r.Reason <= OtherCType }

// A pattern is what candidate names of one directory have in common.
type pattern struct{ detType, alias, ctype string }

// match returns the stamp of a candidate, or why the name is none. Experiment
// and run may be any: constants serve every experiment that uses the detector.
func (p pattern) match(name string) (Stamp, Reason) {
	stem, ok := cutExtension(name)
	if !ok {
		return 0, NotConstants
	}
	rest, ok := cutField(stem, p.detType)
	if ok {
		rest, ok = cutField(rest, p.alias)
	}
	if !ok {
		return 0, p.misfit(stem)
	}
	stamp, ok := cutStamp(rest)
	if !ok {
		return 0, NotConstants
	}
	rest = rest[15:]
	if origin, ok := strings.CutSuffix(rest, "_"+p.ctype); ok && isOrigin(origin) {
		return stamp, 0
	}
	if hasOrigin(rest) {
		return 0, OtherCType
	}
	return 0, NotConstants
}

// misfit tells a constants file of another detector from a stray name.
func (p pattern) misfit(stem string) Reason {
	for range 2 {
		_, rest, found := strings.Cut(stem, "_")
		if !found {
			return NotConstants
		}
		stem = rest
	}
	if _, ok := cutStamp(stem); ok && hasOrigin(stem[15:]) {
		return OtherDetector
	}
	return NotConstants
}

// cutExtension removes .txt, .dat or .data, the only extensions of constants.
func cutExtension(name string) (stem string, ok bool) {
	if name == "" || name[0] == '.' {
		return name, false
	}
	for _, ext := range [...]string{".txt", ".data", ".dat"} {
		if stem, ok = strings.CutSuffix(name, ext); ok {
			return stem, true
		}
	}
	return name, false
}

// cutField removes a field and the '_' behind it.
func cutField(text, field string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(text, field)
	if !ok || rest == "" || rest[0] != '_' {
		return text, false
	}
	return rest[1:], true
}

// cutStamp reads 14 digits followed by '_'.
func cutStamp(text string) (Stamp, bool) {
	if len(text) < 15 || text[14] != '_' {
		return 0, false
	}
	var stamp Stamp
	for i := range 14 {
		digit := text[i] - '0'
		if digit > 9 {
			return 0, false
		}
		stamp = stamp*10 + Stamp(digit)
	}
	return stamp, true
}

// isOrigin reports whether text is <experiment>_r<digits>.
func isOrigin(text string) bool {
	i := strings.LastIndex(text, "_r")
	return i > 0 && isDigits(text[i+2:])
}

// hasOrigin reports whether text begins with <experiment>_r<digits>_ and more.
func hasOrigin(text string) bool {
	for i := 1; i+2 < len(text); i++ {
		if text[i] != '_' || text[i+1] != 'r' {
			continue
		}
		run, ctype, found := strings.Cut(text[i+2:], "_")
		if found && isDigits(run) && ctype != "" {
			return true
		}
	}
	return false
}
