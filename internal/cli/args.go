package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// option is one option of the documented single-shot command.
type option struct {
	short      byte // 0: none
	long       string
	takesValue bool
	documented bool // in the documentation of 2022: its prefixes are never made ambiguous by ours
}

// optionSet are the options of a command that has the argument grammar of the
// original.
type optionSet []option

// options are all options of the command without a subcommand. The documented
// ones keep the names, and with them the unique prefixes, of the program of 2022.
var options = optionSet{
	{'h', "help", false, true},
	{'e', "exp", true, true},
	{'d', "det", true, true},
	{'r', "run", true, true},
	{'t', "tstamp", true, true},
	{'s', "dssuffix", true, true},
	{'x', "dsname", true, true},
	{'o', "dirrepo", true, true},
	{'c', "dircalib", true, true},
	{'C', "ctype", true, true},
	{'l', "loglev", true, true},
	{0, "dirmode", true, true},
	{0, "filemode", true, true},
	{'D', "deploy", false, true},
	{'R', "runrange", true, true},
	{0, "dsnamex", true, false},
	{0, "group", true, false},
	{'n', "dry-run", false, false},
	{0, "config", true, false},
	{0, "json", false, false},
	{'v', "version", false, false},
}

// normalize rewrites the arguments of a documented command into the form that
// the flag parser knows, `--name=value` and `--name`: glued short options
// (`-r260`, `-De xpptut15`), values in the next argument even where they begin
// with a minus and a digit, and unique prefixes of long options. It knows no
// meaning, only the shape; every error is a usage error.
func (s optionSet) normalize(args []string) ([]string, error) {
	var out []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case strings.HasPrefix(arg, "--") && arg != "--":
			name, value, glued := strings.Cut(arg[2:], "=")
			opt, err := s.longOption(name)
			if err != nil {
				return nil, err
			}
			if !opt.takesValue {
				if glued {
					return nil, fmt.Errorf("option --%s takes no value, got %q", opt.long, value)
				}
				out = append(out, "--"+opt.long)
				continue
			}
			if !glued {
				i++
				if value, err = valueAt(args, i, opt); err != nil {
					return nil, err
				}
			}
			out = append(out, "--"+opt.long+"="+value)
		case strings.HasPrefix(arg, "-") && len(arg) > 1 && arg != "--":
			cluster, err := s.shortOptions(arg, args, &i)
			if err != nil {
				return nil, err
			}
			out = append(out, cluster...)
		default:
			return nil, fmt.Errorf("unrecognized argument %q", arg)
		}
	}
	return out, nil
}

// shortOptions rewrites one argument of short options: any number of switches,
// and at most one option with a value, which is the rest of the argument or the
// next one; then *i moves on to it.
func (s optionSet) shortOptions(arg string, args []string, i *int) ([]string, error) {
	var out []string
	for rest := arg[1:]; rest != ""; {
		at := slices.IndexFunc(s, func(o option) bool { return o.short == rest[0] })
		if at < 0 {
			return nil, fmt.Errorf("unknown option -%s in argument %q", rest[:1], arg)
		}
		opt := s[at]
		rest = rest[1:]
		if !opt.takesValue {
			out = append(out, "--"+opt.long)
			continue
		}
		value := strings.TrimPrefix(rest, "=")
		if rest == "" {
			*i++
			var err error
			if value, err = valueAt(args, *i, opt); err != nil {
				return nil, err
			}
		}
		return append(out, "--"+opt.long+"="+value), nil
	}
	return out, nil
}

// longOption finds the option by its name or a unique prefix of it. A prefix of
// a documented option is never ambiguous with one of ours.
func (s optionSet) longOption(name string) (option, error) {
	var documented, ours []option
	for _, o := range s {
		switch {
		case o.long == name:
			return o, nil
		case name == "" || !strings.HasPrefix(o.long, name):
		case o.documented:
			documented = append(documented, o)
		default:
			ours = append(ours, o)
		}
	}
	found := documented
	if len(found) == 0 {
		found = ours
	}
	switch len(found) {
	case 0:
		return option{}, fmt.Errorf("unknown option --%s", name)
	case 1:
		return found[0], nil
	}
	names := make([]string, len(found))
	for i, o := range found {
		names[i] = "--" + o.long
	}
	return option{}, fmt.Errorf("option --%s is ambiguous: it could be %s", name, strings.Join(names, ", "))
}

// valueAt returns the value of an option from the argument after it. What looks
// like another option is not a value; a negative number is.
func valueAt(args []string, i int, opt option) (string, error) {
	missing := errors.New("option --" + opt.long + " needs a value")
	if i >= len(args) {
		return "", missing
	}
	value := args[i]
	if len(value) > 1 && value[0] == '-' && (value[1] < '0' || value[1] > '9') {
		return "", fmt.Errorf("%w, got the option %q; write --%s=%s if it is meant", missing, value, opt.long, value)
	}
	return value, nil
}
