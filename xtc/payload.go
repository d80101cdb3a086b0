package xtc

// Load reads the size bytes at off, in bytes from the start of the file, with one read
// and keeps them until the next Load: Next, Nodes, Config and Payload then take what
// lies inside from memory. Who reads every event of a large file loads some MiB at a
// time. The bytes must lie inside the file, and off be a multiple of 2 where pixels are to be
// seen in place.
func (f *File) Load(off int64, size int) error {
	if off < 0 || size < 0 || off > f.win.size-int64(size) {
		return &FormatError{Off: off, What: "bytes to load, beyond the end of the file:", Got: size, Err: ErrTornDgram}
	}
	return f.win.load(off, size)
}

// Payload returns the payload of a node, cut to its container: a part of what Load
// keeps, valid until the next Load, or else read into buf, or into a new slice where
// buf has not the room. The caller bounds what it asks for; a payload is never larger
// than Limits.MaxDgram.
func (f *File) Payload(n *Node, buf []byte) ([]byte, error) {
	off, size := n.PayloadOffset(), int(n.PayloadSize())
	if b := f.win.loaded(off, size); b != nil {
		return b, nil
	}
	return f.win.piece(off, size, buf)
}

// piece reads the n bytes at off into buf or a new slice.
func (w *window) piece(off int64, n int, buf []byte) ([]byte, error) {
	buf = grow(buf, n)
	got, err := w.read(buf, off)
	if got < n {
		return nil, short(off, err)
	}
	return buf, nil
}
