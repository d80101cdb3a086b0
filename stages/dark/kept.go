package dark

import "math"

// A keeper keeps the frames of one tile in little more than a byte a pixel: values of a
// dark are near each other, so that the distance from the first frame's is kept where it
// fits. At worst, three bytes a pixel are taken.
type keeper struct {
	base   []uint16 // of codes
	groups []keptGroup
}

// A keptGroup is a group of frames.
type keptGroup struct {
	codes []byte   // value minus base, or far; one row for each frame
	far   []uint16 // values whose code is far, in the order of the codes
}

const far = math.MaxUint8

// keep adds a copy of the ADU bits of the rows of the tile.
func (k *keeper) keep(rows []uint16, bits uint16) {
	if k.base == nil {
		k.base = make([]uint16, tileLen)
		for i, v := range rows[:tileLen] {
			k.base[i] = v&bits - far/2 // may wrap: so does the difference
		}
	}
	kept := keptGroup{codes: make([]byte, len(rows))}
	for at := 0; at < len(rows); at += tileLen {
		base, codes := k.base[:tileLen], kept.codes[at:at+tileLen]
		for i, v := range rows[at : at+tileLen] {
			code := v&bits - base[i]
			if code >= far {
				kept.far = append(kept.far, v&bits)
				code = far
			}
			codes[i] = byte(code)
		}
	}
	k.groups = append(k.groups, kept)
}

// rows puts a group that was kept into room, and returns the part of it that is filled.
func (k *keeper) rows(group keptGroup, room []uint16) []uint16 {
	rows, rest := room[:len(group.codes)], group.far
	for at := 0; at < len(rows); at += tileLen {
		base, row := k.base[:tileLen], rows[at:at+tileLen]
		for i, code := range group.codes[at : at+tileLen] {
			if code == far {
				row[i], rest = rest[0], rest[1:]
				continue
			}
			row[i] = base[i] + uint16(code)
		}
	}
	return rows
}
