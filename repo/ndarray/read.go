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
	for numbers = trimBlanks(numbers); len(numbers) > 0; numbers = trimBlanks(numbers) {
		if t.rows == 0 && columns == 0 && t.dtype == NoDType {
			t.dtype = Float64
		}
		if n := t.takePlain(numbers); n > 0 {
			numbers = numbers[n:]
		} else {
			field, rest := cutField(numbers)
			if err := t.takeNumber(field); err != nil {
				return err
			}
			numbers = rest
		}
		if t.out.Len() > t.limits.MaxElements {
			return fmt.Errorf("%w: more than %d elements", ErrLimit, t.limits.MaxElements)
		}
		columns++
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

// trimBlanks cuts off what precedes the next field.
func trimBlanks(text []byte) []byte {
	for len(text) > 0 && isBlank(text[0]) {
		text = text[1:]
	}
	return text
}

// cutField splits off what precedes the next blank.
func cutField(text []byte) (field, rest []byte) {
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

// takePlain appends the element that text begins with, and returns its length in
// bytes: 0 for one that is to be taken the general way, as are all those at fault.
func (t *textReader) takePlain(text []byte) int {
	d, ok := scanDecimal(text)
	if !ok {
		return 0
	}
	if t.dtype.IsFloat() {
		v, ok := d.float()
		if !ok {
			return 0
		}
		if t.dtype == Float32 {
			v = float64(float32(v)) // rounded twice, as numpy does
		}
		t.out.Floats = push(t.out.Floats, v)
		return d.size
	}
	if d.point || d.negative || d.digits > t.greatest() {
		return 0
	}
	if t.dtype.IsSigned() {
		t.out.Integers = push(t.out.Integers, int64(d.digits))
	} else {
		t.out.Words = push(t.out.Words, d.digits)
	}
	return d.size
}

// push appends, to twice the room when there is none left: append itself would copy
// large arrays several times more.
func push[T any](list []T, v T) []T {
	if len(list) == cap(list) {
		list = slices.Grow(list, max(len(list), 1<<9))
	}
	return append(list, v)
}

// greatest is the greatest number of an integer type.
func (t *textReader) greatest() uint64 {
	width := 8 * t.dtype.Size()
	switch {
	case t.dtype == Bool:
		width = 1
	case t.dtype.IsSigned():
		width--
	}
	return 1<<width - 1
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
		t.out.Floats = push(t.out.Floats, v)
	case t.dtype.IsSigned():
		v, err := strconv.ParseInt(string(field), 10, width)
		if err != nil {
			whole, ok := parseWhole(field, -math.Ldexp(1, width-1), math.Ldexp(1, width-1))
			if !ok {
				return t.fail(ErrRange, "%q is no %v", clip(string(field)), t.dtype)
			}
			v = int64(whole)
		}
		t.out.Integers = push(t.out.Integers, v)
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
		t.out.Words = push(t.out.Words, v)
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
