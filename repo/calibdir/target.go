package calibdir

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"
)

// Errors of targets.
var (
	// ErrComponent: a part of a target cannot be the name of a directory.
	ErrComponent = errors.New("not the name of a directory: it must be without slash, control characters and leading dot, of 1 to 255 bytes")

	// ErrPath: a path does not lead to a file of constants.
	ErrPath = errors.New("not a path <calibdir>/<group>/<source>/<ctype>/<begin>-<end>.data")

	// ErrNotCalib: psana's own tools would not take the directory.
	ErrNotCalib = errors.New(`not an existing directory called "calib"`)
)

// maxComponent is the longest name of a directory on Linux, in bytes.
const maxComponent = 255

// A Target is a place for constants.
type Target struct {
	Dir    string // calibration directory, as the user wrote it
	Group  string // "Epix100a::CalibV1"
	Source string // "XcsEndstation.0:Epix100a.1"
	CType  string // "pixel_gain": psana's name, not the repository's
	Range  Range
}

// Path returns the path of the file, with Dir as it is: "./calib/" gives
// "./calib//Epix100a::CalibV1/...".
func (t Target) Path() string { return t.Dir + "/" + t.name() }

// name returns the path of the file below Dir.
func (t Target) name() string { return t.folder() + "/" + t.Range.FileName() }

// folder returns the path of the file's directory below Dir.
func (t Target) folder() string { return t.Group + "/" + t.Source + "/" + t.CType }

// history returns the path of the record below Dir.
func (t Target) history() string { return t.folder() + "/" + historyName }

// Check returns an error that wraps ErrComponent or ErrRange if the target would
// not lead to a file three directories below Dir.
func (t Target) Check() error {
	if err := t.checkFolder(); err != nil {
		return err
	}
	return t.Range.Check()
}

func (t Target) checkFolder() error {
	for _, part := range []struct{ what, name string }{
		{"calibration group", t.Group}, {"source", t.Source}, {"calibration type", t.CType},
	} {
		if !isComponent(part.name) {
			return fmt.Errorf("%s %q: %w", part.what, part.name, ErrComponent)
		}
	}
	return nil
}

func isComponent(name string) bool {
	return name != "" && len(name) <= maxComponent && name[0] != '.' &&
		!strings.ContainsFunc(name, func(r rune) bool { return r == '/' || unicode.IsControl(r) })
}

// MakePath returns the path under the rules of PSCalib's makeCalibFileName, which
// are stricter than Path's: Dir must exist and be called "calib". Errors wrap
// ErrNotCalib, ErrComponent or ErrRange.
func (t Target) MakePath() (string, error) {
	dir := strings.TrimRight(t.Dir, "/")
	if info, err := os.Stat(dir); filepath.Base(dir) != "calib" || err != nil || !info.IsDir() {
		return "", fmt.Errorf("%q: %w", t.Dir, ErrNotCalib)
	}
	if err := t.Check(); err != nil {
		return "", err
	}
	return dir + "/" + t.name(), nil
}

// ParsePath takes the path of a deployed file apart. The group is known by its
// "::", and the name must be canonical, as FileName gives it. Errors wrap ErrPath.
func ParsePath(filePath string) (Target, error) {
	rest, name := path.Split(filePath)
	t := Target{}
	for _, part := range []*string{&t.CType, &t.Source, &t.Group} {
		rest, *part = path.Split(strings.TrimSuffix(rest, "/"))
	}
	t.Dir = strings.TrimSuffix(rest, "/")
	if t.Dir == "" || !strings.Contains(t.Group, "::") {
		return Target{}, fmt.Errorf("%q: %w", filePath, ErrPath)
	}
	var err error
	if t.Range, err = ParseRange(strings.TrimSuffix(name, fileExt)); err == nil {
		err = t.Check()
	}
	if err != nil {
		return Target{}, fmt.Errorf("%q: %w: %w", filePath, ErrPath, err)
	}
	if t.Range.FileName() != name {
		return Target{}, fmt.Errorf("%q: %w: the name would be %s", filePath, ErrPath, t.Range.FileName())
	}
	return t, nil
}
