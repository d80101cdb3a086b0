package ndarray

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// ReadOptions say how a text array is read.
type ReadOptions struct {
	DType  DType // element type; NoDType takes that of the file, else Float64
	Limits Limits
}

// lineMax bounds, in bytes, a line of a text array.
const lineMax = 64 << 20

// A SyntaxError is ErrSyntax, ErrRange or ErrShape at a line of a text array.
type SyntaxError struct {
	Line int // from 1
	What string
	Err  error
}

// Error is "line 7: ...".
func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s: %v", e.Line, e.What, e.Err) }

// Unwrap returns the kind of error.
func (e *SyntaxError) Unwrap() error { return e.Err }

// ReadText reads an array from psana's text format or any table of numbers. '#'
// begins a comment anywhere. DTYPE, NDIM and DIM are taken from the comments that
// precede the numbers. As in psana, a table of a single row or column becomes one
// dimension, and DIM only reshapes what has more than two.
//
// Errors: *SyntaxError; ErrNoData for a file without numbers; ErrShape if DIM does
// not fit; ErrLimit; or what r says.
func ReadText(r io.Reader, o ReadOptions) (*Array, error) {
	t := textReader{limits: o.Limits.orDefault(), dtype: o.DType}
	in := bufio.NewReaderSize(r, 1<<16)
	for {
		line, err := t.readLine(in)
		if errors.Is(err, io.EOF) {
			return t.array()
		}
		if err != nil {
			return nil, err
		}
		if err := t.take(line); err != nil {
			return nil, err
		}
	}
}

// A textReader is the state between lines.
type textReader struct {
	limits  Limits
	dtype   DType
	line    int // number of the last one
	ndim    int // as the header says, 0 if it does not
	dims    []int
	rows    int
	columns int
	long    []byte // a line longer than the buffer
	out     Array
}

// readLine returns the next line without its newline, valid until the next call.
func (t *textReader) readLine(in *bufio.Reader) ([]byte, error) {
	t.long = t.long[:0]
	for {
		part, err := in.ReadSlice('\n')
		switch {
		case err == nil && len(t.long) == 0:
			t.line++
			return part, nil
		case errors.Is(err, bufio.ErrBufferFull) || err == nil || errors.Is(err, io.EOF) && len(part)+len(t.long) > 0:
			t.long = append(t.long, part...)
			if len(t.long) > lineMax {
				return nil, fmt.Errorf("%w: line %d has more than %d bytes", ErrLimit, t.line+1, lineMax)
			}
			if errors.Is(err, bufio.ErrBufferFull) {
				continue
			}
			t.line++
			return t.long, nil
		default:
			return nil, err
		}
	}
}

func (t *textReader) fail(err error, format string, args ...any) error {
	return &SyntaxError{Line: t.line, What: fmt.Sprintf(format, args...), Err: err}
}

// take reads a line.
func (t *textReader) take(line []byte) error {
	numbers := line
	if before, comment, found := bytes.Cut(line, []byte{'#'}); found {
		numbers = before
		if t.rows == 0 {
			if err := t.takeComment(string(comment)); err != nil {
				return err
			}
		}
	}
	columns := 0
	for {
		field, rest := cutField(numbers)
		if len(field) == 0 {
			break
		}
		if t.rows == 0 && columns == 0 && t.dtype == NoDType {
			t.dtype = Float64
		}
		if err := t.takeNumber(field); err != nil {
			return err
		}
		if t.out.Len() > t.limits.MaxElements {
			return fmt.Errorf("%w: more than %d elements", ErrLimit, t.limits.MaxElements)
		}
		columns++
		numbers = rest
	}
	if columns == 0 {
		return nil
	}
	if t.rows > 0 && columns != t.columns {
		return t.fail(ErrShape, "%d numbers where the lines above have %d", columns, t.columns)
	}
	t.rows++
	t.columns = columns
	return nil
}

// cutField splits off what precedes the next blank.
func cutField(text []byte) (field, rest []byte) {
	for len(text) > 0 && isBlank(text[0]) {
		text = text[1:]
	}
	for i, c := range text {
		if isBlank(c) {
			return text[:i], text[i+1:]
		}
	}
	return text, nil
}

func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// takeComment obeys DTYPE, NDIM and DIM:n; other comments are not read.
func (t *textReader) takeComment(text string) error {
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return nil
	}
	switch key, value := fields[0], fields[1]; {
	case key == "DTYPE":
		if t.dtype != NoDType {
			return nil
		}
		dtype, err := ParseDType(value)
		if err != nil {
			return t.fail(err, "DTYPE")
		}
		t.dtype = dtype
	case key == "NDIM":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > t.limits.MaxDims {
			return t.fail(ErrSyntax, "NDIM is %q", value)
		}
		t.ndim = n
	case strings.HasPrefix(key, "DIM:"):
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || len(t.dims) >= t.limits.MaxDims {
			return t.fail(ErrSyntax, "%s is %q", key, value)
		}
		t.dims = append(t.dims, n)
	}
	return nil
}

// takeNumber appends an element. The field is converted to a string where it is
// used, so that it stays on the stack.
func (t *textReader) takeNumber(field []byte) error {
	width := 8 * t.dtype.Size()
	switch {
	case t.dtype.IsFloat():
		v, err := strconv.ParseFloat(string(field), 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) || !isDecimal(field) {
			return t.fail(ErrSyntax, "%q is no number", clip(string(field)))
		}
		if t.dtype == Float32 {
			v = float64(float32(v)) // rounded twice, as numpy does
		}
		t.out.Floats = append(t.out.Floats, v)
	case t.dtype.IsSigned():
		v, err := strconv.ParseInt(string(field), 10, width)
		if err != nil {
			whole, ok := parseWhole(field, -math.Ldexp(1, width-1), math.Ldexp(1, width-1))
			if !ok {
				return t.fail(ErrRange, "%q is no %v", clip(string(field)), t.dtype)
			}
			v = int64(whole)
		}
		t.out.Integers = append(t.out.Integers, v)
	default:
		if t.dtype == Bool {
			width = 1
		}
		v, err := strconv.ParseUint(string(bytes.TrimPrefix(field, []byte("+"))), 10, width)
		if err != nil {
			whole, ok := parseWhole(field, 0, math.Ldexp(1, width))
			if !ok {
				return t.fail(ErrRange, "%q is no %v", clip(string(field)), t.dtype)
			}
			v = uint64(whole)
		}
		t.out.Words = append(t.out.Words, v)
	}
	return nil
}

// parseWhole reads an integer that is written as a floating point number ("2.0",
// "1e3"); a fraction is cut off, as numpy does.
func parseWhole(field []byte, low, high float64) (float64, bool) {
	v, err := strconv.ParseFloat(string(field), 64)
	v = math.Trunc(v)
	return v, err == nil && v >= low && v < high && isDecimal(field)
}

// isDecimal reports whether a number that strconv accepts is one in C as well:
// not hexadecimal and without underscores.
func isDecimal(field []byte) bool {
	for _, c := range field {
		if c == '_' || c == 'x' || c == 'X' {
			return false
		}
	}
	return true
}

// array is the result after the last line.
func (t *textReader) array() (*Array, error) {
	if t.rows == 0 {
		return nil, ErrNoData
	}
	if t.ndim != len(t.dims) && (t.ndim != 0 || len(t.dims) != 0) {
		return nil, fmt.Errorf("%w: NDIM is %d, but there are %d DIM", ErrShape, t.ndim, len(t.dims))
	}
	a := t.out
	a.DType = t.dtype
	switch {
	case t.ndim > 2:
		a.Shape = slices.Clone(t.dims)
	case t.rows == 1 || t.columns == 1:
		a.Shape = []int{t.rows * t.columns}
	default:
		a.Shape = []int{t.rows, t.columns}
	}
	if err := a.Check(); err != nil {
		return nil, err
	}
	return &a, nil
}

// clip keeps messages short.
func clip(text string) string {
	const longest = 40
	if len(text) > longest {
		return text[:longest] + "..."
	}
	return text
}
