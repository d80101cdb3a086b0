package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"time"
)

// A segment's name is the time of its making and the first 64 bits of the SHA-256
// of its bytes: names sort by age, writers do not collide, and damage shows before
// a byte is decoded.
const nameTime = "20060102T150405.000000000Z"

var namePattern = regexp.MustCompile(`^([0-9]{8}T[0-9]{6}\.[0-9]{9}Z)-([0-9a-f]{16})\.parquet$`)

// nameOf names a segment that is made now.
func nameOf(content []byte, now time.Time) string {
	return now.UTC().Format(nameTime) + "-" + checksum(content) + suffix
}

const suffix = ".parquet"

func checksum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

// parseName returns what a name says; false if it is none of a segment.
func parseName(name string) (created time.Time, sum string, ok bool) {
	match := namePattern.FindStringSubmatch(name)
	if match == nil {
		return time.Time{}, "", false
	}
	created, err := time.Parse(nameTime, match[1])
	return created, match[2], err == nil
}

// timeText writes a time for people.
func timeText(ns int64) string {
	return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000000000Z")
}
