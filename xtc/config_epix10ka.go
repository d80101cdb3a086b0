package xtc

// Epix10kaArrayConfig is the configuration of several epix10ka panels read out as one
// detector: Epix.Config10kaQuadV1 and V2 (4 panels), Config10ka2MV1 and V2 (16).
type Epix10kaArrayConfig struct {
	ClassVersion uint32 // 1 or 2; the objects have no version field
	Quads        []Epix10kaQuad
	Elements     []Epix10kaElement // four for each quad

	class string
	size  uint64 // bytes
}

// Epix10kaQuad is the electronics of four panels.
type Epix10kaQuad struct {
	DigitalCardID [2]uint32
}

// Epix10kaElement is one panel.
type Epix10kaElement struct {
	CarrierID [2]uint32
}

// Part of the wire format, do not change.
const (
	arrayEvrSize     = 8
	arrayElementSize = 271532
	elementsPerQuad  = 4
	elementRows      = 352
	elementColumns   = 384
	elementCalibRows = 4
	elementEnvRows   = 2
	elementAsics     = 4
)

// arrayLayout tells how a class is built: an 8-byte trigger, the quads, the elements.
type arrayLayout struct {
	version  uint32
	quads    int
	quadSize int // bytes
	digital  int // bytes into a quad
}

func (l *arrayLayout) decode(o object) (Config, error) {
	elements := l.quads * elementsPerQuad
	c := &Epix10kaArrayConfig{
		ClassVersion: l.version,
		Quads:        make([]Epix10kaQuad, l.quads),
		Elements:     make([]Epix10kaElement, elements),
		class:        o.class,
		size:         uint64(arrayEvrSize + l.quads*l.quadSize + elements*arrayElementSize),
	}
	if err := o.need(c.size); err != nil {
		return nil, err
	}
	for i := range c.Quads {
		pair, err := o.pair(int64(arrayEvrSize + i*l.quadSize + l.digital))
		if err != nil {
			return nil, err
		}
		c.Quads[i].DigitalCardID = pair
	}
	for i := range c.Elements {
		pair, err := o.pair(int64(arrayEvrSize + l.quads*l.quadSize + i*arrayElementSize))
		if err != nil {
			return nil, err
		}
		c.Elements[i].CarrierID = pair
	}
	return c, nil
}

// pair reads two numbers that have no neighbours of interest.
func (o object) pair(off int64) ([2]uint32, error) {
	b, err := o.src.lone(o.off+off, 8)
	if err != nil {
		return [2]uint32{}, err
	}
	r := record(b)
	return [2]uint32{r.u32(0), r.u32(4)}, nil
}

// Class returns the name of the class, "Epix.Config10ka2MV2".
func (c *Epix10kaArrayConfig) Class() string { return c.class }

// Shape returns panels, rows and columns.
func (c *Epix10kaArrayConfig) Shape() []int {
	return []int{len(c.Elements), elementRows, elementColumns}
}

// Fields returns the contents in the order of the class.
func (c *Epix10kaArrayConfig) Fields() Fields {
	quads := make([]Fields, len(c.Quads))
	for i, q := range c.Quads {
		quads[i] = Fields{{"digitalCardId0", q.DigitalCardID[0]}, {"digitalCardId1", q.DigitalCardID[1]}}
	}
	elements := make([]Fields, len(c.Elements))
	for i, e := range c.Elements {
		elements[i] = Fields{{"carrierId0", e.CarrierID[0]}, {"carrierId1", e.CarrierID[1]}}
	}
	return Fields{
		{"sizeof", c.size},
		{"numberOfElements", len(c.Elements)},
		{"numberOfRows", elementRows},
		{"numberOfReadableRows", elementRows},
		{"numberOfColumns", elementColumns},
		{"numberOfCalibrationRows", elementCalibRows},
		{"numberOfEnvironmentalRows", elementEnvRows},
		{"numberOfAsics", len(c.Elements) * elementAsics},
		{"quads", quads},
		{"elems", elements},
	}
}
