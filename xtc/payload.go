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
// keeps, valid until the next Load, or else read into buf, which is replaced by a larger
// slice where it has not the room. It is never larger than Limits.MaxDgram.
func (f *File) Payload(n *Node, buf *[]byte) ([]byte, error) {
	off, size := n.PayloadOffset(), int(n.PayloadSize())
	if b := f.win.loaded(off, size); b != nil {
		return b, nil
	}
	*buf = grow(*buf, size)
	return *buf, f.win.fully(off, *buf)
}

// fully reads the bytes at off until p is full.
func (w *window) fully(off int64, p []byte) error {
	got, err := w.read(p, off)
	if got < len(p) {
		return short(off, err)
	}
	return nil
}

// NodeAt reads the header of the object at off, in bytes from the start of the file, as
// an SmlDataProxy of a smalldata file tells it. What is there must be an object that the
// file has whole, within Limits.MaxDgram; else the error is a *FormatError wrapping
// ErrExtent or ErrTornDgram.
func (f *File) NodeAt(off int64) (*Node, error) {
	if off < 0 || off > f.win.size-XtcHeaderSize {
		return nil, &FormatError{Off: max(off, 0), What: "object beyond the end of the file", Err: ErrTornDgram}
	}
	b, err := f.win.at(off, XtcHeaderSize)
	if err != nil {
		return nil, err
	}
	n := &Node{Xtc: parseXtc((*[XtcHeaderSize]byte)(b)), Offset: off}
	switch {
	case n.Extent < XtcHeaderSize || n.Extent > f.limits.MaxDgram:
		return nil, &FormatError{Off: off, What: "extent", Got: n.Extent, Err: ErrExtent}
	case int64(n.Extent) > f.win.size-off:
		return nil, &FormatError{Off: off, What: "object beyond the end of the file, bytes", Got: n.Extent, Err: ErrTornDgram}
	}
	n.size = n.Extent - XtcHeaderSize
	return n, nil
}
