package plot_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"deployconstants/internal/plot"
)

// decode writes a page and reads it again, with the places of its charts.
func decode(t *testing.T, p plot.Page) (image.Image, [][]image.Rectangle) {
	t.Helper()
	var out bytes.Buffer
	if err := p.WritePNG(&out); err != nil {
		t.Fatal(err)
	}
	read, err := png.Decode(&out)
	if err != nil {
		t.Fatal(err)
	}
	drawn, areas := p.Render()
	if read.Bounds() != drawn.Bounds() {
		t.Fatalf("written with the size %v, drawn with %v", read.Bounds(), drawn.Bounds())
	}
	return read, areas
}

// same compares two colours.
func same(a, b color.Color) bool {
	r, g, bl, al := a.RGBA()
	r2, g2, b2, a2 := b.RGBA()
	return r == r2 && g == g2 && bl == b2 && al == a2
}

// palette is that of pages, to look indices up.
func palette(t *testing.T) color.Palette {
	t.Helper()
	drawn, _ := plot.Page{}.Render()
	return drawn.Palette
}

func TestImageShowsThePixels(t *testing.T) {
	colours := palette(t)
	for _, test := range []struct {
		name  string
		shape []int
		size  image.Point // of the area
		dots  int         // of a pixel; negative: pixels of a dot
	}{
		{"small", []int{5, 8}, image.Pt(400, 250), 50},
		{"large", []int{704, 768}, image.Pt(384, 352), -2},
		{"not a multiple", []int{705, 767}, image.Pt(384, 353), -2},
	} {
		t.Run(test.name, func(t *testing.T) {
			rows, columns := test.shape[0], test.shape[1]
			values := make([]float64, rows*columns)
			random := rand.New(rand.NewPCG(1, 1))
			for i := range values {
				values[i] = 100 + float64(i%columns) + 10*random.Float64()
			}
			chart := plot.NewImage("a", "ADU", test.shape, values)
			read, areas := decode(t, plot.Page{Charts: [][]plot.Chart{{chart}}})
			area := areas[0][0]
			if area.Size() != test.size {
				t.Fatalf("an area of %v, want %v", area.Size(), test.size)
			}
			for y := range area.Dy() {
				for x := range area.Dx() {
					sum, n := 0.0, 0
					if test.dots > 0 {
						sum, n = values[y/test.dots*columns+x/test.dots], 1
					} else {
						for row := y * -test.dots; row < min(rows, (y+1)*-test.dots); row++ {
							for column := x * -test.dots; column < min(columns, (x+1)*-test.dots); column++ {
								sum += values[row*columns+column]
								n++
							}
						}
					}
					want := colours[chart.Shade(sum/float64(n))]
					if got := read.At(area.Min.X+x, area.Min.Y+y); !same(got, want) {
						t.Fatalf("dot (%d, %d) is %v, want %v", x, y, got, want)
					}
				}
			}
		})
	}
}

func TestShadesRiseWithTheValue(t *testing.T) {
	m := plot.Image{Low: -5, High: 10}
	last := -1
	for v := -7.0; v <= 12; v += 0.05 {
		shade := int(m.Shade(v))
		if shade < last || last >= 0 && shade > last+1 {
			t.Fatalf("the shade of %g is %d behind %d", v, shade, last)
		}
		last = shade
	}
	if low, high := m.Shade(math.Inf(-1)), m.Shade(math.Inf(1)); low != m.Shade(-5) || high != m.Shade(10) || last != int(high) || low == high {
		t.Errorf("shades from %d to %d, the last is %d", low, high, last)
	}
	if none := m.Shade(math.NaN()); none >= m.Shade(-5) {
		t.Errorf("no number has the shade %d of a number", none)
	}
}

func TestAFewWildValuesDoNotSetTheScale(t *testing.T) {
	values := make([]float64, 10000)
	for i := range values {
		values[i] = 1000 + float64(i%100)
	}
	values[17], values[18], values[19], values[20] = 1e9, -1e9, math.NaN(), math.Inf(1)
	m := plot.NewImage("a", "ADU", []int{100, 100}, values)
	if m.Low < 990 || m.Low > 1002 || m.High < 1097 || m.High > 1110 {
		t.Errorf("a scale from %g to %g", m.Low, m.High)
	}
	h := plot.NewHistogram("a", "ADU", values)
	total := h.Below + h.Above
	for _, n := range h.Counts {
		total += n
	}
	if total != len(values)-1 || h.Below != 1 || h.Above != 2 {
		t.Errorf("%d of %d values counted, %d below and %d above", total, len(values), h.Below, h.Above)
	}
}

func TestWhatHasNoRangeIsDrawn(t *testing.T) {
	nan := math.NaN()
	for name, values := range map[string][]float64{
		"constant": {7, 7, 7, 7}, "zeros": {0, 0, 0, 0}, "none": {nan, nan, nan, nan}, "huge": {-math.MaxFloat64, 0, 1, math.MaxFloat64},
		"tiny": {5e-324, 0, 0, 1e-323}, "infinite": {math.Inf(1), math.Inf(-1), 0, nan},
	} {
		t.Run(name, func(t *testing.T) {
			decode(t, plot.Page{Title: name, Charts: [][]plot.Chart{{
				plot.NewImage("a", "ADU", []int{2, 2}, values),
				plot.NewHistogram("b", "ADU", values, plot.Mark{At: values[0], Text: "mark"}),
			}}})
		})
	}
}

func TestMapShowsTheWorstClass(t *testing.T) {
	colours := palette(t)
	const rows, columns = 800, 800 // two by two pixels a dot
	classes := make([]uint8, rows*columns)
	classes[3*columns+5] = 3
	classes[2*columns+4] = 1
	classes[799*columns+799] = uint8(plot.MaxClasses - 1)
	read, areas := decode(t, plot.Page{Charts: [][]plot.Chart{{plot.Map{Title: "m", Shape: []int{rows, columns}, Classes: classes}}}})
	area := areas[0][0]
	for y := range area.Dy() {
		for x := range area.Dx() {
			want := uint8(0)
			switch {
			case x == 2 && y == 1:
				want = 3
			case x == 399 && y == 399:
				want = uint8(plot.MaxClasses - 1)
			}
			if got := read.At(area.Min.X+x, area.Min.Y+y); !same(got, colours[plot.ClassShade(want)]) {
				t.Fatalf("dot (%d, %d) is not of class %d", x, y, want)
			}
		}
	}
	seen := map[uint8]bool{}
	for class := range plot.MaxClasses {
		seen[plot.ClassShade(uint8(class))] = true
	}
	if len(seen) != plot.MaxClasses {
		t.Errorf("%d classes have %d colours", plot.MaxClasses, len(seen))
	}
}

// TestPanelsLieSideBySide finds each of sixteen panels where it belongs, and gaps.
func TestPanelsLieSideBySide(t *testing.T) {
	colours := palette(t)
	const panels, rows, columns = 16, 352, 384
	values := make([]float64, panels*rows*columns)
	for i := range values {
		values[i] = float64(i / (rows * columns))
	}
	chart := plot.Image{Shape: []int{panels, rows, columns}, Values: values, Low: 0, High: panels - 1}
	read, areas := decode(t, plot.Page{Charts: [][]plot.Chart{{chart}}})
	area := areas[0][0]
	var found []int
	for y := 0; y < area.Dy(); y++ {
		for x := range area.Dx() {
			for panel := range panels {
				if same(read.At(area.Min.X+x, area.Min.Y+y), colours[chart.Shade(float64(panel))]) && !slices.Contains(found, panel) {
					found = append(found, panel)
				}
			}
		}
	}
	want := make([]int, panels)
	for i := range want {
		want[i] = i
	}
	if !slices.Equal(found, want) { // from the upper left to the lower right
		t.Errorf("panels are seen in the order %v", found)
	}
	if ratio := float64(area.Dx()) / float64(area.Dy()); ratio < 0.8 || ratio > 1.25 {
		t.Errorf("sixteen panels take %v", area.Size())
	}
}

func TestHistogramCountsAndDraws(t *testing.T) {
	values := make([]float64, 0, 20000)
	random := rand.New(rand.NewPCG(3, 3))
	for range 20000 {
		values = append(values, 50+random.NormFloat64())
	}
	h := plot.NewHistogram("rms", "ADU", values, plot.Mark{At: 48.5, Text: "lower limit"}, plot.Mark{At: 1e6, Text: "upper limit"})
	if h.High > 100 {
		t.Errorf("a mark far away makes the range %g to %g", h.Low, h.High)
	}
	counts := make([]int, len(h.Counts))
	below, above := 0, 0
	for _, v := range values {
		switch part := int(math.Floor((v - h.Low) / (h.High - h.Low) * float64(len(counts)))); {
		case v < h.Low:
			below++
		case v > h.High:
			above++
		default:
			counts[min(part, len(counts)-1)]++
		}
	}
	if !slices.Equal(counts, h.Counts) || below != h.Below || above != h.Above {
		t.Errorf("counts are %v, %d below, %d above", h.Counts, h.Below, h.Above)
	}
	read, areas := decode(t, plot.Page{Charts: [][]plot.Chart{{h}}})
	area := areas[0][0]
	drawn, _ := plot.Page{Charts: [][]plot.Chart{{h}}}.Render()
	bar := drawn.At(area.Min.X+area.Dx()/2, area.Max.Y-1)
	heights := make([]int, len(h.Counts)) // of bars
	for i := range heights {
		x := area.Min.X + i*area.Dx()/len(heights) + 1
		for y := area.Max.Y - 1; y >= area.Min.Y && same(read.At(x, y), bar); y-- {
			heights[i]++
		}
	}
	marked := 0 // the bar in which the mark is drawn
	for i := range heights {
		if h.Low+(h.High-h.Low)*float64(i)/100 < 48.5 {
			marked = i
		}
	}
	for i := range heights {
		for k := range heights {
			near := func(n int) bool { return n >= marked-1 && n <= marked+1 }
			if h.Counts[i] > h.Counts[k] && heights[i] < heights[k] && !near(i) && !near(k) {
				t.Fatalf("%d are drawn %d high, but %d are drawn %d", h.Counts[i], heights[i], h.Counts[k], heights[k])
			}
		}
		if (h.Counts[i] > 0) != (heights[i] > 0) && (i < marked-1 || i > marked+1) {
			t.Errorf("%d are drawn %d high", h.Counts[i], heights[i])
		}
	}
	red := 0
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			if same(read.At(x, y), color.RGBA{214, 39, 40, 255}) {
				red++
				if at := h.Low + (h.High-h.Low)*float64(x-area.Min.X)/float64(area.Dx()-1); math.Abs(at-48.5) > (h.High-h.Low)/100 {
					t.Fatalf("the mark at 48.5 is drawn at %g", at)
				}
			}
		}
	}
	if red == 0 {
		t.Error("the mark is not drawn")
	}
}

// TestEveryLetterIsDrawnDifferently compares the pictures of all printable characters.
func TestEveryLetterIsDrawnDifferently(t *testing.T) {
	seen := map[string]rune{}
	for letter := ' '; letter <= '~'; letter++ {
		drawn, _ := plot.Page{Title: string(letter)}.Render()
		if other, known := seen[string(drawn.Pix)]; known {
			t.Errorf("%q looks like %q", letter, other)
		}
		seen[string(drawn.Pix)] = letter
	}
	odd, _ := plot.Page{Title: "\u00e4\x00\x7f"}.Render()
	question, _ := plot.Page{Title: "???"}.Render()
	if !slices.Equal(odd.Pix, question.Pix) {
		t.Error("other characters are not drawn as question marks")
	}
}

func TestTheSameChartsGiveTheSameBytes(t *testing.T) {
	values := make([]float64, 300*200)
	for i := range values {
		values[i] = float64(i * 7 % 1000)
	}
	page := plot.Page{Title: "t", Notes: []string{"n"}, Charts: [][]plot.Chart{
		{plot.NewImage("i", "ADU", []int{300, 200}, values), plot.Key{Title: "k", Entries: []string{"good", "bad"}}},
		{plot.NewHistogram("h", "ADU", values)},
	}}
	var a, b bytes.Buffer
	if err := page.WritePNG(&a); err != nil {
		t.Fatal(err)
	}
	if err := page.WritePNG(&b); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) || a.Len() == 0 {
		t.Error("two drawings differ")
	}
}
