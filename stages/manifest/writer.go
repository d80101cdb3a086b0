package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// A Writer writes lines. It is not safe for concurrent use.
type Writer struct {
	out  io.Writer
	zip  *zstd.Encoder // nil: not compressed
	file *os.File      // that Create made
	line bytes.Buffer
	json *json.Encoder
	err  error // the first; sticky
}

// NewWriter writes to w, compressed or not. The caller calls Close at last, and closes
// w itself. The bytes depend on the lines alone.
func NewWriter(w io.Writer, compressed bool) (*Writer, error) {
	out := &Writer{out: w}
	if compressed {
		zip, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault))
		if err != nil {
			return nil, err
		}
		out.out, out.zip = zip, zip
	}
	out.json = json.NewEncoder(&out.line)
	out.json.SetEscapeHTML(false)
	return out, nil
}

// Create makes, or empties, the file of that name, which Close closes. It is compressed
// if its name ends in .zst.
func Create(name string) (*Writer, error) {
	file, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	w, err := NewWriter(file, strings.HasSuffix(name, ".zst"))
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	w.file = file
	return w, nil
}

// Write adds a line: Scan, Outcome, or Finding. The first error is returned from then
// on, by Close too.
func (w *Writer) Write(line any) error {
	w.line.Reset()
	if w.err == nil {
		w.err = w.json.Encode(line)
	}
	if w.err == nil {
		_, w.err = w.out.Write(w.line.Bytes())
	}
	return w.err
}

// WriteText adds a line that is JSON already, without its newline.
func (w *Writer) WriteText(line []byte) error {
	if w.err == nil {
		_, w.err = w.out.Write(append(line[:len(line):len(line)], '\n'))
	}
	return w.err
}

// Close ends the manifest and returns the first error of the Writer.
func (w *Writer) Close() error {
	err := w.err
	if w.zip != nil {
		err = errors.Join(err, w.zip.Close())
		w.zip = nil
	}
	if w.file != nil {
		err = errors.Join(err, w.file.Close())
		w.file = nil
	}
	return err
}
