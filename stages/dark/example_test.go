package dark_test

import (
	"fmt"
	"strings"

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

func ExampleKind_WriteTable() {
	p, err := dark.NewJungfrau(dark.Default(), []int{1, 1, 3}, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	for event := range uint16(100) {
		if err := p.Add([]uint16{2900 + event%5, 2900 + event%5, 2901}); err != nil {
			fmt.Println(err)
			return
		}
	}
	r, err := p.Finish()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, kind := range dark.JungfrauKinds() {
		var table strings.Builder
		if err := kind.WriteTable(&table, r, 0); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%-12s %s", kind.CType, table.String())
	}
	// Output:
	// pedestals    2902.000 2902.000 2901.000
	// pixel_rms    1.414 1.414 0.000
	// pixel_status    0    0    2
	// dark_min       2900   2900   2901
	// dark_max       2904   2904   2901
}
