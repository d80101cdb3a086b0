package submit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"deployconstants/jobs/jobdir"
	"deployconstants/slurm"
	"deployconstants/stages/task"
)

// Look tells how far a job is: by its results and journals, and by one question each to
// the queue and to accounting, of which neither needs an answer. Errors are those of
// reading the job.
func Look(ctx context.Context, o Options) (Status, error) {
	o.applyDefaults()
	spec := o.Job.Spec()
	l := looking{Options: o, status: Status{
		Job: spec.ID, Kind: spec.Kind, Deploy: spec.Deploy, Submitted: spec.Time, User: spec.User, Host: spec.Host, Dir: o.Job.Dir(),
	}}
	var err error
	if l.record, err = o.Job.Record(); err != nil {
		return l.status, err
	}
	l.ask(ctx)
	for _, step := range spec.Steps() {
		if err := l.step(ctx, step); err != nil {
			return l.status, err
		}
	}
	l.finish()
	return l.status, nil
}

// looking is a Look under way.
type looking struct {
	Options
	record  jobdir.Record
	status  Status
	queue   map[string]map[int]slurm.Task   // by token and index
	records map[string]map[int]slurm.Record // the newest
	silent  bool                            // the queue did not answer
	notDone map[string]int
}

// ask asks Slurm.
func (l *looking) ask(ctx context.Context) {
	l.queue, l.records = map[string]map[int]slurm.Task{}, map[string]map[int]slurm.Record{}
	l.notDone = map[string]int{}
	var tokens []string
	for _, s := range l.record.Submissions {
		if s.State != jobdir.Refused && s.State != jobdir.Drafted {
			tokens = append(tokens, s.Token)
		}
	}
	if len(tokens) == 0 {
		return
	}
	tasks, err := l.Scheduler.Jobs(ctx, tokens)
	if err != nil {
		l.silent = true
		l.note("the queue did not answer: %v", err)
	}
	for _, t := range tasks {
		put(l.queue, t.Name, max(t.ID.Index, 0), t)
	}
	records, err := l.Scheduler.Accounting(ctx, tokens, l.status.Submitted)
	if err != nil {
		l.note("accounting did not answer, so of tasks that have left the queue only their own journals tell: %v", err)
	}
	for _, r := range slurm.Newest(records) {
		put(l.records, r.Name, max(r.ID.Index, 0), r)
	}
}

func put[T any](all map[string]map[int]T, name string, index int, value T) {
	if all[name] == nil {
		all[name] = map[int]T{}
	}
	all[name][index] = value
}

func (l *looking) note(format string, args ...any) {
	l.status.Notes = append(l.status.Notes, strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " "))
}

// step tells how far a step is.
func (l *looking) step(ctx context.Context, step jobdir.Step) error {
	s := StepStatus{Step: step, Tasks: l.Job.Spec().Tasks[step]}
	progress, err := l.Job.Progress(ctx, step)
	if err != nil {
		return err
	}
	if step.Array() {
		cut, err := l.Job.Shards(step)
		if err != nil && !errors.Is(err, jobdir.ErrNotCut) {
			return err
		}
		for _, shard := range cut.Shards {
			s.Experiments += shard.Experiments
			s.Bytes += shard.Bytes
		}
	}
	s.Shards = len(progress)
	where, err := l.where(step)
	if err != nil {
		return err
	}
	failures := map[string]*Failure{}
	for _, p := range progress {
		l.shard(&s, p, where[p.Shard], failures)
	}
	if s.Shards == 0 { // not cut yet
		for _, tasks := range where {
			if tasks.live() {
				s.Queued++
			}
		}
	}
	for _, cause := range slices.Sorted(maps.Keys(failures)) {
		l.status.Failures = append(l.status.Failures, *failures[cause])
	}
	l.pace(step, s, progress)
	l.status.Steps = append(l.status.Steps, s)
	return nil
}

// A sighting is what Slurm says of the task that a shard was given to last.
type sighting struct {
	task    *slurm.Task
	record  *slurm.Record
	requeue bool // Slurm starts the task again if its node fails
}

// live reports whether the task waits or runs.
func (s sighting) live() bool { return s.task != nil && live(*s.task, s.requeue) }

// live reports whether a task waits or runs, or is going to be started again.
func live(t slurm.Task, requeue bool) bool {
	return !t.State.Ended() || requeue && t.State.Interrupted()
}

// where returns what Slurm says of the shards of a step.
func (l *looking) where(step jobdir.Step) (map[int]sighting, error) {
	all := map[int]sighting{}
	for _, s := range l.record.Submissions { // later ones win
		if s.Step != step {
			continue
		}
		for index := range max(s.Tasks, 1) {
			shard, err := l.Job.ShardOf(step, s.Round, s.Offset+index)
			if errors.Is(err, jobdir.ErrNoShard) {
				continue
			}
			if err != nil {
				return nil, err
			}
			seen := sighting{requeue: s.Requeue}
			if t, ok := l.queue[s.Token][index]; ok {
				seen.task = &t
			}
			if r, ok := l.records[s.Token][index]; ok {
				seen.record = &r
			}
			if all[shard].live() && !seen.live() {
				continue // an earlier round is still at it
			}
			if seen.task != nil || seen.record != nil {
				all[shard] = seen
			}
		}
	}
	return all, nil
}

// shard counts a shard, and tells why it has no result.
func (l *looking) shard(s *StepStatus, p jobdir.Progress, seen sighting, failures map[string]*Failure) {
	if p.Result != nil {
		s.Done++
		s.Settled += p.Result.Experiments
		for cause, n := range p.Result.Failures {
			s.Failures += n
			l.notDone[cause] += n
		}
		return
	}
	var last *jobdir.AttemptProgress
	settled := 0
	for i := range p.Attempts {
		last, settled = &p.Attempts[i], settled+p.Attempts[i].Settled
		for cause, n := range p.Attempts[i].Failures {
			s.Failures += n
			l.notDone[cause] += n
		}
	}
	s.Settled += settled
	fail := func(cause, node string) {
		f := failures[cause]
		if f == nil {
			f = &Failure{Step: s.Step, Cause: cause}
			failures[cause] = f
		}
		f.Shards = append(f.Shards, p.Shard)
		if node != "" && !slices.Contains(f.Nodes, node) {
			f.Nodes = append(f.Nodes, node)
			slices.Sort(f.Nodes)
		}
	}
	switch {
	case p.Err != nil:
		s.Failed++
		fail(p.Err.Error(), "")
	case seen.live() && (seen.task.State == slurm.Running || seen.task.State == slurm.Completing):
		s.Running++
	case seen.live():
		s.Queued++
		if last != nil && last.State == jobdir.Failed { // it goes elsewhere
			fail(task.Cause(last.Cause)+" (queued again)", last.Node)
		}
	case l.silent && last != nil && last.State == jobdir.Going:
		s.Running++ // as far as one can tell
	default:
		l.ended(s, last, seen, fail)
	}
}

// ended counts a shard that Slurm has no task for any more.
func (l *looking) ended(s *StepStatus, last *jobdir.AttemptProgress, seen sighting, fail func(cause, node string)) {
	word, node := slurmWord(seen)
	switch {
	case last == nil && word == "":
		s.Absent++
		if l.given(s.Step) && !l.silent {
			fail("no task began", "")
		}
		return
	case last != nil && last.State == jobdir.Stopped:
		s.Stopped++
		fail(cmp.Or(task.Cause(last.Cause), "stopped"), last.Node)
		return
	case last != nil && last.State == jobdir.Failed:
		s.Failed++
		fail(task.Cause(last.Cause), last.Node)
		return
	}
	s.Failed++
	if last != nil {
		node = last.Node
	}
	fail(cmp.Or(word, "ended without telling why"), node)
}

// given reports whether Slurm was given the step.
func (l *looking) given(step jobdir.Step) bool {
	return slices.ContainsFunc(l.record.Submissions, func(s jobdir.Submission) bool {
		return s.Step == step && s.State == jobdir.Submitted
	})
}

// slurmWord says how a task ended by Slurm's account; "" where it has none.
func slurmWord(seen sighting) (word, node string) {
	state, code := slurm.State(""), 0
	switch {
	case seen.record != nil:
		state, node, code = seen.record.State, seen.record.Nodes, seen.record.ExitCode
		if seen.record.Signal > 0 && state == slurm.Failed {
			return fmt.Sprintf("killed by signal %d", seen.record.Signal), node
		}
	case seen.task != nil:
		state, node = seen.task.State, seen.task.Nodes
	}
	switch state {
	case "":
		return "", ""
	case slurm.Timeout, slurm.Deadline:
		return "reached its time limit", node
	case slurm.NodeFail, slurm.BootFail:
		return "its node failed", node
	case slurm.Cancelled, slurm.Revoked:
		return "cancelled", node
	case slurm.Preempted:
		return "preempted", node
	case slurm.OutOfMemory:
		return "used more memory than it was given", node
	case slurm.Failed:
		if seen.record == nil { // the queue knows no exit status
			return "failed; its log tells more", node
		}
		return fmt.Sprintf("ended with exit status %d; its log tells more", code), node
	}
	return "ended as " + string(state) + " without a result", node
}

// pace estimates what is left of the step at hand: the first that is not complete.
func (l *looking) pace(step jobdir.Step, s StepStatus, progress []jobdir.Progress) {
	if s.Shards == 0 || s.Done == s.Shards || l.status.Rate > 0 || l.status.Left > 0 || !step.Array() {
		return
	}
	cut, err := l.Job.Shards(step)
	if err != nil {
		return
	}
	var begin time.Time
	var done, all time.Duration
	for _, p := range progress {
		pinned := cut.Shards[p.Shard-1]
		all += pinned.Time
		settled := 0
		starts := []time.Time{}
		if p.Result != nil {
			settled, starts = p.Result.Experiments, append(starts, p.Result.Started)
		}
		for _, a := range p.Attempts {
			settled, starts = settled+a.Settled, append(starts, a.Started)
		}
		for _, t := range starts {
			if !t.IsZero() && (begin.IsZero() || t.Before(begin)) {
				begin = t
			}
		}
		if pinned.Experiments > 0 {
			done += pinned.Time * time.Duration(min(settled, pinned.Experiments)) / time.Duration(pinned.Experiments)
		}
	}
	elapsed := l.Now().Sub(begin)
	if begin.IsZero() || done <= 0 || elapsed <= 0 {
		return
	}
	l.status.Rate = float64(s.Settled) / elapsed.Seconds()
	l.status.Left = time.Duration(float64(all-done) / float64(done) * float64(elapsed)).Round(time.Second)
}

// finish decides on the state of the job.
func (l *looking) finish() {
	st := &l.status
	for _, s := range l.record.Submissions {
		e := Entry{Submission: s}
		for _, t := range l.queue[s.Token] {
			if e.States == nil {
				e.States = map[string]int{}
			}
			e.States[string(t.State)]++
		}
		st.Record = append(st.Record, e)
	}
	for _, cause := range slices.Sorted(maps.Keys(l.notDone)) {
		st.NotDone = append(st.NotDone, Cause{cause, l.notDone[cause]})
	}
	slices.SortStableFunc(st.NotDone, func(a, b Cause) int { return cmp.Compare(b.Count, a.Count) })
	complete, active, waiting := true, false, false
	for _, s := range st.Steps {
		here := s.Shards > 0 && s.Done == s.Shards || s.Shards == 0 && s.Step.Array() && l.isCut(s.Step)
		if complete && !here {
			active = s.Running+s.Queued > 0
		}
		complete = complete && here
		waiting = waiting || s.Running+s.Queued > 0
	}
	switch {
	case complete:
		st.State = Complete
	case active:
		st.State = Active
	case waiting:
		st.State = Waiting
	case l.silent:
		st.State = Unasked
	default:
		st.State = Cut
	}
	if st.State != Active {
		st.Left = 0
	}
}

// isCut reports whether a step is cut, perhaps into nothing.
func (l *looking) isCut(step jobdir.Step) bool {
	_, err := l.Job.Shards(step)
	return err == nil
}
