package darkrun

import (
	"bytes"
	"fmt"
	"slices"

	"deployconstants/repo/geometry"
	"deployconstants/repo/ndarray"
	"deployconstants/stages/dark"
	"deployconstants/xtc"
)

// What calibrun knows of a rayonix (spec/dark.md section 4).
const (
	rayonixType  = "rayonix"
	rayonixPixel = 44.5 // um, side of a pixel without binning
	rayonixSide  = 3840 // pixels without binning
)

// rayonixDistance is the z of the geometry, in um: the default of the geometry command.
const rayonixDistance = -100000

// pedestals are what is saved as such.
func (s *single) pedestals(r *dark.Result) []float64 {
	if s.ZeroPedestals {
		return make([]float64, len(r.Averages))
	}
	return r.Averages
}

// zeros are pedestals in place of the averages, as calibrun saves them: without comments.
func (s *single) zeros(r *dark.Result, name string) ([]byte, error) {
	a := &ndarray.Array{Shape: r.Shape, DType: ndarray.Float64, Floats: s.pedestals(r)}
	header := s.Header
	header.FileName = name
	var text bytes.Buffer
	err := a.WriteText(&text, ndarray.TextOptions{Format: "%.0f", Header: header})
	return text.Bytes(), err
}

// geometry is the text of a geometry with one segment, of the size of the frames.
func (s *single) geometry(d *Dark, r *dark.Result) []byte {
	m := s.matrix(r.Shape)
	comment := fmt.Sprintf("Geometry of %s, of the size in run %d of %s", d.Source, d.Run, s.Experiment)
	return geometry.OfMatrix(m, geometry.Position{Z: rayonixDistance}, comment).Bytes()
}

// matrix is the segment of frames of that shape. The binning is that of the configuration,
// since there is a model with twice the pixels; if it is for frames of another shape, that
// of calibrun, which knows the smaller model alone.
func (s *single) matrix(shape []int) geometry.Matrix {
	m := geometry.Matrix{
		Rows: shape[0], Cols: shape[1],
		RowPitch: rayonixPixel * rayonixSide / float64(shape[0]), ColPitch: rayonixPixel * rayonixSide / float64(shape[1]),
	}
	if c, ok := s.detector.Config.(*xtc.RayonixConfig); ok && slices.Equal(c.Shape(), shape) {
		m.RowPitch, m.ColPitch = rayonixPixel*float64(c.BinningSlow), rayonixPixel*float64(c.BinningFast)
	}
	return m
}
