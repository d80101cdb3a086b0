package frames

import (
	"fmt"
	"math/bits"
	"slices"

	"deployconstants/xtc"
)

// Object is one object of an event.
type Object struct {
	Contains xtc.TypeID
	Offset   int64  // of the payload in the file, for errors; bytes
	Payload  []byte // not changed
}

// A Decoder finds the pixels of one detector. It is not safe for concurrent use.
type Decoder struct {
	src     xtc.Src
	configs []xtc.Config

	shape  []int  // of the last frame
	pixels []byte // put together
	plain  []byte // decompressed
}

// NewDecoder returns a decoder for the objects of that source with these configuration
// objects, of which those that are not of a detector with pixels are ignored.
func NewDecoder(src xtc.Src, configs []xtc.Config) *Decoder {
	return &Decoder{src: src, configs: slices.Clone(configs)}
}

// Configure replaces the configuration objects. Frames of before stay valid until the
// next Decode.
func (d *Decoder) Configure(configs []xtc.Config) {
	d.configs = append(d.configs[:0], configs...)
}

// class is how objects of one type and version are read.
type class struct {
	name    string
	configs []string // classes one of which must be there, the first found counts; none: not needed

	// size returns the bytes of the part of the payload that is read, at most, given
	// its first bytes.
	size func(r *reading) (uint64, error)
	// frame finds the pixels.
	frame func(r *reading) (Frame, error)
}

// Takes reports whether objects of that type hold pixels that Decode knows.
func Takes(contains xtc.TypeID) bool {
	_, ok := classes[base(contains)]
	return ok
}

// base is a type without the bit that says compressed.
func base(contains xtc.TypeID) xtc.TypeID {
	return xtc.NewTypeID(contains.Type(), contains.Version())
}

// Decode returns the frame of an object. Its Data is a part of the payload, or a buffer
// of the decoder's, valid until the next Decode; its Shape stays.
//
// The errors are ErrNotFrame, one that wraps ErrNoConfig, and a *xtc.FormatError wrapping
// ErrBroken. Whether the object is damaged is the caller's to ask.
func (d *Decoder) Decode(o Object) (Frame, error) {
	c, ok := classes[base(o.Contains)]
	if !ok {
		return Frame{}, ErrNotFrame
	}
	r := &reading{decoder: d, class: c, object: o, payload: o.Payload}
	if len(c.configs) > 0 {
		if r.config = d.config(c.configs); r.config == nil {
			return Frame{}, fmt.Errorf("%s at offset %#x: %w: it needs one of %v", c.name, o.Offset, ErrNoConfig, c.configs)
		}
	}
	if o.Contains.Compressed() {
		if err := r.decompress(); err != nil {
			return Frame{}, err
		}
	}
	frame, err := c.frame(r)
	if err == nil && o.Contains.Compressed() {
		frame.Offset = assembled
	}
	return frame, err
}

// config returns the object of the first of the classes that the detector has.
func (d *Decoder) config(names []string) xtc.Config {
	for _, name := range names {
		for _, c := range d.configs {
			if c != nil && c.Class() == name {
				return c
			}
		}
	}
	return nil
}

// reading is one object that is being decoded.
type reading struct {
	decoder *Decoder
	class   class
	config  xtc.Config // nil where the class needs none
	object  Object
	payload []byte // decompressed
}

// assembled is the Offset of pixels that are not a part of the payload.
const assembled = -1

// fail returns the error for what is off bytes into the payload.
func (r *reading) fail(off int, what string, got any) error {
	return &xtc.FormatError{Off: r.object.Offset + int64(off), What: r.class.name + ": " + what, Got: got, Err: ErrBroken}
}

// need checks that the payload has size bytes.
func (r *reading) need(size uint64) error {
	if uint64(len(r.payload)) < size {
		return r.fail(0, fmt.Sprintf("needs %d bytes of payload and has", size), len(r.payload))
	}
	return nil
}

// inPlace returns the frame whose pixels lie in one piece at off.
func (r *reading) inPlace(off int, t DType, shape ...int) (Frame, error) {
	size := bytesOf(t.Size(), shape...)
	if size == 0 {
		return Frame{}, r.fail(0, "frame without pixels: shape", shape)
	}
	if err := r.need(uint64(off) + size); err != nil {
		return Frame{}, err
	}
	return Frame{Shape: r.decoder.shaped(shape), DType: t, Data: r.payload[off:][:size:size], Offset: off}, nil
}

// shaped returns a slice with this shape that nobody changes any more: that of the last
// frame, if it has the same.
func (d *Decoder) shaped(shape []int) []int {
	if !slices.Equal(d.shape, shape) {
		d.shape = slices.Clone(shape)
	}
	return d.shape
}

// assemble returns a frame of that shape with room for its pixels, which are any.
func (d *Decoder) assemble(t DType, shape ...int) Frame {
	d.pixels = room(d.pixels, int(bytesOf(t.Size(), shape...)))
	return Frame{Shape: d.shaped(shape), DType: t, Data: d.pixels, Offset: assembled}
}

// room returns a slice of n bytes: buf, or a new one where that is too small.
func room(buf []byte, n int) []byte {
	if cap(buf) < n {
		return make([]byte, n)
	}
	return buf[:n]
}

// maxBytes stands for any size that no payload can have.
const maxBytes = 1 << 40

// bytesOf returns the bytes of an array, maxBytes at most.
func bytesOf(size int, shape ...int) uint64 {
	n := uint64(size)
	for _, side := range shape {
		over, product := bits.Mul64(n, uint64(max(side, 0)))
		if over != 0 || product > maxBytes {
			product = maxBytes
		}
		n = product
	}
	return n
}
