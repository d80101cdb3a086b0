package ledger

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
)

// Format is what Export writes.
type Format string

// The formats.
const (
	CSV     Format = "csv"     // the columns of a segment, one line for each of its rows; files as JSON
	JSONL   Format = "jsonl"   // one object for each run
	Parquet Format = "parquet" // as a segment
)

// Export writes the current records that the filter selects, by experiment, run,
// and source. The bytes depend on the records alone. Errors are those of Load and
// of w, ErrFormat, that of f.Check, and the cause of ctx.
func (l *Ledger) Export(ctx context.Context, w io.Writer, format Format, f Filter) error {
	if format != CSV && format != JSONL && format != Parquet {
		return fmt.Errorf("%q: %w", format, ErrFormat)
	}
	if err := f.Check(); err != nil {
		return err
	}
	x, err := l.Load(ctx)
	if err != nil {
		return err
	}
	return x.Export(ctx, w, format, f)
}

// Export is Ledger.Export of an index that is loaded already.
func (x *Index) Export(ctx context.Context, w io.Writer, format Format, f Filter) error {
	var add func(Run) error
	var end func() error
	switch format {
	case CSV:
		lines := csv.NewWriter(w)
		if err := lines.Write(csvColumns); err != nil {
			return err
		}
		add = func(r Run) error { return writeCSV(lines, r) }
		end = func() error { lines.Flush(); return lines.Error() }
	case JSONL:
		objects := json.NewEncoder(w)
		objects.SetEscapeHTML(false)
		add = func(r Run) error { return objects.Encode(jsonRun(r)) }
		end = func() error { return nil }
	case Parquet:
		e := newEncoder(w, nil)
		add, end = e.add, e.close
	default:
		return fmt.Errorf("%q: %w", format, ErrFormat)
	}
	for run := range x.Select(f) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := add(run); err != nil {
			return err
		}
	}
	return end()
}

// Select returns the runs that the filter selects, by experiment and number, each
// with the sources that it selects.
func (x *Index) Select(f Filter) iter.Seq[Run] {
	return func(yield func(Run) bool) {
		for i := range x.experiments {
			for _, at := range x.experiments[i].refs {
				row := &x.parts[at.part].runs[at.row]
				if !f.MatchExperiment(x.texts[row.instrument], x.experiments[i].name) {
					continue
				}
				if run, ok := f.selectRun(x.run(at)); ok && !yield(run) {
					return
				}
			}
		}
	}
}

var csvColumns = []string{
	"experiment", "instrument", "dir", "run", "begin_run", "configure_ns", "begin_run_ns",
	"source", "alias", "type", "id", "id_is_name", "class", "version", "source_cause", "cause", "scanned_ns", "files",
}

// writeCSV writes the line of a run and those of its sources.
func writeCSV(lines *csv.Writer, r Run) error {
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	begin := ""
	if r.BeginRun != 0 {
		begin = timeText(r.BeginRun)
	}
	line := func(s Source, cause, files string) error {
		return lines.Write([]string{
			r.Experiment, r.Instrument, r.Dir, strconv.Itoa(r.Number), begin, number(r.Configure), number(r.BeginRun),
			s.Name, s.Alias, s.Type, s.ID, strconv.FormatBool(s.IDIsName), s.Class, strconv.Itoa(s.Version), s.Cause,
			cause, number(r.Scanned), files,
		})
	}
	files, err := json.Marshal(jsonFiles(r.Files))
	if err != nil {
		return err
	}
	if err := line(Source{}, r.Cause, string(files)); err != nil {
		return err
	}
	for _, s := range r.Sources {
		if err := line(s, "", "[]"); err != nil {
			return err
		}
	}
	return nil
}

// The objects of JSON lines; fields are only ever added.
type (
	runJSON struct {
		Experiment  string       `json:"experiment"`
		Instrument  string       `json:"instrument"`
		Dir         string       `json:"dir"`
		Run         int          `json:"run"`
		BeginRun    string       `json:"begin_run,omitempty"`
		ConfigureNS int64        `json:"configure_ns,omitempty"`
		BeginRunNS  int64        `json:"begin_run_ns,omitempty"`
		Cause       string       `json:"cause,omitempty"`
		ScannedNS   int64        `json:"scanned_ns,omitempty"`
		Files       []fileJSON   `json:"files"`
		Sources     []sourceJSON `json:"sources"`
	}
	fileJSON struct {
		Name    string `json:"name"`
		Size    int64  `json:"size"`
		ModTime int64  `json:"mtime_ns"`
	}
	sourceJSON struct {
		Name     string `json:"source"`
		Alias    string `json:"alias,omitempty"`
		Type     string `json:"type,omitempty"`
		ID       string `json:"id,omitempty"`
		IDIsName bool   `json:"id_is_name,omitempty"`
		Class    string `json:"class,omitempty"`
		Version  int    `json:"version,omitempty"`
		Cause    string `json:"source_cause,omitempty"`
	}
)

func jsonRun(r Run) runJSON {
	object := runJSON{
		Experiment: r.Experiment, Instrument: r.Instrument, Dir: r.Dir, Run: r.Number,
		ConfigureNS: r.Configure, BeginRunNS: r.BeginRun, Cause: r.Cause, ScannedNS: r.Scanned,
		Files: jsonFiles(r.Files), Sources: make([]sourceJSON, len(r.Sources)),
	}
	if r.BeginRun != 0 {
		object.BeginRun = timeText(r.BeginRun)
	}
	for i, s := range r.Sources {
		object.Sources[i] = sourceJSON(s)
	}
	return object
}

func jsonFiles(files []File) []fileJSON {
	objects := make([]fileJSON, len(files))
	for i, f := range files {
		objects[i] = fileJSON(f)
	}
	return objects
}
