package repo

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"deployconstants/repo/ndarray"
)

// failure is the kind of finding that an error of reading makes.
func (c *checker) failure(err error) FindingKind {
	switch {
	case errors.Is(err, ErrOutside):
		return OutsideLink
	case errors.Is(err, ErrEmpty):
		return EmptyFile
	case errors.Is(err, ErrNotRegular):
		return StrayName
	case errors.Is(err, fs.ErrNotExist):
		return DanglingLink
	}
	return Unreadable
}

// addFailure adds an error of reading name, without the path where that is the
// finding's own.
func (c *checker) addFailure(name string, err error) {
	kind := c.failure(err)
	if inner, ok := errors.AsType[*fs.PathError](err); ok &&
		(inner.Path == c.path(name) || inner.Path == c.resolved+"/"+name) {
		err = inner.Err
	}
	c.add(kind, name, "%v", err)
}

// checkDefaults looks through the default directory of a type.
func (c *checker) checkDefaults(t DetType) {
	dir := t.Name + "/" + defaultDir
	names, err := c.names(dir)
	if err != nil {
		c.addFailure(dir, err)
		return
	}
	for _, name := range names {
		stem, isText := strings.CutSuffix(name, ".txt")
		ctype, ok := strings.CutPrefix(stem, t.Name+"_default_")
		switch {
		case strings.HasPrefix(name, "."):
			c.checkTemporary(dir+"/"+name, staleAfter)
		case isWithdrawn(name):
		case !isText || !ok || !slices.Contains(CTypes(), CType(ctype)):
			c.add(StrayName, dir+"/"+name, "not %s_default_<ctype>.txt", t.Name)
		default:
			c.checkConstants(t, CType(ctype), dir+"/"+name)
		}
	}
}

// checkDetector looks through the directory of a detector and reports whether
// name is one.
func (c *checker) checkDetector(t DetType, name string, records []aliasRecord) bool {
	dir := t.Name + "/" + name
	if strings.HasPrefix(name, ".") {
		c.checkTemporary(dir, staleAfter)
		return false
	}
	if !c.isDir(dir) {
		return false
	}
	record, found := recordOf(records, t, name)
	if !found {
		c.add(NoAlias, dir, "no record in the alias file")
	}
	names, err := c.names(dir)
	if err != nil {
		c.addFailure(dir, err)
		return true
	}
	for _, ctype := range names {
		known := slices.Contains(CTypes(), CType(ctype)) || strings.Contains(ctype, "status_") ||
			GainModes(t.Name) != nil && slices.Contains(tableDirs, ctype)
		switch {
		case strings.HasPrefix(ctype, "."):
			c.checkTemporary(dir+"/"+ctype, staleAfter)
		case !c.isDir(dir + "/" + ctype):
		case !known:
			c.add(StrayName, dir+"/"+ctype, "not a calibration type")
		default:
			c.checkCType(t, record.alias, dir, ctype)
		}
	}
	return true
}

// isDir reports whether the name leads to a directory, and says why it does not.
func (c *checker) isDir(name string) bool {
	target, err := c.resolve(name)
	var info os.FileInfo
	if err == nil {
		info, err = c.root.Stat(target)
	}
	switch {
	case err != nil:
		c.addFailure(name, err)
	case !info.IsDir():
		c.add(StrayName, name, "a file where directories are")
	default:
		return true
	}
	return false
}

// checkCType looks through a directory of constants.
func (c *checker) checkCType(t DetType, alias, detectorDir, ctype string) {
	dir := detectorDir + "/" + ctype
	names, err := c.names(dir)
	if err != nil {
		c.addFailure(dir, err)
		return
	}
	for _, name := range names {
		if strings.HasPrefix(name, ".") {
			c.checkTemporary(dir+"/"+name, staleAfter)
			continue
		}
		if isWithdrawn(name) {
			continue
		}
		if table, ok := t.tableIn(ctype, name); ok {
			c.checkGain(t, table, dir+"/"+name)
			continue
		}
		expected := pattern{t.Name, alias, ctype}
		if alias == "" { // reported once, for the detector's directory
			expected.alias = aliasIn(name)
		}
		stamp, reason := expected.match(name)
		if reason != 0 {
			c.add(StrayName, dir+"/"+name, "%v", reason)
			continue
		}
		c.checkStamp(stamp, dir+"/"+name)
		c.checkConstants(t, CType(ctype), dir+"/"+name)
	}
}

func (c *checker) checkStamp(stamp Stamp, name string) {
	if _, err := ParseStamp(stamp.String()); err != nil {
		c.add(BadStamp, name, "%v is no date", stamp)
	} else if stamp > c.now {
		c.add(FutureStamp, name, "valid from %v, now it is %v", stamp, c.now)
	}
}

// checkGain reads the constants of one panel in one gain.
func (c *checker) checkGain(t DetType, table Table, name string) {
	c.checkStamp(table.Stamp, name)
	a, ok := c.read(name)
	if !ok {
		return
	}
	shape := t.Shape(PixelGain)
	if want := shape[len(shape)-2:]; !slices.Equal(a.Shape, want) {
		c.add(BadShape, name, "%s of one panel is %s, want %s", table.CType, ndarray.ShapeString(a.Shape), ndarray.ShapeString(want))
	}
}

// aliasIn returns the second field of a name.
func aliasIn(name string) string {
	_, rest, _ := strings.Cut(name, "_")
	alias, _, _ := strings.Cut(rest, "_")
	return alias
}

// checkConstants reads a constants file.
func (c *checker) checkConstants(t DetType, ctype CType, name string) {
	if ctype == Geometry {
		f, err := c.OpenConstants(c.path(name))
		if err != nil {
			c.addFailure(name, err)
			return
		}
		f.Close() // only opened
		return
	}
	a, ok := c.read(name)
	if !ok {
		return
	}
	if slices.Contains(CTypes(), ctype) {
		if err := t.CheckShape(ctype, a.Shape); err != nil {
			c.add(BadShape, name, "%v", err)
		}
	}
}

// read reads an array, and adds what keeps it from that.
func (c *checker) read(name string) (a *ndarray.Array, ok bool) {
	f, err := c.OpenConstants(c.path(name))
	if err != nil {
		c.addFailure(name, err)
		return nil, false
	}
	defer f.Close() // only read
	if a, err = ndarray.ReadText(f, ndarray.ReadOptions{}); err != nil {
		c.add(BadContent, name, "%v", err)
	}
	return a, err == nil
}

// checkTemporary reports a hidden name that is older than any work in progress.
func (c *checker) checkTemporary(name string, age time.Duration) {
	if info, err := c.root.Lstat(name); err == nil && time.Since(info.ModTime()) > age {
		c.add(Leftover, name, "a temporary file since %s", info.ModTime().UTC().Format(time.RFC3339))
	}
}
