package frames

import (
	"encoding/binary"
	"fmt"
)

// A compressed payload is a list of blocks, each at a multiple of 4 bytes from the start
// of the one before (pdsdata's CompressedXtc). Their headers, copied, and their
// decompressed data are the payload, one behind the other:
//
//	offset    type  meaning
//	0         u32   bytes of the header
//	4         -     header
//	4+header  u32   engine: 0 none, 1 hist16, 2 histN
//	+4        u32   reserved
//	+8        u32   bytes of the decompressed data
//	+12       u32   bytes of the compressed data
//	+16       -     compressed data
const blockFixed = 20 // bytes of the fields above

// The engines. Part of the wire format, do not change.
const (
	engineNone = iota
	engineHist16
	engineHistN
)

// beyond is how many bytes more than a class reads a decompressed payload may have:
// calibration rows and the like follow the pixels.
const beyond = 1 << 20

// maxPayload bounds what a payload may decompress to, as psana bounds a datagram.
const maxPayload = 256 << 20

// block is one block of a compressed payload.
type block struct {
	at     int // bytes from the start of the payload
	header []byte
	engine uint32
	size   uint32 // decompressed
	data   []byte
	next   int // where the next block begins
}

// block reads the fields of the block at off.
func (r *reading) block(off int) (block, error) {
	p := r.object.Payload[off:]
	b := block{at: off}
	if len(p) < blockFixed {
		return b, r.fail(off, "bytes left for a compressed block:", len(p))
	}
	header := uint64(binary.LittleEndian.Uint32(p))
	if header > uint64(len(p)-blockFixed) {
		return b, r.fail(off, "header of a compressed block beyond the payload, bytes", header)
	}
	b.header = p[4:][:header]
	fields := p[4+header:]
	b.engine = binary.LittleEndian.Uint32(fields)
	b.size = binary.LittleEndian.Uint32(fields[8:])
	size := uint64(binary.LittleEndian.Uint32(fields[12:]))
	if size > uint64(len(fields)-16) {
		return b, r.fail(off, "compressed block beyond the payload, bytes", size)
	}
	b.data = fields[16:][:size]
	b.next = off + (blockFixed+int(header)+int(size)+3)&^3
	return b, nil
}

// decompress replaces the payload by what it decompresses to. All sizes are checked
// before room is made for any of it.
func (r *reading) decompress() error {
	total, limit := uint64(0), uint64(0)
	for off := 0; off < len(r.object.Payload) || off == 0; {
		b, err := r.block(off)
		if err != nil {
			return err
		}
		if off == 0 {
			r.payload = b.header
			size, err := r.class.size(r)
			if err != nil {
				return err
			}
			limit = min(size+beyond, maxPayload)
		}
		total += uint64(len(b.header)) + uint64(b.size)
		if total > limit {
			return r.fail(off, fmt.Sprintf("decompresses to more than %d bytes:", limit), total)
		}
		off = b.next
	}
	r.decoder.plain = room(r.decoder.plain, int(total))
	rest := r.decoder.plain
	for off := 0; off < len(r.object.Payload); {
		b, err := r.block(off)
		if err != nil {
			return err
		}
		rest = rest[copy(rest, b.header):]
		if err := r.expand(rest[:b.size], b); err != nil {
			return err
		}
		rest, off = rest[b.size:], b.next
	}
	r.payload = r.decoder.plain
	return nil
}

// expand decompresses one block into dst, which has the size that it says.
func (r *reading) expand(dst []byte, b block) error {
	var problem string
	switch b.engine {
	case engineNone:
		if copy(dst, b.data) != len(dst) || len(b.data) != len(dst) {
			problem = badSize
		}
	case engineHist16:
		problem = hist16(dst, b.data)
	case engineHistN:
		problem = histN(dst, b.data)
	default:
		return r.fail(b.at, "compressed block of an unknown engine", b.engine)
	}
	if problem != "" {
		return r.fail(b.at, "compressed block: "+problem, nil)
	}
	return nil
}

// What can be wrong with compressed data.
const (
	badHead     = "no head"
	badSize     = "sizes contradict each other"
	badMethod   = "unknown method"
	badDepth    = "impossible depth or number of bits"
	badMap      = "the map and the data are not of one size"
	badChecksum = "the checksum is another"
)

// bitmap gives the words of a map, one bit for each pixel and the first pixel in the
// lowest bit.
type bitmap struct {
	words  []byte // what is left, 2 bytes for each word
	runs   bool   // words come in pairs: how often, and the word
	repeat int    // how often the word of the last pair comes still
	word   uint16
}

// The methods of both engines: how the map is stored. Part of the wire format, do not
// change.
const (
	methodNone = 0 // no map: the data are the pixels
	methodMap  = 1
	methodRuns = 3
)

// newBitmap splits what follows the data into the count of words and the words.
func newBitmap(p []byte, method uint32) (m bitmap, problem string) {
	if method != methodMap && method != methodRuns {
		return m, badMethod
	}
	if len(p) < 4 || uint64(len(p)-4) != 2*uint64(binary.LittleEndian.Uint32(p)) {
		return m, badSize
	}
	return bitmap{words: p[4:], runs: method == methodRuns}, ""
}

// next returns the next word; ok is false at the end of the map.
func (m *bitmap) next() (word uint16, ok bool) {
	if !m.runs {
		if len(m.words) < 2 {
			return 0, false
		}
		word, m.words = binary.LittleEndian.Uint16(m.words), m.words[2:]
		return word, true
	}
	for m.repeat == 0 {
		if len(m.words) < 4 {
			return 0, false
		}
		m.repeat = int(binary.LittleEndian.Uint16(m.words))
		m.word = binary.LittleEndian.Uint16(m.words[2:])
		m.words = m.words[4:]
	}
	m.repeat--
	return m.word, true
}
