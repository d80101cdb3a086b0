package merge

import (
	"context"
	"errors"
	"fmt"

	"deployconstants/stages/resolve"
	"deployconstants/xtc/ledger"
)

// Foresee returns the repository as Merge would leave it, had it been listed after that:
// with hypothetical files of unknown content for what would be merged, and without what
// would be withdrawn. With Options.Change, the listing is that after this change already.
// Nothing is written. Errors are those of Merge and resolve.Snapshot.With.
func Foresee(ctx context.Context, o Options, index *ledger.Index, s *resolve.Snapshot) (*resolve.Snapshot, error) {
	o.Write, o.after = false, s
	var changes []resolve.Change
	known := map[target]bool{}
	_, err := Merge(ctx, o, index, func(item Item) error {
		for _, ch := range item.changes {
			of := target{ch.Path, ch.Type, ch.ID}
			if !known[of] {
				known[of] = true
				changes = append(changes, ch)
			}
		}
		return nil
	})
	if err != nil || len(changes) == 0 {
		return s, err
	}
	after, err := s.With(changes...)
	if errors.Is(err, resolve.ErrChange) { // of which whoever asks is innocent
		err = fmt.Errorf("the repository changed while it was looked at: %v", err)
	}
	return after, err
}

// A target is what a change is of: several types of constants ask for one alias, and
// detectors that share a directory for one file.
type target struct{ path, typ, id string }
