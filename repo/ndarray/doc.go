// Package ndarray holds arrays of calibration constants and reads and writes them:
// the text format of psana's calibration files, to the byte, and numpy's .npy.
//
//	a, err := ndarray.FromFloats([]int{704, 768}, values)
//	...
//	err = a.WriteText(w, ndarray.TextOptions{Format: "%.4f", Header: header})
//
// # Text format
//
// As PSCalib/NDArrIO.py save_txt writes and load_txt reads it:
//
//	# TITLE ...                   comments, any number
//	<blank line>
//	# HOST        psanagpu105     Header, one line each
//	# WORK_DIR    /home/user
//	# FILE_NAME   as given
//	# DATE_TIME   2022-06-09T12:19:26
//	# UID         user
//	# SHAPE       (704,768)       1-d: (4,)
//	# DATATYPE    float64
//	<blank line>
//	# DTYPE       float64         what reading obeys
//	# NDIM        2
//	# DIM:0       704
//	# DIM:1       768
//	<blank line>
//	0.0610 0.0610 ...             one row a line, one blank between elements
//
// Arrays of more than two dimensions are written as rows of their last one. An
// array of one dimension is a single line with a blank in front of it and behind
// each element, and no newline at the end. Tables of single panels (.dat) are the
// rows alone.
//
// Elements are formatted as C's printf does: rounded from the exact binary value,
// ties to even; float32 widened to double first; nan, inf and -inf; %d of a
// floating point number truncates; 64-bit integers are exact.
//
// # Limits
//
// Only the element types of DType are read. Files may come from anybody: what
// they announce is checked before it is believed, memory grows only as data
// arrive, and Limits bound it.
package ndarray
