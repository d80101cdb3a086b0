package content

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"deployconstants/repo/ndarray"
)

// lines reads lines of bounded length.
type lines struct {
	in     *bufio.Reader
	number int    // of the last one, from 1
	long   []byte // a line longer than the buffer
}

// next returns the next line, valid until the next call; io.EOF after the last.
func (l *lines) next() ([]byte, error) {
	l.long = l.long[:0]
	for {
		part, err := l.in.ReadSlice('\n')
		if err == nil && len(l.long) == 0 {
			l.number++
			return part, nil
		}
		more := errors.Is(err, bufio.ErrBufferFull)
		if err != nil && !more && !(errors.Is(err, io.EOF) && len(part)+len(l.long) > 0) {
			return nil, err
		}
		if l.long = append(l.long, part...); len(l.long) > lineMax {
			return nil, readProblem(fmt.Errorf("%w: line %d has more than %d bytes", ndarray.ErrLimit, l.number+1, lineMax))
		}
		if !more {
			l.number++
			return l.long, nil
		}
	}
}
