package panels

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"

	"deployconstants/repo"
	"deployconstants/repo/ndarray"
)

// Merged are the constants of a detector, merged from tables.
type Merged struct {
	// Array is of shape (gains, panels, rows, columns) and type Float32, but Float64
	// if an offset was added anywhere, as psana's tools have it.
	Array *ndarray.Array

	Digests map[string][sha256.Size]byte // of the tables, by path

	doubles []bool // by panel: an offset was added
}

// Merge reads the tables and stacks them. The digests are of the bytes that were
// read. Gaps are filled: whether they may be is for the caller to decide, with
// Check.
//
// Errors: ErrTable for one of another shape, with other contents than numbers, or
// with a median of 0 where gains are scaled;
// those of repo.OpenConstants; the cause of ctx. The tables of one panel are in
// memory at a time, and the array: 120 MB for an epix10ka2M.
func (r *Recipe) Merge(ctx context.Context) (*Merged, error) {
	k := r.Kind
	size := k.rows * k.columns
	m := &Merged{
		Array: &ndarray.Array{
			Shape: []int{len(k.slots), len(r.IDs), k.rows, k.columns}, DType: ndarray.Float32,
			Floats: make([]float64, len(k.slots)*len(r.IDs)*size),
		},
		Digests: map[string][sha256.Size]byte{},
		doubles: make([]bool, len(r.IDs)),
	}
	for panel, cells := range r.cells {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		tables := map[string][]float64{}
		for _, c := range cells {
			for _, input := range c.inputs {
				if _, read := tables[input.Path]; read {
					continue
				}
				var err error
				if tables[input.Path], err = r.read(input, m.Digests); err != nil {
					return nil, err
				}
			}
		}
		for gain, c := range cells {
			at := (gain*len(r.IDs) + panel) * size
			if err := r.cook(m.Array.Floats[at:at+size], gain, c, tables); err != nil {
				return nil, err
			}
			if c.summed(k) {
				m.doubles[panel], m.Array.DType = true, ndarray.Float64
			}
		}
	}
	return m, nil
}

// summed reports whether an offset is added in the cell, which psana's tools do with
// doubles.
func (c cell) summed(k Kind) bool { return k.derive == plusOffset && len(c.inputs) == 2 }

// cook fills a cell. The error is ErrTable if it cannot be scaled.
func (r *Recipe) cook(to []float64, gain int, c cell, tables map[string][]float64) error {
	if len(c.inputs) == 0 {
		fill := float64(float32(r.Kind.slots[gain].fill))
		for i := range to {
			to[i] = fill
		}
		return nil
	}
	first := tables[c.inputs[0].Path]
	switch {
	case c.summed(r.Kind):
		offset := tables[c.inputs[1].Path]
		for i, v := range first {
			to[i] = v + offset[i]
		}
	case r.Kind.derive == scaled:
		middle := median(tables[c.inputs[1].Path])
		if !(middle > 0) || math.IsInf(float64(middle), 0) {
			return fmt.Errorf("%s: %w: its median is %v, to which no gain can be scaled", c.inputs[1].Path, ErrTable, middle)
		}
		scale := float32(c.factor / float64(middle))
		for i, v := range first {
			to[i] = float64(float32(v) * scale)
		}
	default:
		for i, v := range first {
			to[i] = float64(float32(v))
		}
	}
	return nil
}

// median is numpy's of a float32 array: of an even number of elements the mean of
// the two in the middle.
func median(values []float64) float32 {
	sorted := make([]float32, len(values))
	for i, v := range values {
		sorted[i] = float32(v)
	}
	slices.Sort(sorted)
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// read returns the numbers of a table.
func (r *Recipe) read(input Input, digests map[string][sha256.Size]byte) (values []float64, err error) {
	f, err := r.store.files.OpenConstants(input.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: it is gone, or a link that leads nowhere: %w", input.Path, err)
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	hash := sha256.New()
	k := r.Kind
	a, err := ndarray.ReadText(io.TeeReader(f, hash), ndarray.ReadOptions{
		DType: ndarray.Float64, Limits: ndarray.Limits{MaxElements: k.rows * k.columns},
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", input.Path, ErrTable, err)
	}
	if want := []int{k.rows, k.columns}; !slices.Equal(a.Shape, want) {
		return nil, fmt.Errorf("%s: %w: %w: it is %s, want %s", input.Path, ErrTable, repo.ErrBadShape,
			ndarray.ShapeString(a.Shape), ndarray.ShapeString(want))
	}
	digests[input.Path] = [sha256.Size]byte(hash.Sum(nil))
	return a.Floats, nil
}

// Shape is that of the array, as psana writes shapes.
func (m *Merged) Shape() string { return ndarray.ShapeString(m.Array.Shape) }

// Table returns the constants of one panel in one gain, of shape (rows, columns), which are
// part of the array.
func (m *Merged) Table(gain, panel int) *ndarray.Array {
	rows, columns := m.Array.Shape[2], m.Array.Shape[3]
	at := (gain*m.Array.Shape[1] + panel) * rows * columns
	return &ndarray.Array{Shape: []int{rows, columns}, DType: m.Array.DType, Floats: m.Array.Floats[at : at+rows*columns]}
}

// Panel returns a copy of the constants of one panel, of shape (gains, 1, rows,
// columns).
func (m *Merged) Panel(index int) *ndarray.Array {
	gains, panels := m.Array.Shape[0], m.Array.Shape[1]
	size := m.Array.Shape[2] * m.Array.Shape[3]
	a := &ndarray.Array{
		Shape: []int{gains, 1, m.Array.Shape[2], m.Array.Shape[3]}, DType: ndarray.Float32,
		Floats: make([]float64, 0, gains*size),
	}
	if m.doubles[index] {
		a.DType = ndarray.Float64
	}
	for gain := range gains {
		at := (gain*panels + index) * size
		a.Floats = append(a.Floats, m.Array.Floats[at:at+size]...)
	}
	return a
}
