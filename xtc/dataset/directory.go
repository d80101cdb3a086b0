package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A directory is an open directory, read with the fewest system calls: a sweep
// looks at millions of entries, of which nothing but a name, a size and a time is
// wanted.
type directory struct {
	path string
	fd   int
}

// A dirent is an entry of a directory. Its kind is DT_UNKNOWN on file systems that
// do not tell.
type dirent struct {
	name string
	kind byte // unix.DT_REG, ...
}

// openDirectory opens a directory, through symbolic links.
func openDirectory(path string) (*directory, error) {
	return openDirectoryAt(unix.AT_FDCWD, path, path)
}

// openDirectoryAt opens the directory of that name in another one.
func openDirectoryAt(at int, name, path string) (*directory, error) {
	for {
		fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		default:
			return &directory{path: path, fd: fd}, nil
		}
	}
}

// Close closes the directory.
func (d *directory) Close() error { return unix.Close(d.fd) }

// entries returns the entries that are wanted, sorted by name. The bytes of a name
// are valid during the call of want only.
func (d *directory) entries(want func(name []byte) bool) ([]dirent, error) {
	var list []dirent
	buffer := make([]byte, 32<<10)
	for {
		n, err := unix.ReadDirent(d.fd, buffer)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, &fs.PathError{Op: "readdirent", Path: d.path, Err: err}
		}
		if n <= 0 {
			slices.SortFunc(list, func(a, b dirent) int { return strings.Compare(a.name, b.name) })
			return list, nil
		}
		// linux_dirent64: inode 8, offset 8, length 2, kind 1, name with a zero byte.
		for rest := buffer[:n]; len(rest) > 19; {
			length := int(binary.NativeEndian.Uint16(rest[16:]))
			if length <= 19 || length > len(rest) {
				break
			}
			name, _, _ := bytes.Cut(rest[19:length], []byte{0})
			if string(name) != "." && string(name) != ".." && want(name) {
				list = append(list, dirent{name: string(name), kind: rest[18]})
			}
			rest = rest[length:]
		}
	}
}

// stat looks an entry up, through symbolic links. The error is the bare number of
// the system's error, or nil.
func (d *directory) stat(name string, st *unix.Stat_t) error {
	err := unix.Fstatat(d.fd, name, st, 0)
	for err == unix.EINTR {
		err = unix.Fstatat(d.fd, name, st, 0)
	}
	return err
}

// exists reports whether there is an entry of that name, be it a link to nowhere.
func (d *directory) exists(name string) bool {
	var st unix.Stat_t
	err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	return !errors.Is(err, fs.ErrNotExist)
}
