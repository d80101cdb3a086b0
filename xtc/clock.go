package xtc

import (
	"cmp"
	"time"
)

// Clock is the time of a datagram in UTC. The file stores the nanoseconds first.
type Clock struct {
	Sec  uint32 // s since 1970-01-01 UTC
	Nsec uint32 // ns, 0-999999999; a damaged file may have more
}

// Time returns the instant in UTC. Nanoseconds beyond a second are carried over.
func (c Clock) Time() time.Time { return time.Unix(int64(c.Sec), int64(c.Nsec)).UTC() }

// Compare returns -1, 0 or +1 as c is earlier than d, the same, or later. The words
// of the file are compared, not the instants.
func (c Clock) Compare(d Clock) int {
	return cmp.Or(cmp.Compare(c.Sec, d.Sec), cmp.Compare(c.Nsec, d.Nsec))
}
