package dataset

import (
	"fmt"
	"strings"
	"unicode"
)

// A Spec is a data set string, taken apart. Nothing in it has been looked up.
type Spec struct {
	Raw     string // as typed
	IsFile  bool   // the string is the name of one file
	Path    string // that file
	Exp     string // number, name, or INSTR/name of the experiment
	Runs    Ranges // may be empty: Catalog.Find then returns ErrNoRun
	Streams Ranges // empty: all streams
	Dir     string // directory of the files, empty: the experiment's
	SMD     bool   // the small files in the directory's smalldata
	Live    bool   // asked for while the run is taken
	Idx     bool   // asked for with random access
}

// String returns the data set string as it was typed.
func (s Spec) String() string { return s.Raw }

// ParseSpec reads a data set string or a file name. It is a file name if it has
// no colon and no equal sign but a point or a slash, or if it has colons and each
// is followed by a slash or a digit. A name without colon, equal sign, point and
// slash is a key without value.
//
// Empty parts and unknown keys of a data set are ignored, and the last of equal
// keys counts. A data set without run= is valid here. The error is a *SpecError:
// for blanks inside a data set (psana takes each part between blanks for an input
// of its own and fails), numbers that are none, a stream range that runs
// backwards, keys that exclude each other or need what is not read here (h5,
// shmem, rax), no exp=, control characters, and an experiment's name with
// characters that no experiment has, such as a slash, a point or a leading dash.
func ParseSpec(text string) (Spec, error) {
	spec := Spec{Raw: strings.TrimSpace(text)}
	switch {
	case spec.Raw == "":
		return Spec{}, &SpecError{Spec: text, Reason: "it is empty; write exp=<experiment>:run=<run> or a file"}
	case strings.ContainsFunc(spec.Raw, unicode.IsControl):
		return Spec{}, &SpecError{Spec: text, Reason: "control characters are not allowed"}
	case isFileName(spec.Raw):
		spec.IsFile, spec.Path = true, spec.Raw
		if strings.HasSuffix(spec.Path, ".h5") {
			return Spec{}, &SpecError{Spec: text, Reason: "HDF5 files are not read; name the XTC file"}
		}
		return spec, nil
	case strings.ContainsFunc(spec.Raw, unicode.IsSpace):
		return Spec{}, &SpecError{Spec: text, Reason: "a data set has no blanks"}
	}
	if err := spec.parseKeys(); err != nil {
		return Spec{}, err
	}
	return spec, nil
}

// isFileName is psana's rule.
func isFileName(text string) bool {
	if !strings.Contains(text, ":") {
		return !strings.Contains(text, "=") && strings.ContainsAny(text, "./")
	}
	for rest := text; ; {
		_, after, found := strings.Cut(rest, ":")
		if !found {
			return true
		}
		if after == "" || after[0] != '/' && !isDigit(after[0]) {
			return false
		}
		rest = after
	}
}

func (s *Spec) parseKeys() error {
	formats := map[string]bool{}
	for part := range strings.SplitSeq(s.Raw, ":") {
		key, value, _ := strings.Cut(part, "=")
		reason := ""
		switch key {
		case "exp":
			s.Exp = value
			reason = checkExperiment(value)
		case "run":
			s.Runs, reason = parseRanges(value)
		case "stream":
			s.Streams, reason = parseStreams(value)
		case "dir":
			s.Dir = value
		case "live":
			s.Live = true
		case "one-stream":
			reason = "is no longer a key; write stream=<number>"
		case "xtc", "smd", "idx", "h5", "shmem", "rax":
			formats[key] = true
		}
		if reason != "" {
			return &SpecError{Spec: s.Raw, Part: part, Reason: reason}
		}
	}
	s.SMD, s.Idx = formats["smd"], formats["idx"]
	for _, key := range []string{"h5", "shmem", "rax"} {
		if formats[key] {
			return &SpecError{Spec: s.Raw, Part: key, Reason: "is not read here; leave it out to read the XTC files"}
		}
	}
	if len(formats) > 1 {
		return &SpecError{Spec: s.Raw, Reason: "only one of xtc, smd and idx can be given"}
	}
	if s.Exp == "" {
		return &SpecError{Spec: s.Raw, Reason: "no experiment; write exp=<experiment>:run=<run>"}
	}
	return nil
}

func parseStreams(text string) (Ranges, string) {
	list, reason := parseRanges(text)
	for _, one := range list {
		if one.Last < one.First {
			return nil, fmt.Sprintf("range %s runs backwards", one)
		}
	}
	return list, reason
}

// checkExperiment returns what is wrong with the text of exp=. It becomes part of
// a path, so that only what real names are made of is let through.
func checkExperiment(text string) string {
	name := text
	if instrument, after, found := strings.Cut(text, "/"); found {
		if len(instrument) != 3 || !isName(instrument) {
			return "the instrument before the slash has three letters"
		}
		name = after
	}
	if !isName(name) {
		return "an experiment is a number, a name of letters and digits, or INSTR/name"
	}
	return ""
}

// isName reports whether text may name an instrument or an experiment: letters,
// digits, underscores and dashes, beginning with a letter or digit.
func isName(text string) bool {
	for i := range len(text) {
		c := text[i]
		switch {
		case isDigit(c), 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case i > 0 && (c == '_' || c == '-'):
		default:
			return false
		}
	}
	return text != ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
