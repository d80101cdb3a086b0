package frames

import "encoding/binary"

// HistN (pdsdata's HistNEngine) stores pixels of one or two bytes as a stream of bits: few
// above a base where they are enough, more elsewhere; a map tells which.
//
//	offset  type  meaning
//	0       u16   method: 0 pixels follow, 1 with map, 3 with map as runs
//	2       u16   bytes of a pixel, 1 or 2
//	4       u32   checksum: the sum of all pixels
//	8       u32   bytes behind this field
//	12      u16   bits of a pixel where the map has none, 0-16
//	14      u16   bits of a pixel where the map has one, 0-16
//	16      u32   base
//	20      u32   bytes of data
//	24      u32   data, words of bits, the lowest first
//	+0      u32   words of the map
//	+4      u16   map, see bitmap; a bit that is set: the next few bits of data, and base
const (
	histNHead   = 12
	histNMapped = 24
)

// histN decompresses p into dst and returns what is wrong with it.
func histN(dst, p []byte) (problem string) {
	if len(p) < histNHead {
		return badHead
	}
	method, depth := uint32(binary.LittleEndian.Uint16(p)), int(binary.LittleEndian.Uint16(p[2:]))
	want := binary.LittleEndian.Uint32(p[4:])
	if depth != 1 && depth != 2 {
		return badDepth
	}
	if uint64(binary.LittleEndian.Uint32(p[8:])) != uint64(len(p)-histNHead) || len(dst)%depth != 0 {
		return badSize
	}
	if method == methodNone {
		return stored(dst, p[histNHead:], depth, want)
	}
	if len(p) < histNMapped {
		return badHead
	}
	many, few := uint(binary.LittleEndian.Uint16(p[12:])), uint(binary.LittleEndian.Uint16(p[14:]))
	base, size := binary.LittleEndian.Uint32(p[16:]), uint64(binary.LittleEndian.Uint32(p[20:]))
	if many > 16 || few > 16 {
		return badDepth
	}
	if size > uint64(len(p)-histNMapped) {
		return badSize
	}
	s := bitStream{data: p[histNMapped:][:size]}
	m, problem := newBitmap(p[histNMapped+size:], method)
	if problem != "" {
		return problem
	}
	sum := uint32(0)
	for len(dst) > 0 {
		word, ok := m.next()
		if !ok {
			return badMap
		}
		for bit := 0; bit < 16 && len(dst) > 0; bit++ {
			var pixel uint32
			if word>>bit&1 != 0 {
				pixel, ok = s.pull(few)
				pixel += base
			} else {
				pixel, ok = s.pull(many)
			}
			if !ok {
				return badMap
			}
			if depth == 1 {
				dst[0] = byte(pixel)
			} else {
				binary.LittleEndian.PutUint16(dst, uint16(pixel))
			}
			sum, dst = sum+pixel, dst[depth:]
		}
	}
	if len(s.data) > 0 {
		return badMap
	}
	if sum != want {
		return badChecksum
	}
	return ""
}

// bitStream gives numbers of some bits each out of words of 32.
type bitStream struct {
	data []byte // what is left
	bits uint64 // of the words taken, the lowest first
	have uint   // how many
}

// pull returns the next number of n bits, 0-16; ok is false where the data end.
func (s *bitStream) pull(n uint) (number uint32, ok bool) {
	if s.have < n {
		if len(s.data) < 4 {
			return 0, false
		}
		s.bits |= uint64(binary.LittleEndian.Uint32(s.data)) << s.have
		s.data, s.have = s.data[4:], s.have+32
	}
	number = uint32(s.bits & (1<<n - 1))
	s.bits, s.have = s.bits>>n, s.have-n
	return number, true
}
