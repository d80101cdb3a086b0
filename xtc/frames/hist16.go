package frames

import "encoding/binary"

// Hist16 (pdsdata's Hist16Engine) stores pixels of two bytes: as one byte above a base
// where that is enough, as they are elsewhere; a map tells which.
//
//	offset  type  meaning
//	0       u32   method: 0 pixels follow, 1 with map, 3 with map as runs
//	4       u32   checksum: the sum of all pixels
//	8       u32   bytes behind this field
//	12      u16   base
//	14      u32   bytes of data
//	18      -     data
//	+0      u32   words of the map
//	+4      u16   map, see bitmap; a bit that is set: the next byte of data, and base
const (
	hist16Head   = 12
	hist16Mapped = 18
)

// hist16 decompresses p into dst and returns what is wrong with it.
func hist16(dst, p []byte) (problem string) {
	if len(p) < hist16Head {
		return badHead
	}
	method, want := binary.LittleEndian.Uint32(p), binary.LittleEndian.Uint32(p[4:])
	if uint64(binary.LittleEndian.Uint32(p[8:])) != uint64(len(p)-hist16Head) || len(dst)%2 != 0 {
		return badSize
	}
	if method == methodNone {
		return stored(dst, p[hist16Head:], 2, want)
	}
	if len(p) < hist16Mapped {
		return badHead
	}
	base, size := binary.LittleEndian.Uint16(p[12:]), uint64(binary.LittleEndian.Uint32(p[14:]))
	if size > uint64(len(p)-hist16Mapped) {
		return badSize
	}
	data := p[hist16Mapped:][:size]
	m, problem := newBitmap(p[hist16Mapped+size:], method)
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
			var pixel uint16
			switch {
			case word>>bit&1 != 0 && len(data) > 0:
				pixel, data = base+uint16(data[0]), data[1:]
			case word>>bit&1 == 0 && len(data) > 1:
				pixel, data = binary.LittleEndian.Uint16(data), data[2:]
			default:
				return badMap
			}
			binary.LittleEndian.PutUint16(dst, pixel)
			sum, dst = sum+uint32(pixel), dst[2:]
		}
	}
	if len(data) > 0 {
		return badMap
	}
	if sum != want {
		return badChecksum
	}
	return ""
}

// stored copies pixels of depth bytes that were not compressed.
func stored(dst, pixels []byte, depth int, want uint32) (problem string) {
	if len(dst) != len(pixels) || len(dst)%depth != 0 {
		return badSize
	}
	copy(dst, pixels)
	sum := uint32(0)
	for len(pixels) > 0 {
		if depth == 1 {
			sum += uint32(pixels[0])
		} else {
			sum += uint32(binary.LittleEndian.Uint16(pixels))
		}
		pixels = pixels[depth:]
	}
	if sum != want {
		return badChecksum
	}
	return ""
}
