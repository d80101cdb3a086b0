package calibdir

import (
	"errors"
	"unicode"
)

// otherDigits are the characters that Python's str.isdigit accepts and int() does
// not: superscripts, subscripts, circled and other digits that form no decimal
// numbers (Unicode's Numeric_Type=Digit).
var otherDigits = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x00b2, Hi: 0x00b3, Stride: 1}, {Lo: 0x00b9, Hi: 0x00b9, Stride: 1},
		{Lo: 0x1369, Hi: 0x1371, Stride: 1}, {Lo: 0x19da, Hi: 0x19da, Stride: 1},
		{Lo: 0x2070, Hi: 0x2070, Stride: 1}, {Lo: 0x2074, Hi: 0x2079, Stride: 1},
		{Lo: 0x2080, Hi: 0x2089, Stride: 1}, {Lo: 0x2460, Hi: 0x2468, Stride: 1},
		{Lo: 0x2474, Hi: 0x247c, Stride: 1}, {Lo: 0x2488, Hi: 0x2490, Stride: 1},
		{Lo: 0x24ea, Hi: 0x24ea, Stride: 1}, {Lo: 0x24f5, Hi: 0x24fd, Stride: 1},
		{Lo: 0x24ff, Hi: 0x24ff, Stride: 1}, {Lo: 0x2776, Hi: 0x277e, Stride: 1},
		{Lo: 0x2780, Hi: 0x2788, Stride: 1}, {Lo: 0x278a, Hi: 0x2792, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x10a40, Hi: 0x10a43, Stride: 1}, {Lo: 0x10e60, Hi: 0x10e68, Stride: 1},
		{Lo: 0x11052, Hi: 0x1105a, Stride: 1}, {Lo: 0x1f100, Hi: 0x1f10a, Stride: 1},
	},
	LatinOffset: 2,
}

// errNoNumber: Python's int() would raise a ValueError.
var errNoNumber = errors.New("digits that form no number")

// isDigits is Python's str.isdigit, which psana asks of file names.
func isDigits(text string) bool {
	for _, r := range text {
		if !unicode.Is(unicode.Nd, r) && !unicode.Is(otherDigits, r) {
			return false
		}
	}
	return text != ""
}

// digitsValue is Python's int() of text for which isDigits holds, in any script.
// Values above MaxRun need not be exact.
func digitsValue(text string) (value int64, err error) {
	for _, r := range text {
		digit, ok := decimal(r)
		if !ok {
			return 0, errNoNumber
		}
		value = min(value*10+digit, MaxRun+1)
	}
	return value, nil
}

// decimal returns the value of a decimal digit. Unicode has them in runs of ten,
// from zero to nine.
func decimal(r rune) (int64, bool) {
	for _, block := range unicode.Nd.R16 {
		if rune(block.Lo) <= r && r <= rune(block.Hi) {
			return int64(r-rune(block.Lo)) % 10, true
		}
	}
	for _, block := range unicode.Nd.R32 {
		if rune(block.Lo) <= r && r <= rune(block.Hi) {
			return int64(r-rune(block.Lo)) % 10, true
		}
	}
	return 0, false
}
