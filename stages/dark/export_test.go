package dark

// For tests of tables that no public function shows line by line, and of more frames
// than a test can add.
var (
	QuantileRanks = quantileRanks
	Threshold     = threshold
)

// AverageOf is mean and rms of n values in a gate that begins at low.
func AverageOf(low uint16, n, residuals, squares uint64) (mean, rms float64) {
	p := pixel{low: low, counted: n<<sumBits | residuals, squares: squares}
	return p.average()
}
