package dark

import "math"

// A keeper keeps frames in little more than a byte a pixel: values of a dark are
// near each other, so that the distance from the first frame's is kept where it
// fits. At worst, three bytes a pixel are taken.
type keeper struct {
	base   []uint16 // of codes
	frames []keptFrame
}

// A keptFrame is one of them.
type keptFrame struct {
	codes []byte   // value minus base, or far
	far   []uint16 // values whose code is far, in the order of the pixels
}

const far = math.MaxUint8

// keep adds a copy of the ADU bits of a frame. All are of one length.
func (k *keeper) keep(frame []uint16, bits uint16) {
	if k.base == nil {
		k.base = make([]uint16, len(frame))
		for i, v := range frame {
			k.base[i] = v&bits - far/2 // may wrap: so does the difference
		}
	}
	kept := keptFrame{codes: make([]byte, len(frame))}
	base, codes := k.base[:len(frame)], kept.codes[:len(frame)]
	for i, v := range frame {
		code := v&bits - base[i]
		if code >= far {
			kept.far = append(kept.far, v&bits)
			code = far
		}
		codes[i] = byte(code)
	}
	k.frames = append(k.frames, kept)
}

// release gives each frame in turn, valid until the next, and forgets it.
func (k *keeper) release(use func(frame []uint16) error) error {
	frame := make([]uint16, len(k.base))
	for n, kept := range k.frames {
		k.frames[n] = keptFrame{}
		rest, base := kept.far, k.base[:len(kept.codes)]
		for i, code := range kept.codes {
			if code == far {
				frame[i], rest = rest[0], rest[1:]
				continue
			}
			frame[i] = base[i] + uint16(code)
		}
		if err := use(frame); err != nil {
			return err
		}
	}
	*k = keeper{}
	return nil
}
