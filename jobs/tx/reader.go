package tx

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// A journalReader reads the records of a journal up to where it is torn.
//
// A record is torn off, not damaged, if no line of the journal was written after
// it had been synced: its group was cut short by the crash of a process or a
// machine. Lines that follow it in the same group do not count either. Nothing
// was claimed on the strength of such records.
type journalReader struct {
	lines *bufio.Reader
	n     int   // of the last whole record
	whole int64 // bytes up to its end
	torn  bool
}

func newJournalReader(r io.Reader) *journalReader {
	return &journalReader{lines: bufio.NewReaderSize(r, 64<<10)}
}

// next returns the next record; io.EOF at the end or where the journal is torn.
// Other errors wrap ErrDamaged or are those of the reader.
func (j *journalReader) next() (Record, error) {
	l, size, err := j.read()
	if err == nil && l.N != j.n+1 {
		err = fmt.Errorf("%w: number %d after %d", ErrRecord, l.N, j.n)
	}
	switch {
	case err == nil:
		j.n, j.whole = l.N, j.whole+size
		return l.Record, nil
	case errors.Is(err, ErrRecord):
		return Record{}, j.checkTorn(err)
	}
	return Record{}, err
}

// checkTorn reads what follows the first record that is not whole. It returns
// io.EOF if that is torn, else the damage.
func (j *journalReader) checkTorn(damage error) error {
	j.torn = true
	for {
		l, _, err := j.read()
		switch {
		case err == io.EOF:
			return io.EOF
		case err == nil && l.Synced > j.n:
			return fmt.Errorf("record %d: %w: %w", j.n+1, ErrDamaged, damage)
		case err != nil && !errors.Is(err, ErrRecord):
			return err
		}
	}
}

// read returns the next line and its size in bytes. What is no line wraps
// ErrRecord, the end is io.EOF.
func (j *journalReader) read() (l line, size int64, err error) {
	text, err := j.lines.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		text = append([]byte(nil), text...)
		for errors.Is(err, bufio.ErrBufferFull) {
			var more []byte
			more, err = j.lines.ReadSlice('\n')
			if len(text) <= maxLine {
				text = append(text, more...)
			}
		}
	}
	switch {
	case err == io.EOF && len(text) > 0:
		return line{}, 0, fmt.Errorf("%w: without end", ErrRecord)
	case err != nil:
		return line{}, 0, err
	case len(text) > maxLine:
		return line{}, 0, fmt.Errorf("%w: longer than %d bytes", ErrRecord, maxLine)
	}
	l, err = parseLine(text[:len(text)-1])
	return l, int64(len(text)), err
}
