package planfile

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"deployconstants/repo/calibdir"
)

// maxRunNumber bounds run numbers; those of XTC files have 32 bits.
const maxRunNumber = 1<<32 - 1

// Check returns an error if the item could not stand in a plan: unknown kinds and
// actions, names that could lead elsewhere, control characters, impossible numbers.
func (it Item) Check() error {
	if err := it.checkKind(); err != nil {
		return err
	}
	for _, text := range []string{it.Instrument, it.CalibDir, it.ID, it.Range, it.Reason} {
		if err := checkText(text); err != nil {
			return err
		}
	}
	for _, text := range it.Warnings {
		if err := checkText(text); err != nil {
			return err
		}
	}
	if it.CalibDir != "" && !isPlainPath(it.CalibDir) {
		return fmt.Errorf("calib directory %q is no plain absolute path", it.CalibDir)
	}
	return errors.Join(it.Runs.check(), it.Constants.check(), it.Prior.check(), checkPicks(it.Picks))
}

// actionsOf is what may become of an item of a kind.
var actionsOf = map[Kind][]Action{
	KindExperiment: {Blocked, Error},
	KindPanel:      {Register, Unknown, Error},
	KindFile:       {Create, Replace, Adopt, Unchanged, Foreign, Blocked, Held, Unknown, Error},
	KindRun:        {Foreign, Overreach, Missing, Mismatch, Unknown},
	KindDirectory:  {"", Blocked, Error},
}

func (it Item) checkKind() error {
	if !slices.Contains(actionsOf[it.Kind], it.Action) {
		return fmt.Errorf("an item of kind %q with action %q", it.Kind, it.Action)
	}
	if !isName(it.Experiment) {
		return fmt.Errorf("experiment %q is no name", it.Experiment)
	}
	switch it.Kind {
	case KindExperiment:
		return nil
	case KindPanel:
		if !isName(it.Type) || it.ID == "" {
			return fmt.Errorf("panel of type %q with id %q", it.Type, it.ID)
		}
		return nil
	}
	place := calibdir.Target{Group: it.Group, Source: it.Source, CType: it.CType}
	if err := place.Check(); err != nil {
		return err
	}
	if !isName(it.Type) {
		return fmt.Errorf("detector type %q is no name", it.Type)
	}
	if it.Kind == KindFile {
		return it.checkFile()
	}
	return nil
}

func (it Item) checkFile() error {
	if strings.ContainsRune(it.Range, '/') || it.Range == "" {
		return fmt.Errorf("%q is no file name", it.Range)
	}
	if !it.Action.Changes() {
		return nil
	}
	if r, err := calibdir.ParseRange(it.Range); err != nil {
		return err
	} else if r.String() != it.Range {
		return fmt.Errorf("run range %q is written %q", it.Range, r)
	}
	if it.Constants == nil {
		return fmt.Errorf("action %q without constants", it.Action)
	}
	if absent := it.Prior == nil; absent != (it.Action == Create) {
		return fmt.Errorf("action %q does not fit the file's prior state", it.Action)
	}
	return nil
}

func (s Span) check() error {
	if s == (Span{}) {
		return nil
	}
	if s.First < 0 || s.Last < s.First || s.Last > maxRunNumber || s.Count < 1 || s.Count > s.Last-s.First+1 {
		return fmt.Errorf("%d runs from %d to %d", s.Count, s.First, s.Last)
	}
	return nil
}

func (c *Constants) check() error {
	if c == nil {
		return nil
	}
	if !isPlainPath(c.Path) {
		return fmt.Errorf("constants file %q is no plain absolute path", c.Path)
	}
	if !isDigest(c.SHA256) || c.Size < 0 {
		return fmt.Errorf("constants file %q of %d bytes with digest %q", c.Path, c.Size, c.SHA256)
	}
	for _, text := range []string{c.Path, c.Kind, c.Stamp, c.ID, c.Alias} {
		if err := checkText(text); err != nil {
			return err
		}
	}
	return nil
}

func (p *Prior) check() error {
	if p == nil || p.Size >= 0 && (p.SHA256 == "" || isDigest(p.SHA256)) {
		return nil
	}
	return fmt.Errorf("deployed file of %d bytes with digest %q", p.Size, p.SHA256)
}

func checkPicks(picks []Pick) error {
	last := -1
	for _, p := range picks {
		if p.First <= last {
			return fmt.Errorf("picks of run %d behind those of run %d", p.First, last)
		}
		if err := (Span{First: p.First, Last: p.Last, Count: p.Runs}).check(); err != nil {
			return err
		}
		if !slices.Contains(actions, p.Outcome) {
			return fmt.Errorf("outcome %q", p.Outcome)
		}
		for _, name := range []*string{&p.Before, &p.After, p.CxxBefore, p.CxxAfter} {
			if name == nil {
				continue
			}
			if err := checkText(*name); err != nil || strings.ContainsRune(*name, '/') {
				return fmt.Errorf("%q is no file name", *name)
			}
		}
		last = p.Last
	}
	return nil
}

// isName reports whether the text can be one element of a path.
func isName(text string) bool {
	return text != "" && text[0] != '.' && !strings.ContainsRune(text, '/') && checkText(text) == nil
}

// isPlainPath reports whether the path is absolute and clean.
func isPlainPath(text string) bool { return path.IsAbs(text) && path.Clean(text) == text }

func isDigest(text string) bool {
	return len(text) == 64 && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < '0' || '9' < r) && (r < 'a' || 'f' < r)
	})
}

// checkText refuses what would disturb a terminal or a line.
func checkText(text string) error {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' {
			return checkRunes(text)
		}
	}
	return nil
}

func checkRunes(text string) error {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return fmt.Errorf("control characters or bytes that are no UTF-8 in %q", text)
	}
	return nil
}
