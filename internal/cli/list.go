package cli

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"deployconstants/internal/ui"
)

// A list is a table of which nothing is cut: what there is to say about a row
// stands in lines of its own below it, since paths and reasons are longer than
// terminals are wide. Its cells and notes are escaped.
type list struct {
	head   []string
	rows   []listRow
	widths []int
}

type listRow struct{ cells, notes []string }

func newList(head ...string) *list {
	l := &list{head: head, widths: make([]int, len(head))}
	l.measure(head)
	return l
}

// row adds a row of as many cells as the head has.
func (l *list) row(notes []string, cells ...any) {
	row := listRow{cells: make([]string, len(l.head))}
	for i, cell := range cells {
		row.cells[i] = ui.Escape(fmt.Sprint(cell))
	}
	for _, note := range notes {
		if note != "" {
			row.notes = append(row.notes, ui.Escape(note))
		}
	}
	l.measure(row.cells)
	l.rows = append(l.rows, row)
}

func (l *list) measure(cells []string) {
	for i, cell := range cells {
		l.widths[i] = max(l.widths[i], utf8.RuneCountInString(cell))
	}
}

// write prints the list; nothing, not even the head, if it has no rows.
func (l *list) write(w io.Writer) error {
	if len(l.rows) == 0 {
		return nil
	}
	out := bufio.NewWriter(w)
	l.line(out, l.head)
	for _, row := range l.rows {
		l.line(out, row.cells)
		for _, note := range row.notes {
			fmt.Fprintf(out, "    %s\n", note)
		}
	}
	return out.Flush()
}

func (l *list) line(out io.Writer, cells []string) {
	var line strings.Builder
	for i, cell := range cells {
		fmt.Fprintf(&line, "%-*s  ", l.widths[i], cell)
	}
	fmt.Fprintln(out, strings.TrimRight(line.String(), " "))
}
