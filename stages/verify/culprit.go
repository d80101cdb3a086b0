package verify

import (
	"io/fs"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"deployconstants/repo/calibdir"
)

// culprit returns who changed a file; nil where nothing tells. The info is that of
// the file, nil if it is missing.
func (n *neighbours) culprit(f *Finding, a asked, info fs.FileInfo) *Culprit {
	if record, ok := n.recorded(a); ok {
		return &Culprit{
			User: record.User, Host: record.Host, Time: n.inZone(record.Time), From: "HISTORY",
			CopyOf: record.CopyOf, Note: record.Comment,
		}
	}
	if info == nil {
		return nil
	}
	by := &Culprit{User: ownerOf(info), Time: info.ModTime().UTC(), From: "owner"}
	if f.Class == WrongMode || f.Class == WrongGroup || f.Class == Shadowed { // the bytes may be older
		by.Time = changeTime(info)
	}
	return by
}

// recorded returns the newest record of HISTORY for the name, if it is younger than
// our transaction: behind our own line or, where there is none, of a later time.
func (n *neighbours) recorded(a asked) (newest calibdir.HistoryRecord, ok bool) {
	for _, record := range slices.Backward(n.readHistory()) {
		switch {
		case record.File != a.name:
		case strings.Contains(record.Comment, a.owned.Tx): // ours: what came before does not matter
			return newest, ok
		case !ok:
			newest, ok = record, true
		}
	}
	return newest, ok && n.inZone(newest.Time).After(a.owned.Time)
}

// readHistory reads HISTORY once. One that cannot be read tells nothing.
func (n *neighbours) readHistory() []calibdir.HistoryRecord {
	if n.historyRead {
		return n.history
	}
	n.historyRead = true
	calib, target, err := n.calib()
	if err != nil {
		return nil
	}
	defer calib.Close() // only read
	n.history, _ = calib.History(target)
	return n.history
}

// inZone returns the wall clock of a HISTORY record as a time, UTC.
func (n *neighbours) inZone(wall time.Time) time.Time {
	return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, n.zone).UTC()
}

// ownerOf returns the name of the file's owner, or the number where it has none.
func ownerOf(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	uid := strconv.FormatUint(uint64(st.Uid), 10)
	if u, err := user.LookupId(uid); err == nil {
		return u.Username
	}
	return uid
}
