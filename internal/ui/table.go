package ui

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A Table is rows under a head, aligned when it is written. Not for concurrent use.
type Table struct {
	head []string
	rows [][]string
	kind []column
}

// A column is what its cells are.
type column struct {
	width   int  // in characters
	numbers bool // all cells that are not empty look like numbers
	any     bool // there is one
}

// NewTable returns an empty table. Columns whose cells are all numbers, with units
// or percent signs or not, are aligned to the right; empty cells and "-" do not
// count.
func NewTable(head ...string) *Table {
	t := &Table{kind: make([]column, len(head))}
	for i := range t.kind {
		t.kind[i].numbers = true
	}
	t.head = t.cells(head)
	return t
}

// Row adds a row. Cells are written as fmt.Print does, and escaped; missing ones
// are empty, those beyond the head are dropped.
func (t *Table) Row(cells ...any) {
	texts := make([]string, len(t.head))
	for i := range min(len(texts), len(cells)) {
		texts[i] = fmt.Sprint(cells[i])
	}
	row := t.cells(texts)
	for i, text := range row {
		if text != "" && text != "-" {
			t.kind[i].any = true
			t.kind[i].numbers = t.kind[i].numbers && isNumber(text)
		}
	}
	t.rows = append(t.rows, row)
}

// cells escapes texts and notes their widths.
func (t *Table) cells(texts []string) []string {
	cells := make([]string, len(texts))
	for i, text := range texts {
		cells[i] = Escape(text)
		t.kind[i].width = max(t.kind[i].width, utf8.RuneCountInString(cells[i]))
	}
	return cells
}

// isNumber reports whether a cell reads as a number: "-1.5e3", "40%", "12.3 MiB",
// "3h07m".
func isNumber(text string) bool {
	digits := strings.TrimLeft(text, "+-.")
	if digits == "" || digits[0] < '0' || digits[0] > '9' || len(text)-len(digits) > 2 {
		return false
	}
	rest := strings.TrimLeft(digits, "0123456789.")
	if strings.HasPrefix(rest, "e") && len(rest) > 1 {
		rest = strings.TrimLeft(rest[1:], "+-0123456789")
	}
	switch rest {
	case "", "%", " B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB":
		return true
	}
	return strings.Trim(digits, "0123456789.hdms") == ""
}

// Write writes the table to w, its lines cut to the width if w is a terminal. An
// error is w's.
func (t *Table) Write(w io.Writer) error {
	columns, _ := Width(w)
	return t.WriteWidth(w, columns)
}

// WriteWidth writes the table with lines of at most so many columns; 0: whole ones.
func (t *Table) WriteWidth(w io.Writer, columns int) error {
	var b strings.Builder
	t.line(&b, t.head, columns)
	for _, row := range t.rows {
		t.line(&b, row, columns)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *Table) line(b *strings.Builder, row []string, columns int) {
	var line strings.Builder
	for i, text := range row {
		if i > 0 {
			line.WriteString("  ")
		}
		blanks := strings.Repeat(" ", t.kind[i].width-utf8.RuneCountInString(text))
		if t.kind[i].numbers && t.kind[i].any {
			line.WriteString(blanks + text)
		} else {
			line.WriteString(text + blanks)
		}
	}
	b.WriteString(cut(strings.TrimRight(line.String(), " "), columns) + "\n")
}
