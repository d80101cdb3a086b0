package ndarray

// maxDigits of a decimal number are a whole number of 64 bits.
const maxDigits = 18

// tens are the powers of ten that float64 has exactly and plain decimals need.
var tens = [maxDigits + 1]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
}

// A decimal is a plain number as constants have: digits, perhaps with a sign in
// front and a point among them.
type decimal struct {
	digits   uint64
	decimals int // digits behind the point
	negative bool
	point    bool
	size     int // bytes
}

// scanDecimal reads the number that text begins with. It declines, with false, what
// is not plain or not followed by a blank or the end: the general way is for that.
func scanDecimal(text []byte) (d decimal, ok bool) {
	i, point := 0, 0
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		d.negative = text[0] == '-'
		i = 1
	}
	first := i
	for ; i < len(text); i++ {
		c := text[i] - '0'
		if c <= 9 {
			d.digits = d.digits*10 + uint64(c)
			continue
		}
		if text[i] != '.' || d.point {
			break
		}
		d.point, point = true, i
	}
	count := i - first
	if d.point {
		count--
		d.decimals = i - point - 1
	}
	if count < 1 || count > maxDigits || i < len(text) && !isBlank(text[i]) {
		return d, false
	}
	d.size = i
	return d, true
}

// float returns the number, rounded once: digits and power of ten are exact, so
// that their quotient is the nearest number (Clinger's fast path). False if the
// digits are not.
func (d decimal) float() (float64, bool) {
	if d.digits > 1<<53 {
		return 0, false
	}
	v := float64(d.digits) / tens[d.decimals]
	if d.negative {
		v = -v
	}
	return v, true
}
