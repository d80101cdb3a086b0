package tx

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
)

// maxLine bounds a line of a journal, in bytes.
const maxLine = 1 << 20

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// crcField begins the last field of a line, which covers all before it.
// Part of the format, do not change.
const crcField = `,"crc":"`

// crcTail is the length of that field with the end of the line.
const crcTail = len(crcField) + 8 + len(`"}`)

// A line is a record as it is in the journal.
type line struct {
	Record
	N      int `json:"n"`      // number of the record, from 1
	Synced int `json:"synced"` // number of records that were durable when this one was written
}

// appendLine appends the line, with its newline, to buf.
func appendLine(buf []byte, l *line) ([]byte, error) {
	text, err := json.Marshal(l)
	if err != nil {
		return buf, err
	}
	text = text[:len(text)-1] // "}"
	buf = append(buf, text...)
	buf = append(buf, crcField...)
	buf = fmt.Appendf(buf, `%08x"}`, crc32.Checksum(text, castagnoli))
	return append(buf, '\n'), nil
}

// parseLine reads a line without its newline.
func parseLine(text []byte) (line, error) {
	cut := len(text) - crcTail
	if cut < 0 || !bytes.HasPrefix(text[cut:], []byte(crcField)) {
		return line{}, fmt.Errorf("%w: without check sum", ErrRecord)
	}
	sum, err := strconv.ParseUint(string(text[cut+len(crcField):len(text)-len(`"}`)]), 16, 32)
	if err != nil || uint32(sum) != crc32.Checksum(text[:cut], castagnoli) {
		return line{}, fmt.Errorf("%w: wrong check sum", ErrRecord)
	}
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return line{}, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if l.N < 1 || l.Synced < 0 || l.Synced >= l.N {
		return line{}, fmt.Errorf("%w: number %d, synced %d", ErrRecord, l.N, l.Synced)
	}
	return l, l.check()
}
