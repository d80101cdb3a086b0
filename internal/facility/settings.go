package facility

import (
	"fmt"
	"strconv"
	"strings"
)

// Settings returns a settings file for the facility, in TOML.
func (f *Facility) Settings() string {
	var b strings.Builder
	fmt.Fprintf(&b, "repository = %q\n", f.Repository())
	fmt.Fprintf(&b, "data_roots = [%s]\n", quoted(f.Roots()))
	fmt.Fprintf(&b, "experiment_table = %q\n", f.Table())
	fmt.Fprintf(&b, "start_records = \"\"\n")
	fmt.Fprintf(&b, "zone = %q\n", f.zone.String())
	fmt.Fprintf(&b, "state_dir = %q\n", f.StateDir())
	fmt.Fprintf(&b, "frozen = [%s]\n", quoted(f.Frozen()))
	fmt.Fprintf(&b, "\n[batch]\ngroup = \"\"\n")
	return b.String()
}

// Frozen returns the names of the frozen experiments, sorted.
func (f *Facility) Frozen() []string {
	var list []string
	for _, e := range f.Experiments {
		if e.Frozen {
			list = append(list, e.Name)
		}
	}
	return list
}

func quoted(list []string) string {
	out := make([]string, len(list))
	for i, text := range list {
		out[i] = strconv.Quote(text)
	}
	return strings.Join(out, ", ")
}
