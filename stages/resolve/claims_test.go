package resolve_test

import (
	"os"
	"path/filepath"
	"testing"

	"deployconstants/repo"
	"deployconstants/stages/resolve"
)

// TestClaimedAlias: an alias that was claimed without locks and is not in the alias
// file counts, as for the single command.
func TestClaimedAlias(t *testing.T) {
	t.Parallel()
	const id = "1-2-3-4-5-6-7"
	tree := newTree(t)
	r, err := repo.Create(tree.dir, repo.Options{Group: -1, NoLocks: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	typ, err := repo.TypeNamed("epix100a")
	if err != nil {
		t.Fatal(err)
	}
	panel := repo.Panel{Type: typ, ID: id}
	if err := r.MakeTree(panel); err != nil {
		t.Fatal(err)
	}
	alias, err := r.Alias(t.Context(), panel, repo.Origin{Run: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(tree.dir, "epix100a/aliases.txt")); err != nil {
		t.Fatal(err)
	}
	file := name("epix100a", id, alias, 20160101000000, "gain")
	tree.write(file, "x")
	s := tree.load(resolve.Options{})
	key := resolve.Key{Type: "epix100a", ID: id}
	if got, found := s.Alias(key); got != alias || !found {
		t.Errorf("alias %q, %t, want %q", got, found, alias)
	}
	if chosen := s.At(key, "pixel_gain", 20990101000000).File; chosen == nil || chosen.Path != filepath.Join(tree.dir, file) {
		t.Errorf("chosen %+v", chosen)
	}
}
