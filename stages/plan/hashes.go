package plan

import (
	"context"
	"os"
	"sync"

	"deployconstants/repo/digest"
	"deployconstants/stages/resolve"
)

// hashes are the digests of the repository's files that a plan asked for.
type hashes struct{ byFile sync.Map } // *resolve.File -> *hashed

type hashed struct {
	once sync.Once
	sum  digest.Sum
	err  error
}

// constants returns the digest of a constants file. It is opened only if its
// digest is not remembered, and once in a plan at most.
func (p *planner) constants(ctx context.Context, file *resolve.File) (digest.Sum, error) {
	value, known := p.hashes.byFile.Load(file)
	if !known {
		value, _ = p.hashes.byFile.LoadOrStore(file, &hashed{})
	}
	h := value.(*hashed)
	h.once.Do(func() { h.sum, h.err = p.snapshot.Sum(ctx, p.Digests, file) })
	return h.sum, h.err
}

// repositoryDigest returns the digest of a file of the repository by its path.
func (p *planner) repositoryDigest(ctx context.Context, path string) (digest.Sum, error) {
	sum, _, err := p.Digests.Sum(ctx, path, func() (*os.File, error) { return p.Repository.OpenConstants(path) })
	return sum, err
}
