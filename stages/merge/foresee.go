package merge

import (
	"context"

	"deployconstants/stages/resolve"
	"deployconstants/xtc/ledger"
)

// Foresee returns the repository as Merge would leave it, had it been listed after that:
// with hypothetical files of unknown content for what would be merged, and without what
// would be withdrawn. With Options.Change, the listing is that after this change already.
// Nothing is written. Errors are those of Merge and resolve.Snapshot.With.
func Foresee(ctx context.Context, o Options, index *ledger.Index, s *resolve.Snapshot) (*resolve.Snapshot, error) {
	o.Write = false
	var changes []resolve.Change
	registered := map[resolve.Change]bool{}
	_, err := Merge(ctx, o, index, func(item Item) error {
		for _, ch := range item.changes {
			if ch.Path == "" { // an alias, which several types of constants ask for
				if registered[ch] {
					continue
				}
				registered[ch] = true
			}
			changes = append(changes, ch)
		}
		return nil
	})
	if err != nil || len(changes) == 0 {
		return s, err
	}
	return s.With(changes...)
}
