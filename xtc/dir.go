package xtc

import (
	"io/fs"
	"syscall"
)

// Dir is a directory of XTC files that is opened once for many of them: the path is
// not walked, nor is what a listing has told looked up again, for each. It is safe for
// concurrent use.
type Dir struct {
	path string
	fd   int
}

// Entry is a file as a listing of its directory had it.
type Entry struct {
	Name    string // below the directory, "smalldata/e665-r0260-s00-c00.smd.xtc"
	Size    int64  // bytes
	ModTime int64  // UTC ns since 1970
}

// OpenDir opens a directory, through symbolic links. The caller closes it.
func OpenDir(path string) (*Dir, error) {
	fd, err := openAt(atCurrent, path, syscall.O_DIRECTORY)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return &Dir{path: path, fd: fd}, nil
}

// Path returns the path of the entry.
func (d *Dir) Path(e Entry) string { return d.path + "/" + e.Name }

// Open opens the file of an entry with the default limits, and believes the entry: it
// does not ask the system what it opened. If something else has come in its place, a
// device or a pipe even, its bytes are as little trusted as those of any file, and
// Changed, which the caller has to ask before it uses them, tells. The error is that of
// the system, with the path. The caller closes the file, before or after the directory.
func (d *Dir) Open(e Entry) (*File, error) {
	f := &File{}
	if err := f.raw.open(d.fd, d.path, e.Name); err != nil {
		return nil, err
	}
	f.raw.size, f.raw.mod = e.Size, e.ModTime
	f.ready()
	return f, nil
}

// Close closes the directory.
func (d *Dir) Close() error {
	if err := syscall.Close(d.fd); err != nil {
		return &fs.PathError{Op: "close", Path: d.path, Err: err}
	}
	return nil
}
