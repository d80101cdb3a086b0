package ndarray

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// A Header is the record of where a text array comes from.
type Header struct {
	Host     string
	WorkDir  string
	FileName string // as given by whoever saves it
	Time     time.Time
	User     string
}

// TextOptions say how an array is written as text.
type TextOptions struct {
	Format     string   // printf format of an element; default "%.4f"
	Comments   []string // lines in front of everything, without '#'
	Header     Header   // Time is written in its own zone
	NoMetadata bool     // leave out DTYPE, NDIM and DIM, which reading obeys
}

// WriteText writes the array in psana's text format. Control characters in the
// header and comments are replaced by '?': each must stay one line.
//
// Errors: ErrFormat, ErrShape, ErrRange (nan or inf with %d), or what w says.
func (a *Array) WriteText(w io.Writer, o TextOptions) error {
	if o.Format == "" {
		o.Format = "%.4f"
	}
	format, err := ParseFormat(o.Format)
	if err != nil {
		return err
	}
	if err := a.Check(); err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	a.writeHeader(out, o)
	if len(a.Shape) == 1 {
		err = a.writeLine(out, format)
	} else {
		err = a.writeRows(out, format)
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

// WriteTable writes the rows of the last dimension and nothing else, as psana's
// tools keep the constants of single panels (.dat). Errors: those of WriteText.
func (a *Array) WriteTable(w io.Writer, format string) error {
	parsed, err := ParseFormat(format)
	if err != nil {
		return err
	}
	if err := a.Check(); err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	if err := a.writeRows(out, parsed); err != nil {
		return err
	}
	return out.Flush()
}

func (a *Array) writeHeader(out *bufio.Writer, o TextOptions) {
	for _, comment := range o.Comments {
		fmt.Fprintf(out, "# %s\n", oneLine(comment))
	}
	key := func(name, value string) { fmt.Fprintf(out, "# %-11s %s\n", name, oneLine(value)) }
	out.WriteByte('\n')
	key("HOST", o.Header.Host)
	key("WORK_DIR", o.Header.WorkDir)
	key("FILE_NAME", o.Header.FileName)
	key("DATE_TIME", o.Header.Time.Format("2006-01-02T15:04:05"))
	key("UID", o.Header.User)
	key("SHAPE", ShapeString(a.Shape))
	key("DATATYPE", a.DType.String())
	out.WriteByte('\n')
	if o.NoMetadata {
		return
	}
	key("DTYPE", a.DType.String())
	key("NDIM", fmt.Sprint(len(a.Shape)))
	for i, dim := range a.Shape {
		key(fmt.Sprintf("DIM:%d", i), fmt.Sprint(dim))
	}
	out.WriteByte('\n')
}

// writeLine writes an array of one dimension.
func (a *Array) writeLine(out *bufio.Writer, format Format) error {
	out.WriteByte(' ')
	var text []byte
	var err error
	for i := range a.Len() {
		if text, err = a.appendElement(text[:0], i, format); err != nil {
			return err
		}
		out.Write(append(text, ' '))
	}
	return nil
}

// writeRows writes rows of the last dimension.
func (a *Array) writeRows(out *bufio.Writer, format Format) error {
	columns := a.Shape[len(a.Shape)-1]
	rows := 0
	if columns > 0 {
		rows = a.Len() / columns
	}
	var text []byte
	var err error
	for row := range rows {
		text = text[:0]
		for i := row * columns; i < (row+1)*columns; i++ {
			if text, err = a.appendElement(text, i, format); err != nil {
				return err
			}
			text = append(text, ' ')
		}
		text[len(text)-1] = '\n'
		if _, err := out.Write(text); err != nil {
			return err
		}
	}
	return nil
}

func (a *Array) appendElement(to []byte, i int, format Format) ([]byte, error) {
	switch {
	case a.DType.IsFloat():
		return format.AppendFloat(to, a.Floats[i])
	case a.DType.IsSigned():
		return format.AppendInteger(to, a.Integers[i])
	default:
		return format.AppendWord(to, a.Words[i])
	}
}

// oneLine replaces control characters.
func oneLine(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return '?'
		}
		return c
	}, text)
}
