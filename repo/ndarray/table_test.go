package ndarray_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/testenv"
	"deployconstants/repo/ndarray"

	"github.com/google/go-cmp/cmp"
)

// A saveRow is a row of tables/save_txt.json: what the original wrote.
type saveRow struct {
	Shape   []int
	DType   string
	Values  []string
	Fmt     string
	Options struct {
		Cmts     []string
		AddMetad *bool
	}
	Text  string
	Error string
}

// array makes the row's array.
func (row saveRow) array(t *testing.T) *ndarray.Array {
	t.Helper()
	dtype, err := ndarray.ParseDType(row.DType)
	if err != nil {
		t.Fatal(err)
	}
	a := &ndarray.Array{Shape: row.Shape, DType: dtype}
	for _, text := range row.Values {
		switch {
		case dtype.IsFloat():
			v, err := strconv.ParseFloat(text, 8*dtype.Size())
			if err != nil {
				t.Fatal(err)
			}
			a.Floats = append(a.Floats, v)
		case dtype.IsSigned():
			v, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			a.Integers = append(a.Integers, v)
		case dtype == ndarray.Bool:
			a.Words = append(a.Words, map[string]uint64{"True": 1, "False": 0}[text])
		default:
			v, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			a.Words = append(a.Words, v)
		}
	}
	return a
}

func TestSaveTable(t *testing.T) {
	var rows []saveRow
	text, err := os.ReadFile(testenv.Shared(t, "golden", "tables", "save_txt.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		t.Run(fmt.Sprintf("%02d %s %s", i, row.DType, row.Fmt), func(t *testing.T) {
			testenv.Case(t, "tables/save_txt")
			a := row.array(t)
			var got bytes.Buffer
			err := a.WriteText(&got, ndarray.TextOptions{
				Format:   row.Fmt,
				Comments: row.Options.Cmts,
				Header: ndarray.Header{
					Host: "psanagpu105", WorkDir: "<cwd>", FileName: "nda.txt", User: "dubrovin",
					Time: time.Date(2022, 6, 9, 12, 19, 26, 0, time.UTC),
				},
				NoMetadata: row.Options.AddMetad != nil && !*row.Options.AddMetad,
			})
			if row.Error != "" {
				want := ndarray.ErrRange // nan with %d
				if len(row.Shape) == 0 {
					want = ndarray.ErrShape
				}
				if !errors.Is(err, want) {
					t.Fatalf("error %v, want %v; the original: %s", err, want, row.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.Text, got.String()); diff != "" {
				t.Error(diff)
			}
			if a.Len() > 0 {
				readBack(t, got.String(), a, row)
			}
		})
	}
}

// readBack reads what was written: the shape is psana's, and the numbers make the
// same text again.
func readBack(t *testing.T, text string, a *ndarray.Array, row saveRow) {
	t.Helper()
	dtype := ndarray.Float64
	if a.DType == ndarray.Uint64 && strings.ContainsAny(row.Fmt, "di") {
		dtype = ndarray.Uint64
	}
	b, err := ndarray.ReadText(strings.NewReader(text), ndarray.ReadOptions{DType: dtype})
	if err != nil {
		t.Fatal(err)
	}
	shape := a.Shape
	switch {
	case len(shape) == 2 && shape[0] == 1:
		shape = shape[1:] // a row is one dimension
	case len(shape) > 2 && row.Options.AddMetad != nil:
		t.Fatal("a row without dimensions in its header: extend this test")
	}
	if diff := cmp.Diff(shape, b.Shape); diff != "" {
		t.Errorf("shape read back:\n%s", diff)
	}
	b.Shape = a.Shape
	var again bytes.Buffer
	if err := b.WriteText(&again, ndarray.TextOptions{Format: row.Fmt}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(numbers(text), numbers(again.String())); diff != "" {
		t.Errorf("numbers read back:\n%s", diff)
	}
}

// numbers returns what follows the last blank line.
func numbers(text string) string { return text[strings.LastIndex(text, "\n\n")+2:] }
