package repo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/fslock"
)

// aliasFileMax bounds an alias file in bytes: several hundred thousand records.
const aliasFileMax = 64 << 20

// aliasFiles are the alias files of a type, open, by name.
type aliasFiles map[string]*openAliasFile

// An openAliasFile is an alias file that has been found to be no link.
type openAliasFile struct{ *os.File }

func (files aliasFiles) close() error {
	var errs []error
	for _, f := range files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// aliasNames are the names that the alias file of a type may have, in the order in
// which they are locked.
func (r *Repository) aliasNames(typeName string) []string {
	switch {
	case r.options.Panels != "":
		return []string{r.options.Panels}
	case r.options.Flat:
		return []string{".aliases-" + typeName + ".txt"}
	}
	return []string{aliasFile, hiddenAliasFile}
}

// newAliasName is the name of a new alias file.
func (r *Repository) newAliasName(typeName string) string {
	if names := r.aliasNames(typeName); len(names) == 1 {
		return names[0]
	}
	return r.options.AliasFile
}

// ofType is the name of a file that belongs to the aliases of a type.
func (r *Repository) ofType(typeName, name string) string {
	if r.options.Panels != "" {
		return name
	}
	return typeName + "/" + name
}

// aliasTarget is the file that gets new records: the one the settings name if it
// is there, else the other. At least one must be open.
func (r *Repository) aliasTarget(typeName string, files aliasFiles) *openAliasFile {
	for _, candidate := range append([]string{r.newAliasName(typeName)}, r.aliasNames(typeName)...) {
		if f := files[candidate]; f != nil {
			return f
		}
	}
	return nil
}

// openAliases opens the alias files that exist.
func (r *Repository) openAliases(typeName string, flags int) (aliasFiles, error) {
	files := aliasFiles{}
	for _, name := range r.aliasNames(typeName) {
		f, err := r.openAliasFile(r.ofType(typeName, name), flags)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, errors.Join(err, files.close())
		}
		files[name] = f
	}
	return files, nil
}

// openOrMakeAliases opens the alias files for appending, a new one made first if
// there is none. Another process may make it at the same time.
func (r *Repository) openOrMakeAliases(typeName string) (aliasFiles, error) {
	const flags = os.O_RDWR | os.O_APPEND
	files, err := r.openAliases(typeName, flags)
	if err != nil || len(files) > 0 {
		return files, err
	}
	// Everybody may write it, whatever the umask, as with the original.
	made, err := atomicfile.OpenAppend(r.root, r.ofType(typeName, r.newAliasName(typeName)), atomicfile.Options{Mode: 0o666, Group: -1})
	if err != nil {
		return nil, err
	}
	if err := made.Close(); err != nil {
		return nil, err
	}
	files, err = r.openAliases(typeName, flags)
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%w: %s was removed as soon as it was made", ErrAliasFile, r.path(r.ofType(typeName, r.newAliasName(typeName))))
	}
	return files, err
}

// openAliasFile opens a file that anybody may have put there: a link, a special
// file or one with a second name elsewhere is refused.
func (r *Repository) openAliasFile(name string, flags int) (*openAliasFile, error) {
	f, err := atomicfile.OpenPlain(r.root, name, flags)
	if errors.Is(err, atomicfile.ErrNotRegular) || errors.Is(err, atomicfile.ErrLinked) {
		return nil, fmt.Errorf("%w: %w", ErrAliasFile, err)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() > aliasFileMax {
		err = fmt.Errorf("%w: %s has %d bytes", ErrAliasFile, r.path(name), info.Size())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &openAliasFile{f}, nil
}

// lockAliases opens and locks the alias files of a type, the new one made first
// if there is none, in a fixed order. The lock ends with close.
func (r *Repository) lockAliases(ctx context.Context, typeName string) (aliasFiles, error) {
	if r.options.NoLocks {
		return nil, fmt.Errorf("%s: %w", r.path(typeName), fslock.ErrUnsupported)
	}
	for {
		files, err := r.openOrMakeAliases(typeName)
		if err != nil {
			return nil, err
		}
		for _, name := range r.aliasNames(typeName) {
			if f := files[name]; f != nil && err == nil {
				err = fslock.File(ctx, f.File, r.options.LockTimeout)
			}
		}
		if err != nil {
			return nil, errors.Join(err, files.close())
		}
		if r.stillThere(typeName, files) {
			return files, nil
		}
		if err := files.close(); err != nil {
			return nil, err
		}
	}
}

// stillThere reports whether the locked files are those that the names lead to:
// an editor may have replaced one, another process made the other, while the
// lock was waited for.
func (r *Repository) stillThere(typeName string, files aliasFiles) bool {
	for _, name := range r.aliasNames(typeName) {
		named, err := r.root.Lstat(r.ofType(typeName, name))
		f := files[name]
		if f == nil {
			if err == nil {
				return false
			}
			continue
		}
		info, statErr := f.Stat()
		if err != nil || statErr != nil || !os.SameFile(named, info) {
			return false
		}
	}
	return true
}

// content reads the whole file.
func (f *openAliasFile) content() ([]byte, error) {
	size, _, err := f.settled()
	if err != nil {
		return nil, err
	}
	raw := make([]byte, size)
	n, err := f.ReadAt(raw, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return raw[:n], nil
}

// settled returns the size of the file and whether its last line is complete. A
// record that is being written may for a moment be seen in part, up to the end of
// a page, and its id would be that of another detector; so an incomplete line
// counts only if it stays.
func (f *openAliasFile) settled() (size int64, complete bool, err error) {
	size = -1
	for {
		info, err := f.Stat()
		if err != nil {
			return 0, false, err
		}
		earlier := size
		if size = info.Size(); size == 0 {
			return 0, true, nil
		}
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, size-1); err != nil && !errors.Is(err, io.EOF) {
			return 0, false, err
		}
		if last[0] == '\n' || size == earlier {
			return size, last[0] == '\n', nil
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// append writes a line, behind a newline if the last line has none, and makes it
// durable: an alias that is forgotten would be given away again. What a failed
// write leaves of the line is taken away.
func (f *openAliasFile) append(line string) error {
	size, complete, err := f.settled()
	if err != nil {
		return err
	}
	if !complete {
		line = "\n" + line
	}
	if n, err := f.WriteString(line); err != nil {
		return errors.Join(err, f.takeBack(size, n))
	}
	return f.Sync()
}

// takeBack removes the n bytes just written behind size, unless a process without
// locks has appended to them.
func (f *openAliasFile) takeBack(size int64, n int) error {
	info, err := f.Stat()
	if err != nil || n == 0 || info.Size() != size+int64(n) {
		return err
	}
	return f.Truncate(size)
}
