package xtc

import (
	"errors"
	"fmt"
	"io"
)

// Conditions that a FormatError wraps, for errors.Is.
var (
	// ErrTornDgram: the file ends inside a datagram, as one that was cut or is
	// still being written. It wraps io.ErrUnexpectedEOF.
	ErrTornDgram = fmt.Errorf("the file ends inside a datagram: %w", io.ErrUnexpectedEOF)
	// ErrTrailingBytes: fewer bytes than a datagram header are left: a torn header,
	// or bytes that do not belong to the file. It wraps ErrTornDgram.
	ErrTrailingBytes = fmt.Errorf("fewer bytes than a header are left: %w", ErrTornDgram)
	// ErrZeroTail: zeros where a datagram should begin, as in a file whose space was
	// reserved but not written.
	ErrZeroTail = errors.New("zeros where a datagram should begin")
	// ErrExtent: an extent is below the 20-byte header, or reaches beyond what
	// holds it.
	ErrExtent = errors.New("impossible extent")
	// ErrTooLarge: a datagram is larger than Limits.MaxDgram.
	ErrTooLarge = errors.New("datagram above the size limit")
	// ErrDepth: containers are nested deeper than Limits.MaxDepth.
	ErrDepth = errors.New("nesting above the depth limit")
	// ErrNodes: a datagram has more nodes than Limits.MaxNodes.
	ErrNodes = errors.New("node count above the limit")
	// ErrNotConfig: the node holds no configuration object that this package
	// decodes. It is returned as it is: the file is sound.
	ErrNotConfig = errors.New("no configuration object known here")
	// ErrConfig: a configuration object contradicts itself or does not fit its
	// payload.
	ErrConfig = errors.New("broken configuration object")
	// ErrStale: a node of an earlier datagram was used with a Reader, which keeps
	// only the current one.
	ErrStale = errors.New("the node's datagram has been read past")
	// ErrNotRegular: Open was given a directory, a pipe or a device.
	ErrNotRegular = errors.New("not a regular file")
)

// FormatError says what is wrong in an XTC file, and where.
type FormatError struct {
	Off  int64  // bytes from the start of the file
	What string // the field or object, "extent of a datagram"
	Got  any    // the offending value, nil where there is none
	Err  error  // one of the sentinels of this package
}

// Error returns "offset 0x1a40: datagram extent 12: impossible extent".
func (e *FormatError) Error() string {
	text := fmt.Sprintf("offset %#x: %s", e.Off, e.What)
	if e.Got != nil {
		text += fmt.Sprintf(" %v", e.Got)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the condition.
func (e *FormatError) Unwrap() error { return e.Err }
