// Package plot draws pages of charts of detector arrays as PNG: images of pixels with a
// scale, maps of classes of pixels, histograms, keys.
//
//	page := plot.Page{
//		Title: "dark of XcsEndstation.0:Epix100a.1",
//		Charts: [][]plot.Chart{{
//			plot.NewImage("pedestals", "ADU", []int{704, 768}, averages),
//			plot.NewHistogram("pedestals", "ADU", averages),
//		}},
//	}
//	err := page.WritePNG(w)
//
// # Layout of a page
//
//	title
//	notes, one a line
//	rows of charts, each in a cell of 620 x 520 dots: its title, its area, its scale
//
// Render tells where the area of each chart lies, in dots. In the area of an image or a
// map, a pixel of the detector takes a square of dots, or a dot stands for a square of
// pixels: for their mean, or in a map for the highest class among them.
//
// Arrays of more than two dimensions are panels of the last two, which are laid out
// side by side, row by row, with gaps of a few pixels.
//
// # Guarantees and limits
//
// The same charts give the same bytes. Values that are not finite are drawn grey and are
// in no count. A page has a palette of 256 colours. Text is printable ASCII; other
// characters become '?'. All values may be used by several goroutines.
package plot
