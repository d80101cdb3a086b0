package xtctest

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"deployconstants/xtc"
)

// FrameObject returns the object that a detector with a configuration of that class
// ("Epix.Config100aV2") writes in an event, and its type. The pixels are in psana's order,
// shape the one that psana gives them; for a cspad all 32 sections. It panics on a class
// without frames, and where pixels and shape do not agree, which is a mistake in the
// test.
func FrameObject(class string, shape []int, pixels []uint16) (xtc.TypeID, []byte) {
	want := 1
	for _, side := range shape {
		want *= side
	}
	config, ok := xtc.ClassTypeID(class)
	if !ok || want != len(pixels) {
		panic(fmt.Sprintf("xtctest: class %q, %d pixels of shape %v", class, len(pixels), shape))
	}
	contains := frameType(config)
	switch config.Type() {
	case xtc.TypeEpixConfig, xtc.TypeEpix10kConfig:
		return contains, EpixElement(pixels, 0)
	case xtc.TypeEpix100aConfig:
		return contains, EpixElement(pixels, 4*2*shape[1])
	case xtc.TypeEpix10kaConfig:
		return contains, EpixElement(pixels, 6*2*shape[1])
	case xtc.TypeEpix10kaQuadConfig, xtc.TypeEpix10ka2MConfig:
		return contains, Epix10kaArrayElement(pixels)
	case xtc.TypeJungfrauConfig:
		return contains, JungfrauElement(2, shape[0], pixels)
	case xtc.TypeCspadConfig:
		return contains, CspadElement(cspadQuads(pixels)...)
	case xtc.TypeCspad2x2Config:
		return contains, Cspad2x2Element(pixels)
	case xtc.TypePnCCDconfig:
		return contains, PnccdFrames(slices.Collect(slices.Chunk(pixels, pnccdLink))...)
	}
	if frame, ok := areaFrames[config.Type()]; ok {
		head := frame.head
		if frame.each != 0 {
			head += frame.each * shape[0]
		}
		return frame.contains, AreaFrame(head, pixels)
	}
	return contains, CameraFrame(shape[1], shape[0], 16, pixels)
}

// areaFrames tells, by the type of their configuration, the type of a camera's frames and
// how many bytes precede the pixels: head, and each for every plane.
var areaFrames = map[xtc.Type]struct {
	contains   xtc.TypeID
	head, each int
}{
	xtc.TypePrincetonConfig: {xtc.NewTypeID(xtc.TypePrincetonFrame, 2), 12, 0},
	xtc.TypeFliConfig:       {xtc.NewTypeID(xtc.TypeFliFrame, 1), 12, 0},
	xtc.TypePimaxConfig:     {xtc.NewTypeID(xtc.TypePimaxFrame, 1), 12, 0},
	xtc.TypePixisConfig:     {xtc.NewTypeID(xtc.TypePixisFrame, 1), 12, 0},
	xtc.TypeAndorConfig:     {xtc.NewTypeID(xtc.TypeAndorFrame, 1), 12, 0},
	xtc.TypeAndor3dConfig:   {xtc.NewTypeID(xtc.TypeAndor3dFrame, 1), 8, 4},
	xtc.TypeZylaConfig:      {xtc.NewTypeID(xtc.TypeZylaFrame, 1), 8, 0},
	xtc.TypeIStarConfig:     {xtc.NewTypeID(xtc.TypeZylaFrame, 1), 8, 0},
	xtc.TypeAlviumConfig:    {xtc.NewTypeID(xtc.TypeVimbaFrame, 1), 16, 0},
	xtc.TypeUxiConfig:       {xtc.NewTypeID(xtc.TypeUxiFrame, 1), 16, 0},
}

// withPixels returns head bytes of zeros, the pixels, and tail bytes of zeros.
func withPixels(head int, pixels []uint16, tail int) payload {
	p := make(payload, head+2*len(pixels)+tail)
	for i, v := range pixels {
		p.put16(head+2*i, v)
	}
	return p
}

// epixMark is the frame number that the frames have.
const epixMark = 1000

// EpixElement returns Epix.ElementV1 to V3, which differ in what follows the pixels: that
// many bytes of calibration and environmental rows, and 12 for temperatures and the last
// word.
func EpixElement(pixels []uint16, rows int) []byte {
	p := withPixels(32, pixels, rows+12)
	p.put(8, epixMark)
	return p
}

// Epix10kaArrayElement returns Epix.ArrayV1 for a quad or a 2M.
func Epix10kaArrayElement(pixels []uint16) []byte {
	elements := len(pixels) / (352 * 384)
	p := withPixels(4, pixels, elements*(4*384*2+2*384*2+4*2))
	p.put(0, epixMark)
	return p
}

// JungfrauElement returns Jungfrau.ElementV1 or V2.
func JungfrauElement(version uint16, modules int, pixels []uint16) []byte {
	head := 12
	if version > 1 {
		head = 16 + 20*modules
	}
	p := withPixels(head, pixels, 0)
	p.put(0, epixMark)
	return p
}

// A CspadQuad is the block of one quad: the sections that are read, 185 x 388 pixels each.
type CspadQuad struct {
	Number   uint32 // 0-3
	Sections [][]uint16
}

const (
	cspadSection = 185 * 388 // pixels
	pnccdLink    = 512 * 512 // pixels
)

// CspadElement returns CsPad.DataV1 or V2 with these blocks in this order.
func CspadElement(quads ...CspadQuad) []byte {
	var p []byte
	for _, quad := range quads {
		block := withPixels(32, slices.Concat(quad.Sections...), 4)
		block.put(4, quad.Number<<24)
		p = append(p, block...)
	}
	return p
}

// cspadQuads splits the pixels of all 32 sections.
func cspadQuads(pixels []uint16) []CspadQuad {
	sections := slices.Collect(slices.Chunk(pixels, cspadSection))
	var quads []CspadQuad
	for number := range uint32(len(sections) / 8) {
		quads = append(quads, CspadQuad{Number: number, Sections: sections[8*number:][:8]})
	}
	return quads
}

// Cspad2x2Element returns CsPad2x2.ElementV1; the section is the last index of a pixel.
func Cspad2x2Element(pixels []uint16) []byte { return withPixels(32, pixels, 0) }

// PnccdFrames returns PNCCD.FramesV1 with the pixels of these links.
func PnccdFrames(links ...[]uint16) []byte {
	var p []byte
	for _, pixels := range links {
		p = append(p, withPixels(16, pixels, 0)...)
	}
	return p
}

// CameraFrame returns Camera.FrameV1; pixels of depths up to 8 take one byte.
func CameraFrame(width, height, depth int, pixels []uint16) []byte {
	p := withPixels(16, pixels, 0)
	if depth <= 8 {
		p = p[:16+len(pixels)]
		for i, v := range pixels {
			p[16+i] = byte(v)
		}
	}
	p.put(0, uint32(width), uint32(height), uint32(depth), 32)
	return p
}

// AreaFrame returns the frame of a camera that has so many bytes before the pixels.
func AreaFrame(head int, pixels []uint16) []byte { return withPixels(head, pixels, 0) }

// EvrData returns EvrData.DataV3 or V4 with these event codes.
func EvrData(codes ...uint32) []byte {
	p := make(payload, 4+12*len(codes))
	p.put(0, uint32(len(codes)))
	for i, code := range codes {
		p.put(4+12*i, 0, 0, code)
	}
	return p
}

// TimepixData returns Timepix.DataV2.
func TimepixData(width, height uint16, pixels []uint16) []byte {
	p := withPixels(12, pixels, 0)
	p.put16(0, width)
	p.put16(2, height)
	return p
}

// The engines of a Block.
const (
	EngineNone = iota
	EngineHist16
	EngineHistN
)

// A Block is one block of a compressed payload.
type Block struct {
	Header []byte // copied
	Engine uint32
	Size   uint32 // decompressed; 0 with Pixels: what they take
	Data   []byte // compressed; nil: Pixels, compressed by Engine
	Pixels []byte // of two bytes each
	Runs   bool   // the map is stored as runs
}

// Compress returns a compressed payload.
func Compress(blocks ...Block) []byte {
	var p []byte
	for _, b := range blocks {
		for len(p)%4 != 0 {
			p = append(p, 0)
		}
		data, size := b.Data, b.Size
		if data == nil {
			data = b.compress()
		}
		if size == 0 {
			size = uint32(len(b.Pixels))
		}
		p = binary.LittleEndian.AppendUint32(p, uint32(len(b.Header)))
		p = append(p, b.Header...)
		for _, word := range []uint32{b.Engine, 0, size, uint32(len(data))} {
			p = binary.LittleEndian.AppendUint32(p, word)
		}
		p = append(p, data...)
	}
	return p
}

func (b Block) compress() []byte {
	switch b.Engine {
	case EngineHist16:
		return Hist16(b.Pixels, b.Runs)
	case EngineHistN:
		return HistN(b.Pixels, 2, b.Runs)
	}
	return b.Pixels
}

// Hist16 compresses pixels of two bytes: those less than 256 above the least one take
// one byte.
func Hist16(pixels []byte, runs bool) []byte {
	values, least, sum := values(pixels, 2)
	var data []byte
	var words []uint16
	for i, v := range values {
		if i%16 == 0 {
			words = append(words, 0)
		}
		if v-least < 256 {
			words[i/16] |= 1 << (i % 16)
			data = append(data, byte(v-least))
		} else {
			data = binary.LittleEndian.AppendUint16(data, uint16(v))
		}
	}
	method, stored := encodeMap(words, runs)
	p := make(payload, 18, 18+len(data)+len(stored))
	p.put(0, method, sum, uint32(6+len(data)+len(stored)))
	p.put16(12, uint16(least))
	p.put(14, uint32(len(data)))
	return append(append(p, data...), stored...)
}

// HistN compresses pixels of that many bytes: those less than 16 above the least one take
// four bits.
func HistN(pixels []byte, depth int, runs bool) []byte {
	const few = 4
	values, least, sum := values(pixels, depth)
	many := 0
	for _, v := range values {
		many = max(many, bits.Len32(v))
	}
	var data []byte
	var words []uint16
	stream, have := uint64(0), 0
	push := func(v uint32, n int) {
		stream, have = stream|uint64(v)<<have, have+n
		if have >= 32 {
			data = binary.LittleEndian.AppendUint32(data, uint32(stream))
			stream, have = stream>>32, have-32
		}
	}
	for i, v := range values {
		if i%16 == 0 {
			words = append(words, 0)
		}
		if v-least < 1<<few {
			words[i/16] |= 1 << (i % 16)
			push(v-least, few)
		} else {
			push(v, many)
		}
	}
	if have > 0 {
		data = binary.LittleEndian.AppendUint32(data, uint32(stream))
	}
	method, stored := encodeMap(words, runs)
	p := make(payload, 24, 24+len(data)+len(stored))
	p.put16(0, uint16(method))
	p.put16(2, uint16(depth))
	p.put(4, sum, uint32(12+len(data)+len(stored)))
	p.put16(12, uint16(many))
	p.put16(14, few)
	p.put(16, least, uint32(len(data)))
	return append(append(p, data...), stored...)
}

// values returns the pixels, the least of them and their sum.
func values(pixels []byte, depth int) (values []uint32, least, sum uint32) {
	for ; len(pixels) >= depth; pixels = pixels[depth:] {
		v := uint32(pixels[0])
		if depth == 2 {
			v |= uint32(pixels[1]) << 8
		}
		values, sum = append(values, v), sum+v
	}
	if len(values) > 0 {
		least = slices.Min(values)
	}
	return values, least, sum
}

// encodeMap returns the method and the map behind the data, with its count of words.
func encodeMap(words []uint16, runs bool) (method uint32, stored []byte) {
	method = 1
	if runs {
		method = 3
		var pairs []uint16
		for _, word := range words {
			if n := len(pairs); n > 0 && pairs[n-1] == word && pairs[n-2] < 0xffff {
				pairs[n-2]++
			} else {
				pairs = append(pairs, 1, word)
			}
		}
		words = pairs
	}
	stored = binary.LittleEndian.AppendUint32(nil, uint32(len(words)))
	for _, word := range words {
		stored = binary.LittleEndian.AppendUint16(stored, word)
	}
	return method, stored
}
