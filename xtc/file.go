package xtc

import (
	"errors"
	"fmt"
	"io"
	"iter"
)

// File reads an XTC file by positioned reads: headers only, payloads that nobody
// asks for are passed over. It is not safe for concurrent use.
type File struct {
	win    window
	limits Limits
	raw    rawFile // of Open or a Dir; without a name where the reader is the caller's
	next   int64   // offset of the next datagram
	index  int
	err    error    // of Next, sticky
	first  [2]Dgram // Configure and BeginRun: a scan reads no others and allocates none
}

// Open opens the XTC file of that path with the default limits. The error is that of
// the system, with the path, or wraps ErrNotRegular. The caller closes the file.
func Open(path string) (*File, error) {
	f := &File{}
	if err := f.raw.open(atCurrent, "", path); err != nil {
		return nil, err
	}
	if err := f.raw.identify(); err != nil {
		return nil, errors.Join(err, f.raw.Close())
	}
	f.ready()
	return f, nil
}

// ready begins to read what was opened.
func (f *File) ready() {
	f.limits.applyDefaults()
	f.win.r, f.win.size = &f.raw, f.raw.size
}

// NewFile reads the size bytes of r as an XTC file. The reader stays the caller's.
func NewFile(r io.ReaderAt, size int64, limits Limits) *File {
	limits.applyDefaults()
	return &File{win: window{r: r, size: size}, limits: limits}
}

// Close gives the buffer back and closes what Open, or a Dir, opened.
func (f *File) Close() error {
	f.win.release()
	if !f.opened() {
		return nil
	}
	return f.raw.Close()
}

// opened reports whether Open or a Dir made the file.
func (f *File) opened() bool { return f.raw.name != "" }

// Size returns the size of the file in bytes, as it was when it was opened.
func (f *File) Size() int64 { return f.win.size }

// Next reads the header of the next datagram. It returns io.EOF behind the last one,
// and a *FormatError wrapping ErrTornDgram, ErrTrailingBytes, ErrZeroTail, ErrExtent
// or ErrTooLarge where the file cannot be read on; the error then stays.
func (f *File) Next() (*Dgram, error) {
	if f.err != nil {
		return nil, f.err
	}
	d, err := f.dgram()
	if err != nil {
		f.err = err
		return nil, err
	}
	f.next, f.index = d.End(), f.index+1
	return d, nil
}

func (f *File) dgram() (*Dgram, error) {
	left := f.win.size - f.next
	if left <= 0 {
		return nil, io.EOF
	}
	b, err := f.win.at(f.next, int(min(left, DgramHeaderSize)))
	if err != nil {
		return nil, err
	}
	if left < DgramHeaderSize {
		return nil, tailError(f.next, b)
	}
	header := (*[DgramHeaderSize]byte)(b)
	d := f.dgramAt(f.index)
	*d = parseDgram(header, f.index, f.next)
	if err := d.check(header, f.limits); err != nil {
		return nil, err
	}
	if d.End() > f.win.size {
		return nil, tornError(d, f.win.size)
	}
	return d, nil
}

// dgramAt returns room for the datagram of that index.
func (f *File) dgramAt(index int) *Dgram {
	if index < len(f.first) {
		return &f.first[index]
	}
	return new(Dgram)
}

// tornError is the error of a datagram of which the file has only the first bytes.
func tornError(d *Dgram, size int64) error {
	return &FormatError{
		Off:  d.Offset,
		What: fmt.Sprintf("%s datagram of %d bytes, of which the file has", d.Service(), d.End()-d.Offset),
		Got:  size - d.Offset,
		Err:  ErrTornDgram,
	}
}

// Dgrams iterates over the datagrams that Next has not read yet. The last pair holds
// the error, if there is one other than io.EOF.
func (f *File) Dgrams() iter.Seq2[*Dgram, error] { return dgrams(f.Next) }

func dgrams(next func() (*Dgram, error)) iter.Seq2[*Dgram, error] {
	return func(yield func(*Dgram, error) bool) {
		for {
			d, err := next()
			if err == io.EOF || !yield(d, err) || err != nil {
				return
			}
		}
	}
}

// Nodes iterates over the nodes of a datagram, depth first and in file order, and
// reads their headers only. A node is valid until the next step; copy it to keep it.
// What is wrong with one node is in its Err; the iteration
// ends with an error where the file cannot be read, or with a *FormatError wrapping
// ErrDepth or ErrNodes.
func (f *File) Nodes(d *Dgram) iter.Seq2[*Node, error] { return walk(&f.win, f.limits, d) }

// Config decodes the configuration object of a node, whatever its damage, and reads
// only the parts of it that it needs. It returns ErrNotConfig for a type or version
// that has no class here and for an object without payload, and a *FormatError wrapping
// ErrConfig for an object that does not fit its payload.
func (f *File) Config(n *Node) (Config, error) { return decodeConfig(&f.win, n) }

// Reads returns how many positioned reads were made so far, and their bytes.
func (f *File) Reads() (count int, bytes int64) { return f.win.reads, f.win.bytes }

// Changed reports whether the size or the modification time of the file differ from
// when it was opened, or from the Entry that it was opened by: what was read may then
// be of two minds. It needs a file of Open or of a Dir; for others it returns
// errors.ErrUnsupported.
func (f *File) Changed() (bool, error) {
	if !f.opened() {
		return false, errNotOpened
	}
	return f.raw.changed()
}
