package xtc

import "iter"

// Node is one object below the root of a datagram. The iteration that yields it uses it
// again: it is valid until the next step, and a copy is good for as long as the file.
type Node struct {
	Xtc
	size            uint32 // bytes of the payload inside the container
	Depth           int    // 1 for a child of the root
	Offset          int64  // bytes from the start of the file to the Xtc header
	ChildrenSkipped bool   // a container whose contribution is incomplete: its children are not visited

	// Err is what is wrong with this node alone, a *FormatError wrapping ErrExtent,
	// or nil. An extent below a header ends the container that the node is in; an
	// extent beyond the container is cut to it, and the node remains usable. psana
	// treats both so (spec section 8).
	Err error
}

// PayloadOffset returns the offset of the payload, in bytes from the start of the
// file.
func (n *Node) PayloadOffset() int64 { return n.Offset + XtcHeaderSize }

// PayloadSize returns the bytes of payload that lie inside the node's container: all
// of them unless Err is set.
func (n *Node) PayloadSize() int64 { return int64(n.size) }

// walker visits the nodes of a datagram depth first, in file order, with a stack of
// its own.
type walker struct {
	src    source
	limits Limits
	ends   []int64 // where each open container ends
	cur    Node
	count  int
}

// usualDepth is what the stack of ends needs in a sound file.
const usualDepth = 8

func walk(src source, limits Limits, d *Dgram) iter.Seq2[*Node, error] {
	return func(yield func(*Node, error) bool) {
		if d.ContentsSkipped() {
			return
		}
		w := walker{src: src, limits: limits, ends: make([]int64, 1, usualDepth)}
		w.ends[0] = d.End()
		for pos := d.Offset + DgramHeaderSize; len(w.ends) > 0; {
			if pos == w.ends[len(w.ends)-1] {
				w.ends = w.ends[:len(w.ends)-1]
				continue
			}
			n, err := w.node(pos)
			if !yield(n, err) || err != nil {
				return
			}
			pos = w.after(n)
		}
	}
}

// node reads the node at pos inside the innermost open container.
func (w *walker) node(pos int64) (*Node, error) {
	if w.count++; w.count > w.limits.MaxNodes {
		return nil, &FormatError{Off: pos, What: "node", Got: w.count, Err: ErrNodes}
	}
	if len(w.ends) > w.limits.MaxDepth {
		return nil, &FormatError{Off: pos, What: "depth", Got: len(w.ends), Err: ErrDepth}
	}
	n := &w.cur
	*n = Node{Depth: len(w.ends), Offset: pos}
	room := w.ends[len(w.ends)-1] - pos
	if room < XtcHeaderSize {
		n.Err = &FormatError{Off: pos, What: "bytes left in the container", Got: room, Err: ErrExtent}
		return n, nil
	}
	b, err := w.src.at(pos, XtcHeaderSize)
	if err != nil {
		return nil, err
	}
	n.Xtc = parseXtc((*[XtcHeaderSize]byte)(b))
	n.ChildrenSkipped = n.IsContainer() && !n.readable()
	switch {
	case n.Extent < XtcHeaderSize:
		n.Err = &FormatError{Off: pos, What: "extent", Got: n.Extent, Err: ErrExtent}
	case int64(n.Extent) > room:
		n.size = uint32(room - XtcHeaderSize)
		n.Err = &FormatError{Off: pos, What: "extent beyond the container", Got: n.Extent, Err: ErrExtent}
	default:
		n.size = n.Extent - XtcHeaderSize
	}
	return n, nil
}

// after returns where the node that follows n begins, in depth-first order, and
// opens n if it is a container.
func (w *walker) after(n *Node) int64 {
	if n.Extent < XtcHeaderSize {
		return w.ends[len(w.ends)-1]
	}
	end := n.PayloadOffset() + n.PayloadSize()
	if n.readable() && n.size > 0 {
		w.ends = append(w.ends, end)
		return n.PayloadOffset()
	}
	return end
}
