package slurm_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deployconstants/slurm"
)

// Submit runs one sbatch without options but --parsable: the script has them.
func TestSubmit(t *testing.T) {
	for text, want := range map[string]slurm.JobID{"4711\n": 4711, "4711;ci\n": 4711} {
		c := newCluster(t, slurm.Options{})
		c.reply("sbatch", reply{Stdout: text})
		job := plain()
		job.Array = &slurm.Array{Count: 3}
		id, err := c.Submit(t.Context(), job)
		if err != nil || id != want {
			t.Errorf("%q: job %v, %v", text, id, err)
		}
		script, err := job.Script()
		if err != nil {
			t.Fatal(err)
		}
		visits := c.visits()
		if len(visits) != 1 || !slices.Equal(visits[0].Args, []string{"--parsable"}) || visits[0].Stdin != script {
			t.Errorf("%+v", visits)
		}
	}
}

// sbatch and the tasks get exactly what they are to have.
func TestEnvironment(t *testing.T) {
	c := newCluster(t, slurm.Options{Env: []string{
		"HOME=/home/opr", "USER=opr", "LOGNAME=opr", "SHELL=/bin/zsh", "LANG=C.UTF-8", "LC_ALL=C", "TZ=Europe/Zurich", "TMPDIR=/scratch",
		"SLURM_CONF=/etc/s.conf", "SLURM_CLUSTERS=ci",
		"SLURM_JOB_ID=7", "SBATCH_PARTITION=x", "SQUEUE_FORMAT=%i", "SACCT_FORMAT=x", "SLURM_TIME_FORMAT=relative",
		"XDG_RUNTIME_DIR=/run/user/7", "SECRET=x", "SIT_ROOT=/sdf", "LCLS=1", "malformed",
	}})
	job := plain()
	job.Export = []string{"SIT_ROOT", "ABSENT"}
	c.reply("sbatch", reply{Stdout: "1\n"})
	if _, err := c.Submit(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Jobs(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Accounting(t.Context(), []string{"a"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	base := []string{
		"HOME=/home/opr", "LANG=C.UTF-8", "LC_ALL=C", "LOGNAME=opr", "PATH=" + c.dir + ":/usr/bin:/bin", "SHELL=/bin/zsh",
		"SLURM_CLUSTERS=ci", "SLURM_CONF=/etc/s.conf", "TMPDIR=/scratch", "USER=opr",
	}
	queries := append([]string{"SLURM_BITSTR_LEN=0", "SLURM_TIME_FORMAT=%s", "TZ=UTC0"}, base...)
	want := map[string][]string{
		"sbatch": append([]string{"SIT_ROOT=/sdf", "TZ=Europe/Zurich"}, base...),
		"squeue": queries, "sacct": queries,
	}
	for _, visit := range c.visits() {
		slices.Sort(want[visit.Program])
		slices.Sort(visit.Env)
		if diff := cmp.Diff(want[visit.Program], visit.Env); diff != "" {
			t.Errorf("%s: %s", visit.Program, diff)
		}
	}
}

// What Slurm said to failed submissions, in both versions: only answers are no
// doubt.
func TestSubmitFails(t *testing.T) {
	conditions := []error{slurm.ErrRefused, slurm.ErrLimit, slurm.ErrUnreachable, slurm.ErrNotStarted, slurm.ErrNoAccounting}
	type failed struct {
		said string
		want error
	}
	cases := map[string]failed{
		"nothing":               {"", nil},
		"something else":        {"sbatch: error: Batch job submission failed: Unspecified error\n", nil},
		"munge is down":         {"sbatch: error: Batch job submission failed: Protocol authentication error\n", nil},
		"a QOS's limit":         {"sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)\n", slurm.ErrLimit},
		"a QOS's time":          {"sbatch: error: QOSMaxWallDurationPerJobLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)\n", slurm.ErrRefused},
		"a full queue":          {"sbatch: error: Slurm job queue full, sleeping and retrying\nsbatch: error: Batch job submission failed: Unable to create job record, try again\n", slurm.ErrLimit},
		"an answer after doubt": {"sbatch: error: Socket timed out on send/recv operation\nsbatch: error: Batch job submission failed: Invalid qos specification\n", slurm.ErrUnreachable},
	}
	for _, version := range versions {
		for name, want := range map[string]error{
			"err-account.txt": slurm.ErrRefused, "err-array-index.txt": slurm.ErrRefused, "err-memory.txt": slurm.ErrRefused,
			"err-noscript.txt": slurm.ErrRefused, "err-partition.txt": slurm.ErrRefused, "err-qos.txt": slurm.ErrRefused,
			"err-submit-limit.txt":   slurm.ErrLimit,
			"err-sbatch-no-ctld.txt": slurm.ErrUnreachable, "err-sbatch-timeout.txt": slurm.ErrUnreachable,
		} {
			r := recorded(t, version, name)
			if r.exit != 1 {
				t.Fatalf("%s exited with %d", name, r.exit)
			}
			cases[version+" "+name] = failed{r.output, want}
		}
	}
	for name, f := range cases {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, slurm.Options{})
			c.reply("sbatch", reply{Stderr: f.said, Exit: 1})
			_, err := c.Submit(t.Context(), plain())
			bad, ok := errors.AsType[*slurm.ExecError](err)
			if !ok || bad.ExitCode != 1 || bad.Stderr != f.said || len(bad.Args) != 2 {
				t.Fatalf("error %+v", err)
			}
			for _, condition := range conditions {
				if errors.Is(err, condition) != (condition == f.want) {
					t.Errorf("%v: is %q: %v", err, condition, errors.Is(err, condition))
				}
			}
			if certain := f.want == slurm.ErrRefused || f.want == slurm.ErrLimit; slurm.Doubtful(err) == certain {
				t.Errorf("%v: doubtful: %v", err, !certain)
			}
			if lines := c.lines(); len(lines) != 1 {
				t.Errorf("ran %q", lines)
			}
		})
	}
}

// An sbatch whose end is not seen, or whose answer is not understood, may have
// submitted.
func TestSubmitDoubtful(t *testing.T) {
	for name, c := range map[string]struct {
		reply reply
		want  error
	}{
		"too slow":                {reply{Delay: time.Minute}, slurm.ErrUnreachable},
		"killed":                  {reply{Signal: syscall.SIGKILL}, nil},
		"silent":                  {reply{}, nil},
		"not an id":               {reply{Stdout: "ok\n"}, nil},
		"two ids":                 {reply{Stdout: "1\n2\n"}, nil},
		"an id, and a failure":    {reply{Stdout: "1\n", Exit: 1}, nil},
		"a refusal, and no end":   {reply{Stderr: "Invalid qos specification", Delay: time.Minute}, slurm.ErrUnreachable},
		"a refusal, then success": {reply{Stderr: "Invalid qos specification"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := newCluster(t, slurm.Options{})
			cluster.SetTimeouts(time.Second)
			cluster.reply("sbatch", c.reply)
			id, err := cluster.Submit(t.Context(), plain())
			bad, ok := errors.AsType[*slurm.ExecError](err)
			if !ok || id != 0 || !slurm.Doubtful(err) {
				t.Fatalf("job %v, error %v", id, err)
			}
			if c.want != nil && (!errors.Is(err, c.want) || bad.ExitCode != -1) {
				t.Errorf("error %+v", err)
			}
		})
	}
}

// A ctx that ends leaves doubt if sbatch had begun, and none if it had not.
func TestSubmitCancelled(t *testing.T) {
	c := newCluster(t, slurm.Options{})
	c.reply("sbatch", reply{Delay: time.Minute})
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	timer := time.AfterFunc(time.Second, func() { cancel(cause) })
	defer timer.Stop()
	begun := time.Now()
	if _, err := c.Submit(ctx, plain()); !errors.Is(err, cause) || !slurm.Doubtful(err) {
		t.Errorf("error %v", err)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
	if _, err := c.Submit(ctx, plain()); !errors.Is(err, cause) || slurm.Doubtful(err) {
		t.Errorf("error %v", err)
	}
	if got := len(c.visits()); got > 1 {
		t.Errorf("%d visits", got)
	}
}

// Commands that do not end are killed with their children, and such that do not
// stop talking.
func TestCommandsAreBounded(t *testing.T) {
	t.Run("a wrapper", func(t *testing.T) {
		c := newCluster(t, slurm.Options{})
		c.SetTimeouts(time.Second)
		c.reply("squeue", reply{Wraps: time.Minute, Delay: time.Minute})
		begun := time.Now()
		if _, err := c.Jobs(t.Context(), []string{"a"}); !errors.Is(err, slurm.ErrUnreachable) {
			t.Errorf("error %v", err)
		}
		// Its child holds the output: had it not been killed, the wait would be longer.
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
	t.Run("output", func(t *testing.T) {
		c := newCluster(t, slurm.Options{})
		c.reply("squeue", reply{Endless: true})
		_, err := c.Jobs(t.Context(), []string{"a"})
		if bad, ok := errors.AsType[*slurm.ExecError](err); !ok || len(bad.Stdout) > 64<<20 {
			t.Errorf("error %v", err)
		}
	})
	t.Run("errors", func(t *testing.T) {
		c := newCluster(t, slurm.Options{})
		c.reply("squeue", reply{Stderr: strings.Repeat("\x1b[2J\n", 1<<16), Exit: 1})
		_, err := c.Jobs(t.Context(), []string{"a"})
		bad, ok := errors.AsType[*slurm.ExecError](err)
		if !ok || len(bad.Stderr) != 64<<10 || len(err.Error()) > 2000 || strings.ContainsAny(err.Error(), "\x1b\n") {
			t.Errorf("%d bytes, error %v", len(bad.Stderr), err)
		}
	})
}

// Programs come from absolute directories of PATH.
func TestLookUp(t *testing.T) {
	c := newCluster(t, slurm.Options{})
	t.Chdir(c.dir)
	plainFile := t.TempDir()
	if err := os.WriteFile(filepath.Join(plainFile, "squeue"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]struct {
		slurm.Options
		found bool
	}{
		"PATH":                {slurm.Options{Env: []string{"PATH=/nowhere:" + plainFile + ":" + c.dir}}, true},
		"the last PATH":       {slurm.Options{Env: []string{"PATH=/nowhere", "PATH=" + c.dir}}, true},
		"no environment":      {slurm.Options{}, false},
		"working directory":   {slurm.Options{Env: []string{"PATH=.::"}}, false},
		"no program":          {slurm.Options{Env: []string{"PATH=" + plainFile}}, false},
		"PATH of the process": {slurm.Options{Env: []string{"HOME=/"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", c.dir)
			_, err := slurm.New(o.Options).Jobs(t.Context(), []string{"a"})
			if o.found && err != nil || !o.found && (!errors.Is(err, slurm.ErrNotStarted) || slurm.Doubtful(err)) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestJobs(t *testing.T) {
	for _, version := range versions {
		c := newCluster(t, slurm.Options{})
		c.reply("squeue", reply{Stdout: queue(t, version, "mix") + "99|N/A|99|RUNNING|n1|Mix|None\n"})
		tasks, err := c.Jobs(t.Context(), []string{"mix", "other"})
		if err != nil || len(tasks) != 34 {
			t.Errorf("%s: %d tasks, %v", version, len(tasks), err)
		}
		if diff := cmp.Diff([]string{"squeue -h -r -t all --name=mix,other -o %F|%K|%A|%T|%N|%j|%r"}, c.lines()); diff != "" {
			t.Error(diff)
		}
	}
}

// No controller is no empty queue.
func TestJobsUnreachable(t *testing.T) {
	for _, version := range versions {
		c := newCluster(t, slurm.Options{})
		r := recorded(t, version, "err-squeue-no-ctld.txt")
		c.reply("squeue", reply{Stderr: r.output, Exit: r.exit})
		if tasks, err := c.Jobs(t.Context(), []string{"mix"}); !errors.Is(err, slurm.ErrUnreachable) {
			t.Errorf("%s: %v, %v", version, tasks, err)
		}
	}
}

// Nothing is asked for no names, and nothing that would ask for other jobs.
func TestNames(t *testing.T) {
	c := newCluster(t, slurm.Options{})
	now := time.Now()
	if tasks, err := c.Jobs(t.Context(), nil); err != nil || tasks != nil {
		t.Errorf("%v, %v", tasks, err)
	}
	if records, err := c.Accounting(t.Context(), nil, now); err != nil || records != nil {
		t.Errorf("%v, %v", records, err)
	}
	if err := c.Cancel(t.Context()); err != nil {
		t.Error(err)
	}
	for _, names := range [][]string{{""}, {"a", ""}, {"a,b"}, {"a b"}, {"%"}} {
		if _, err := c.Jobs(t.Context(), names); !isFieldError(err) {
			t.Errorf("%q: %v", names, err)
		}
		if _, err := c.Accounting(t.Context(), names, now); !isFieldError(err) {
			t.Errorf("%q: %v", names, err)
		}
	}
	if _, err := c.Accounting(t.Context(), []string{"a"}, time.Time{}); !isFieldError(err) {
		t.Errorf("no time: %v", err)
	}
	if err := c.Cancel(t.Context(), 1, 0); !isFieldError(err) {
		t.Errorf("job 0: %v", err)
	}
	if err := c.Requeue(t.Context(), slurm.TaskID{}, nil); !isFieldError(err) {
		t.Errorf("task 0: %v", err)
	}
	if err := c.Requeue(t.Context(), slurm.JobID(1).Task(0), []string{"n1 State=DOWN"}); !isFieldError(err) {
		t.Errorf("no node: %v", err)
	}
	if lines := c.lines(); len(lines) != 0 {
		t.Errorf("ran %q", lines)
	}
}

func isFieldError(err error) bool {
	_, ok := errors.AsType[*slurm.FieldError](err)
	return ok
}

// Many names are more than one command, none too long for the system.
func TestManyNames(t *testing.T) {
	c := newCluster(t, slurm.Options{})
	names := slices.Repeat([]string{strings.Repeat("n", 200)}, 1001)
	c.reply("squeue", reply{Stdout: "1|N/A|1|RUNNING||" + names[0] + "|None\n"})
	if tasks, err := c.Jobs(t.Context(), names); err != nil || len(tasks) != 3 || len(c.lines()) != 3 {
		t.Errorf("%d tasks by %d commands, %v", len(tasks), len(c.lines()), err)
	}
}

// Times are those of UTC, and an hour earlier than asked.
func TestAccounting(t *testing.T) {
	since := time.Date(2026, 11, 22, 1, 1, 44, 999, time.FixedZone("PST", -8*3600))
	for _, version := range versions {
		c := newCluster(t, slurm.Options{})
		c.reply("sacct", reply{Stdout: accounting(t, version, "mix") + "99|99|MIX|COMPLETED|0:0|1|1|1|n1\n"})
		records, err := c.Accounting(t.Context(), []string{"mix"}, since)
		if err != nil || len(slurm.Newest(records)) != 34 {
			t.Errorf("%s: %d records, %v", version, len(records), err)
		}
		want := []string{"sacct -D -X -n -P --name=mix -S 2026-11-22T08:01:44 -o JobID,JobIDRaw,JobName,State,ExitCode,Submit,Start,End,NodeList"}
		if diff := cmp.Diff(want, c.lines()); diff != "" {
			t.Error(diff)
		}
		c.reply("sacct", reply{Stdout: recorded(t, version, "sacct-unknown.txt").output})
		if records, err := c.Accounting(t.Context(), []string{"mix"}, since); err != nil || len(records) != 0 {
			t.Errorf("%s: unknown: %v, %v", version, records, err)
		}
	}
}

// No accounting is told from a failure, and from having no records.
func TestNoAccounting(t *testing.T) {
	off := recorded(t, "22.05", "err-sacct-off.txt")
	cases := map[string]reply{
		"switched off": {Stderr: off.output, Exit: off.exit},
		"too slow":     {Delay: time.Minute},
	}
	for _, version := range versions {
		r := recorded(t, version, "err-sacct-no-dbd.txt")
		cases["down, "+version] = reply{Stderr: r.output, Exit: r.exit}
	}
	for name, r := range cases {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, slurm.Options{})
			c.SetTimeouts(time.Second)
			c.reply("sacct", r)
			if _, err := c.Accounting(t.Context(), []string{"a"}, time.Now()); !errors.Is(err, slurm.ErrNoAccounting) {
				t.Errorf("error %v", err)
			}
		})
	}
	if _, err := slurm.New(slurm.Options{}).Accounting(t.Context(), []string{"a"}, time.Now()); !errors.Is(err, slurm.ErrNoAccounting) {
		t.Errorf("no sacct: %v", err)
	}
	c := newCluster(t, slurm.Options{})
	c.reply("sacct", reply{Stderr: "sacct: error: Invalid field requested: \"Raw\"\n", Exit: 1})
	if _, err := c.Accounting(t.Context(), []string{"a"}, time.Now()); err == nil || errors.Is(err, slurm.ErrNoAccounting) {
		t.Errorf("another failure: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Accounting(ctx, []string{"a"}, time.Now()); err == nil || errors.Is(err, slurm.ErrNoAccounting) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestLimits(t *testing.T) {
	c := newCluster(t, slurm.Options{})
	c.reply("scontrol", reply{Stdout: recorded(t, "24.11", "scontrol-show-config.txt").output})
	limits, err := c.Limits(t.Context())
	if err != nil || limits.Tasks() != 10001 {
		t.Errorf("%+v, %v", limits, err)
	}
	if diff := cmp.Diff([]string{"scontrol show config"}, c.lines()); diff != "" {
		t.Error(diff)
	}
}

// Output that is not understood is no empty answer.
func TestOutputNotUnderstood(t *testing.T) {
	c := newCluster(t, slurm.Options{})
	for _, program := range fakes {
		c.reply(program, reply{Stdout: "the cluster is closed today\n"})
	}
	_, limits := c.Limits(t.Context())
	_, jobs := c.Jobs(t.Context(), []string{"a"})
	_, records := c.Accounting(t.Context(), []string{"a"}, time.Now())
	_, submit := c.Submit(t.Context(), plain())
	for name, err := range map[string]error{"Limits": limits, "Jobs": jobs, "Accounting": records, "Submit": submit} {
		if _, ok := errors.AsType[*slurm.FormatError](err); !ok {
			t.Errorf("%s: error %v, want a *FormatError", name, err)
		}
	}
	if !slurm.Doubtful(submit) || slurm.Doubtful(nil) {
		t.Error("an unknown answer is no doubt, or success is")
	}
	c.reply("scontrol", reply{Exit: 1})
	if _, err := c.Limits(t.Context()); err == nil {
		t.Error("no error of scontrol")
	}
}

// The last line that a user reads says what, where, and what to do.
func TestMessages(t *testing.T) {
	c := newCluster(t, slurm.Options{})
	c.reply("sbatch", reply{Stderr: recorded(t, "24.11", "err-memory.txt").output, Exit: 1})
	_, failed := c.Submit(t.Context(), plain())
	_, elsewhere := slurm.New(slurm.Options{}).Submit(t.Context(), plain())
	_, field := (&slurm.Submission{Name: "a b"}).Script()
	_, text := slurm.ParseTasks("1|N/A\n")
	for _, m := range []struct {
		err  error
		want string
	}{
		{failed, c.dir + "/sbatch --parsable: exit status 1: sbatch: error: Memory specification can not be satisfied; sbatch: error: Batch job submission failed: Requested node configuration is not available"},
		{elsewhere, "sbatch --parsable: no directory of PATH has sbatch; is this a host that submits to Slurm?"},
		{field, `slurm: Name "a b" is not up to 200 letters, digits, ".", "_" and "-"`},
		{text, `output of squeue, line 1, "1|N/A" is not understood: 2 columns, want 7`},
		{&slurm.AbsentError{Name: "x", Waited: 65 * time.Second, Accounted: true}, "job x was not submitted: the queue has not had it for 1m5s, and accounting has no record of it; submit it again"},
		{&slurm.AbsentError{Name: "x", Waited: 65 * time.Second}, "job x was not submitted: the queue has not had it for 1m5s, and accounting could not be asked; submit it again"},
	} {
		if diff := cmp.Diff(m.want, m.err.Error()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestCancel(t *testing.T) {
	c := newCluster(t, slurm.Options{})
	if err := c.Cancel(t.Context(), 7, 9); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"scancel 7 9"}, c.lines()); diff != "" {
		t.Error(diff)
	}
	c.reply("scancel", reply{Stderr: "scancel: error: Kill job error on job id 7: Access/permission denied\n", Exit: 1})
	if err := c.Cancel(t.Context(), 7); !errors.Is(err, slurm.ErrRefused) {
		t.Errorf("error %v", err)
	}
}

func TestRequeue(t *testing.T) {
	requeue, update := "scontrol requeue 7_3", "scontrol update JobId=7_3 ExcNodeList=n1,n[3-4]"
	pending := reply{Stderr: "7_3: Job is pending execution\n", Exit: 1}
	stopped := reply{Signal: syscall.SIGTERM}
	for name, c := range map[string]struct {
		replies []reply
		exclude []string
		want    []string
		fails   error // of the update, or of all
	}{
		"anywhere":             {[]reply{{}}, nil, []string{requeue}, nil},
		"elsewhere":            {[]reply{{}}, []string{"n1", "n[3-4]"}, []string{requeue, update}, nil},
		"waits already":        {[]reply{pending, {}}, []string{"n1", "n[3-4]"}, []string{requeue, update}, nil},
		"not to be requeued":   {[]reply{{Stderr: "7_3: Requested operation is presently disabled\n", Exit: 1}}, nil, []string{requeue}, slurm.ErrRefused},
		"of an unknown job":    {[]reply{{Stderr: "7_3: Invalid job id specified\n", Exit: 1}}, []string{"n1", "n[3-4]"}, []string{requeue}, slurm.ErrRefused},
		"within the task":      {[]reply{stopped, pending, stopped, stopped, {}}, []string{"n1", "n[3-4]"}, []string{requeue, requeue, update, update, update}, nil},
		"no controller":        {[]reply{{}, {Stderr: "Unable to contact slurm controller (connect failure)\n", Exit: 1}}, []string{"n1", "n[3-4]"}, []string{requeue, update}, slurm.ErrUnreachable},
		"started already":      {[]reply{{}, {Stderr: "7_3: Access/permission denied\n", Exit: 1}}, []string{"n1", "n[3-4]"}, []string{requeue, update}, slurm.ErrRefused},
		"stopped all the time": {[]reply{stopped}, nil, []string{requeue, requeue, requeue}, errAny},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := newCluster(t, slurm.Options{})
			cluster.reply("scontrol", c.replies...)
			err := cluster.Requeue(t.Context(), slurm.JobID(7).Task(3), c.exclude)
			if c.fails == nil && err != nil || c.fails != nil && !errors.Is(err, c.fails) && (c.fails != errAny || err == nil) {
				t.Errorf("error %v, want %v", err, c.fails)
			}
			if diff := cmp.Diff(c.want, cluster.lines()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

var errAny = errors.New("any error")

// Once the task is requeued, the end of ctx does not keep its nodes from being
// excluded: the task that asks is being stopped.
func TestRequeueOutlivesItsContext(t *testing.T) {
	c := newCluster(t, slurm.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	c.reply("scontrol", reply{Delay: time.Second}, reply{})
	timer := time.AfterFunc(time.Second/2, cancel)
	defer timer.Stop()
	if err := c.Requeue(ctx, slurm.JobID(7).Task(3), []string{"n1"}); err != nil {
		t.Error(err)
	}
	if got := len(c.lines()); got != 2 || ctx.Err() == nil {
		t.Errorf("%d commands, ctx %v", got, ctx.Err())
	}
	if err := c.Requeue(ctx, slurm.JobID(7).Task(3), nil); !errors.Is(err, context.Canceled) || len(c.lines()) != 2 {
		t.Errorf("after the end: %v, %q", err, c.lines())
	}
}

// A job that is no array is requeued by its own number.
func TestRequeueJob(t *testing.T) {
	c := newCluster(t, slurm.Options{})
	if err := c.Requeue(t.Context(), slurm.JobID(7).Task(slurm.NoIndex), nil); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"scontrol requeue 7"}, c.lines()); diff != "" {
		t.Error(diff)
	}
}
