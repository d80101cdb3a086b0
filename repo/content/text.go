package content

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

	"deployconstants/repo/ndarray"
)

// lineMax bounds, in bytes, a line of a text array or of geometry.
const lineMax = 16 << 20

// maxDims is numpy's limit to dimensions.
const maxDims = 32

// A text is a text array, read as a stream under the rules of ndarray.ReadText.
type text struct {
	lines       lines
	maxElements int

	dtype    ndarray.DType // NoDType until it is known
	low      float64       // least integer of the dtype
	high     float64       // least integer that is too great for it
	ndim     int           // as the header says, 0 if it does not
	dims     []int
	rest     []byte // of the current line
	inLine   int    // numbers of the current line that were read
	columns  int    // of the rows before
	rows     int
	elements int
}

var _ source = (*text)(nil)

func newText(in *bufio.Reader, maxElements int) *text {
	return &text{lines: lines{in: in}, maxElements: maxElements}
}

func (t *text) fail(err error, format string, args ...any) error {
	return readProblem(&ndarray.SyntaxError{Line: t.lines.number, What: fmt.Sprintf(format, args...), Err: err})
}

func (t *text) read(values []float64) (int, error) {
	n := 0
	for n < len(values) {
		field, rest := cutField(t.rest)
		t.rest = rest
		if len(field) == 0 {
			if err := t.nextLine(); errors.Is(err, io.EOF) && n > 0 {
				return n, nil
			} else if err != nil {
				return n, err
			}
			continue
		}
		v, err := t.number(field)
		if err != nil {
			return n, err
		}
		values[n] = v
		n++
		t.inLine++
		if t.elements++; t.elements > t.maxElements {
			return n, readProblem(fmt.Errorf("%w: more than %d elements", ndarray.ErrLimit, t.maxElements))
		}
	}
	return n, nil
}

// nextLine ends a line and reads the one that follows.
func (t *text) nextLine() error {
	if t.inLine > 0 {
		if t.rows > 0 && t.inLine != t.columns {
			return t.fail(ndarray.ErrShape, "%d numbers where the lines above have %d", t.inLine, t.columns)
		}
		t.rows++
		t.columns, t.inLine = t.inLine, 0
	}
	line, err := t.lines.next()
	if errors.Is(err, io.EOF) {
		if err := t.check(); err != nil {
			return readProblem(err)
		}
		return io.EOF
	}
	if err != nil {
		return err
	}
	numbers, comment, found := bytes.Cut(line, []byte{'#'})
	if found && t.rows == 0 {
		if err := t.comment(string(comment)); err != nil {
			return err
		}
	}
	t.rest = numbers
	return nil
}

// check looks at the whole.
func (t *text) check() error {
	if t.rows == 0 {
		return ndarray.ErrNoData
	}
	if t.ndim != len(t.dims) && (t.ndim != 0 || len(t.dims) != 0) {
		return fmt.Errorf("%w: NDIM is %d, but there are %d DIM", ndarray.ErrShape, t.ndim, len(t.dims))
	}
	product, fits := 1, true
	for _, dim := range t.shape() {
		if dim == 0 || product > t.elements/dim {
			fits = false
			break
		}
		product *= dim
	}
	if !fits || product != t.elements {
		return fmt.Errorf("%w: %d elements in the shape %s", ndarray.ErrShape, t.elements, ndarray.ShapeString(t.shape()))
	}
	return nil
}

// shape is psana's: a single row or column is one dimension, and DIM only reshapes
// what has more than two.
func (t *text) shape() []int {
	switch {
	case t.ndim > 2:
		return slices.Clone(t.dims)
	case t.rows == 1 || t.columns == 1:
		return []int{t.elements}
	default:
		return []int{t.rows, t.columns}
	}
}

// comment obeys DTYPE, NDIM and DIM:n; other comments are not read.
func (t *text) comment(text string) error {
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return nil
	}
	key, value := fields[0], fields[1]
	n, err := strconv.Atoi(value)
	switch {
	case key == "DTYPE":
		if t.dtype != ndarray.NoDType {
			return nil
		}
		dtype, err := ndarray.ParseDType(value)
		if err != nil {
			return t.fail(err, "DTYPE")
		}
		t.setDType(dtype)
	case key == "NDIM":
		if err != nil || n < 0 || n > maxDims {
			return t.fail(ndarray.ErrSyntax, "NDIM is %q", value)
		}
		t.ndim = n
	case strings.HasPrefix(key, "DIM:"):
		if err != nil || n < 0 || len(t.dims) >= maxDims {
			return t.fail(ndarray.ErrSyntax, "%s is %q", key, value)
		}
		t.dims = append(t.dims, n)
	}
	return nil
}

func (t *text) setDType(dtype ndarray.DType) {
	t.dtype = dtype
	width := 8 * dtype.Size()
	switch {
	case dtype == ndarray.Bool:
		t.high = 2
	case dtype.IsSigned():
		t.low, t.high = -math.Ldexp(1, width-1), math.Ldexp(1, width-1)
	default:
		t.high = math.Ldexp(1, width)
	}
}

// number reads an element: what psana would make of the field.
func (t *text) number(field []byte) (float64, error) {
	if t.dtype == ndarray.NoDType {
		t.setDType(ndarray.Float64)
	}
	v, ok := decimal(field)
	if t.dtype.IsFloat() {
		if !ok {
			var err error
			v, err = strconv.ParseFloat(string(field), 64)
			if err != nil && !errors.Is(err, strconv.ErrRange) || bytes.ContainsAny(field, "_xX") {
				return 0, t.fail(ndarray.ErrSyntax, "%q is no number", clip(field))
			}
		}
		if t.dtype == ndarray.Float32 {
			v = float64(float32(v))
		}
		return v, nil
	}
	if !ok {
		v, ok = t.long(field)
	}
	if v = math.Trunc(v); !ok || v < t.low || v > t.high || v == t.high && !t.roundedUp(field) {
		return 0, t.fail(ndarray.ErrRange, "%q is no %v", clip(field), t.dtype)
	}
	return v, nil
}

// long reads a number for an integer that is not short.
func (t *text) long(field []byte) (float64, bool) {
	v, err := strconv.ParseFloat(string(field), 64)
	return v, err == nil && !bytes.ContainsAny(field, "_xX")
}

// roundedUp reports whether a field that is as float64 the least integer too great
// for its type was one within it: 18446744073709551615.
func (t *text) roundedUp(field []byte) bool {
	switch t.dtype {
	case ndarray.Int64:
		_, err := strconv.ParseInt(string(field), 10, 64)
		return err == nil
	case ndarray.Uint64:
		_, err := strconv.ParseUint(string(bytes.TrimPrefix(field, []byte("+"))), 10, 64)
		return err == nil
	}
	return false
}

// exactPowers are the powers of ten that float64 has exactly.
var exactPowers = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
	1e11, 1e12, 1e13, 1e14, 1e15}

// decimal reads a number of at most 15 digits without exponent: most of those in
// constants, several times faster than strconv and, because digits and power of
// ten are exact, with its result.
func decimal(field []byte) (v float64, ok bool) {
	negative := false
	if len(field) > 0 && (field[0] == '-' || field[0] == '+') {
		negative = field[0] == '-'
		field = field[1:]
	}
	if len(field) > 16 {
		return 0, false
	}
	mantissa, digits, decimals := uint64(0), 0, 0
	for i, c := range field {
		switch {
		case c >= '0' && c <= '9':
			mantissa = mantissa*10 + uint64(c-'0')
			digits++
		case c == '.' && decimals == 0:
			decimals = len(field) - i // one more than there are
		default:
			return 0, false
		}
	}
	if digits == 0 || digits > 15 {
		return 0, false
	}
	v = float64(mantissa)
	if decimals > 0 {
		v /= exactPowers[decimals-1]
	}
	if negative {
		v = -v
	}
	return v, true
}

// cutField splits off what precedes the next blank.
func cutField(line []byte) (field, rest []byte) {
	begin := 0
	for begin < len(line) && isBlank(line[begin]) {
		begin++
	}
	for end := begin; end < len(line); end++ {
		if isBlank(line[end]) {
			return line[begin:end], line[end+1:]
		}
	}
	return line[begin:], nil
}

func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// clip keeps messages short.
func clip(field []byte) []byte {
	const longest = 40
	return field[:min(len(field), longest)]
}
