package slurmfake

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Step works as the controller once: it records what has ended, sends signals that are
// due, and starts what may start. It waits for nothing.
func (f *Fake) Step(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return nil // Run ends
	}
	f.mu.Lock()
	stopped := f.stopped
	f.mu.Unlock()
	if stopped {
		return nil
	}
	return f.change(func(v *view) error {
		if f.stopped || v.Faults.ControllerDown {
			return nil
		}
		now := time.Now()
		if err := f.reap(v, now); err != nil {
			return err
		}
		f.warn(v, now)
		v.settle(now)
		return f.startAll(v, now)
	})
}

// reap records what has ended.
func (f *Fake) reap(v *view, now time.Time) error {
	var running []*process
	for i, p := range f.processes {
		over, err := p.ended()
		var status syscall.WaitStatus
		if err == nil && over {
			status, err = p.status()
		}
		if err != nil {
			f.processes = append(running, f.processes[i:]...)
			return err
		}
		if !over {
			running = append(running, p)
			continue
		}
		if !p.lost {
			v.ended(p, status, now)
		}
	}
	f.processes = running
	return nil
}

// ended records how a task's process ended.
func (v *view) ended(p *process, status syscall.WaitStatus, now time.Time) {
	for _, j := range v.jobs {
		for _, t := range j.Tasks {
			if t.State == Running && p.of(j, t) {
				v.conclude(j, t, status.ExitStatus(), status, now)
			}
		}
	}
}

// conclude ends an attempt, as it was told to or by itself, and starts the next if one
// is due.
func (v *view) conclude(j *Job, t *Task, exit int, status syscall.WaitStatus, now time.Time) {
	v.save(j)
	if told := t.Ending; told != "" {
		t.end(told, now)
		if told == Requeued || told == Preempted && j.mayRequeue() {
			t.again(now)
		}
		return
	}
	state, reason := Completed, "None"
	switch {
	case status.Signaled():
		state, reason, t.Signal = Failed, "JobLaunchFailure", int(status.Signal())
	case exit != 0:
		state, reason, t.Exit = Failed, "NonZeroExitCode", exit
	}
	t.end(state, now)
	t.Reason = reason
}

// warn sends the signals that are due.
func (f *Fake) warn(v *view, now time.Time) {
	for _, p := range f.processes {
		for _, j := range v.jobs {
			for _, t := range j.Tasks {
				if t.State == Running && p.of(j, t) {
					f.warnTask(v, p, j, t, now)
				}
			}
		}
	}
}

func (f *Fake) warnTask(v *view, p *process, j *Job, t *Task, now time.Time) {
	name, before := parseSignal(j.Options["signal"])
	if name != 0 && !t.Signalled && !t.Limit.IsZero() && !now.Before(t.Limit.Add(-before)) {
		_ = syscall.Kill(p.pid, name) // the script's process only; over already
		t.Signalled = true
		v.save(j)
	}
	if t.Ending == "" && !t.Limit.IsZero() && !now.Before(t.Limit) {
		t.Ending = Timeout
	}
	switch {
	case t.Ending == "":
	case t.KillAt.IsZero():
		p.terminate()
		t.KillAt = now.Add(f.o.KillWait)
		v.save(j)
	case !now.Before(t.KillAt):
		p.signal(syscall.SIGKILL)
	}
}

// settle decides about dependencies.
func (v *view) settle(now time.Time) {
	for _, j := range v.jobs {
		met, never := v.dependency(j)
		for _, t := range j.Tasks {
			reason := t.Reason
			switch {
			case t.State != Pending:
				continue
			case never:
				reason = "DependencyNeverSatisfied"
				if j.Options["kill-on-invalid-dep"] == "yes" {
					t.end(Cancelled, now)
					v.save(j)
				}
			case !met:
				reason = "Dependency"
			case t.Held:
				reason = "JobHeldUser"
			case reason == "Dependency" || reason == "JobHeldUser":
				reason = "None"
			}
			v.reason(j, t, reason)
		}
	}
}

func (v *view) reason(j *Job, t *Task, reason string) {
	if t.Reason != reason {
		t.Reason = reason
		v.save(j)
	}
}

// dependency tells whether the job may start, and whether it never may. What follows an
// unknown id may, as in Slurm 22.05.
func (v *view) dependency(j *Job) (met, never bool) {
	met = true
	after, _ := parseDependency(j.Options["dependency"]) // sbatch took it
	for _, d := range after {
		i := slices.IndexFunc(v.jobs, func(other *Job) bool { return other.ID == d.id })
		if i < 0 {
			continue
		}
		over := !slices.ContainsFunc(v.jobs[i].Tasks, func(t *Task) bool { return !final(t.State) })
		failed := slices.ContainsFunc(v.jobs[i].Tasks, func(t *Task) bool { return t.State != Completed })
		met = met && over
		never = never || over && failed && d.kind == afterOK
	}
	return met && !never, never
}

// startAll starts what may start, by id and index.
func (f *Fake) startAll(v *view, now time.Time) error {
	free := v.free(f.o.Slots)
	for _, j := range v.jobs {
		running := 0
		for _, t := range j.Tasks {
			if t.State == Running {
				running++
			}
		}
		for _, t := range j.Tasks {
			if t.State != Pending || t.Held || strings.HasPrefix(t.Reason, "Dependency") {
				continue
			}
			if limit := j.throttle(); limit > 0 && running >= limit {
				v.reason(j, t, "JobArrayTaskLimit")
				continue
			}
			i := slices.IndexFunc(v.Nodes, func(n node) bool { return free[n.Name] > 0 && !slices.Contains(t.Exclude, n.Name) })
			if i < 0 {
				v.reason(j, t, "Resources")
				continue
			}
			t.Node = v.Nodes[i].Name
			if err := f.start(v, j, t, now); err != nil {
				return err
			}
			if t.State == Running {
				free[t.Node]--
				running++
			}
		}
	}
	return nil
}

// free returns the free slots of each node.
func (v *view) free(slots int) map[string]int {
	free := map[string]int{}
	for _, n := range v.Nodes {
		if !n.Down {
			free[n.Name] = slots
		}
	}
	for _, j := range v.jobs {
		for _, t := range j.Tasks {
			if t.State == Running {
				free[t.Node]--
			}
		}
	}
	return free
}

// start starts a task on its node, as two processes if that is the fault of the hour.
func (f *Fake) start(v *view, j *Job, t *Task, now time.Time) error {
	v.number(j, t)
	t.State, t.Reason, t.Start = Running, "None", now
	if limit := parseTime(j.Options["time"]); limit > 0 {
		t.Limit = now.Add(limit)
	}
	v.save(j)
	copies := 1
	if v.Faults.Duplicate > 0 {
		v.Faults.Duplicate--
		copies = 2
	}
	for copy := range copies {
		p, err := f.launch(j, t)
		if ended, ok := errors.AsType[*launchError](err); ok {
			t.end(Failed, now)
			t.Reason, t.Exit, t.Signal = "NonZeroExitCode", ended.exit, ended.signal
			return nil
		}
		if p != nil {
			p.lost = copy > 0
			f.processes = append(f.processes, p)
			t.PIDs = append(t.PIDs, p.pid)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// number gives a task that starts a job id of its own; the last of an array gets the
// array's.
func (v *view) number(j *Job, t *Task) {
	if t.Raw != 0 {
		return
	}
	if !slices.ContainsFunc(j.Tasks, func(other *Task) bool { return other != t && other.Raw == 0 }) {
		t.Raw = j.ID
		return
	}
	t.Raw = v.NextID
	v.NextID++
}

// throttle is how many tasks of the array may run at a time; 0: any number.
func (j *Job) throttle() int {
	_, limit, _ := strings.Cut(j.Options["array"], "%")
	n, err := strconv.Atoi(limit)
	if err != nil {
		return 0
	}
	return n
}

// signalNumber returns the number of a signal's name, 0 for none.
func signalNumber(name string) syscall.Signal { return unix.SignalNum("SIG" + name) }
