package digest

import (
	"io/fs"
	"syscall"

	"deployconstants/internal/atomicfile"
)

// A Stat is what the file system says about a file.
type Stat struct {
	Device     uint64 // differs between hosts; no part of the identity
	Inode      uint64
	Size       int64  // bytes
	ModTime    int64  // UTC ns since 1970
	ChangeTime int64  // UTC ns since 1970
	Mode       uint32 // the twelve permission bits
	UID, GID   uint32
	Links      uint64 // number of names
}

// StatOf returns the Stat of what os.Stat and its like returned.
func StatOf(info fs.FileInfo) Stat {
	stat := Stat{Size: info.Size(), ModTime: info.ModTime().UnixNano(), Mode: uint32(atomicfile.ModeOf(info.Mode()))}
	if system, ok := info.Sys().(*syscall.Stat_t); ok {
		stat.Device, stat.Inode = uint64(system.Dev), system.Ino
		stat.ChangeTime = system.Ctim.Nano()
		stat.UID, stat.GID = system.Uid, system.Gid
		stat.Links = uint64(system.Nlink)
	}
	return stat
}

// Same reports whether the file is one and unchanged: inode, size, mtime and ctime.
func (s Stat) Same(other Stat) bool { return s.identity() == other.identity() }

// An identity is what tells a file from another and from its former self.
type identity struct {
	inode                     uint64
	size, modTime, changeTime int64
}

func (s Stat) identity() identity { return identity{s.Inode, s.Size, s.ModTime, s.ChangeTime} }
