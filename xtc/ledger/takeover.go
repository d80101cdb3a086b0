package ledger

import (
	"context"
	"reflect"
)

// takeOverRuns is how many runs TakeOver puts into a segment, at most: some 30 MB in
// memory.
const takeOverRuns = 5000

// TakeOver commits the records of another ledger's index that known, the index of this
// one, does not have as they are. It returns how many runs and segments that were; doing
// it again takes nothing over. Errors are those of Add and Commit.
func (l *Ledger) TakeOver(ctx context.Context, known, from *Index) (runs, segments int, err error) {
	w := l.NewWriter()
	commit := func() error {
		if w.Len() == 0 {
			return nil
		}
		runs, segments = runs+w.Len(), segments+1
		return w.Commit(ctx)
	}
	for run := range from.Select(Filter{}) {
		if e, found := known.Experiment(run.Experiment); found {
			if have, found := e.Run(run.Number); found && reflect.DeepEqual(have, run) {
				continue
			}
		}
		if err := w.Add(run); err != nil {
			return runs, segments, err
		}
		if w.Len() >= takeOverRuns {
			if err := commit(); err != nil {
				return runs, segments, err
			}
		}
	}
	return runs, segments, commit()
}
