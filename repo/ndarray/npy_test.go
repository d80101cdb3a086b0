package ndarray_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"deployconstants/repo/ndarray"

	"github.com/google/go-cmp/cmp"
)

// npy makes a file as numpy.save does.
func npy(version byte, header string, data ...any) []byte {
	var b bytes.Buffer
	b.WriteString("\x93NUMPY")
	b.Write([]byte{version, 0})
	if version == 1 {
		b.Write(binary.LittleEndian.AppendUint16(nil, uint16(len(header))))
	} else {
		b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(header))))
	}
	b.WriteString(header)
	for _, part := range data {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			panic(err) // the test's own mistake
		}
	}
	return b.Bytes()
}

func header(descr, fortran, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }      \n", descr, fortran, shape)
}

func TestReadNPY(t *testing.T) {
	for _, c := range []struct {
		name string
		file []byte
		want ndarray.Array
	}{
		{"float64", npy(1, header("<f8", "False", "(2, 3)"), []float64{1, 2, 3, 4, 5, 6}),
			ndarray.Array{Shape: []int{2, 3}, DType: ndarray.Float64, Floats: []float64{1, 2, 3, 4, 5, 6}}},
		{"version 2 float32", npy(2, header("<f4", "False", "(2,)"), []float32{0.1, -2}),
			ndarray.Array{Shape: []int{2}, DType: ndarray.Float32, Floats: []float64{float64(float32(0.1)), -2}}},
		{"version 3 big-endian", npy(3, header(">u2", "False", "(2,)"), []byte{1, 2, 0xff, 0xfe}),
			ndarray.Array{Shape: []int{2}, DType: ndarray.Uint16, Words: []uint64{0x102, 0xfffe}}},
		{"Fortran order", npy(1, header("<i4", "True", "(2, 3)"), []int32{1, 4, 2, 5, 3, 6}),
			ndarray.Array{Shape: []int{2, 3}, DType: ndarray.Int32, Integers: []int64{1, 2, 3, 4, 5, 6}}},
		{"Fortran order of three", npy(1, header("|i1", "True", "(2, 2, 2)"), []int8{1, 5, 3, 7, 2, 6, 4, -8}),
			ndarray.Array{Shape: []int{2, 2, 2}, DType: ndarray.Int8, Integers: []int64{1, 2, 3, 4, 5, 6, 7, -8}}},
		{"bool", npy(1, header("|b1", "False", "(2,)"), []byte{1, 0}),
			ndarray.Array{Shape: []int{2}, DType: ndarray.Bool, Words: []uint64{1, 0}}},
		{"scalar", npy(1, header("<u8", "False", "()"), uint64(math.MaxUint64)),
			ndarray.Array{Shape: []int{1}, DType: ndarray.Uint64, Words: []uint64{math.MaxUint64}}},
		{"no elements", npy(1, header("<f8", "False", "(0, 3)")),
			ndarray.Array{Shape: []int{0, 3}, DType: ndarray.Float64}},
		{"Python 2", npy(1, `{"shape": (2L,), "fortran_order": False, "descr": "<i8"}`, []int64{-1, math.MinInt64}),
			ndarray.Array{Shape: []int{2}, DType: ndarray.Int64, Integers: []int64{-1, math.MinInt64}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ndarray.ReadNPY(bytes.NewReader(c.file), ndarray.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadNPYErrors(t *testing.T) {
	one := []float64{1}
	for _, c := range []struct {
		name string
		file []byte
		want error
	}{
		{"empty", nil, ndarray.ErrSyntax},
		{"text", []byte("1 2 3 4 5 6 7 8"), ndarray.ErrSyntax},
		{"version 9", npy(9, header("<f8", "False", "(1,)"), one), ndarray.ErrSyntax},
		{"objects", npy(1, header("|O", "False", "(1,)"), one), ndarray.ErrDType},
		{"complex", npy(1, header("<c16", "False", "(1,)"), one, one), ndarray.ErrDType},
		{"half", npy(1, header("<f2", "False", "(1,)"), []byte{0, 0}), ndarray.ErrDType},
		{"structure", npy(1, "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }", one), ndarray.ErrDType},
		{"key twice", npy(1, "{'descr': '<f8', 'descr': '<f8', 'shape': (1,), }", one), ndarray.ErrSyntax},
		{"key missing", npy(1, "{'descr': '<f8', 'shape': (1,), }", one), ndarray.ErrSyntax},
		{"not closed", npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1,", one), ndarray.ErrSyntax},
		{"code", npy(1, "__import__('os').system('id')", one), ndarray.ErrSyntax},
		{"negative shape", npy(1, header("<f8", "False", "(-1,)"), one), ndarray.ErrSyntax},
		{"shape overflows", npy(1, header("<f8", "False", "(4294967296, 4294967296)"), one), ndarray.ErrLimit},
		{"many dimensions", npy(1, header("<f8", "False", "("+strings.Repeat("1,", 40)+")"), one), ndarray.ErrShape},
		{"header too long", npy(2, strings.Repeat(" ", 1<<17)), ndarray.ErrSyntax},
		{"data missing", npy(1, header("<f8", "False", "(2,)"), one), io.ErrUnexpectedEOF},
		{"data left", npy(1, header("<f8", "False", "(1,)"), one, one), ndarray.ErrSyntax},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := ndarray.ReadNPY(bytes.NewReader(c.file), ndarray.Limits{}); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}

// Cut anywhere, a file is an error; a promise of much data costs no memory.
func TestReadNPYTruncated(t *testing.T) {
	file := npy(1, header("<f8", "False", "(2,)"), []float64{1, 2})
	for n := range file {
		if _, err := ndarray.ReadNPY(bytes.NewReader(file[:n]), ndarray.Limits{}); err == nil {
			t.Errorf("no error from the first %d of %d bytes", n, len(file))
		}
	}
	promise := npy(1, header("<f8", "False", "(8192, 8192)"), []float64{1})
	allocated := testing.AllocsPerRun(1, func() {
		if _, err := ndarray.ReadNPY(bytes.NewReader(promise), ndarray.Limits{}); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("error %v, want io.ErrUnexpectedEOF", err)
		}
	})
	if allocated > 200 {
		t.Errorf("%v allocations for a promise", allocated)
	}
}

func FuzzReadNPY(f *testing.F) {
	f.Add(npy(1, header("<f8", "False", "(2,)"), []float64{1, 2}))
	f.Add(npy(2, header(">i2", "True", "(1, 2)"), []int16{1, 2}))
	f.Add(npy(1, header("<u8", "False", "(99999999999,)"), uint64(1)))
	f.Fuzz(func(t *testing.T, file []byte) {
		a, err := ndarray.ReadNPY(bytes.NewReader(file), ndarray.Limits{MaxElements: 1000})
		if err != nil {
			return
		}
		if err := a.Check(); err != nil {
			t.Error(err)
		}
		if a.Len() > 1000 {
			t.Errorf("%d elements in spite of the limit", a.Len())
		}
	})
}
