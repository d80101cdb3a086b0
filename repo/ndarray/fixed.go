package ndarray

import (
	"math"
	"math/bits"
	"strconv"
)

// powersOfTen are those below 2^64.
var powersOfTen = func() (list [20]uint64) {
	list[0] = 1
	for i := 1; i < len(list); i++ {
		list[i] = list[i-1] * 10
	}
	return list
}()

// appendFixed appends v, which is finite and not negative, with a number of
// decimals, correctly rounded (ties of the exact binary value to even). It is the
// common case of strconv.AppendFloat 'f', several times faster: v = m·2^e, so
// v·10^decimals is a product of 128 bits, shifted. It declines what does not fit.
func appendFixed(to []byte, v float64, decimals int) ([]byte, bool) {
	if decimals >= len(powersOfTen) {
		return to, false
	}
	word := math.Float64bits(v)
	mantissa, exponent := word&(1<<52-1), int(word>>52)
	if exponent == 0 {
		exponent = 1
	} else {
		mantissa |= 1 << 52
	}
	high, low := bits.Mul64(mantissa, powersOfTen[decimals])
	scaled, ok := shiftRounded(high, low, 1075-exponent)
	if !ok {
		return to, false
	}
	if decimals == 0 {
		return strconv.AppendUint(to, scaled, 10), true
	}
	to = strconv.AppendUint(to, scaled/powersOfTen[decimals], 10)
	to = append(to, '.')
	fraction := scaled % powersOfTen[decimals]
	begin := len(to)
	for range decimals {
		to = append(to, '0')
	}
	for i := begin + decimals - 1; fraction > 0; i-- {
		to[i] = byte('0' + fraction%10)
		fraction /= 10
	}
	return to, true
}

// shiftRounded shifts high:low right by count bits and rounds half to even; false
// if the result has more than 64 bits or the shift is to the left.
func shiftRounded(high, low uint64, count int) (uint64, bool) {
	var rest, half, result uint64
	switch {
	case count <= 0:
		return low, count == 0 && high == 0
	case count < 64:
		if high>>count != 0 {
			return 0, false
		}
		result = high<<(64-count) | low>>count
		rest, half = low&(1<<count-1), 1<<(count-1)
	case count < 128:
		count -= 64
		result = high >> count
		// The bits below are compared as one number: what is left of high, and
		// low as whether there is anything.
		rest = (high&(1<<count-1))<<1 | boolWord(low != 0)
		half = 1 << count
		if count == 0 {
			rest, half = low, 1<<63
		}
	default:
		// The product has at most 53+64 bits: less than half.
		return 0, true
	}
	if rest > half || rest == half && result&1 == 1 {
		result++
		return result, result != 0
	}
	return result, true
}

func boolWord(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
