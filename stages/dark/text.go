package dark

import (
	"fmt"
	"io"
	"slices"

	"deployconstants/repo/ndarray"
)

// outputNames are, by Output, what calibrun calls an array in a file's name, in a
// comment, and its format.
var outputNames = [...]struct{ tag, label, format string }{
	Average: {"ave", "average", "%8.2f"},
	RMS:     {"rms", "RMS", "%8.2f"},
	Status:  {"sta", "status", "%d"},
	Mask:    {"msk", "mask", "%1d"},
	Max:     {"max", "max", "%d"},
	Min:     {"min", "min", "%d"},
}

// String returns what calibrun calls the array in names of files: ave, rms, sta,
// msk, max, min.
func (o Output) String() string {
	if int(o) < len(outputNames) {
		return outputNames[o].tag
	}
	return fmt.Sprintf("output %d", uint8(o))
}

// CalibrunName is the name of a file in calibrun's work directory.
func CalibrunName(experiment string, run int, o Output, source string) string {
	return fmt.Sprintf("clb-%s-r%04d-peds-%s-%s.txt", experiment, run, o, source)
}

// TextOptions are what a text file says of a dark beside its numbers.
type TextOptions struct {
	Dataset string // "exp=xpptut15:run=260"
	Source  string // "XppGon.0:Epix100a.1"
	Format  string // of an element; default calibrun's
	Header  ndarray.Header
}

// WriteText writes one of the arrays as calibrun saves it, to the byte
// (spec/dark.md section 13): with four comments, and a cspad2x2 as the data
// acquisition has it, see AsDAQ. Errors are those of ndarray.Array.WriteText.
func (r *Result) WriteText(w io.Writer, o Output, options TextOptions) error {
	if options.Format == "" {
		options.Format = outputNames[o].format
	}
	a := AsDAQ(r.Array(o))
	return a.WriteText(w, ndarray.TextOptions{
		Format: options.Format,
		Comments: []string{
			"DATASET  " + options.Dataset,
			fmt.Sprintf("STATISTICS  %d", r.Statistics),
			"ARR_TYPE  " + outputNames[o].label,
			"SOURCE  " + options.Source,
		},
		Header:     options.Header,
		NoMetadata: slices.Contains(withoutMetadata[:], a.Len()),
	})
}

// Sections of a cspad.
const (
	sectionRows, sectionColumns = 185, 388
	sectionPixels               = sectionRows * sectionColumns
)

// withoutMetadata are the numbers of elements of which psana knows the shape: a
// cspad2x2 and a cspad. It reads their text without dimensions.
var withoutMetadata = [...]int{2 * sectionPixels, 32 * sectionPixels}

// AsDAQ returns an array of a cspad2x2, (2,185,388), as the data acquisition and
// psana's constants have it, with the two sections as the last dimension:
// (185,388,2). Others are returned as they are.
func AsDAQ(a *ndarray.Array) *ndarray.Array {
	if !slices.Equal(a.Shape, []int{2, sectionRows, sectionColumns}) {
		return a
	}
	return &ndarray.Array{
		Shape: []int{sectionRows, sectionColumns, 2}, DType: a.DType,
		Floats: interleave(a.Floats), Integers: interleave(a.Integers), Words: interleave(a.Words),
	}
}

func interleave[T any](values []T) []T {
	mixed := make([]T, len(values))
	half := len(values) / 2
	for i := range half {
		mixed[2*i], mixed[2*i+1] = values[i], values[half+i]
	}
	return mixed
}
