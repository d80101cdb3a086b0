package planfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"

	"github.com/klauspost/compress/zstd"
)

// Limits bound what a Reader takes. Zero fields are the defaults.
type Limits struct {
	MaxLine  int   // bytes of a line; default 4 MiB: 10,000 runs that each pick another file
	MaxBytes int64 // bytes of all lines; default 16 GiB
	MaxItems int   // default 20 million
}

func (l Limits) withDefaults() Limits {
	if l.MaxLine <= 0 {
		l.MaxLine = 4 << 20
	}
	if l.MaxBytes <= 0 {
		l.MaxBytes = 16 << 30
	}
	if l.MaxItems <= 0 {
		l.MaxItems = 20_000_000
	}
	return l
}

// maxWindow bounds the memory that a compressed plan can ask for, in bytes; the
// Writer's window is 8 MiB.
const maxWindow = 32 << 20

// A Reader reads a plan. It is strict: every line must be exactly what a Writer
// would have written. It is not safe for concurrent use.
type Reader struct {
	zip     *zstd.Decoder
	lines   *bufio.Reader
	again   *lineEncoder
	limits  Limits
	header  Header
	summary Summary
	tally   tally
	long    []byte // a line that did not fit into the buffer of lines
	number  int    // of the line read last; the header is 1
	bytes   int64  // of the lines so far
}

// NewReader reads the header from r. The caller calls Close at last, and closes r
// itself. What is wrong with a plan is a *FormatError here and from Items.
func NewReader(r io.Reader, limits Limits) (*Reader, error) {
	zip, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, &FormatError{What: "not compressed with zstd", Err: err}
	}
	in := &Reader{zip: zip, lines: bufio.NewReaderSize(zip, 64<<10), again: newLineEncoder(), limits: limits.withDefaults()}
	if err := in.readHeader(); err != nil {
		zip.Close()
		return nil, err
	}
	return in, nil
}

func (r *Reader) readHeader() error {
	line, err := r.next()
	if err != nil {
		return err
	}
	var probe struct {
		Kind   string `json:"kind"`
		Format int    `json:"format"`
	}
	if err := json.Unmarshal(line, &probe); err != nil || probe.Kind != kindHeader {
		return r.fail("not the header of a plan", err)
	}
	if probe.Format != Format {
		return r.fail(fmt.Sprintf("format %d, this program reads format %d: make the plan again", probe.Format, Format), nil)
	}
	var header headerLine
	if err := r.decode(line, &header); err != nil {
		return err
	}
	r.header = header.Header
	return nil
}

// Header returns the first line.
func (r *Reader) Header() Header { return r.header }

// Summary returns the last line once Items has ended without error.
func (r *Reader) Summary() Summary { return r.summary }

// Close releases the memory of the Reader.
func (r *Reader) Close() error {
	r.zip.Close()
	return nil
}

// Items returns the items, once. After an error it ends. A plan that ends without
// its summary is a *FormatError that wraps io.ErrUnexpectedEOF, as its last item.
func (r *Reader) Items() iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for {
			item, more, err := r.item()
			if err != nil {
				yield(Item{}, err)
				return
			}
			if !more || !yield(item, nil) {
				return
			}
		}
	}
}

// item reads the next item; more is false behind the summary.
func (r *Reader) item() (item Item, more bool, err error) {
	line, err := r.next()
	if err != nil {
		return Item{}, false, err
	}
	if bytes.HasPrefix(line, []byte(`{"kind":"`+kindSummary+`"`)) {
		return Item{}, false, r.end(line)
	}
	if r.tally.items >= r.limits.MaxItems {
		return Item{}, false, r.fail(fmt.Sprintf("more than %d items", r.limits.MaxItems), nil)
	}
	if err := r.decode(line, &item); err != nil {
		return Item{}, false, err
	}
	if err := item.Check(); err != nil {
		return Item{}, false, r.fail("an item that cannot be", err)
	}
	if err := r.tally.add(item); err != nil {
		return Item{}, false, r.fail("wrong order", err)
	}
	return item, true, nil
}

// end checks the summary, and that nothing follows it.
func (r *Reader) end(line []byte) error {
	var last summaryLine
	if err := r.decode(line, &last); err != nil {
		return err
	}
	counted := r.tally.summary()
	if last.Items != counted.Items || last.Experiments != counted.Experiments ||
		last.Directories != counted.Directories || !maps.Equal(last.Counts, counted.Counts) {
		return r.fail("the summary does not fit the items", nil)
	}
	r.summary = counted
	switch _, err := r.lines.ReadByte(); {
	case err == nil:
		return r.fail("text behind the summary", nil)
	case !errors.Is(err, io.EOF):
		return r.fail("broken compression", err)
	}
	return nil
}

// next returns the next line without its newline; it is valid until the next call.
func (r *Reader) next() ([]byte, error) {
	r.number++
	line, err := r.lines.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		r.long = r.long[:0]
		for errors.Is(err, bufio.ErrBufferFull) && len(r.long)+len(line) <= r.limits.MaxLine {
			r.long = append(r.long, line...)
			line, err = r.lines.ReadSlice('\n')
		}
		r.long = append(r.long, line...)
		line = r.long
	}
	if r.bytes += int64(len(line)); len(line) > r.limits.MaxLine || r.bytes > r.limits.MaxBytes {
		return nil, r.fail(fmt.Sprintf("longer than %d bytes, or all together longer than %d", r.limits.MaxLine, r.limits.MaxBytes), nil)
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil, r.fail("the plan ends before its summary", io.ErrUnexpectedEOF)
	case err != nil:
		return nil, r.fail("broken compression", err)
	}
	return line[:len(line)-1], nil
}

// decode reads a line, and refuses one that would be written otherwise: unknown
// and repeated fields, other spelling, blanks.
func (r *Reader) decode(line []byte, into any) error {
	if err := json.Unmarshal(line, into); err != nil {
		return r.fail("not a line of a plan", err)
	}
	again, err := r.again.encode(into)
	if err != nil || !bytes.Equal(again[:len(again)-1], line) {
		return r.fail("not written as this program writes it", err)
	}
	return nil
}

func (r *Reader) fail(what string, err error) error {
	return &FormatError{Line: r.number, What: what, Err: err}
}
