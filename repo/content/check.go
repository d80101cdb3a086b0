package content

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"deployconstants/repo"
	"deployconstants/repo/ndarray"
)

// A Subject says what constants are for.
type Subject struct {
	Type  repo.DetType
	CType repo.CType // short or deployed name
}

// Check judges constants. deployed is what they would replace, nil for nothing; it
// is read only if the limits compare (Limits.Compares). Neither is read further
// than to the first unreadable place.
//
// The error is a *Problem if the constants may not be published; the cause of ctx;
// or what a reader says, which tells nothing about the constants. Safe for
// concurrent use.
func (l Limits) Check(ctx context.Context, s Subject, constants, deployed io.Reader) error {
	ctype := s.CType.Deployed()
	j := judge{ctx: ctx, limits: l, subject: Subject{s.Type, ctype}, allowed: l.of(ctype)}
	if j.allowed.maxChanged <= 0 {
		deployed = nil
	}
	if ctype == repo.Geometry {
		return j.geometry(constants, deployed)
	}
	return j.array(constants, deployed)
}

// A judge is the state of one Check.
type judge struct {
	ctx     context.Context
	limits  Limits
	subject Subject // with the deployed ctype
	allowed allowed

	elements  int
	notZero   fault
	notFinite fault
	outside   fault
	changed   fault
}

// A fault counts elements and remembers the first.
type fault struct {
	count, first int
	value        float64
}

func (f *fault) add(element int, value float64) {
	if f.count == 0 {
		f.first, f.value = element, value
	}
	f.count++
}

// A source yields the elements of an array in C order.
type source interface {
	// read fills values; io.EOF comes alone, after the last element. A *Problem
	// means that it is no array.
	read(values []float64) (int, error)
	// shape is valid after io.EOF.
	shape() []int
}

// open returns the elements of a file in either form.
func (l Limits) open(r io.Reader) (source, error) {
	file := &limited{r: r, left: l.maxBytes(), max: l.maxBytes()}
	in := bufio.NewReaderSize(file, 1<<16)
	magic, err := in.Peek(len(npyMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if string(magic) != npyMagic {
		return newText(in, l.maxElements()), nil
	}
	n, err := newNPY(in, l.maxElements())
	if err != nil {
		return nil, cmp.Or(file.err, err)
	}
	return n, nil
}

// chunk is the number of elements that are judged at once.
const chunk = 4096

func (j *judge) array(constants, deployed io.Reader) error {
	source, err := j.limits.open(constants)
	if err != nil {
		return err
	}
	comparison, err := j.compareWith(deployed)
	if err != nil {
		return err
	}
	for values := make([]float64, chunk); ; {
		if err := context.Cause(j.ctx); err != nil {
			return err
		}
		n, err := source.read(values)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := comparison.next(j, values[:n]); err != nil {
			return err
		}
		j.take(values[:n])
	}
	usable, err := comparison.end(j)
	if err != nil {
		return err
	}
	return j.verdict(source.shape(), usable)
}

// take judges elements, the next ones in order.
func (j *judge) take(values []float64) {
	a := j.allowed
	for i, v := range values {
		switch {
		case v >= a.min && v <= a.max && (!a.whole || v == math.Trunc(v)):
		case math.IsNaN(v) || math.Abs(v) > a.finite:
			j.notFinite.add(j.elements+i, v)
		default:
			j.outside.add(j.elements+i, v)
		}
		if v != 0 {
			j.notZero.add(j.elements+i, v)
		}
	}
	j.elements += len(values)
}

// verdict is the first problem in the order of the package documentation.
func (j *judge) verdict(shape []int, compared bool) error {
	ctype, all := j.subject.CType, j.elements
	if err := j.subject.Type.CheckShape(ctype, shape); err != nil {
		return &Problem{Kind: Shape, Message: err.Error() + advice, Element: -1, Count: all}
	}
	if f := j.notFinite; f.count > 0 {
		return &Problem{Kind: NotFinite, Element: f.first, Count: f.count, Message: fmt.Sprintf(
			"%d of %d elements are not finite, the first is %s: %g%s", f.count, all, place(f.first, shape), f.value, advice)}
	}
	if f := j.outside; f.count > 0 {
		what := "outside of"
		if j.allowed.whole {
			what = "no whole numbers of"
		}
		return &Problem{Kind: Range, Element: f.first, Count: f.count, Message: fmt.Sprintf(
			"%d of %d elements are %s the range %g to %g, the first is %s: %g%s, or change content.%s in the settings",
			f.count, all, what, j.allowed.min, j.allowed.max, place(f.first, shape), f.value, advice, ctype)}
	}
	if f, most := j.notZero, j.allowed.maxBad; most > 0 && isWord(ctype) && float64(f.count) > most*float64(all) {
		return &Problem{Kind: Bad, Element: f.first, Count: f.count, Message: fmt.Sprintf(
			"%d of %d pixels are bad, more than the fraction %g, the first is %s: %g%s, or change content.%s.max_bad in the settings",
			f.count, all, most, place(f.first, shape), f.value, advice, ctype)}
	}
	if j.allowed.nonZero && j.notZero.count == 0 {
		return &Problem{Kind: Range, Element: 0, Count: all, Message: fmt.Sprintf(
			"all %d elements of %s are 0%s", all, ctype, advice)}
	}
	if compared {
		return j.tooChanged("elements", all, func(i int) string { return place(i, shape) })
	}
	return nil
}

// tooChanged is the problem of constants that differ too much from what is
// deployed.
func (j *judge) tooChanged(things string, all int, place func(int) string) error {
	f, limit := j.changed, j.allowed.maxChanged
	if float64(f.count) <= limit*float64(all) {
		return nil
	}
	return &Problem{Kind: Changed, Element: f.first, Count: f.count, Message: fmt.Sprintf(
		"%d of %d %s differ from what is deployed, more than the fraction %g, the first is %s; look at both, then raise content.%s.max_changed in the settings",
		f.count, all, things, limit, place(f.first), j.subject.CType)}
}

// isWord reports whether elements of a ctype are words of status bits, 0 for a good
// pixel.
func isWord(ctype repo.CType) bool {
	return ctype == repo.PixelStatus || ctype == repo.StatusData || ctype == repo.StatusExtra
}

// place writes the index of an element as numpy does.
func place(element int, shape []int) string {
	index := make([]int, len(shape))
	for i := len(shape) - 1; i >= 0; i-- {
		index[i] = element % shape[i]
		element /= shape[i]
	}
	return "element " + ndarray.ShapeString(index)
}

// limited refuses more bytes than allowed.
type limited struct {
	r         io.Reader
	left, max int64 // bytes
	err       error // what r said, other than io.EOF
}

func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if !errors.Is(err, io.EOF) {
		l.err = err
	}
	if l.left -= int64(n); l.left < 0 {
		return 0, &Problem{Kind: TooLarge, Element: -1, Message: fmt.Sprintf(
			"more than %d bytes%s", l.max, advice)}
	}
	return n, err
}
