package jobdir

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"deployconstants/pipeline"
)

// Progress is how far a shard is.
type Progress struct {
	Shard  int
	Result *Completion // nil: it has none
	Err    error       // why result or journals cannot be read

	// Attempts are those at a shard without result, the oldest first.
	Attempts []AttemptProgress
}

// AttemptProgress is how far an attempt is.
type AttemptProgress struct {
	Who
	Settled  int // experiments
	Failures map[string]int
	State    State
	Cause    string    // of Failed and Stopped
	Ended    time.Time // zero: it has not, as far as it has said
}

// Progress returns how far every shard of a step is, by their numbers; of a step that
// is not cut yet, none. Errors are those of reading
// directories, and the cause of ctx.
func (j *Job) Progress(ctx context.Context, step Step) ([]Progress, error) {
	count, err := j.Count(step)
	if err != nil && !errors.Is(err, ErrNotCut) {
		return nil, err
	}
	results, err := numbers(j.path(string(step), "results"), ".jsonl")
	if err != nil {
		return nil, err
	}
	tried, err := numbers(j.path(string(step), "attempts"), "")
	if err != nil {
		return nil, err
	}
	all := make([]Progress, 0, count)
	source := func(_ context.Context, emit func(int) error) error {
		for shard := 1; shard <= count; shard++ {
			if err := emit(shard); err != nil {
				return err
			}
		}
		return nil
	}
	read := func(_ context.Context, shard int) (Progress, error) {
		_, done := slices.BinarySearch(results, shard)
		_, begun := slices.BinarySearch(tried, shard)
		return j.progress(step, shard, done, begun), nil
	}
	err = pipeline.Run(ctx, pipeline.Options{}, source, read, func(r pipeline.Result[int, Progress]) error {
		if r.Err != nil {
			return r.Err
		}
		all = append(all, r.Out)
		return nil
	})
	return all, err
}

// ShardProgress is Progress for one shard.
func (j *Job) ShardProgress(step Step, shard int) Progress {
	there := func(kind, ext string) bool {
		_, err := os.Lstat(j.path(numbered(step, kind, shard, ext)))
		return !errors.Is(err, fs.ErrNotExist) // what else is wrong says who reads it
	}
	return j.progress(step, shard, there("results", ".jsonl"), there("attempts", ""))
}

// progress reads what there is of a shard.
func (j *Job) progress(step Step, shard int, done, begun bool) Progress {
	p := Progress{Shard: shard}
	if done {
		result, err := j.Result(step, shard)
		if err == nil {
			p.Result = &result
			return p
		}
		p.Err = err
	}
	if !begun {
		return p
	}
	dir := numbered(step, "attempts", shard, "")
	names, err := attemptsIn(j.path(dir))
	if err != nil {
		p.Err = err
		return p
	}
	for _, name := range names {
		attempt, err := readAttempt(j.path(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			p.Err = err
			continue
		}
		a := AttemptProgress{Who: attempt.head.Who, Settled: len(attempt.items), Failures: map[string]int{}}
		for _, item := range attempt.items {
			addFailures(a.Failures, item.Failures)
		}
		if attempt.end != nil {
			a.State, a.Cause, a.Ended = attempt.end.State, attempt.end.Cause, attempt.end.Ended
		}
		p.Attempts = append(p.Attempts, a)
	}
	slices.SortStableFunc(p.Attempts, func(a, b AttemptProgress) int { return a.Started.Compare(b.Started) })
	return p
}

// Missing returns the numbers of the shards of a step that have no result. The error
// wraps ErrNotCut, or is that of reading.
func (j *Job) Missing(step Step) ([]int, error) {
	count, err := j.Count(step)
	if err != nil {
		return nil, err
	}
	results, err := numbers(j.path(string(step), "results"), ".jsonl")
	if err != nil {
		return nil, err
	}
	var missing []int
	for shard := 1; shard <= count; shard++ {
		if _, done := slices.BinarySearch(results, shard); !done {
			missing = append(missing, shard)
		}
	}
	return missing, nil
}
