package ndarray

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// An npyHeader is the Python dictionary in front of the data of an .npy file:
//
//	{'descr': '<f8', 'fortran_order': False, 'shape': (704, 768), }
type npyHeader struct {
	dtype   DType
	order   binary.ByteOrder
	fortran bool
	shape   []int
}

// npyTypes are the descriptions of element types without the byte order.
var npyTypes = map[string]DType{
	"b1": Bool, "i1": Int8, "i2": Int16, "i4": Int32, "i8": Int64,
	"u1": Uint8, "u2": Uint16, "u4": Uint32, "u8": Uint64, "f4": Float32, "f8": Float64,
}

// parseNPYHeader reads the dictionary: the three keys, each once, in any order.
func parseNPYHeader(text string) (npyHeader, error) {
	var h npyHeader
	s := pyScanner{rest: text}
	seen := map[string]bool{}
	s.expect("{")
	for s.err == nil && !s.accept("}") {
		key := s.quoted()
		s.expect(":")
		switch {
		case seen[key]:
			s.fail("key " + key + " twice")
		case key == "descr":
			h.dtype, h.order = s.descr()
		case key == "fortran_order":
			h.fortran = s.boolean()
		case key == "shape":
			h.shape = s.tuple()
		default:
			s.fail("unknown key")
		}
		seen[key] = true
		if !s.accept(",") {
			s.expect("}")
			break
		}
	}
	if s.err == nil && len(seen) != 3 {
		s.fail("a key is missing")
	}
	if s.err == nil && strings.TrimSpace(s.rest) != "" {
		s.fail("text behind the dictionary")
	}
	return h, s.err
}

// A pyScanner reads the few Python literals of an .npy header. The first error
// stays; afterwards every call returns a zero value.
type pyScanner struct {
	rest string
	err  error
}

func (s *pyScanner) fail(what string) {
	if s.err == nil {
		s.err = fmt.Errorf("%w: npy header: %s at %q", ErrSyntax, what, clip(s.rest))
	}
}

// accept takes the text if it is next.
func (s *pyScanner) accept(text string) bool {
	if s.err != nil {
		return false
	}
	s.rest = strings.TrimLeft(s.rest, " \t\r\n")
	rest, ok := strings.CutPrefix(s.rest, text)
	if ok {
		s.rest = rest
	}
	return ok
}

func (s *pyScanner) expect(text string) {
	if !s.accept(text) {
		s.fail("no " + text)
	}
}

// quoted reads a string, in which there are no escapes.
func (s *pyScanner) quoted() string {
	for _, quote := range []string{"'", `"`} {
		if s.accept(quote) {
			text, rest, closed := strings.Cut(s.rest, quote)
			if !closed || strings.Contains(text, `\`) {
				break
			}
			s.rest = rest
			return text
		}
	}
	s.fail("no string")
	return ""
}

func (s *pyScanner) boolean() bool {
	if s.accept("True") {
		return true
	}
	s.expect("False")
	return false
}

// descr reads an element type: byte order, kind and size.
func (s *pyScanner) descr() (DType, binary.ByteOrder) {
	if s.accept("[") {
		s.err = fmt.Errorf("%w: npy: a structure", ErrDType)
	}
	text := s.quoted()
	if s.err != nil {
		return NoDType, nil
	}
	var order binary.ByteOrder = binary.LittleEndian
	kind := strings.TrimLeft(text, "<>|=")
	if strings.HasPrefix(text, ">") {
		order = binary.BigEndian
	}
	if kind == "?" {
		kind = "b1"
	}
	dtype, known := npyTypes[kind]
	if !known || len(text)-len(kind) > 1 {
		s.err = fmt.Errorf("%w: npy: %q", ErrDType, clip(text))
	}
	return dtype, order
}

// tuple reads the shape: "()", "(4,)", "(704, 768)".
func (s *pyScanner) tuple() []int {
	var dims []int
	s.expect("(")
	for s.err == nil && !s.accept(")") {
		end := 0
		for end < len(s.rest) && s.rest[end] >= '0' && s.rest[end] <= '9' {
			end++
		}
		n, err := strconv.Atoi(s.rest[:end])
		if err != nil || len(dims) == 64 {
			s.fail("no dimension")
			break
		}
		s.rest = strings.TrimPrefix(s.rest[end:], "L") // as Python 2 wrote it
		dims = append(dims, n)
		if !s.accept(",") {
			s.expect(")")
			break
		}
	}
	return dims
}
