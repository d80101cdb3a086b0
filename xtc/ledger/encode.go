package ledger

import (
	"errors"
	"io"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// encoder writes runs, which must come in the order of compareRuns, as a segment.
type encoder struct {
	w     *parquet.GenericWriter[row]
	rows  []row // not written yet
	held  int   // rows of the row group
	files int   // of the row group
}

// newEncoder begins a segment that replaces those of the names.
func newEncoder(w io.Writer, replaces []string) *encoder {
	options := []parquet.WriterOption{
		parquet.CreatedBy("deploy_constants", formatVersion, ""),
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}),
		parquet.PageBufferSize(1 << 18),
		parquet.KeyValueMetadata(formatKey, formatVersion),
	}
	if len(replaces) > 0 {
		options = append(options, parquet.KeyValueMetadata(replacesKey, strings.Join(replaces, ",")))
	}
	return &encoder{w: parquet.NewGenericWriter[row](w, options...)}
}

// batchRows is how many rows are handed over at once: each call goes through all
// columns.
const batchRows = 256

// add takes one run. A run is never split between row groups.
func (e *encoder) add(r Run) error {
	common := row{
		Experiment: r.Experiment, Instrument: r.Instrument, Dir: r.Dir, Run: int32(r.Number),
		Begin: microseconds(r.BeginRun), ConfigureNS: r.Configure, BeginNS: r.BeginRun, ScannedNS: r.Scanned,
	}
	run := common
	run.Cause = r.Cause
	run.Files = make([]fileRow, len(r.Files))
	for i, f := range r.Files {
		run.Files[i] = fileRow(f)
	}
	e.rows = append(e.rows, run)
	for _, s := range r.Sources {
		source := common
		source.Source, source.Alias, source.Type = s.Name, s.Alias, s.Type
		source.ID, source.IDIsName = s.ID, s.IDIsName
		source.Class, source.Version, source.SourceCause = s.Class, int32(s.Version), s.Cause
		e.rows = append(e.rows, source)
	}
	e.held, e.files = e.held+1+len(r.Sources), e.files+len(r.Files)
	full := e.held >= groupRows || e.files >= groupFiles
	if !full && len(e.rows) < batchRows {
		return nil
	}
	if err := e.write(); err != nil || !full {
		return err
	}
	e.held, e.files = 0, 0
	return e.w.Flush()
}

// write hands the rows over.
func (e *encoder) write() error {
	_, err := e.w.Write(e.rows)
	e.rows = e.rows[:0]
	return err
}

func (e *encoder) close() error { return errors.Join(e.write(), e.w.Close()) }

// microseconds rounds down.
func microseconds(ns int64) int64 {
	us := ns / 1000
	if ns%1000 < 0 {
		us--
	}
	return us
}
