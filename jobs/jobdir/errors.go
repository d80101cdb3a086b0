package jobdir

import "errors"

// Conditions that callers tell apart with errors.Is.
var (
	// ErrID: the text is no id of a job.
	ErrID = errors.New("not the id of a job: YYYYmmddTHHMMSSZ-<8 hexadecimal digits>")

	// ErrNotFound: there is no job of that id.
	ErrNotFound = errors.New("no such job")

	// ErrNotCut: the step has no shards yet: what comes before it has not ended.
	ErrNotCut = errors.New("the step has not been cut into shards yet")

	// ErrNoShard: the step has no shard of that number: the task is a surplus one.
	ErrNoShard = errors.New("the step has no such shard")

	// ErrNoResult: the shard has no result yet.
	ErrNoResult = errors.New("the shard has no result yet")

	// ErrDone: the shard has a result already.
	ErrDone = errors.New("the shard has a result already")

	// ErrDamaged: a file of the job is not what was written.
	ErrDamaged = errors.New("damaged: it is not what was written")

	// ErrMissing: some of the shard's experiments are not settled.
	ErrMissing = errors.New("experiments of the shard are not settled")
)
