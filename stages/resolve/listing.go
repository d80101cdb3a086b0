package resolve

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"deployconstants/repo"
	"deployconstants/repo/digest"
)

// A listing is the directory of a detector type as it was found, before anything
// is made of its names.
type listing struct {
	typ         repo.DetType
	aliases     *repo.Aliases // nil: they cannot be read
	err         string        // why nothing can be known of the type
	defaults    []item
	defaultsErr string
	dirs        map[string]*dirListing // of detectors
	open        int                    // files and directories that everybody may write
}

// A dirListing is the directory of a detector.
type dirListing struct {
	err    string
	ctypes map[string]*ctypeListing
}

// A ctypeListing is a directory of constants.
type ctypeListing struct {
	err   string
	items []item // by name
}

// An item is a name in a directory of constants.
type item struct {
	name         string
	stat         digest.Stat
	err          string
	hypothetical bool
	content      digest.Sum
	unlike       digest.Sum
}

// itemsOf makes items of what the repository found in a directory.
func itemsOf(dir string, found []repo.Item) []item {
	items := make([]item, 0, len(found))
	for _, f := range found {
		i := item{name: f.Name}
		err := f.Err
		if err == nil {
			i.stat = digest.StatOf(f.Info)
			err = repo.CheckConstants(dir+"/"+f.Name, f.Info)
		}
		i.err = reason(err)
		items = append(items, i)
	}
	return items
}

// dangling is the reason for a link to nothing.
const dangling = "a link that leads nowhere"

// reason is an error in one line, without the path that stands beside it.
func reason(err error) string {
	if err == nil {
		return ""
	}
	inner, isPath := errors.AsType[*fs.PathError](err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return dangling
	case isPath:
		err = inner.Err
	}
	return printable(err.Error())
}

// printable escapes control characters.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return '?'
		}
		return c
	}, text)
}

const writableByOthers = 0o002

// isOpen reports whether everybody may write to the file or directory.
func isOpen(info fs.FileInfo) bool {
	return info.Mode().Perm()&writableByOthers != 0 && info.Mode()&fs.ModeSticky == 0
}

// print writes all that the listing says, in a fixed order.
func (l *listing) print(w io.Writer) {
	fmt.Fprintf(w, "type %q %q %q\n", l.typ.Name, l.err, l.defaultsErr)
	if l.aliases != nil {
		for _, id := range l.aliases.IDs() {
			alias, dir, found, err := l.aliases.Find(repo.Panel{Type: l.typ, ID: id})
			fmt.Fprintf(w, "id %q %q %q %t %t\n", id, alias, dir, found, err != nil)
		}
	}
	printItems(w, l.defaults)
	for _, name := range slices.Sorted(maps.Keys(l.dirs)) {
		dir := l.dirs[name]
		fmt.Fprintf(w, "dir %q %q\n", name, dir.err)
		for _, ctype := range slices.Sorted(maps.Keys(dir.ctypes)) {
			fmt.Fprintf(w, "ctype %q %q\n", ctype, dir.ctypes[ctype].err)
			printItems(w, dir.ctypes[ctype].items)
		}
	}
}

func printItems(w io.Writer, items []item) {
	for _, i := range items {
		fmt.Fprintf(w, "file %q %q %d %d %d %d %x\n", i.name, i.err, i.stat.Inode, i.stat.Size, i.stat.ModTime, i.stat.ChangeTime, i.content)
	}
}
