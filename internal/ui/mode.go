package ui

import (
	"fmt"
	"io"
	"os"
)

// A Mode is how progress is shown.
type Mode string

// The modes, as --progress names them.
const (
	Auto  Mode = "auto"
	TTY   Mode = "tty"
	Plain Mode = "plain"
	JSON  Mode = "json"
	None  Mode = "none"
)

// ParseMode reads a mode; "" is Auto.
func ParseMode(text string) (Mode, error) {
	switch mode := Mode(text); mode {
	case "":
		return Auto, nil
	case Auto, TTY, Plain, JSON, None:
		return mode, nil
	}
	return "", fmt.Errorf("progress %q is none of auto, tty, plain, json, none", text)
}

// resolve makes a decision of Auto.
func (m Mode) resolve(w io.Writer, getenv func(string) string) Mode {
	if m != Auto && m != "" {
		return m
	}
	if _, is := Width(w); is && getenv("TERM") != "dumb" {
		return TTY
	}
	return Plain
}

// defaultWidth is that of a terminal which does not tell its own, in columns.
const defaultWidth = 80

// Width returns the columns of the terminal that w writes to, and false if it is
// none. It asks each time, because windows are resized.
func Width(w io.Writer) (columns int, terminal bool) {
	f, is := w.(*os.File)
	if !is {
		return 0, false
	}
	return width(f)
}
