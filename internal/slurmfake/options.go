package slurmfake

import "strings"

// An option is one that a program understands.
type option struct {
	long  string
	short byte // 0: none
	value bool // it takes one
}

// parseOptions reads a command line: options by their long names, and what remains.
func parseOptions(args []string, known ...option) (map[string]string, []string, error) {
	found := map[string]string{}
	var rest []string
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if len(arg) < 2 || arg[0] != '-' {
			rest = append(rest, arg)
			continue
		}
		name, value, has := strings.Cut(arg, "=")
		o, ok := lookUp(known, name)
		if !strings.HasPrefix(arg, "--") {
			value, has = arg[2:], len(arg) > 2
		}
		switch {
		case !ok, has && !o.value:
			return nil, nil, refuse("option %q", arg)
		case o.value && !has && len(args) == 0:
			return nil, nil, refuse("option %q without a value", arg)
		case o.value && !has:
			value, args = args[0], args[1:]
		}
		found[o.long] = value
	}
	return found, rest, nil
}

// lookUp finds an option by "--name" or "-n...".
func lookUp(known []option, name string) (option, bool) {
	long, isLong := strings.CutPrefix(name, "--")
	for _, o := range known {
		if isLong && o.long == long || !isLong && o.short != 0 && o.short == name[1] {
			return o, true
		}
	}
	return option{}, false
}

// requires returns a refusal unless all of these options are there.
func requires(found map[string]string, wanted ...string) error {
	for _, name := range wanted {
		if _, ok := found[name]; !ok {
			return refuse("without --%s", name)
		}
	}
	return nil
}
