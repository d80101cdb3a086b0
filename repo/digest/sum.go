package digest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"sync"
)

// A Sum is the SHA-256 of a content.
type Sum [sha256.Size]byte

// parse reads 64 lower-case hex digits, and reports whether they are that.
func (s *Sum) parse(text string) bool {
	if len(text) != 2*len(s) {
		return false
	}
	for i := range s {
		high, low := nibble(text[2*i]), nibble(text[2*i+1])
		if high|low > 15 {
			return false
		}
		s[i] = high<<4 | low
	}
	return true
}

// nibble returns the value of a lower-case hex digit, 255 for what is none.
func nibble(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	default:
		return 255
	}
}

// String returns 64 hex digits.
func (s Sum) String() string { return hex.EncodeToString(s[:]) }

var buffers = sync.Pool{New: func() any { return new([128 << 10]byte) }}

// Of returns the digest of all that r holds and its size in bytes. It ends early,
// with the cause, if ctx does.
func Of(ctx context.Context, r io.Reader) (Sum, int64, error) {
	buffer := buffers.Get().(*[128 << 10]byte)
	defer buffers.Put(buffer)
	hash, size := sha256.New(), int64(0)
	for {
		if err := context.Cause(ctx); err != nil {
			return Sum{}, size, err
		}
		n, err := r.Read(buffer[:])
		hash.Write(buffer[:n])
		size += int64(n)
		if err == io.EOF {
			return Sum(hash.Sum(nil)), size, nil
		}
		if err != nil {
			return Sum{}, size, err
		}
	}
}
