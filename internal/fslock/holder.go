package fslock

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
)

// maxHolder bounds what is read of a lock file, in bytes.
const maxHolder = 8 << 10

// A Holder is who holds a lock file, for those who wait for it.
type Holder struct {
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	User    string    `json:"user,omitempty"`
	Job     string    `json:"job,omitempty"` // of the batch system
	Since   time.Time `json:"since"`         // UTC
	Command string    `json:"command,omitempty"`
}

// String describes the holder in a message:
//
//	host psana101 pid 4711 (user opr, job 99) since 2026-11-24T01:02:03Z, running "sweep -D"
//
// Control characters, which a hostile lock file could have, are escaped.
func (h Holder) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "host %s pid %d", printable(h.Host), h.PID)
	var who []string
	if h.User != "" {
		who = append(who, "user "+printable(h.User))
	}
	if h.Job != "" {
		who = append(who, "job "+printable(h.Job))
	}
	if len(who) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(who, ", "))
	}
	if !h.Since.IsZero() {
		fmt.Fprintf(&b, " since %s", h.Since.UTC().Format(time.RFC3339))
	}
	if h.Command != "" {
		fmt.Fprintf(&b, ", running %q", h.Command)
	}
	return b.String()
}

// printable escapes what could disturb a terminal.
func printable(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return text
	}
	return fmt.Sprintf("%q", text)
}

// readHolder reads who holds the lock file; nil where it does not tell: it has
// just been taken, or locked by something else.
func readHolder(f io.ReaderAt) *Holder {
	buf := make([]byte, maxHolder)
	n, err := f.ReadAt(buf, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	line, _, whole := strings.Cut(string(buf[:n]), "\n")
	var h Holder
	if !whole || json.Unmarshal([]byte(line), &h) != nil {
		return nil
	}
	return &h
}

// writeHolder makes the line of the holder the content of the file.
func writeHolder(f lockFile, h Holder) error {
	line, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if len(line) >= maxHolder {
		return fmt.Errorf("the description of the holder is longer than %d bytes: %w", maxHolder, unix.EMSGSIZE)
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt(append(line, '\n'), 0)
	return err
}

// lockFile is what writeHolder needs of an *os.File.
type lockFile interface {
	io.WriterAt
	Truncate(size int64) error
}
