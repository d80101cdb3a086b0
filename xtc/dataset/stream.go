package dataset

import (
	"errors"
	"fmt"
	"io"

	"deployconstants/xtc"
)

// maxDgrams bounds the datagrams that are read of a stream: its run begins with the
// second or third of them.
const maxDgrams = 1000

// maxFiducials is where the fiducials counter wraps; events cannot have more.
const maxFiducials = 0x1ffe0

// A stream is the chunks of one stream of a run as one sequence of datagrams, the
// next of which is head.
type stream struct {
	number int
	chunks []FileName // not opened yet
	open   func(path string) (*xtc.File, error)
	warn   func(Warning)

	file *xtc.File  // nil between chunks
	path string     // of file
	head *xtc.Dgram // nil at the end of the stream
	seen int        // datagrams read
}

// control reports whether this is a control stream.
func (s *stream) control() bool { return s.number >= FirstControlStream }

// advance makes the next datagram that psana looks at the head. Behind the first
// datagram of a stream it passes over Enable and Disable and over events whose
// fiducials are none.
func (s *stream) advance() error {
	for {
		if err := s.next(); err != nil || s.head == nil || s.seen == 1 {
			return err
		}
		switch s.head.Service() {
		case xtc.TransitionEnable, xtc.TransitionDisable:
		case xtc.TransitionL1Accept:
			if s.head.Fiducials < maxFiducials {
				return nil
			}
		default:
			return nil
		}
	}
}

// next reads the next datagram of the stream. A chunk that ends inside a datagram
// gives a warning and ends there; the stream goes on with the next chunk.
func (s *stream) next() error {
	s.head = nil
	for {
		if s.file == nil {
			if len(s.chunks) == 0 {
				return nil
			}
			s.path = s.chunks[0].Path
			s.chunks = s.chunks[1:]
			file, err := s.open(s.path)
			if err != nil {
				return err
			}
			s.file = file
		}
		head, err := s.file.Next()
		switch {
		case err == nil && s.seen == maxDgrams:
			return fmt.Errorf("%s: %w", s.path, &xtc.FormatError{Off: head.Offset, What: "datagram", Got: s.seen + 1, Err: ErrLate})
		case err == nil:
			if s.seen++; s.seen == 1 {
				head.Clock = firstClock(head.Clock)
			}
			s.head = head
			return nil
		case errors.Is(err, xtc.ErrTornDgram):
			s.warn(Warning{s.path, err})
		case err != io.EOF:
			return fmt.Errorf("%s: %w", s.path, err)
		}
		if changed, err := s.file.Changed(); err == nil && changed {
			s.warn(Warning{s.path, ErrChanged})
		}
		if err := s.close(); err != nil {
			return err
		}
	}
}

// close closes the chunk that is open, if one is.
func (s *stream) close() error {
	if s.file == nil {
		return nil
	}
	file := s.file
	s.file = nil
	return file.Close()
}

// firstClock is what psana makes of the clock of a stream's first datagram: it
// adds an offset of 0 in signed arithmetic and carries one second at most, so that
// damaged nanoseconds move the second.
func firstClock(c xtc.Clock) xtc.Clock {
	const second = 1_000_000_000
	switch nsec := int32(c.Nsec); {
	case nsec < 0:
		return xtc.Clock{Sec: c.Sec - 1, Nsec: c.Nsec + second}
	case nsec >= second:
		return xtc.Clock{Sec: c.Sec + 1, Nsec: c.Nsec - second}
	}
	return c
}
