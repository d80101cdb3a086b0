package slurmtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/slurmcluster"
	"deployconstants/internal/slurmfake"
)

// A cluster is what scenarios need of Slurm: a real one, or a fake.
type cluster interface {
	Env() []string
	WaitIdle(context.Context) error
	KillNode(ctx context.Context, node string) error
	StartNode(ctx context.Context, node string) error
	DownNode(ctx context.Context, node, reason string) error
	ResumeNode(ctx context.Context, node string) error
	StopController(context.Context) error
	StartController(context.Context) error
	StopAccounting(context.Context) error
	StartAccounting(context.Context) error
	SetEndTime(ctx context.Context, task string, in time.Duration) error

	// pause keeps tasks from beginning until begin is called.
	pause(t testing.TB) (begin func())

	// commands are the programs that were called on the cluster by the binary under
	// test, with their arguments.
	commands(t testing.TB) []string

	// loseReply has the next sbatch fail although the job is in the queue. When it has,
	// lost returns, or the test fails.
	loseReply(t testing.TB) (lost func())

	// maxSubmit bounds the tasks that may be in the queue; 0: no bound.
	maxSubmit(t testing.TB, tasks int)
}

// Nodes that every cluster has, each of which runs four tasks at a time.
var nodes = []string{"n1", "n2", "n3"}

const perNode = 4

// restricted is what a cluster is started with for a scenario of its own.
type restricted struct {
	arrays bool                // MaxArraySize is 11, and only account lcls:tst and the partitions exist
	wrap   map[string][]string // by node: the program and arguments that start what runs there
}

// A fake is a cluster of this process.
type fake struct{ *slurmfake.Fake }

func newFake(t testing.TB, r restricted) cluster {
	t.Helper()
	f := startFake(t, slurmfake.Options{Nodes: len(nodes), Slots: perNode, KillWait: 500 * time.Millisecond, Wrap: r.wrap})
	if r.arrays {
		must(t, f.SetFaults(func(o *slurmfake.Faults) {
			o.MaxArraySize, o.Accounts, o.Partitions = 11, []string{account}, []string{"milano", "roma"}
		}))
	}
	return f
}

// startFake starts a fake that ends with the test.
func startFake(t testing.TB, o slurmfake.Options) fake {
	t.Helper()
	f, err := slurmfake.New(t.TempDir(), o)
	must(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, f.Stop(context.Background())); err != nil {
			t.Errorf("the fake: %v", err)
		}
		commands, err := f.Commands()
		must(t, err)
		for _, c := range commands {
			if c.Refused != "" {
				t.Errorf("the fake does not understand %s %q: %s", c.Program, c.Args, c.Refused)
			}
		}
	})
	return fake{f}
}

func (f fake) pause(t testing.TB) func() {
	for _, node := range f.Nodes() {
		must(t, f.DownNode(t.Context(), node, "pause")) // nothing runs there
	}
	return func() {
		for _, node := range f.Nodes() {
			must(t, f.ResumeNode(t.Context(), node))
		}
	}
}

func (f fake) commands(t testing.TB) (list []string) {
	t.Helper()
	all, err := f.Commands()
	must(t, err)
	for _, c := range all {
		list = append(list, strings.Join(append([]string{c.Program}, c.Args...), " "))
	}
	return list
}

func (f fake) loseReply(t testing.TB) func() {
	must(t, f.SetFaults(func(o *slurmfake.Faults) { o.LoseReplies = 1 }))
	return func() {
		until(t, "a reply is lost", func() bool {
			left := 1
			must(t, f.SetFaults(func(o *slurmfake.Faults) { left = o.LoseReplies }))
			return left == 0
		})
	}
}

func (f fake) maxSubmit(t testing.TB, tasks int) {
	must(t, f.SetFaults(func(o *slurmfake.Faults) { o.MaxSubmit = tasks }))
}

// account is the one that exists where accounts are looked at.
const account = "lcls:tst"

// A loopback is a real cluster on this machine. The binary under test finds programs
// in bin that note that they are called, and call Slurm's.
type loopback struct {
	*slurmcluster.Cluster
	bin string
}

func newLoopback(t testing.TB, o slurmcluster.Options) loopback {
	t.Helper()
	o.Nodes, o.CPUs = len(nodes), perNode
	c := loopback{slurmcluster.ForTest(t, o), t.TempDir()}
	for _, name := range []string{"sbatch", "squeue", "sacct", "scontrol", "scancel"} {
		path, err := exec.LookPath(name)
		must(t, err)
		script := strings.NewReplacer("NAME", name, "BIN", c.bin, "PATH", path).Replace(noting)
		must(t, os.WriteFile(filepath.Join(c.bin, name), []byte(script), 0o755))
	}
	return c
}

// noting is a program that notes its call. One whose reply is to be lost says that it is
// about to ask, and waits; says that it has its reply, and waits again.
const noting = `#!/bin/sh
echo "NAME $*" >>BIN/commands
[ -e BIN/lose-NAME ] || exec PATH "$@"
mv BIN/lose-NAME BIN/asking
while [ -e BIN/asking ]; do sleep 0.02; done
PATH "$@"
status=$?
echo $status >BIN/.answered
mv BIN/.answered BIN/answered
while [ -e BIN/answered ]; do sleep 0.02; done
exit $status
`

// Env is that of Cluster, and the PATH with the programs that note.
func (c loopback) Env() []string {
	return append(c.Cluster.Env(), "PATH="+c.bin+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func (c loopback) commands(t testing.TB) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.bin, "commands"))
	must(t, err)
	return lines(string(text))
}

// newFull is the full profile: munge, and accounting with its database.
func newFull(t testing.TB, r restricted) cluster {
	t.Helper()
	o := slurmcluster.Options{Accounting: true, Wrap: r.wrap}
	if !r.arrays {
		return newLoopback(t, o)
	}
	o.Extra = []string{"MaxArraySize=11", "AccountingStorageEnforce=associations,limits"}
	c := newLoopback(t, o)
	c.manage(t, "add", "account", account)
	c.manage(t, "add", "user", userName(t), "account="+account)
	return c
}

func userName(t testing.TB) string {
	t.Helper()
	if os.Getuid() == 0 {
		return "root"
	}
	name := os.Getenv("USER")
	if name == "" {
		t.Fatal("USER is not set")
	}
	return name
}

// manage runs sacctmgr.
func (c loopback) manage(t testing.TB, args ...string) {
	t.Helper()
	out, err := c.Command(t.Context(), "sacctmgr", append([]string{"-i"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("sacctmgr %q: %v: %s", args, err, out)
	}
}

func (c loopback) pause(t testing.TB) func() {
	set := func(state string) {
		if out, err := c.Command(t.Context(), "scontrol", "update", "PartitionName=milano", "State="+state).CombinedOutput(); err != nil {
			t.Fatalf("scontrol: %v: %s", err, out)
		}
	}
	set("DOWN")
	return func() { set("UP") }
}

// loseReply stops the controller where it is while sbatch asks.
func (c loopback) loseReply(t testing.TB) func() {
	name := func(name string) string { return filepath.Join(c.bin, name) }
	must(t, os.WriteFile(name("lose-sbatch"), nil, 0o644))
	ended := make(chan error, 1)
	go func() {
		ended <- errors.Join(
			awaitFile(name("asking")), c.PauseController(t.Context()), os.Remove(name("asking")),
			awaitFile(name("answered")), c.ContinueController(t.Context()),
		)
	}()
	return func() {
		must(t, <-ended)
		status, err := os.ReadFile(name("answered"))
		must(t, err)
		if string(status) == "0\n" {
			t.Error("no reply was lost")
		}
		must(t, os.Remove(name("answered")))
	}
}

// awaitFile waits until there is a file.
func awaitFile(name string) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(name); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func (c loopback) maxSubmit(t testing.TB, tasks int) {
	if tasks == 0 {
		tasks = -1
	}
	c.manage(t, "modify", "user", userName(t), "set", fmt.Sprintf("MaxSubmitJobs=%d", tasks))
	until(t, "the controller knows the limit", func() bool {
		out, err := c.Command(t.Context(), "scontrol", "show", "assoc_mgr", "users="+userName(t), "flags=assoc").CombinedOutput()
		must(t, err)
		return strings.Contains(string(out), fmt.Sprintf("MaxSubmitJobs=%d(", tasks)) || tasks < 0 && !regexp.MustCompile(`MaxSubmitJobs=\d`).Match(out)
	})
}

// A starter starts a cluster, or returns one that scenarios share, which has no
// restrictions.
type starter func(t testing.TB, r restricted) cluster

// scenarios run on every kind of cluster, in this order; on a real one those that wait for
// timeouts of Slurm's run at once, each on a cluster of its own.
var scenarios = []struct {
	name  string
	run   func(t *testing.T, start starter)
	waits bool
}{
	{name: "equal", run: func(t *testing.T, start starter) { equal(t, start(t, restricted{}), large) }},
	{name: "stopped", run: stopped, waits: true},
	{name: "lost", run: lost, waits: true},
	{name: "storm", run: storm},
	{name: "unlucky", run: unlucky},
	{name: "mount", run: mount, waits: true},
	{name: "limits", run: limits, waits: true},
	{name: "outage", run: outage, waits: true},
	{name: "reply", run: reply, waits: true},
	{name: "accounting", run: accounting},
	{name: "hand", run: hand},
	{name: "thousand", run: thousand},
}

// TestFake runs every scenario without Slurm.
func TestFake(t *testing.T) {
	for _, one := range scenarios {
		t.Run(one.name, func(t *testing.T) { one.run(t, newFake) })
	}
}

// TestReal runs a whole sweep on a real cluster without accounting, which starts in a
// fraction of a second, and, where SLURM_TEST=full asks for the minutes that it takes,
// every scenario on one with all that Slurm has.
func TestReal(t *testing.T) {
	t.Run("light", func(t *testing.T) { equal(t, newLoopback(t, slurmcluster.Options{}), small) })
	if os.Getenv("SLURM_TEST") != "full" {
		return
	}
	shared := newFull(t, restricted{})
	common := func(t testing.TB, _ restricted) cluster {
		for _, node := range nodes { // which the scenario before may have lost
			must(t, shared.ResumeNode(t.Context(), node))
		}
		return shared
	}
	for _, one := range scenarios {
		t.Run(one.name, func(t *testing.T) {
			if !one.waits {
				one.run(t, common)
				return
			}
			t.Parallel()
			one.run(t, newFull)
		})
	}
}
