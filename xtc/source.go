package xtc

import (
	"io"
	"sync"
)

// source gives the bytes of a file by offset. A slice that it returns is valid until
// the next call.
type source interface {
	// at returns the n bytes at off, n at most windowSize. Bytes around them may be
	// read as well, because they are likely to be asked for next.
	at(off int64, n int) ([]byte, error)
	// lone returns the n bytes at off, n at most loneSize, and reads no others.
	lone(off int64, n int) ([]byte, error)
}

const (
	// windowSize is how much one positioned read takes in: the head of a detector's
	// configuration object with the small objects before it, or those behind it and
	// the header of the next datagram. Measured: 1 to 4 KiB cost the same on warm
	// files, 8 KiB a third more.
	windowSize = 4 << 10
	// loneSize bounds a lone read.
	loneSize = 64
)

var windows = sync.Pool{New: func() any { return new([windowSize]byte) }}

// window reads a file in positioned reads of up to windowSize bytes.
type window struct {
	r     io.ReaderAt
	size  int64
	buf   *[windowSize]byte // from the pool; nil before the first read
	off   int64             // of buf in the file
	n     int               // valid bytes in buf
	apart [loneSize]byte
	reads int
	bytes int64

	block    []byte // what load read
	blockOff int64  // of block in the file
}

func (w *window) at(off int64, n int) ([]byte, error) {
	if b := w.loaded(off, n); b != nil {
		return b, nil
	}
	if off < w.off || off+int64(n) > w.off+int64(w.n) {
		if err := w.fill(off, n); err != nil {
			return nil, err
		}
	}
	return w.buf[off-w.off:][:n:n], nil
}

func (w *window) lone(off int64, n int) ([]byte, error) {
	if b := w.loaded(off, n); b != nil {
		return b, nil
	}
	if off >= w.off && off+int64(n) <= w.off+int64(w.n) {
		return w.buf[off-w.off:][:n:n], nil
	}
	got, err := w.read(w.apart[:n], off)
	if got < n {
		return nil, short(off, err)
	}
	return w.apart[:n:n], nil
}

// fill moves the window to off; n bytes at least must come.
func (w *window) fill(off int64, n int) error {
	if w.buf == nil {
		w.buf = windows.Get().(*[windowSize]byte)
	}
	got, err := w.read(w.buf[:max(0, min(windowSize, w.size-off))], off)
	w.off, w.n = off, got
	if got < n {
		return short(off, err)
	}
	return nil
}

func (w *window) read(p []byte, off int64) (int, error) {
	n, err := w.r.ReadAt(p, off)
	w.reads++
	w.bytes += int64(n)
	return n, err
}

// load reads the n bytes at off in one piece and keeps them until the next load.
func (w *window) load(off int64, n int) error {
	w.block = grow(w.block, n)
	got, err := w.read(w.block, off)
	w.blockOff, w.block = off, w.block[:got]
	if got < n {
		return short(off, err)
	}
	return nil
}

// loaded returns the n bytes at off if load has read them all, else nil.
func (w *window) loaded(off int64, n int) []byte {
	if off < w.blockOff || off+int64(n) > w.blockOff+int64(len(w.block)) {
		return nil
	}
	return w.block[off-w.blockOff:][:n:n]
}

// grow returns a slice of n bytes: buf, or a new one where buf has not the room. The
// contents are any.
func grow(buf []byte, n int) []byte {
	if cap(buf) < n {
		return make([]byte, n)
	}
	return buf[:n]
}

// release gives the buffer back.
func (w *window) release() {
	w.block = nil
	if w.buf != nil {
		windows.Put(w.buf)
		w.buf, w.n = nil, 0
	}
}

// short is the error of a read that brought too few bytes at off.
func short(off int64, err error) error {
	if err == nil || err == io.EOF {
		return &FormatError{Off: off, What: "the file has become shorter", Err: ErrTornDgram}
	}
	return err
}
