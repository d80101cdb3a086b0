package plan

import (
	"deployconstants/repo/calibdir"
	"deployconstants/repo/digest"
)

// statOf is an entry of a directory as digests are remembered by it.
func statOf(e calibdir.Entry) digest.Stat {
	return digest.Stat{
		Inode: e.Inode, Size: e.Size, ModTime: e.ModTime, ChangeTime: e.ChangeTime,
		Mode: e.Mode, UID: e.UID, GID: e.GID, Links: e.Links,
	}
}
