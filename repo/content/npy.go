package content

import (
	"errors"
	"fmt"
	"io"

	"deployconstants/repo/ndarray"
)

// npyMagic begins every .npy file.
const npyMagic = "\x93NUMPY"

// An npy is a NumPy file, in memory.
type npy struct {
	left []float64
	dims []int
}

var _ source = (*npy)(nil)

func newNPY(in io.Reader, maxElements int) (*npy, error) {
	a, err := ndarray.ReadNPY(in, ndarray.Limits{MaxElements: maxElements})
	if err == nil && a.Len() == 0 {
		err = ndarray.ErrNoData
	}
	if err != nil {
		return nil, readProblem(err)
	}
	return &npy{left: a.AsFloat64(), dims: a.Shape}, nil
}

func (n *npy) read(values []float64) (int, error) {
	if len(n.left) == 0 {
		return 0, io.EOF
	}
	got := copy(values, n.left)
	n.left = n.left[got:]
	return got, nil
}

func (n *npy) shape() []int { return n.dims }

// readProblem turns the errors of package ndarray into a Problem, and leaves those
// of the reader.
func readProblem(err error) error {
	if isProblem(err) {
		return err
	}
	kind := Unreadable
	switch {
	case errors.Is(err, ndarray.ErrLimit):
		kind = TooLarge
	case errors.Is(err, ndarray.ErrSyntax), errors.Is(err, ndarray.ErrDType), errors.Is(err, ndarray.ErrShape),
		errors.Is(err, ndarray.ErrRange), errors.Is(err, ndarray.ErrNoData), errors.Is(err, io.ErrUnexpectedEOF):
	default:
		return err
	}
	return &Problem{Kind: kind, Message: fmt.Sprintf("not an array that psana reads: %v%s", err, advice), Element: -1}
}
