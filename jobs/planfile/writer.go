package planfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// The lines that are no items.
type (
	headerLine struct {
		Kind string `json:"kind"`
		Header
	}
	summaryLine struct {
		Kind string `json:"kind"`
		Summary
	}
)

const (
	kindHeader  = "header"
	kindSummary = "summary"
)

// A Writer writes a plan. It is not safe for concurrent use.
type Writer struct {
	zip   *zstd.Encoder
	line  *lineEncoder
	tally tally
	err   error // the first; sticky
}

// NewWriter writes the header to w. The bytes depend on header and items alone.
// The caller calls Close at last, and closes w itself.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	zip, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err != nil {
		return nil, err
	}
	h.Format = Format
	out := &Writer{zip: zip, line: newLineEncoder()}
	out.write(headerLine{kindHeader, h})
	return out, out.err
}

// Write adds an item. Items come in the order of Compare; one that is out of it or
// fails its Check is an error. The first error is returned from then on.
func (w *Writer) Write(it Item) error {
	if w.err == nil {
		w.err = it.Check()
	}
	if w.err == nil {
		w.err = w.tally.add(it)
	}
	if w.err == nil {
		w.write(it)
	}
	return w.err
}

// Close writes the summary, without which a plan is not complete, and returns the
// first error of the Writer. A plan in which a Write failed gets none.
func (w *Writer) Close() error {
	if w.err == nil {
		w.write(summaryLine{kindSummary, w.tally.summary()})
	}
	return errors.Join(w.err, w.zip.Close())
}

func (w *Writer) write(value any) {
	line, err := w.line.encode(value)
	if err == nil {
		_, err = w.zip.Write(line)
	}
	if err != nil {
		w.err = fmt.Errorf("write plan: %w", err)
	}
}

// A lineEncoder makes the one line that stands for a value.
type lineEncoder struct {
	buffer bytes.Buffer
	json   *json.Encoder
}

func newLineEncoder() *lineEncoder {
	e := &lineEncoder{}
	e.json = json.NewEncoder(&e.buffer)
	e.json.SetEscapeHTML(false)
	return e
}

// encode returns the line with its newline; it is valid until the next call.
func (e *lineEncoder) encode(value any) ([]byte, error) {
	e.buffer.Reset()
	err := e.json.Encode(value)
	return e.buffer.Bytes(), err
}
