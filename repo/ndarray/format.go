package ndarray

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Format is a parsed printf format for one number, such as "%.4f", "%d", "%8.3f"
// or "%6.2e". The verbs are those that Python's % has for numbers: d i u, f F, e E,
// g G; flags are '-', '+', ' ' and '0'.
type Format struct {
	text      string
	verb      byte // 'd', 'f', 'e', 'g' or in upper case
	width     int  // bytes, 0: none
	precision int  // -1: none given
	left      bool // '-'
	zeros     bool // '0'
	sign      byte // '+', ' ' or 0
	plain     bool // no flags and no precision
}

// formatMax bounds width and precision.
const formatMax = 400

// ParseFormat reads a printf format. The error is ErrFormat.
func ParseFormat(text string) (Format, error) {
	f := Format{text: text, precision: -1}
	bad := func() (Format, error) {
		return Format{}, fmt.Errorf("%w: %q (want one such as %%.4f, %%d, %%8.3f, %%g, %%.6e)", ErrFormat, text)
	}
	rest, ok := strings.CutPrefix(text, "%")
	if !ok {
		return bad()
	}
	for rest != "" && strings.IndexByte("-+ 0", rest[0]) >= 0 {
		switch rest[0] {
		case '-':
			f.left = true
		case '0':
			f.zeros = true
		case '+':
			f.sign = '+'
		case ' ':
			if f.sign == 0 {
				f.sign = ' '
			}
		}
		rest = rest[1:]
	}
	if f.width, rest, ok = cutNumber(rest); !ok {
		return bad()
	}
	if after, has := strings.CutPrefix(rest, "."); has {
		if f.precision, rest, ok = cutNumber(after); !ok {
			return bad()
		}
	}
	if len(rest) != 1 || strings.IndexByte("diufFeEgG", rest[0]) < 0 {
		return bad()
	}
	switch f.verb = rest[0]; f.verb {
	case 'i', 'u':
		f.verb = 'd'
	case 'F':
		f.verb = 'f'
	}
	f.plain = !f.left && !f.zeros && f.sign == 0 && f.precision < 0
	return f, nil
}

// cutNumber reads digits; none are 0.
func cutNumber(text string) (n int, rest string, ok bool) {
	for text != "" && text[0] >= '0' && text[0] <= '9' {
		n = n*10 + int(text[0]-'0')
		if n > formatMax {
			return 0, text, false
		}
		text = text[1:]
	}
	return n, text, true
}

// String returns the format as it was parsed.
func (f Format) String() string { return f.text }

// AppendFloat appends v as C's printf would; with %d its integer part, for which
// nan and inf are ErrRange.
func (f Format) AppendFloat(to []byte, v float64) ([]byte, error) {
	if f.verb == 'd' {
		return f.appendTruncated(to, v)
	}
	begin := len(to)
	negative := math.Signbit(v) && !math.IsNaN(v)
	to = f.appendSign(to, negative)
	digits := len(to)
	v = math.Abs(v)
	switch {
	case math.IsNaN(v):
		to = append(to, f.cased("nan")...)
	case math.IsInf(v, 0):
		to = append(to, f.cased("inf")...)
	default:
		to = f.appendDigits(to, v)
		return f.pad(to, begin, digits, f.zeros), nil
	}
	return f.pad(to, begin, digits, false), nil
}

// AppendInteger appends v; other verbs than %d show it as a floating point number.
func (f Format) AppendInteger(to []byte, v int64) ([]byte, error) {
	if f.verb != 'd' {
		return f.AppendFloat(to, float64(v))
	}
	if f.plain && v >= 0 {
		return appendPlain(to, uint64(v), f.width), nil
	}
	magnitude := uint64(v)
	if v < 0 {
		magnitude = -magnitude
	}
	var digits [20]byte
	return f.appendMagnitude(to, v < 0, strconv.AppendUint(digits[:0], magnitude, 10)), nil
}

// AppendWord is AppendInteger for numbers without sign.
func (f Format) AppendWord(to []byte, v uint64) ([]byte, error) {
	if f.verb != 'd' {
		return f.AppendFloat(to, float64(v))
	}
	if f.plain {
		return appendPlain(to, v, f.width), nil
	}
	var digits [20]byte
	return f.appendMagnitude(to, false, strconv.AppendUint(digits[:0], v, 10)), nil
}

func (f Format) appendTruncated(to []byte, v float64) ([]byte, error) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return to, fmt.Errorf("%w: %v as %s", ErrRange, v, f.text)
	}
	if f.plain && v >= 0 && v < 1<<63 {
		return appendPlain(to, uint64(v), f.width), nil
	}
	v = math.Trunc(v)
	var digits [24]byte
	return f.appendMagnitude(to, v < 0, appendWhole(digits[:0], math.Abs(v))), nil
}

// appendWhole appends a whole number, exactly.
func appendWhole(to []byte, v float64) []byte {
	if v < 1<<63 {
		return strconv.AppendUint(to, uint64(v), 10)
	}
	return strconv.AppendFloat(to, v, 'f', 0, 64)
}

// appendMagnitude appends an integer; a precision is the least number of digits.
func (f Format) appendMagnitude(to []byte, negative bool, digits []byte) []byte {
	begin := len(to)
	to = f.appendSign(to, negative)
	first := len(to)
	for range f.precision - len(digits) {
		to = append(to, '0')
	}
	return f.pad(append(to, digits...), begin, first, f.zeros)
}

// appendPlain appends an integer with blanks in front, up to a width.
func appendPlain(to []byte, v uint64, width int) []byte {
	digits := 1
	for digits < len(powersOfTen) && v >= powersOfTen[digits] {
		digits++
	}
	for ; digits < width; digits++ {
		to = append(to, ' ')
	}
	return strconv.AppendUint(to, v, 10)
}

func (f Format) appendSign(to []byte, negative bool) []byte {
	switch {
	case negative:
		return append(to, '-')
	case f.sign != 0:
		return append(to, f.sign)
	}
	return to
}

// appendDigits appends a number that is neither negative, nan nor inf.
func (f Format) appendDigits(to []byte, v float64) []byte {
	precision := f.precision
	if precision < 0 {
		precision = 6
	}
	if f.verb == 'f' {
		if fast, ok := appendFixed(to, v, precision); ok {
			return fast
		}
	}
	return strconv.AppendFloat(to, v, f.verb, precision, 64)
}

// pad widens what was appended since begin; digits is where the sign has ended.
func (f Format) pad(to []byte, begin, digits int, zeros bool) []byte {
	missing := f.width - (len(to) - begin)
	if missing <= 0 {
		return to
	}
	at, fill := begin, byte(' ')
	switch {
	case f.left:
		at = len(to)
	case zeros:
		at, fill = digits, '0'
	}
	for range missing {
		to = append(to, fill)
	}
	copy(to[at+missing:], to[at:len(to)-missing])
	for i := range missing {
		to[at+i] = fill
	}
	return to
}

func (f Format) cased(text string) string {
	if f.verb == 'E' || f.verb == 'G' {
		return strings.ToUpper(text)
	}
	return text
}
