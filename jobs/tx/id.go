package tx

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"
)

// idTime is the layout of the first part of an id. Part of the format.
const idTime = "20060102T150405Z"

// newID returns the id of a transaction that begins now: ids sort by time.
func newID(now time.Time) string {
	var random [4]byte
	rand.Read(random[:]) // never fails
	return now.UTC().Format(idTime) + "-" + hex.EncodeToString(random[:])
}

// CheckID returns an error that wraps ErrID unless the text can be the id of a
// transaction, and so the name of its directory.
func CheckID(id string) error {
	if len(id) == len(idTime)+1+8 && id[len(idTime)] == '-' {
		_, timeErr := time.Parse(idTime, id[:len(idTime)])
		raw, hexErr := hex.DecodeString(id[len(idTime)+1:])
		if timeErr == nil && hexErr == nil && hex.EncodeToString(raw) == id[len(idTime)+1:] {
			return nil
		}
	}
	return fmt.Errorf("%q: %w", id, ErrID)
}
