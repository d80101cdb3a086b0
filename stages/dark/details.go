package dark

// Details are what the reference keeps beside its results, per pixel in C order:
// for plots of how a result came about, and to compare.
type Details struct {
	GateLow, GateHigh []int32   // ADU, as found from the first frames, before IntLow and IntHigh cut them
	Median, Deviation []float64 // ADU, of the first frames; Deviation is the median of the distances from Median
	Count             []uint64  // values within the gate and IntLow..IntHigh
	Sum, SumSquares   []float64 // of them, ADU and ADU^2
	Below, Above      []uint64  // values outside of IntLow..IntHigh
}

func newDetails(tiles int) *Details {
	n := tiles * tileLen
	return &Details{
		GateLow: make([]int32, n), GateHigh: make([]int32, n),
		Median: make([]float64, n), Deviation: make([]float64, n),
	}
}

// tileDetails are those of the pixels of a tile.
type tileDetails struct {
	gateLow, gateHigh []int32
	median, deviation []float64
}

func (d *Details) tile(tile int) *tileDetails {
	if d == nil {
		return nil
	}
	begin, end := tile*tileLen, (tile+1)*tileLen
	return &tileDetails{d.GateLow[begin:end], d.GateHigh[begin:end], d.Median[begin:end], d.Deviation[begin:end]}
}

// finish cuts off what fills the last tile, and adds the sums.
func (d *Details) finish(pixels []pixel) *Details {
	n := len(pixels)
	full := &Details{
		GateLow: d.GateLow[:n], GateHigh: d.GateHigh[:n], Median: d.Median[:n], Deviation: d.Deviation[:n],
		Count: make([]uint64, n), Sum: make([]float64, n), SumSquares: make([]float64, n),
		Below: make([]uint64, n), Above: make([]uint64, n),
	}
	for i := range pixels {
		count, sum, squares := pixels[i].exact()
		full.Count[i], full.Sum[i], full.SumSquares[i] = count, float64(sum), float64(squares)
		full.Below[i], full.Above[i] = uint64(pixels[i].below), uint64(pixels[i].above)
	}
	return full
}
