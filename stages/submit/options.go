package submit

import (
	"context"
	"fmt"
	"time"

	"deployconstants/internal/fslock"
	"deployconstants/jobs/jobdir"
	"deployconstants/pipeline"
	"deployconstants/slurm"
)

// Options say which job, and how it is given to Slurm.
type Options struct {
	Job       *jobdir.Job
	Scheduler slurm.Scheduler

	// Task is what all tasks have in common: partition, limits, variables. Name,
	// Program, Array, After, Log and Dir are set here.
	Task slurm.Submission

	Throttle int // tasks of a step that run at a time; 0: any number

	Holder fslock.Holder // of the lock that keeps two submitters apart
	Now    func() time.Time

	// Search is how a job is looked for of which it is in doubt whether Slurm has it;
	// Name and Since are set here.
	Search slurm.Search

	// Sleep waits between two looks at what is being cancelled; nil: it sleeps.
	Sleep func(context.Context, time.Duration) error

	// Tell, if set, is told what is being done.
	Tell func(message string)
}

func (o *Options) applyDefaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = pipeline.Sleep
	}
	if o.Tell == nil {
		o.Tell = func(string) {}
	}
}

// lockTimeout is how long a submitter waits for another one of the same job.
const lockTimeout = 5 * time.Second

// lock keeps other submitters of the job out.
func (o *Options) lock(ctx context.Context) (*fslock.Held, error) {
	return o.Job.Lock(ctx, "submit", o.Holder, lockTimeout)
}

// tokenOf names a submission: by it the job is found in the queue and in accounting.
func tokenOf(job string, step jobdir.Step, round, part int) string {
	return fmt.Sprintf("dc-%s-%s-%d-%d", job, step, round, part)
}
