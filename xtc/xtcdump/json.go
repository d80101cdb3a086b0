package xtcdump

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode"
	"unicode/utf8"

	"deployconstants/xtc"
)

// stampLayout is the form of a time stamp: 14 digits.
const stampLayout = "20060102150405"

// JSON writes the datagrams that f has still to read as one JSON object, name being
// what is said to be the file's name and zone that of the time stamps. It writes as it
// reads. Of a broken file it writes what can be read, always a complete JSON object,
// and then returns the first error.
func JSON(w io.Writer, f *xtc.File, name string, zone *time.Location) error {
	p := &jsonPrinter{w: bufio.NewWriter(w), file: f, zone: zone}
	broken := p.print(name)
	return errors.Join(broken, p.w.Flush())
}

// jsonPrinter writes through a buffer that keeps the first error.
type jsonPrinter struct {
	w    *bufio.Writer
	file *xtc.File
	zone *time.Location
}

// print writes the file and returns what is wrong with it.
func (p *jsonPrinter) print(name string) error {
	fmt.Fprintf(p.w, "{\"file\": %s, \"file_size\": %d, \"dgrams\": [", value(name), p.file.Size())
	var end int64
	var broken error
	separator := "\n"
	for d, err := range p.file.Dgrams() {
		if err == nil {
			p.w.WriteString(separator)
			err = p.dgram(d)
			end = d.End()
			separator = ",\n"
		}
		broken = cmp.Or(broken, err)
	}
	fmt.Fprintf(p.w, "\n], \"end_offset\": %d", end)
	if broken != nil {
		fmt.Fprintf(p.w, ", \"error\": %s", value(broken.Error()))
	}
	p.w.WriteString("}\n")
	return broken
}

// dgram writes one datagram with its nodes, and returns what ended them early.
func (p *jsonPrinter) dgram(d *xtc.Dgram) error {
	head := object(xtc.Fields{
		{Name: "index", Value: d.Index},
		{Name: "offset", Value: d.Offset},
		{Name: "service", Value: d.Service().String()},
		{Name: "service_id", Value: uint8(d.Service())},
		{Name: "seqtype", Value: d.SequenceType()},
		{Name: "extended", Value: d.Extended()},
		{Name: "seconds", Value: d.Clock.Sec},
		{Name: "nanoseconds", Value: d.Clock.Nsec},
		{Name: "ticks", Value: d.Ticks},
		{Name: "fiducials", Value: d.Fiducials},
		{Name: "control", Value: d.Control},
		{Name: "vector", Value: d.Vector},
		{Name: "env", Value: d.Env},
		{Name: "damage", Value: hexWord(d.Root.Damage)},
		{Name: "level", Value: d.Root.Src.Level().String()},
		{Name: "log", Value: hexWord(d.Root.Src.Log)},
		{Name: "phy", Value: hexWord(d.Root.Src.Phy)},
		{Name: "contains", Value: hexWord(d.Root.Contains)},
		{Name: "extent", Value: d.Root.Extent},
		{Name: "run_tstamp_LA", Value: d.Clock.Time().In(p.zone).Format(stampLayout)},
	})
	fmt.Fprintf(p.w, " %s, \"nodes\": [", bytes.TrimSuffix(head, []byte("}")))
	defer p.w.WriteString("]}")
	separator := "\n  "
	for n, err := range p.file.Nodes(d) {
		if err != nil {
			return err
		}
		p.w.WriteString(separator)
		p.w.Write(object(nodeFields(p.file, n)))
		separator = ",\n  "
	}
	return nil
}

// object renders fields as a JSON object in their order.
func object(fields xtc.Fields) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range fields {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s: %s", value(f.Name), value(f.Value))
	}
	b.WriteByte('}')
	return b.Bytes()
}

// value renders one value as JSON.
func value(v any) []byte {
	switch v := v.(type) {
	case xtc.Fields:
		return object(v)
	case []xtc.Fields:
		objects := make([]json.RawMessage, len(v))
		for i, fields := range v {
			objects[i] = object(fields)
		}
		return marshal(objects)
	}
	return marshal(v)
}

// marshal renders a value that JSON can hold: numbers, texts, truths, and lists and
// null of these. encoding/json refuses infinite numbers; they become null.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return []byte("null")
	}
	return escapeControls(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// escapeControls escapes DEL and the control characters above it, which terminals obey
// and encoding/json leaves as they are.
func escapeControls(text []byte) []byte {
	if !bytes.ContainsFunc(text, unicode.IsControl) {
		return text
	}
	var escaped []byte
	for _, r := range string(text) {
		if unicode.IsControl(r) {
			escaped = fmt.Appendf(escaped, `\u%04x`, r)
		} else {
			escaped = utf8.AppendRune(escaped, r)
		}
	}
	return escaped
}

func hexWord[T ~uint32](word T) string { return fmt.Sprintf("%08x", uint32(word)) }
