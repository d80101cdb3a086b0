package xtc_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
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

// transcript is everything that a file says, in order: datagrams, nodes, configuration
// objects and errors.
func transcript(r reading) []any {
	var said []any
	for {
		d, err := r.Next()
		if err != nil {
			return append(said, err)
		}
		said = append(said, *d)
		for n, err := range r.Nodes(d) {
			if err != nil {
				said = append(said, err)
				break
			}
			said = append(said, *n)
			switch c, err := r.Config(n); {
			case err == nil:
				said = append(said, c)
			case !errors.Is(err, xtc.ErrNotConfig):
				said = append(said, err)
			}
		}
	}
}

// checkTranscripts fails the test where File and Reader say different things.
func checkTranscripts(t testing.TB, file *xtc.File, reader *xtc.Reader) {
	t.Helper()
	fromFile, fromReader := transcript(file), transcript(reader)
	if len(fromFile) != len(fromReader) {
		t.Fatalf("File says %d things, Reader %d", len(fromFile), len(fromReader))
	}
	for i := range fromFile {
		if !same(fromFile[i], fromReader[i]) {
			t.Fatalf("number %d\nFile:   %+v\nReader: %+v", i, fromFile[i], fromReader[i])
		}
	}
}

// same reports whether two things are equal, or are written so: a damaged object may have
// numbers that are none, which equal nothing.
func same(a, b any) bool {
	return reflect.DeepEqual(a, b) || fmt.Sprintf("%#v", a) == fmt.Sprintf("%#v", b)
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
	var buf []byte
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
			if _, err := f.RunConfig(n); !errors.Is(err, xtc.ErrNotConfig) {
				checkError(t, err, len(b))
			}
			if _, err := f.Epix10kaPanels(n); !errors.Is(err, xtc.ErrNotConfig) {
				checkError(t, err, len(b))
			}
			if payload, err := f.Payload(n, &buf); err != nil || len(payload) != int(n.PayloadSize()) {
				t.Fatalf("%d bytes of payload of %d: %v", len(payload), n.PayloadSize(), err)
			}
		}
	}
	checkTranscripts(t, newFile(b, limits), xtc.NewReader(bytes.NewReader(b), limits))
}
