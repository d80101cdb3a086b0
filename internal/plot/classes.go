package plot

import "image"

// A Map shows to which class each pixel belongs. Of the pixels that a dot stands for the
// highest class is seen.
type Map struct {
	Title   string
	Shape   []int
	Classes []uint8 // in C order, below MaxClasses
}

// MaxClasses is how many classes have a colour. That of class 0 is pale.
const MaxClasses = len(classColours)

// ClassShade returns the colour of a class, as an index of the palette of a page; beyond
// the last it is that of the last.
func ClassShade(class uint8) uint8 { return firstClass + min(class, uint8(MaxClasses-1)) }

func (m Map) draw(c *canvas, cell image.Rectangle) image.Rectangle {
	r := layout(m.Shape)
	z, dots := r.fit(areaSize)
	corner := cell.Min.Add(image.Pt(areaLeft, areaTop))
	area := image.Rectangle{Min: corner, Max: corner.Add(dots)}
	c.label(corner.X, cell.Min.Y+4, 1, m.Title)
	r.paint(c, area, z, func(elements []int) uint8 {
		worst := uint8(0)
		for _, i := range elements {
			worst = max(worst, m.Classes[i])
		}
		return ClassShade(worst)
	})
	c.frame(area, colourAxis)
	r.axes(c, area, z)
	return area
}

// A Key says what the colours of a Map mean, and how many pixels there are of each.
type Key struct {
	Title   string
	Entries []string // by class
}

func (k Key) draw(c *canvas, cell image.Rectangle) image.Rectangle {
	corner := cell.Min.Add(image.Pt(areaLeft, areaTop))
	c.label(corner.X, cell.Min.Y+4, 1, k.Title)
	area := image.Rectangle{Min: corner, Max: corner.Add(image.Pt(areaSize, areaSize))}
	const height = 36
	for i, entry := range k.Entries {
		y := corner.Y + i*height
		box := image.Rect(corner.X, y, corner.X+glyphAbove*textScale, y+glyphAbove*textScale)
		c.fill(box, ClassShade(uint8(min(i, MaxClasses-1))))
		c.frame(box, colourAxis)
		c.label(box.Max.X+14, y, 1, entry)
	}
	return area
}
