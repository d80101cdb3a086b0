package jobs

import (
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"time"
)

// idTime is the layout of the first part of an id. Part of the formats.
const idTime = "20060102T150405Z"

var idForm = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$`)

// NewID returns an id for a transaction, a job, or an attempt that begins now:
// YYYYmmddTHHMMSSZ-<8 hexadecimal digits>, UTC. Ids sort by time.
func NewID(now time.Time) string {
	var random [4]byte
	rand.Read(random[:]) // never fails
	return now.UTC().Format(idTime) + "-" + hex.EncodeToString(random[:])
}

// IsID reports whether the text can be an id, and so the name of a directory.
func IsID(text string) bool {
	if !idForm.MatchString(text) {
		return false
	}
	_, err := time.Parse(idTime, text[:len(idTime)])
	return err == nil
}

// SecondOf returns the part of an id that is its time, to the second: ids of one second
// are in no order.
func SecondOf(id string) string { return id[:len(idTime)] }
