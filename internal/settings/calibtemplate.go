package settings

import (
	"fmt"
	"path/filepath"
	"strings"
)

// A CalibTemplate is the path of calib directories with {root}, {instrument} and
// {experiment} in place of what they stand for.
type CalibTemplate string

// Dir returns the calib directory of an experiment whose data are in the root.
func (t CalibTemplate) Dir(root, instrument, experiment string) string {
	return filepath.Clean(strings.NewReplacer(
		"{root}", root, "{instrument}", instrument, "{experiment}", experiment,
	).Replace(string(t)))
}

// check refuses templates that would give experiments one directory, or leave the
// place that the text shows.
func (t CalibTemplate) check() error {
	text := string(t)
	switch {
	case !strings.Contains(text, "{experiment}"):
		return fmt.Errorf("calib_dir %q has no {experiment}: all experiments would share it", text)
	case !filepath.IsAbs(strings.Replace(text, "{root}", "/root", 1)):
		return fmt.Errorf("calib_dir %q is no absolute path; begin with {root} or /", text)
	case strings.ContainsAny(t.Dir("/root", "XPP", "xpptut15"), "{}"):
		return fmt.Errorf("calib_dir %q: the places are {root}, {instrument} and {experiment}", text)
	}
	for _, element := range strings.Split(text, "/") {
		if element == ".." {
			return fmt.Errorf("calib_dir %q has a .. in it", text)
		}
	}
	return nil
}

// besideData is the template of LCLS, and of psana.
const besideData CalibTemplate = "{root}/{instrument}/{experiment}/calib"

// BesideData reports whether calib directories are where psana looks for them:
// beside the xtc directory, which in some layouts has no instrument above it.
func (t CalibTemplate) BesideData() bool { return t == besideData }
