package xtctest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
)

// blockSize is the unit in which a file system stores or leaves out bytes.
const blockSize = 4096

var zeroBlock [blockSize]byte

// WriteFile writes the file of these datagrams. Blocks of zeros become holes.
func WriteFile(path string, dgrams []Dgram) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var off int64
	for i := range dgrams {
		for _, c := range dgrams[i].chunks() {
			if err := writeSparse(f, c.bytes, off); err != nil {
				return err
			}
			off += int64(len(c.bytes)) + c.sparse
		}
	}
	if err := f.Truncate(off); err != nil {
		return fmt.Errorf("reserve %d bytes: %w", off, err)
	}
	return nil
}

// writeSparse writes b at off without its blocks of zeros.
func writeSparse(f *os.File, b []byte, off int64) error {
	for len(b) > 0 {
		hole := 0
		for len(b)-hole >= blockSize && bytes.Equal(b[hole:hole+blockSize], zeroBlock[:]) {
			hole += blockSize
		}
		b, off = b[hole:], off+int64(hole)
		data := min(len(b), blockSize)
		for data < len(b) && (len(b)-data < blockSize || !bytes.Equal(b[data:data+blockSize], zeroBlock[:])) {
			data = min(len(b), data+blockSize)
		}
		if _, err := f.WriteAt(b[:data], off); err != nil {
			return err
		}
		b, off = b[data:], off+int64(data)
	}
	return nil
}
