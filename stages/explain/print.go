package explain

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// shownRejected bounds the rejected names that Print shows; JSON has all.
const shownRejected = 6

// Print writes the explanation as text, label and value in two columns.
func (x Explanation) Print(w io.Writer) error {
	columns := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	p := printer{w: columns}
	p.line("run", "%s run %d, %s (from the %s)", x.Experiment, x.Run, orUnknown(x.BeginRun), x.From)
	name := x.Source
	if x.DetectorAlias != "" {
		name += ", " + x.DetectorAlias
	}
	p.line("detector", "%s, type %s", name, x.Type)
	p.line("id", "%s%s", orUnknown(shorten(x.ID)), note(x.IDIsName, " (the name: this detector has no hardware id)"))
	p.line("alias", "%s", orNone(x.Alias))
	p.line("ctype", "%s", x.CType)
	if x.Cause != "" {
		p.line("not resolved", "%s", x.Cause)
	} else {
		p.line("stamp", "%s%s", x.Stamp, note(x.StampRepeats, " (an hour that the end of summer time repeats)"))
		x.printChoice(&p)
	}
	if x.Deployed != nil {
		x.printDeployed(&p)
	}
	if p.err == nil {
		p.err = columns.Flush()
	}
	return p.err
}

func (x Explanation) printChoice(p *printer) {
	if x.Chosen == nil {
		p.line("chosen", "nothing: the repository has no constants that are valid, and no default")
	} else {
		p.line("chosen", "%s", x.Chosen.Path)
		if x.Chosen.Pending {
			p.line("", "%s%s, which the next merge -D or sweep -D makes", x.Kind, x.Chosen.age())
		} else {
			p.line("", "%s%s, %d bytes%s", x.Kind, x.Chosen.age(), x.Chosen.Bytes, digestNote(x.Chosen.SHA256))
		}
		if x.Chosen.Error != "" {
			p.line("", "cannot be deployed: %s", x.Chosen.Error)
		}
	}
	if x.Other != nil {
		p.line("also there", "%s (the other name of the ctype)", x.Other.Path)
	}
	label := "rejected"
	for i, r := range x.Rejected {
		if i == shownRejected {
			p.line("", "and %d more", len(x.Rejected)-i)
			break
		}
		p.line(label, "%s: %s", r.Path[strings.LastIndexByte(r.Path, '/')+1:], r.Reason)
		label = ""
	}
	if x.Twin != "" {
		p.line("warning", "%s, equal but for the firmware, has constants", shorten(x.Twin))
	}
}

func (x Explanation) printDeployed(p *printer) {
	d := x.Deployed
	p.line("deployed in", "%s", d.Dir)
	if d.Error != "" && d.Error == d.Unsure { // not even the names are known
		p.line("verdict", "cannot be told: %s", d.Unsure)
		return
	}
	if d.Error != "" {
		p.line("", "%s", d.Error)
	}
	if d.Raises != "" {
		p.line("psana", "raises an exception on the name %q and reads nothing here", d.Raises)
	}
	if d.Agree {
		d.Python.print(p, "psana reads")
	} else {
		if d.Raises == "" {
			d.Python.print(p, "Python reads")
		}
		d.Cxx.print(p, "C++ reads")
	}
	switch {
	case d.Unsure != "":
		p.line("verdict", "cannot be told: %s", d.Unsure)
	case d.Right:
		p.line("verdict", "as it should be")
	default:
		p.line("verdict", "not what should be read%s", d.wrong(x.Chosen != nil))
	}
}

// wrong says what is not right, if the lines above do not; valid: there are
// constants that are.
func (d *Deployed) wrong(valid bool) string {
	switch {
	case d.Raises != "":
		return ": psana raises an exception on the name of a file"
	case !valid:
		return ": nothing is valid for the run"
	case d.Python == nil && d.Cxx == nil:
		return ""
	case !d.Agree && d.Python != nil && d.Python.Right:
		return ": psana's C++ modules read something else"
	case !d.Agree && d.Cxx != nil && d.Cxx.Right:
		return ": psana's Python modules read something else"
	case d.Python != nil && d.Python.By == nil:
		return ": " + d.Python.Name + " was put there by no transaction"
	case d.Python != nil && d.Python.By.Changed:
		return ": " + d.Python.Name + " was changed since its transaction"
	}
	return ""
}

func (k *Pick) print(p *printer, label string) {
	if k == nil {
		p.line(label, "nothing")
		return
	}
	same := "other bytes than the chosen file's"
	if k.Right {
		same = "the chosen file's bytes"
	}
	if k.Error != "" {
		same = k.Error
	}
	p.line(label, "%s: %s%s", k.Name, same, digestNote(k.SHA256))
	if b := k.By; b != nil {
		did := "by"
		if b.Adopted {
			did = "found right by"
		}
		p.line("", "%s transaction %s, %s, %s%s", did, b.Tx, b.Time.Format("2006-01-02 15:04:05Z"), orUnknown(b.User), note(b.Changed, "; changed since"))
	} else {
		p.line("", "by no transaction")
	}
	if h := k.History; h != nil {
		p.line("HISTORY", "%s, %s@%s, copy of %s", h.Time, h.User, h.Host, h.CopyOf)
		if h.Comment != "" {
			p.line("comment", "%s", h.Comment)
		}
	}
}

func (c *Constants) age() string {
	if c.Stamp == "" {
		return ""
	}
	if c.AgeDays == nil {
		return ", from " + c.Stamp
	}
	return fmt.Sprintf(", from %s, %.0f days before the run", c.Stamp, *c.AgeDays)
}

// A printer keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

// line writes a label and a value; a value may come from a file and is made fit to
// print.
func (p *printer) line(label, format string, args ...any) {
	if p.err != nil {
		return
	}
	value := strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return '?'
		}
		return c
	}, fmt.Sprintf(format, args...))
	_, p.err = fmt.Fprintf(p.w, "%s\t%s\n", label, value)
}

func note(is bool, text string) string {
	if is {
		return text
	}
	return ""
}

func digestNote(sum string) string {
	if len(sum) < 12 {
		return ""
	}
	return ", sha256 " + sum[:12]
}

func orUnknown(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// shorten keeps joined ids on a line.
func shorten(id string) string {
	const longest = 96
	if len(id) <= longest {
		return id
	}
	return id[:longest] + "..."
}
