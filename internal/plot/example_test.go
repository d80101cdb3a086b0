package plot_test

import (
	"fmt"

	"deployconstants/internal/plot"
)

func ExamplePage() {
	pedestals := make([]float64, 704*768)
	for i := range pedestals {
		pedestals[i] = 3000 + float64(i%768)/10
	}
	page := plot.Page{
		Title: "dark of XcsEndstation.0:Epix100a.1",
		Charts: [][]plot.Chart{{
			plot.NewImage("pedestals", "ADU", []int{704, 768}, pedestals),
			plot.NewHistogram("pedestals", "ADU", pedestals),
		}},
	}
	drawn, areas := page.Render()
	fmt.Println(drawn.Bounds().Size(), "image", areas[0][0].Size(), "histogram", areas[0][1].Size())
	// Output: (1264,616) image (384,352) histogram (400,360)
}
