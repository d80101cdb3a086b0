package xtc_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"testing"

	"deployconstants/xtc"
)

// reading is what File and Reader have in common.
type reading interface {
	Next() (*xtc.Dgram, error)
	Nodes(*xtc.Dgram) iter.Seq2[*xtc.Node, error]
	Config(*xtc.Node) (xtc.Config, error)
}

var (
	_ reading = (*xtc.File)(nil)
	_ reading = (*xtc.Reader)(nil)
)

// transcript is everything that a file says, a line for each datagram, node,
// configuration object and error.
func transcript(r reading) []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for {
		d, err := r.Next()
		if err != nil {
			add("end: %v", err)
			return lines
		}
		add("%+v", *d)
		for n, err := range r.Nodes(d) {
			if err != nil {
				add("nodes: %v", err)
				break
			}
			add("%+v %d at %d", *n, n.PayloadSize(), n.PayloadOffset())
			switch c, err := r.Config(n); {
			case err == nil:
				id, ok := xtc.HardwareID(c)
				add("%s %v %s %v %v", c.Class(), c.Shape(), id, ok, c.Fields())
			case !errors.Is(err, xtc.ErrNotConfig):
				add("config: %v", err)
			}
		}
	}
}

// newFile is the file of these bytes with these limits.
func newFile(b []byte, limits xtc.Limits) *xtc.File {
	return xtc.NewFile(bytes.NewReader(b), int64(len(b)), limits)
}

// checkError fails the test unless err is nil, io.EOF or a *FormatError with an offset
// inside the file of that size.
func checkError(t testing.TB, err error, size int) {
	t.Helper()
	if err == nil || err == io.EOF {
		return
	}
	broken, ok := errors.AsType[*xtc.FormatError](err)
	if !ok {
		t.Fatalf("error is no *FormatError: %v", err)
	}
	if broken.Off < 0 || broken.Off > int64(size) {
		t.Fatalf("offset %d is outside the file of %d bytes: %v", broken.Off, size, err)
	}
}

// readHostile reads everything in b with File and Reader, checks that they agree, that
// each error is a *FormatError and that the work is bounded by the size of the file.
func readHostile(t testing.TB, b []byte, limits xtc.Limits) {
	t.Helper()
	f := newFile(b, limits)
	nodes := 0
	for d, err := range f.Dgrams() {
		checkError(t, err, len(b))
		if err != nil {
			break
		}
		for n, err := range f.Nodes(d) {
			checkError(t, err, len(b))
			if err != nil {
				break
			}
			if nodes++; nodes > len(b)/4+16 {
				t.Fatalf("%d nodes in %d bytes", nodes, len(b))
			}
			checkError(t, n.Err, len(b))
			if end := n.PayloadOffset() + n.PayloadSize(); n.PayloadSize() > 0 && end > d.End() {
				t.Fatalf("payload ends at %d, its datagram at %d", end, d.End())
			}
			if _, err := f.Config(n); !errors.Is(err, xtc.ErrNotConfig) {
				checkError(t, err, len(b))
			}
		}
	}
	fromFile := transcript(newFile(b, limits))
	fromReader := transcript(xtc.NewReader(bytes.NewReader(b), limits))
	if len(fromFile) != len(fromReader) {
		t.Fatalf("File has %d lines, Reader %d", len(fromFile), len(fromReader))
	}
	for i := range fromFile {
		if fromFile[i] != fromReader[i] {
			t.Fatalf("line %d\nFile:   %s\nReader: %s", i, fromFile[i], fromReader[i])
		}
	}
}
