package facility

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// SnapshotOptions say what is compared besides modes, owners, sizes, contents and
// link targets. The zero value compares no times.
type SnapshotOptions struct {
	ModTime    bool // of files
	ChangeTime bool // of files, and of directories with DirTimes
	DirTimes   bool // of directories
	Inodes     bool

	// Skip leaves out a path, relative to the directory, with all that is below.
	Skip func(path string) bool
}

// A Snapshot is a tree as it was: a line for each path below it. It is comparable by
// cmp.Diff and maps.Equal.
type Snapshot map[string]string

// TakeSnapshot describes the tree below dir, and dir itself as ".".
func TakeSnapshot(dir string, o SnapshotOptions) (Snapshot, error) {
	s := Snapshot{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if o.Skip != nil && o.Skip(rel) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		s[rel], err = describe(path, o)
		return err
	})
	return s, err
}

// describe returns the line of one path.
func describe(path string, o SnapshotOptions) (string, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", fmt.Errorf("%s: the system tells no owner", path)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%v %d:%d", info.Mode(), sys.Uid, sys.Gid)
	switch {
	case info.Mode().IsRegular():
		content, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		sum := sha256.Sum256(content)
		fmt.Fprintf(&b, " %d bytes %s", info.Size(), hex.EncodeToString(sum[:8]))
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, " -> %s", target)
	}
	if o.ModTime && !info.IsDir() || o.DirTimes && info.IsDir() {
		fmt.Fprintf(&b, " mtime %d", info.ModTime().UnixNano())
	}
	if o.ChangeTime && (o.DirTimes || !info.IsDir()) {
		fmt.Fprintf(&b, " ctime %d.%09d", sys.Ctim.Sec, sys.Ctim.Nsec)
	}
	if o.Inodes {
		fmt.Fprintf(&b, " inode %d links %d", sys.Ino, sys.Nlink)
	}
	return b.String(), nil
}

// Diff tells what differs from s in the other snapshot, a line for each path, sorted;
// "" for nothing.
func (s Snapshot) Diff(other Snapshot) string {
	paths := slices.Collect(maps.Keys(s))
	for path := range other {
		if _, both := s[path]; !both {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	var b strings.Builder
	for _, path := range paths {
		was, before := s[path]
		is, after := other[path]
		switch {
		case !before:
			fmt.Fprintf(&b, "+ %s: %s\n", path, is)
		case !after:
			fmt.Fprintf(&b, "- %s: %s\n", path, was)
		case was != is:
			fmt.Fprintf(&b, "~ %s: %s\n  now: %s\n", path, was, is)
		}
	}
	return b.String()
}
