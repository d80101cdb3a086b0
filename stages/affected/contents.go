package affected

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"

	"deployconstants/repo/digest"
	"deployconstants/stages/resolve"
)

// contents remembers what the files hold, also those that cannot be read.
type contents struct {
	digests *digest.Cache
	byFile  sync.Map // *resolve.File -> content
}

// A content is what a file holds.
type content struct {
	sum   digest.Sum
	known bool
	made  bool // the digest stands for an unknown content
	err   string
}

func (c *contents) of(ctx context.Context, s *resolve.Snapshot, f *resolve.File) content {
	if value, known := c.byFile.Load(f); known {
		return value.(content)
	}
	sum, err := s.Sum(ctx, c.digests, f)
	found := content{sum: sum, known: err == nil}
	switch {
	case errors.Is(err, resolve.ErrContent):
		found = content{sum: sha256.Sum256([]byte("hypothetical " + f.Path + f.Unlike.String())), known: true, made: true}
	case err != nil:
		found.err = err.Error()
	}
	c.byFile.Store(f, found)
	return found
}

// constants describes a file; nil stays nil.
func (c *contents) constants(ctx context.Context, s *resolve.Snapshot, f *resolve.File) *Constants {
	if f == nil {
		return nil
	}
	found := c.of(ctx, s, f)
	described := &Constants{Path: f.Path, Kind: f.Kind.String(), Error: found.err}
	if found.known && !found.made {
		described.SHA256 = found.sum.String()
	}
	return described
}
