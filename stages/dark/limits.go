package dark

import "math"

// Limits are those of a good pixel, in ADU, and what they were found from.
type Limits struct {
	Mean, Std float64 // over all pixels, bad ones too
	Low, High float64 // a good pixel is not below Low and not above High
}

// EvaluateLimits finds the limits of good values: sigmaLow and sigmaHigh standard
// deviations from the mean, but not below low and not above high. A sigma of 0 or
// less leaves low or high as the limit.
//
// Sums are made in numpy's order, so that limits are the reference's to the last
// bit (spec/dark.md section 15).
func EvaluateLimits(values []float64, sigmaLow, sigmaHigh, low, high float64) Limits {
	l := Limits{Low: low, High: high}
	l.Mean, l.Std = meanStd(values)
	if sigmaLow > 0 {
		l.Low = max(l.Mean-float64(sigmaLow*l.Std), low)
	}
	if sigmaHigh > 0 {
		l.High = min(l.Mean+float64(sigmaHigh*l.Std), high)
	}
	return l
}

// meanStd returns numpy's mean and population standard deviation.
func meanStd(values []float64) (mean, std float64) {
	n := float64(len(values))
	mean = sum(values) / n
	var squares [sumChunk]float64
	total := 0.0
	for rest := values; len(rest) > 0; {
		chunk := rest[:min(sumChunk, len(rest))]
		rest = rest[len(chunk):]
		for i, v := range chunk {
			d := v - mean
			squares[i] = d * d
		}
		total += pairwise(squares[:len(chunk)])
	}
	return mean, math.Sqrt(total / n)
}

// sumChunk is the length of numpy's buffer: it sums chunk by chunk.
const sumChunk = 8192

// sum adds in numpy's order.
func sum(values []float64) float64 {
	total := 0.0
	for len(values) > 0 {
		n := min(sumChunk, len(values))
		total += pairwise(values[:n])
		values = values[n:]
	}
	return total
}

// pairwise is numpy's summation within a chunk: halves, down to blocks of 128 with
// eight sums each (numpy/core/src/umath/loops_utils.h.src, pairwise_sum).
func pairwise(values []float64) float64 {
	n := len(values)
	switch {
	case n < 8:
		total := 0.0
		for _, v := range values {
			total += v
		}
		return total
	case n <= 128:
		var eight [8]float64
		copy(eight[:], values)
		whole := n &^ 7
		for i := 8; i < whole; i += 8 {
			for j, v := range values[i : i+8] {
				eight[j] += v
			}
		}
		total := ((eight[0] + eight[1]) + (eight[2] + eight[3])) + ((eight[4] + eight[5]) + (eight[6] + eight[7]))
		for _, v := range values[whole:] {
			total += v
		}
		return total
	default:
		half := n / 2 &^ 7
		return pairwise(values[:half]) + pairwise(values[half:])
	}
}
