package xtc

import (
	"bytes"
	"errors"
	"io"
	"iter"
)

// Reader is the streaming twin of File: it gives the same datagrams, nodes,
// configuration objects and errors on the same bytes. It keeps one whole datagram in
// memory, in a buffer that grows as the bytes arrive; use File where the input can be
// read by position. It is not safe for concurrent use.
type Reader struct {
	r      io.Reader
	limits Limits
	cur    held
	next   int64 // offset of the next datagram
	index  int
	err    error // of Next, sticky
}

// NewReader reads an XTC file from a stream.
func NewReader(r io.Reader, limits Limits) *Reader {
	limits.applyDefaults()
	return &Reader{r: r, limits: limits}
}

// Next reads the next datagram as a whole. It returns what File.Next returns. The
// nodes of the datagram before can no longer be used with Config.
func (r *Reader) Next() (*Dgram, error) {
	if r.err != nil {
		return nil, r.err
	}
	d, err := r.dgram()
	if err != nil {
		r.err = err
		return nil, err
	}
	r.next, r.index = d.End(), r.index+1
	return d, nil
}

func (r *Reader) dgram() (*Dgram, error) {
	var header [DgramHeaderSize]byte
	n, err := io.ReadFull(r.r, header[:])
	switch {
	case err == io.EOF:
		return nil, io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, tailError(r.next, header[:n])
	case err != nil:
		return nil, err
	}
	d := new(Dgram)
	*d = parseDgram(&header, r.index, r.next)
	if err := d.check(&header, r.limits); err != nil {
		return nil, err
	}
	payload := int64(d.Root.Extent) - XtcHeaderSize
	r.cur.off = d.Offset + DgramHeaderSize
	r.cur.buf.Reset()
	got, err := r.cur.buf.ReadFrom(io.LimitReader(r.r, payload))
	if err != nil {
		return nil, err
	}
	if got < payload {
		return nil, tornError(d, d.Offset+DgramHeaderSize+got)
	}
	return d, nil
}

// Dgrams iterates over the datagrams that Next has not read yet. The last pair holds
// the error, if there is one other than io.EOF.
func (r *Reader) Dgrams() iter.Seq2[*Dgram, error] { return dgrams(r.Next) }

// Nodes iterates over the nodes of the current datagram as File.Nodes does. An
// earlier datagram gives ErrStale.
func (r *Reader) Nodes(d *Dgram) iter.Seq2[*Node, error] { return walk(&r.cur, r.limits, d) }

// Config decodes the configuration object of a node of the current datagram as
// File.Config does. A node of an earlier datagram gives ErrStale.
func (r *Reader) Config(n *Node) (Config, error) { return decodeConfig(&r.cur, n) }

// held is the payload of a Reader's current datagram.
type held struct {
	buf bytes.Buffer
	off int64 // of the payload in the file
}

func (h *held) at(off int64, n int) ([]byte, error) {
	if off < h.off || off+int64(n) > h.off+int64(h.buf.Len()) {
		return nil, ErrStale
	}
	return h.buf.Bytes()[off-h.off:][:n:n], nil
}

func (h *held) lone(off int64, n int) ([]byte, error) { return h.at(off, n) }
