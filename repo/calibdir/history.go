package calibdir

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// historyTime is the layout of cptime: local time of the facility, without zone.
const historyTime = "2006-01-02T15:04:05"

// ErrHistory: the text is no record of a HISTORY file.
var ErrHistory = errors.New("not a HISTORY record")

// A HistoryRecord is one line of a HISTORY file. Writers differ in what they
// record; the fields of others are empty.
type HistoryRecord struct {
	File   string // name of the file deployed; it may have been renamed since
	CopyOf string // path of its source, as the writer used it
	CType  string // psana's calibration type
	User   string
	Host   string

	// Time is the wall clock where the file was written. The zone is not
	// recorded: a parsed time says UTC and means local time of the facility.
	Time time.Time

	Cwd     string // working directory of the writer
	Comment string

	// Recorded by calibman, calibrun and PSCalib only.
	Experiment, Run, App string
	Zone                 string // abbreviation, "PDT"
}

// String returns the record as deploy_constants writes it, without newline:
//
//	file:0-end.data     copy_of:<path> ctype:pixel_gain user:<user> host:<host> cptime:2022-06-09T12:19:26 cwd:<directory> cmt:
//
// Control characters and bytes that are no UTF-8 appear as "\x0a", so that no
// field can end the line or disturb a terminal.
func (r HistoryRecord) String() string {
	return fmt.Sprintf("file:%-14s copy_of:%s ctype:%s user:%s host:%s cptime:%s cwd:%s cmt:%s",
		escape(r.File), escape(r.CopyOf), escape(r.CType), escape(r.User), escape(r.Host),
		r.Time.Format(historyTime), escape(r.Cwd), escape(r.Comment))
}

// escape makes control characters visible.
func escape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if unicode.IsControl(r) || r == utf8.RuneError && size == 1 {
			for _, c := range []byte(text[i : i+size]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		} else {
			b.WriteString(text[i : i+size])
		}
		i += size
	}
	return b.String()
}

// historyForms are the keys of the known writers' records, in their order:
// deploy_constants; calibman and calibrun (CalibManager's FileDeployer.py);
// PSCalib's CalibFileFinder.py. Values may contain colons and blanks, so a record
// is split at the keys it must have.
var historyForms = [][]string{
	{"file", "copy_of", "ctype", "user", "host", "cptime", "cwd", "cmt"},
	{"file", "copy_of", "exp", "run", "comment", "user", "host", "cptime", "zone"},
	{"file", "copy_of", "exp", "run", "app", "user", "host", "cptime", "zone", "comment"},
}

// ParseHistory reads one record of any known writer. The error wraps ErrHistory.
func ParseHistory(line string) (HistoryRecord, error) {
	line = strings.TrimRight(line, "\r\n")
	for _, keys := range historyForms {
		values, ok := splitRecord(line, keys)
		if !ok {
			continue
		}
		stamp, err := time.Parse(historyTime, values["cptime"])
		if err != nil {
			return HistoryRecord{}, fmt.Errorf("%w: cptime %q is no time", ErrHistory, values["cptime"])
		}
		return HistoryRecord{
			File:       values["file"],
			CopyOf:     values["copy_of"],
			CType:      values["ctype"],
			User:       values["user"],
			Host:       values["host"],
			Time:       stamp,
			Cwd:        values["cwd"],
			Comment:    values["cmt"] + values["comment"],
			Experiment: values["exp"],
			Run:        values["run"],
			App:        values["app"],
			Zone:       values["zone"],
		}, nil
	}
	return HistoryRecord{}, fmt.Errorf("%w: %q", ErrHistory, line)
}

// splitRecord returns the values of the keys, which must all be there in this
// order. Blanks around a value are padding.
func splitRecord(line string, keys []string) (values map[string]string, ok bool) {
	rest, ok := strings.CutPrefix(line, keys[0]+":")
	if !ok {
		return nil, false
	}
	values = make(map[string]string, len(keys))
	for i, key := range keys {
		value := rest
		if i+1 < len(keys) {
			if value, rest, ok = strings.Cut(rest, " "+keys[i+1]+":"); !ok {
				return nil, false
			}
		}
		values[key] = strings.Trim(value, " ")
	}
	return values, true
}

// recordStart finds where a record begins, also behind one that lacks its newline.
var recordStart = regexp.MustCompile(`file:\S* +copy_of:`)

// SplitHistory splits the text of a HISTORY file into records. One that was
// written behind a record without final newline, as the original program did, is
// split off it.
func SplitHistory(text string) []string {
	var records []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		from := 0
		for _, at := range recordStart.FindAllStringIndex(line, -1) {
			if at[0] > from {
				records = append(records, line[from:at[0]])
				from = at[0]
			}
		}
		if from < len(line) {
			records = append(records, line[from:])
		}
	}
	return records
}
