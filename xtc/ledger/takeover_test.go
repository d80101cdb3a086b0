package ledger_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Records that were made elsewhere are taken over once, beside those that are there.
func TestTakeOver(t *testing.T) {
	both, here, elsewhere := open(t, t.TempDir()), open(t, t.TempDir()), open(t, t.TempDir())
	for n := 1; n <= 20; n++ {
		run := sample("xppaa0117", n)
		commit(t, both, run)
		if n%2 == 0 {
			commit(t, here, run)
		} else {
			commit(t, elsewhere, run)
		}
	}
	changed := sample("xppaa0117", 2)
	changed.Scanned++
	changed.Sources[0].ID = "another"
	commit(t, both, changed)
	commit(t, elsewhere, changed)
	for i, want := range []int{11, 0} {
		runs, segments, err := here.TakeOver(t.Context(), load(t, here), load(t, elsewhere))
		if err != nil || runs != want || segments != min(want, 1) {
			t.Errorf("time %d: %d runs in %d segments, %v; want %d", i+1, runs, segments, err, want)
		}
	}
	if diff := cmp.Diff(all(load(t, both)), all(load(t, here))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
