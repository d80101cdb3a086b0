package dark

// For tests of tables that no public function shows line by line.
var (
	QuantileRanks = quantileRanks
	Threshold     = threshold
)
