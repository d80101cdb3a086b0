package ndarray

import (
	"bufio"
	"io"
)

// Read reads an array in either form: a NumPy file if it begins as one, else text
// with the elements of its DTYPE line, or Float64. Errors are those of ReadNPY and
// ReadText.
func Read(r io.Reader, limits Limits) (*Array, error) {
	in := bufio.NewReader(r)
	if magic, err := in.Peek(len(npyMagic)); err == nil && string(magic) == npyMagic {
		return ReadNPY(in, limits)
	}
	return ReadText(in, ReadOptions{Limits: limits})
}
