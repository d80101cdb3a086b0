package atomicfile

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// lazy is a system whose syncs wait until there are many.
type lazy struct {
	system
	later *later
}

// Sync has the file written from now on, while the next one is prepared.
func (s lazy) Sync(f *os.File) error {
	_ = unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE) // the sync tells; directories cannot
	return s.later.add(f)
}

// later is the files and directories that are to be synced together.
type later struct {
	sys   system
	files []waiting
	known map[fileID]bool
}

type waiting struct {
	file *os.File // a descriptor of its own
	id   fileID
}

// A fileID tells files apart.
type fileID struct{ dev, inode uint64 }

// minWhole is from how many files on the whole file system is synced instead of
// each of them. Every fsync waits for a commit of the file system's journal, some
// of which syncfs(2) replaces by one; but it also writes what others left to be
// written, so a handful of files is not worth it.
const minWhole = 8

// add remembers a file to be synced; it may be closed then. Locks on it last until
// the sync.
func (l *later) add(f *os.File) error {
	st, err := statOf(f)
	if err != nil {
		return err
	}
	id := fileID{uint64(st.Dev), st.Ino}
	if l.known[id] {
		return nil
	}
	var fd int
	err = retry("dup", func() (err error) {
		fd, err = unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return err
	}
	if l.known == nil {
		l.known = map[fileID]bool{}
	}
	l.known[id] = true
	l.files = append(l.files, waiting{os.NewFile(uintptr(fd), f.Name()), id})
	return nil
}

// flush syncs all files and forgets them.
func (l *later) flush() error {
	defer l.close()
	counts := map[uint64]int{}
	for _, w := range l.files {
		counts[w.id.dev]++
	}
	whole := map[uint64]bool{} // file systems that are done
	for _, w := range l.files {
		if whole[w.id.dev] {
			continue
		}
		if counts[w.id.dev] >= minWhole && syncsWhole(w.file) {
			if err := l.sys.SyncAll(w.file); err != nil {
				return err
			}
			whole[w.id.dev] = true
			continue
		}
		if err := l.sys.Sync(w.file); err != nil && !(isDir(w.file) && errorIsUnsupported(err)) {
			return err
		}
	}
	return nil
}

// SyncFiles makes open files and directories durable together, as a Batch does its
// own. An error is that of one of them at least.
func SyncFiles(files []*os.File) error {
	l := &later{sys: host{}}
	defer l.close()
	for _, f := range files {
		if err := l.add(f); err != nil {
			return err
		}
	}
	return l.flush()
}

func (l *later) close() {
	for _, w := range l.files {
		w.file.Close() // its sync has told all
	}
	l.files = nil
	clear(l.known)
}

func isDir(f *os.File) bool {
	st, err := statOf(f)
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
}

// syncsWhole reports whether syncfs(2) on the file's file system makes files as
// durable as fsync(2) does and tells of every error: on the local ones, since Linux
// 5.8. The client of Lustre, for one, only hands the data to its servers.
func syncsWhole(f *os.File) bool {
	var st unix.Statfs_t
	if err := retry("fstatfs", func() error { return unix.Fstatfs(int(f.Fd()), &st) }); err != nil {
		return false
	}
	switch int64(st.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC:
		return syncfsTells()
	}
	return false
}

// syncfsTells reports whether syncfs(2) returns errors of writing: since Linux 5.8.
var syncfsTells = sync.OnceValue(func() bool {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return false
	}
	major, rest, _ := strings.Cut(unix.ByteSliceToString(name.Release[:]), ".")
	minor, _, _ := strings.Cut(rest, ".")
	first, err1 := strconv.Atoi(major)
	second, err2 := strconv.Atoi(minor)
	return errors.Join(err1, err2) == nil && (first > 5 || first == 5 && second >= 8)
})
