package dark_test

import (
	"fmt"

	"deployconstants/repo/ndarray"
	"deployconstants/stages/dark"
)

// A detector of three pixels: the second is dead, the third saturated.
func Example() {
	p, err := dark.New(dark.Calibrun(), []int{1, 3}, ndarray.Uint16)
	if err != nil {
		fmt.Println(err)
		return
	}
	for event := range 100 {
		noise := uint16(event % 5)
		if err := p.Add([]uint16{4000 + noise, 0, 16383}); err != nil {
			fmt.Println(err)
			return
		}
	}
	r, err := p.Finish()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d frames, at most %d bad values\n", r.Frames, r.Threshold)
	fmt.Printf("pedestals %.2f\nrms %.2f\nstatus %d\n", r.Averages, r.RMS, r.Status)
	bits, good := r.StatusCounts()
	for i, n := range bits {
		if n > 0 {
			fmt.Printf("%s: %d\n", dark.StatusBits[i], n)
		}
	}
	fmt.Println("good:", good)
	// Output:
	// 100 frames, at most 9 bad values
	// pedestals [4002.00 0.00 0.00]
	// rms [1.41 0.00 0.00]
	// status [0 42 38]
	// quiet rms: 2
	// high often: 1
	// low often: 1
	// low mean: 2
	// good: 1
}

func ExampleKind_Merge() {
	kind := dark.JungfrauKinds()[1]
	table := &ndarray.Array{Shape: []int{1, 2}, DType: ndarray.Float32, Floats: []float64{2.5, 3}}
	merged, gaps, err := kind.Merge([][]*ndarray.Array{{table}, {table}, {nil}})
	fmt.Println(kind.Deployed, ndarray.ShapeString(merged.Shape), merged.Floats, gaps, err)
	// Output: pixel_rms (3,1,1,2) [2.5 3 2.5 3 1 1] [{2 0}] <nil>
}
