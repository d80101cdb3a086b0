package slurmfake_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/slurmcluster"
	"deployconstants/internal/slurmfake"

	"github.com/google/go-cmp/cmp"
)

// A cluster is what a fake and a real one have in common.
type cluster interface {
	Env() []string
	WaitIdle(context.Context) error
}

var (
	_ cluster = (*slurmfake.Fake)(nil)
	_ cluster = (*slurmcluster.Cluster)(nil)
)

// TestLikeSlurm: the same story is told by the fake and by a real Slurm.
func TestLikeSlurm(t *testing.T) {
	real := slurmcluster.ForTest(t, slurmcluster.Options{Accounting: true, Nodes: 2})
	fake := newFake(t, slurmfake.Options{Nodes: 2})
	must(t, fake.SetFaults(func(f *slurmfake.Faults) {
		f.MaxArraySize, f.Partitions = 10001, []string{"milano", "roma"} // as package slurmcluster has them
	}))
	ended := make(chan error)
	go func() { ended <- fake.Run(t.Context()) }()
	want := tell(t, &site{real.Env(), t.TempDir()}, real)
	got := tell(t, &fake.site, fake)
	must(t, fake.Stop(t.Context()))
	must(t, <-ended)
	if diff := cmp.Diff(want.lines, got.lines); diff != "" {
		t.Errorf("a real Slurm (-) and the fake (+):\n%s", diff)
	}
	for name, value := range got.env {
		if _, set := want.env[name]; !set {
			t.Errorf("a real Slurm does not set %s=%s", name, value)
		}
		if !slices.Contains([]string{"SLURM_CONF", "SLURM_CLUSTER_NAME", "SLURM_SUBMIT_DIR"}, name) && want.env[name] != value {
			t.Errorf("%s is %q, of a real Slurm %q", name, value, want.env[name])
		}
	}
}

// A story is what was seen.
type story struct {
	lines []string
	env   map[string]string // SLURM_ variables of a task
}

func tell(t *testing.T, s *site, c cluster) story {
	t.Helper()
	var told story
	say := func(what, seen string) {
		lines := strings.Split(seen, "\n")
		slices.Sort(lines)
		for _, line := range lines {
			told.lines = append(told.lines, what+": "+line)
		}
	}
	var last string
	wait := func(what string, ok func() bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: not within 30 s: %s; sacct: %s", strings.Join(c.Env(), " "), what, last)
			}
		}
	}
	idle := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		must(t, c.WaitIdle(ctx))
	}
	settled := func(name string, rows int) { // sacct has so many rows or more, all over
		t.Helper()
		wait(fmt.Sprintf("%d rows of %s", rows, name), func() bool {
			last = s.accounts(t, name, "JobID,State,Start,End")
			return last != "" && strings.Count(last, "\n")+1 >= rows && !strings.Contains(last, "PENDING") && !strings.Contains(last, "RUNNING")
		})
	}
	try := func(text, program string, args ...string) {
		t.Helper()
		got := s.run(t, text, program, args...)
		say(program+" "+strings.Join(args, " "), fmt.Sprintf("%+v", got))
	}

	// what fails
	try(script("true", "array=0-10001"), "sbatch", "--parsable")
	try(script("true", "partition=nosuch"), "sbatch", "--parsable")
	try("true\n", "sbatch", "--parsable")
	try("", "scontrol", "requeue", "99999")
	try("", "scontrol", "requeue", "99999_1")
	try("", "scontrol", "update", "JobId=99999_1", "ExcNodeList=n1")
	try("", "scancel", "--quiet", "99999")
	try("", "scancel", "99999_7")
	try("", "sacct", "-X", "-n", "-P", "--name=a", "-S", "1795728974", "-o", "JobID")
	try("", "squeue", "-h", "-r", "-t", "all", "--name=nosuch", "-o", "%i")
	try("", "sacct", "-X", "-n", "-P", "--name=nosuch", "-S", "uts1", "-o", "JobID")
	try("", "sacct", "-X", "-n", "-P", "--name=nosuch", "-S", "uts1000000", "-o", "JobID")

	// how tasks end
	s.submit(t, "case $SLURM_ARRAY_TASK_ID in 0) ;; 1) exit 3;; 2) exit 130;; 3) kill -SEGV $$;; 4) exit 128;; esac", "array=0-4", "job-name=ends")
	idle()
	say("ends", s.queue(t, "ends", "%A|%F|%K|%i|%j|%T|%t|%r|%u|%P"))
	settled("ends", 5)
	say("ends, sacct", s.accounts(t, "ends", "JobID,JobIDRaw,JobName,State,ExitCode"))

	// logs and folders
	s.submit(t, "true", "job-name=nolog", "output=/nowhere/log")
	s.submit(t, "pwd >"+filepath.Join(s.dir, "pwd"), "job-name=nodir", "chdir=/nowhere")
	s.submit(t, "true", "array=0-0", "job-name=named", "output="+filepath.Join(s.dir, "%A-%a-%j-%x-%u-%%.log"))
	idle()
	say("log that cannot be opened", s.queue(t, "nolog", "%T"))
	settled("nolog", 1)
	say("log that cannot be opened, sacct", s.accounts(t, "nolog", "State,ExitCode"))
	say("folder that is missing", s.content("pwd"))
	logs, err := filepath.Glob(filepath.Join(s.dir, "*.log"))
	must(t, err)
	for _, log := range logs {
		say("log", filepath.Base(log))
	}

	// dependencies
	bad := s.submit(t, "exit 1", "array=0-1", "job-name=bad")
	s.submit(t, "true", "job-name=killed", "dependency=afterok:"+bad, "kill-on-invalid-dep=yes")
	s.submit(t, "true", "job-name=any", "dependency=afterany:"+bad)
	s.submit(t, "true", "job-name=unknown", "dependency=afterok:99999")
	never := s.submit(t, "true", "job-name=never", "dependency=afterok:"+bad)
	wait("a dependency that is never satisfied", func() bool { return strings.Contains(s.queue(t, "never", "%r"), "Never") })
	say("never", s.queue(t, "never", "%T|%r|%S"))
	s.run(t, "", "scancel", never) // by an id that depends on when the array's tasks started
	idle()
	say("dependencies", s.queue(t, "bad,killed,any,unknown,never", "%j|%T|%r"))

	// requeue away from a node
	it := s.submit(t, "env >>env$SLURM_RESTART_COUNT; test -n \"$SLURM_RESTART_COUNT\" || sleep 60", "array=0-0", "job-name=it", "requeue", "cpus-per-task=2")
	wait("it runs", func() bool { return strings.Contains(s.content("env"), "SLURM_ARRAY_TASK_ID=0\n") })
	try("", "scontrol", "update", "JobId="+it+"_0", "ExcNodeList=n1")
	try("", "scontrol", "requeuehold", it+"_0")
	try("", "scontrol", "update", "JobId="+it+"_0", "ExcNodeList=n1")
	wait("it is held", func() bool { return s.queue(t, "it", "%T") == "PENDING" })
	try("", "scontrol", "requeue", it+"_0")
	try("", "scontrol", "release", it+"_0")
	idle()
	say("it", s.queue(t, "it", "%i|%A|%T|%r|%N"))
	again := variables(s.content("env1"))
	told.env = variables(s.content("env"))
	say("restarts", told.env["SLURM_RESTART_COUNT"]+" "+again["SLURM_RESTART_COUNT"])

	// away from a node by the task itself, which must outlive the TERM that this brings
	s.submit(t, `trap '' TERM
me=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
echo $SLURMD_NODENAME >>nodes
test -z "$SLURM_RESTART_COUNT" || exit 0
scontrol requeuehold $me; echo $? >>inside
scontrol update JobId=$me ExcNodeList=$SLURMD_NODENAME; echo $? >>inside
scontrol release $me; echo $? >>inside`, "array=0-1", "job-name=inside", "requeue")
	idle()
	say("statuses inside", s.content("inside"))
	counts := map[string]int{}
	for node := range strings.Lines(s.content("nodes")) {
		counts[node]++
	}
	say("nodes", fmt.Sprint(counts["n1\n"] == 2 && counts["n2\n"] == 2))

	// one that may not be requeued, one that failed
	once := s.submit(t, "touch once; sleep 60", "job-name=once", "no-requeue")
	wait("it runs", func() bool { return s.queue(t, "once", "%T") == "RUNNING" })
	try("", "scontrol", "requeue", once)
	try("", "scancel", once)
	failed := s.submit(t, "exit 7", "job-name=failed")
	idle()
	try("", "scontrol", "requeue", failed)
	idle()
	settled("failed", 2)
	say("failed, sacct", s.accounts(t, "failed", "JobID,State,ExitCode"))

	// cancelled
	s.submit(t, "sleep 60", "array=0-4%2", "job-name=cancelled")
	wait("two run", func() bool { return strings.Count(s.queue(t, "cancelled", "%T"), "RUNNING") == 2 })
	say("throttled", s.queue(t, "cancelled", "%i|%T|%r"))
	try("", "scancel", "--quiet", strings.Split(s.queue(t, "cancelled", "%F"), "\n")[0])
	idle()
	say("cancelled", s.queue(t, "cancelled", "%K|%T"))
	settled("cancelled", 2)
	for row := range strings.Lines(s.accounts(t, "cancelled", "JobID,State,ExitCode")) {
		if !strings.Contains(row, "[") { // that of tasks which never started may be missing, or stale
			say("cancelled, sacct", strings.TrimSpace(row))
		}
	}
	return told
}

// variables returns Slurm's variables of what env printed.
func variables(env string) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(env) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if strings.HasPrefix(name, "SLURM") {
			found[name] = value
		}
	}
	return found
}
