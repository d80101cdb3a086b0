package xtcdump

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"deployconstants/xtc"
)

// Text writes the datagrams that f has still to read for people: a line for each
// datagram, node and configuration object, which begins with its offset in
// hexadecimal, and a line for each field of such an object. Of a broken file it writes
// what can be read, errors in their places, and then returns the first error.
func Text(w io.Writer, f *xtc.File, name string, zone *time.Location) error {
	p := &textPrinter{w: bufio.NewWriter(w), file: f, zone: zone}
	fmt.Fprintf(p.w, "file %q, %d bytes\n", name, f.Size())
	var broken error
	for d, err := range f.Dgrams() {
		if err == nil {
			err = p.dgram(d)
		}
		if err != nil {
			fmt.Fprintf(p.w, "error: %v\n", err)
			broken = cmp.Or(broken, err)
		}
	}
	return errors.Join(broken, p.w.Flush())
}

type textPrinter struct {
	w    *bufio.Writer
	file *xtc.File
	zone *time.Location
}

// line prints one line with an offset, indented by depth.
func (p *textPrinter) line(offset int64, depth int, format string, args ...any) {
	p.print(fmt.Sprintf("%#012x", offset), depth, format, args...)
}

// detail prints one line about what the line before names.
func (p *textPrinter) detail(depth int, format string, args ...any) {
	p.print("", depth, format, args...)
}

func (p *textPrinter) print(margin string, depth int, format string, args ...any) {
	indent := strings.Repeat("  ", min(depth, maxIndent))
	fmt.Fprintf(p.w, "%-12s  %s%s\n", margin, indent, fmt.Sprintf(format, args...))
}

// maxIndent bounds the indentation of a tree that is nested without end.
const maxIndent = 40

func (p *textPrinter) dgram(d *xtc.Dgram) error {
	p.line(d.Offset, 0, "dgram %d %s  %s.%09d (%s)  env %d  fiducials %#x  vector %d  extent %d%s",
		d.Index, d.Service(), d.Clock.Time().Format("2006-01-02T15:04:05"), d.Clock.Nsec,
		d.Clock.Time().In(p.zone).Format(stampLayout), d.Env, d.Fiducials, d.Vector, d.Root.Extent, damage(d.Root.Damage))
	if d.ContentsSkipped() {
		p.line(d.Offset, 1, "contents skipped: %s", d.Root.Contains)
	}
	for n, err := range p.file.Nodes(d) {
		if err != nil {
			return err
		}
		p.node(n)
	}
	return nil
}

func (p *textPrinter) node(n *xtc.Node) {
	p.line(n.Offset, n.Depth, "%s  %s  %s  extent %d%s", n.Src.Level(), n.Src, n.Contains, n.Extent, damage(n.Damage))
	if n.Err != nil {
		p.line(n.Offset, n.Depth+1, "error: %v", n.Err)
	}
	if n.ChildrenSkipped {
		p.line(n.Offset, n.Depth+1, "children skipped: the contribution is incomplete")
	}
	config, err := p.file.Config(n)
	switch {
	case errors.Is(err, xtc.ErrNotConfig):
		return
	case err != nil:
		p.line(n.PayloadOffset(), n.Depth+1, "error: %v", err)
		return
	}
	p.line(n.PayloadOffset(), n.Depth+1, "%s", config.Class())
	for _, f := range config.Fields() {
		list, ok := f.Value.([]xtc.Fields)
		if !ok {
			p.detail(n.Depth+2, "%s %s", f.Name, value(f.Value))
			continue
		}
		for i, element := range list {
			p.detail(n.Depth+2, "%s[%d] %s", f.Name, i, object(element))
		}
	}
	if id, ok := xtc.HardwareID(config); ok {
		p.detail(n.Depth+2, "id %s", id)
	}
}

// damage renders a damage word that is not zero.
func damage(d xtc.Damage) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf("  damage %08x %s", uint32(d), d)
}
