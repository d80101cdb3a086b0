package geometry

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxBytes is the size of the largest file that is read: some forty thousand
// objects. The largest real one has 6 kB.
const MaxBytes = 1 << 20

const (
	fieldCount = 13
	maxNumber  = 1e15 // um or degrees: anything beyond is a slip, and could overflow
	maxDepth   = 64
	maxName    = 255 // bytes
)

// A Geometry is a geometry file: comments, and objects in a hierarchy of frames.
type Geometry struct {
	comments []string
	objects  []Object
	parents  []int   // index of the object in which each one lies; -1: in a top frame
	tops     []Frame // in the order of the file
}

// Parse reads a geometry file. Errors wrap ErrFormat and name the line, or
// ErrTooLarge, or are those of r.
func Parse(r io.Reader) (*Geometry, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, MaxBytes)
	}
	g := &Geometry{}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		if err := g.line(line); err != nil {
			return nil, fmt.Errorf("%w: line %d %w", ErrFormat, number, err)
		}
	}
	if len(g.objects) == 0 {
		return nil, fmt.Errorf("%w: it has no object", ErrFormat)
	}
	return g, g.relate()
}

func (g *Geometry) line(line string) error {
	if strings.HasPrefix(line, "#") { // an indented one is data, as for psana
		g.comment(line)
		return nil
	}
	if strings.IndexByte(line, 0) >= 0 {
		return errors.New("is not text")
	}
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return nil
	}
	object, err := parseObject(fields)
	if err == nil {
		g.objects = append(g.objects, object)
	}
	return err
}

// comment keeps what psana keeps of a comment: an empty one is dropped, one of a
// single character becomes empty.
func (g *Geometry) comment(line string) {
	text := strings.TrimSpace(strings.TrimLeft(line, "# "))
	switch utf8.RuneCountInString(text) {
	case 0:
		return
	case 1:
		text = ""
	}
	g.comments = append(g.comments, text)
}

func parseObject(fields []string) (Object, error) {
	if len(fields) != fieldCount {
		return Object{}, fmt.Errorf("has %d fields, want %d", len(fields), fieldCount)
	}
	o := Object{Parent: Frame{Name: fields[0]}, Frame: Frame{Name: fields[2]}}
	if len(o.Parent.Name) > maxName || len(o.Name) > maxName {
		return Object{}, fmt.Errorf("has a name of more than %d bytes", maxName)
	}
	if strings.HasPrefix(o.Parent.Name, "#") {
		return Object{}, errors.New("is an indented comment; begin it with #") // saved, the object would be one
	}
	for i, index := range []*int{&o.Parent.Index, &o.Index} {
		n, err := strconv.ParseInt(fields[2*i+1], 10, 32)
		if err != nil {
			return Object{}, fmt.Errorf("has the index %s, want a whole number", quoted(fields[2*i+1]))
		}
		*index = int(n)
	}
	for i, number := range []*float64{&o.X, &o.Y, &o.Z, &o.RotZ, &o.RotY, &o.RotX, &o.TiltZ, &o.TiltY, &o.TiltX} {
		v, err := parseNumber(fields[4+i])
		if err != nil {
			return Object{}, fmt.Errorf("has %w", err)
		}
		*number = v
	}
	if o.Parent.isBeam() && o.Z > 0 {
		o.Z = -o.Z
	}
	return o, nil
}

// parseNumber reads a number as psana does, which knows no hexadecimal ones, and
// refuses those that would make coordinates meaningless.
func parseNumber(text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	switch {
	case strings.ContainsAny(text, "xX_"), err != nil && !math.IsInf(v, 0):
		return 0, fmt.Errorf("%s, want a number", quoted(text))
	case !(math.Abs(v) <= maxNumber): // NaN is neither
		return 0, fmt.Errorf("%s, want a finite number up to %g", quoted(text), maxNumber)
	}
	return v, nil
}

// quoted shows the beginning of a hostile text.
func quoted(text string) string {
	const most = 40
	if len(text) > most {
		return fmt.Sprintf("%q...", text[:most])
	}
	return strconv.Quote(text)
}

// relate finds the object in which each one lies. Of several with one name and
// index the first counts, as for psana.
func (g *Geometry) relate() error {
	first := map[Frame]int{}
	for i, o := range g.objects {
		if _, known := first[o.Frame]; !known {
			first[o.Frame] = i
		}
	}
	g.parents = make([]int, len(g.objects))
	seen := map[Frame]bool{}
	for i, o := range g.objects {
		parent, isObject := first[o.Parent]
		if !isObject {
			parent = -1
			if !seen[o.Parent] {
				seen[o.Parent] = true
				g.tops = append(g.tops, o.Parent)
			}
		}
		g.parents[i] = parent
	}
	for i, o := range g.objects {
		depth := 0
		for up := g.parents[i]; up >= 0; up = g.parents[up] {
			if depth++; depth > maxDepth {
				return fmt.Errorf("%w: object %s lies in itself, or below more than %d others", ErrFormat, quoted(o.Frame.String()), maxDepth)
			}
		}
	}
	return nil
}

// Comments returns the texts of the comments, without '#'. The caller owns the
// slice.
func (g *Geometry) Comments() []string { return slices.Clone(g.comments) }

// Objects returns the objects in the order of the file. The caller owns the slice.
func (g *Geometry) Objects() []Object { return slices.Clone(g.objects) }

// Bytes returns the file as psana writes it.
func (g *Geometry) Bytes() []byte {
	var text []byte
	for _, comment := range g.comments {
		text = append(append(append(text, "# "...), comment...), '\n')
	}
	text = append(text, '\n')
	for _, object := range g.objects {
		text = append(append(text, object.String()...), '\n')
	}
	return text
}
