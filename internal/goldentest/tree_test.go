package goldentest_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// node is one path of a tree as it is compared.
type node struct {
	Type    string // file, dir, link
	Mode    uint32 // permission bits with setuid, setgid and sticky; 0 for a link
	Owner   string // "uid:gid"; "" where owners are not compared, and for a link
	Content string // of a file, see contentOf
	Target  string // of a link
}

// tree maps absolute paths, the private root taken off, to their nodes.
type tree map[string]node

// wholeContent is the largest content that is compared as such, in bytes; of a
// longer one the expectation holds size and digest.
const wholeContent = 40000

// contentOf is the content of a file as it is compared.
func contentOf(content string) string {
	if len(content) <= wholeContent {
		return content
	}
	return digestOf(int64(len(content)), fmt.Sprintf("%x", sha256.Sum256([]byte(content))))
}

func digestOf(size int64, digest string) string {
	return fmt.Sprintf("%d bytes, sha256 %s", size, digest)
}

// snapshot records everything below the root. Raw data is recorded by size alone.
func snapshot(t testing.TB, root string) tree {
	t.Helper()
	found := tree{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == root {
			return nil
		}
		n, err := nodeAt(root, path, d)
		found[strings.TrimPrefix(path, root)] = n
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func nodeAt(root, path string, d fs.DirEntry) (node, error) {
	info, err := d.Info()
	if err != nil {
		return node{}, err
	}
	if d.Type() == fs.ModeSymlink {
		target, err := os.Readlink(path)
		return node{Type: "link", Target: strings.TrimPrefix(target, root)}, err
	}
	n := node{Type: "file", Mode: unixMode(info.Mode()), Owner: ownerOf(info)}
	switch {
	case d.IsDir():
		n.Type = "dir"
	case !d.Type().IsRegular():
		n.Type = d.Type().String()
	case filepath.Ext(path) == ".xtc":
		n.Content = strconv.FormatInt(info.Size(), 10) + " bytes"
	default:
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrPermission) {
			n.Content = "(not readable)"
			return n, nil
		}
		if err != nil {
			return node{}, err
		}
		n.Content = contentOf(strings.ReplaceAll(string(content), root, ""))
	}
	return n, nil
}

func ownerOf(info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !asRoot {
		return ""
	}
	return fmt.Sprintf("%d:%d", stat.Uid, stat.Gid)
}

// unixMode returns the permission bits as chmod(2) has them.
func unixMode(mode fs.FileMode) uint32 {
	bits := uint32(mode.Perm())
	for flag, bit := range map[fs.FileMode]uint32{
		fs.ModeSetuid: syscall.S_ISUID, fs.ModeSetgid: syscall.S_ISGID, fs.ModeSticky: syscall.S_ISVTX,
	} {
		if mode&flag != 0 {
			bits |= bit
		}
	}
	return bits
}

// changes returns what differs in after: new and changed paths with their node,
// removed ones with the type "removed".
func changes(before, after tree) tree {
	changed := tree{}
	for path, n := range after {
		if was, ok := before[path]; !ok || was != n {
			changed[path] = n
		}
	}
	for path := range before {
		if _, ok := after[path]; !ok {
			changed[path] = node{Type: "removed"}
		}
	}
	return changed
}

func (tr tree) clone() tree { return maps.Clone(tr) }

// parseNode turns a recorded path into a node.
func parseNode(r recorded) (node, error) {
	if r.Type == "link" {
		return node{Type: "link", Target: r.Target}, nil
	}
	mode, owner, ok := strings.Cut(r.Perm, " ")
	bits, err := strconv.ParseUint(mode, 8, 12)
	if !ok || err != nil {
		return node{}, fmt.Errorf("permissions %q: %w", r.Perm, err)
	}
	n := node{Type: r.Type, Mode: uint32(bits)}
	if asRoot {
		n.Owner = owner
	}
	switch {
	case r.Content != nil:
		n.Content = *r.Content
	case r.SHA256 != "":
		n.Content = digestOf(r.Size, r.SHA256)
	}
	return n, nil
}
