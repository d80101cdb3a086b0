package sweeptest

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"testing"

	"deployconstants/internal/facility"
	"deployconstants/internal/testenv"
)

// faultCalls are the system calls that change names or make them durable.
const faultCalls = "rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,fsync,fdatasync,fchmod,ftruncate"

// TestFaults kills apply and undo at system call after system call, and lets the
// system refuse one after the other. Then resume makes of it what an undisturbed
// apply makes, and undo what was there before.
func TestFaults(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		testenv.Skip(t, "strace is absent: %v", err)
	}
	s, plan, m := disturbed(t, facility.Options{Seed: 20, Experiments: 6, Runs: 6, Streams: 1, RealShapes: true})
	random := rand.New(rand.NewPCG(20, 1))
	faulty := func(fault string, k int, args ...string) result {
		cmd := s.command()
		cmd.Path = strace
		cmd.Args = append([]string{
			"strace", "-f", "-qq", "-o", filepath.Join(s.dir, "trace"), "-e", "trace=" + faultCalls, "-e", "signal=none",
			"-e", fmt.Sprintf("inject=%s:%s:when=%d", faultCalls, fault, k), program,
		}, args...)
		cmd.Env = append(cmd.Env, "GOMAXPROCS=1") // strace counts the calls of each thread
		return finish(t, cmd)
	}
	hurt := map[string]int{}
	try := func(fault string, k int) bool {
		r := faulty(fault, k, "apply", "--workers", "1", plan)
		begun := s.fresh(t, "apply")
		if len(begun) == 0 {
			if r.status == 0 {
				t.Fatalf("%s at %d: nothing was begun, and yet it ends well: %s", fault, k, r.stdout)
			}
			return true
		}
		id := begun[0].ID
		if r.status != 0 {
			hurt[fault+" in apply"]++
		}
		if s.status(t, id) == "incomplete" && random.IntN(2) == 0 {
			s.want(t, 0, "apply", "--resume", id)
			s.noStrays(t)
			if diff := m.after.same(s.tree(t).withoutUndone(id)); diff != "" {
				t.Fatalf("%s at call %d of apply, resumed:\n%s", fault, k, diff)
			}
		}
		if u := faulty(fault, k, "undo", "--workers", "1", id); u.status != 0 {
			hurt[fault+" in undo"]++
		}
		s.want(t, 0, "undo", id)
		s.noStrays(t)
		if diff := m.before.undone(s.tree(t)); diff != "" {
			t.Fatalf("%s at call %d of apply and of undo, undone:\n%s", fault, k, diff)
		}
		return r.status != 0
	}
	pass := func(fault string) {
		quiet := 0
		for k := 1 + random.IntN(2); quiet < 3; k += 1 + random.IntN(8/rounds(1)+1) {
			if try(fault, k) {
				quiet = 0
			} else {
				quiet++
			}
		}
	}
	few := func(fault string) bool { return hurt[fault+" in apply"] < 2 || hurt[fault+" in undo"] < 2 }
	for _, fault := range []string{"signal=SIGKILL", "error=EIO", "error=ENOSPC"} {
		pass(fault)
	}
	for _, fault := range []string{"signal=SIGKILL", "error=EIO"} {
		for again := 0; few(fault) && again < 5; again++ { // a busy machine spreads the calls over more threads
			pass(fault)
		}
		if few(fault) {
			t.Errorf("too few faults hit: %v", hurt)
		}
	}
	t.Log(hurt)
}
