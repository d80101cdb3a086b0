package content

import (
	"errors"
	"io"

	"deployconstants/repo/ndarray"
)

// A comparison reads what is deployed beside the constants that would replace it.
// Its zero value compares with nothing.
type comparison struct {
	source source // nil: nothing deployed, or nothing that psana could use
	values []float64
	count  int // elements of what is deployed
}

// compareWith opens what is deployed; r may be nil.
func (j *judge) compareWith(r io.Reader) (*comparison, error) {
	c := &comparison{}
	if r == nil {
		return c, nil
	}
	source, err := j.limits.open(r)
	if isProblem(err) {
		return c, nil
	}
	c.source, c.values = source, make([]float64, chunk)
	return c, err
}

// isProblem tells what is wrong with a file from what reading it met with.
func isProblem(err error) bool {
	_, is := errors.AsType[*Problem](err)
	return is
}

// read reads n elements, fewer at the end.
func (c *comparison) read(n int) ([]float64, error) {
	have := 0
	for c.source != nil && have < n {
		got, err := c.source.read(c.values[have:n])
		have += got
		switch {
		case errors.Is(err, io.EOF):
			c.count += have
			return c.values[:have], nil
		case isProblem(err):
			c.source = nil
		case err != nil:
			return nil, err
		}
	}
	c.count += have
	return c.values[:have], nil
}

// next compares the next elements.
func (c *comparison) next(j *judge, values []float64) error {
	if c.source == nil {
		return nil
	}
	old, err := c.read(len(values))
	narrow := j.subject.CType.DType() == ndarray.Float32
	for i, v := range values {
		if i < len(old) && (v == old[i] || narrow && float32(v) == float32(old[i])) {
			continue
		}
		j.changed.add(j.elements+i, v)
	}
	return err
}

// end reads what is left and reports whether what is deployed is a yardstick.
func (c *comparison) end(j *judge) (bool, error) {
	for {
		old, err := c.read(min(chunk, len(c.values)))
		if err != nil {
			return false, err
		}
		if len(old) == 0 {
			break
		}
	}
	if c.source == nil || j.subject.Type.CheckShape(j.subject.CType, c.source.shape()) != nil {
		return false, nil
	}
	if c.count != j.elements { // of another shape: nothing is where it was
		j.changed.count, j.changed.first = j.elements, 0
	}
	return true, nil
}
