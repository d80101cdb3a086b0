package dataset

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// An Experiment is a row of the experiment table. An experiment outside the table
// has number 0.
type Experiment struct {
	Number     int
	Instrument string // "XPP"; as typed for an experiment outside the table
	Name       string // "xpptut15"
}

// instrumentLetters is how many letters of an experiment's name are its instrument. In the
// facility's table it is so but for 7 of 1005 rows, old ones of other groups.
const instrumentLetters = 3

// InstrumentOf returns the instrument that the name of an experiment begins with, in
// capitals. For what is not known otherwise: the table may have another one.
func InstrumentOf(name string) string {
	return strings.ToUpper(name[:min(instrumentLetters, len(name))])
}

// Experiments is the facility's table of experiments. It does not change once
// made and may be used by several goroutines.
type Experiments struct {
	rows      []Experiment
	malformed []int
}

// ReadExperiments reads a table of lines "number instrument name", separated by
// blanks or tabs. Empty lines and lines that begin with # are skipped; a line
// that is no row is skipped and listed by Malformed. The error is that of r, or
// bufio.ErrTooLong for a line that no table has.
func ReadExperiments(r io.Reader) (*Experiments, error) {
	table := &Experiments{}
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		row, ok := parseRow(fields)
		if !ok {
			table.malformed = append(table.malformed, number)
			continue
		}
		table.rows = append(table.rows, row)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("experiment table: %w", err)
	}
	return table, nil
}

func parseRow(fields []string) (Experiment, bool) {
	if len(fields) != 3 || !isName(fields[1]) || !isName(fields[2]) {
		return Experiment{}, false
	}
	number, err := strconv.ParseUint(fields[0], 10, 31)
	return Experiment{int(number), fields[1], fields[2]}, err == nil && number > 0
}

// LoadExperiments reads the table in the file of that name.
func LoadExperiments(path string) (*Experiments, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("experiment table: %w", err)
	}
	defer file.Close()
	table, err := ReadExperiments(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return table, nil
}

// SiteExperiments reads the first table ExpNameDb/experiment-db.dat below the
// directories of searchPath, a list separated by colons as $SIT_DATA is. Where
// there is none, the table is Builtin.
func SiteExperiments(searchPath string) (*Experiments, error) {
	for _, dir := range filepath.SplitList(searchPath) {
		if dir == "" {
			continue
		}
		table, err := LoadExperiments(filepath.Join(dir, "ExpNameDb", "experiment-db.dat"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return table, err
	}
	return Builtin(), nil
}

// Builtin returns the small table used where the site has none: the experiments
// whose data the documentation of psana is written with.
func Builtin() *Experiments {
	return &Experiments{rows: []Experiment{
		{10, "AMO", "amo00209"},
		{100, "SXR", "sxr27211"},
		{167, "XCS", "xcsi0112"},
		{545, "CXI", "cxif5315"},
		{553, "CXI", "cxig0715"},
		{642, "SXR", "sxrh4315"},
		{665, "XPP", "xpptut15"},
		{968, "DET", "detdaq17"},
		{1076, "CXI", "cxilq5515"},
	}}
}

// All returns the rows in the order of the table.
func (t *Experiments) All() []Experiment { return slices.Clone(t.rows) }

// Malformed returns the line numbers, from 1, of lines that are no rows.
func (t *Experiments) Malformed() []int { return slices.Clone(t.malformed) }

// ByNumber returns the first row with the number.
func (t *Experiments) ByNumber(number int) (Experiment, bool) {
	return t.first(func(row Experiment) bool { return row.Number == number })
}

// ByName returns the last row with the name.
func (t *Experiments) ByName(name string) (Experiment, bool) {
	for _, row := range slices.Backward(t.rows) {
		if row.Name == name {
			return row, true
		}
	}
	return Experiment{}, false
}

// ByInstrument returns the first row with instrument and name, both as the table
// spells them.
func (t *Experiments) ByInstrument(instrument, name string) (Experiment, bool) {
	return t.first(func(row Experiment) bool { return row.Instrument == instrument && row.Name == name })
}

func (t *Experiments) first(is func(Experiment) bool) (Experiment, bool) {
	at := slices.IndexFunc(t.rows, is)
	if at < 0 {
		return Experiment{}, false
	}
	return t.rows[at], true
}

// Lookup finds the experiment that the text of exp= means: a number of the table,
// a name, or INSTR/name. A name outside the table is accepted with 8, 9 or 11
// characters (INSTR/name: with 9, or 11 in all); its number is 0 and its
// instrument the first three letters as typed. Any other is ErrNoExperiment, and
// text that names nothing is a *SpecError.
func (t *Experiments) Lookup(text string) (Experiment, error) {
	if reason := checkExperiment(text); reason != "" {
		return Experiment{}, &SpecError{Spec: "exp=" + text, Part: text, Reason: reason}
	}
	if strings.Trim(text, "0123456789") == "" {
		if number, err := strconv.ParseUint(text, 10, 31); err == nil {
			if row, ok := t.ByNumber(int(number)); ok {
				return row, nil
			}
		}
		return Experiment{}, fmt.Errorf("%w: no number %s among the %d rows of the experiment table",
			ErrNoExperiment, text, len(t.rows))
	}
	row, found := t.ByName(text)
	name, modern := text, len(text) == 8 || len(text) == 9 || len(text) == 11
	if instrument, after, slash := strings.Cut(text, "/"); slash {
		row, found = t.ByInstrument(instrument, after)
		name, modern = after, len(after) == 9 || len(text) == 11
	}
	switch {
	case found:
		return row, nil
	case modern:
		return Experiment{Instrument: text[:instrumentLetters], Name: name}, nil
	}
	return Experiment{}, fmt.Errorf("%w: %q is not among the %d rows of the experiment table, "+
		"and names outside it have 8, 9 or 11 characters", ErrNoExperiment, text, len(t.rows))
}
