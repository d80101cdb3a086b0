package calibdir

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// An Entry is a name in a directory with what lstat tells.
type Entry struct {
	Name       string
	Regular    bool
	Size       int64  // bytes
	Mode       uint32 // the twelve permission bits
	UID, GID   uint32
	Links      uint64 // number of names
	Device     uint64
	Inode      uint64
	ModTime    int64 // UTC ns since 1970
	ChangeTime int64 // UTC ns since 1970
}

func entryOf(name string, st *unix.Stat_t) Entry {
	return Entry{
		Name: name, Regular: st.Mode&unix.S_IFMT == unix.S_IFREG,
		Size: st.Size, Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid, Links: uint64(st.Nlink),
		Device: uint64(st.Dev), Inode: st.Ino, ModTime: st.Mtim.Nano(), ChangeTime: st.Ctim.Nano(),
	}
}

func sortEntries(entries []Entry) {
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
}
