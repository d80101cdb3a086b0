package sweeptest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"deployconstants/internal/facility"
	"deployconstants/internal/testenv"
)

// A change is what runs read before and after, and what has changed of it so far.
type change struct {
	from, to view
	changed  map[reading]bool
}

// check fails if a run reads neither what it read nor what it is to read, or what it
// read before although it had changed.
func (c *change) check(now view) error {
	var wrong []string
	for key, is := range now {
		switch {
		case is == c.to[key]:
			c.changed[key] = c.from[key] != is
		case is != c.from[key]:
			wrong = append(wrong, fmt.Sprintf("%+v reads %q, neither %q nor %q", key, is, c.from[key], c.to[key]))
		case c.changed[key]:
			wrong = append(wrong, fmt.Sprintf("%+v reads %q again", key, is))
		}
	}
	slices.Sort(wrong)
	if len(wrong) == 0 {
		return nil
	}
	return errors.New(strings.Join(wrong[:min(len(wrong), 5)], "\n"))
}

// count is how many readings have changed.
func (c *change) count() (n int) {
	for _, changed := range c.changed {
		if changed {
			n++
		}
	}
	return n
}

// TestMoments stops apply and undo after every system call that gives or takes a
// name, and looks at every run.
func TestMoments(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		testenv.Skip(t, "strace is absent: %v", err)
	}
	s := newSite(t, facility.Options{Seed: 5, Experiments: 24, Runs: 8, Streams: 1, RealShapes: true})
	plan := s.plan(t)
	before := s.look(t)
	after, outcomes := s.expected(before, s.Expect)
	if outcomes[facility.OK] < 200 || outcomes[facility.Foreigners] == 0 {
		t.Fatalf("too little happens: %v", outcomes)
	}
	s.stopped(t, strace, change{before, after, map[reading]bool{}}, "apply", "--progress", "none", "--workers", "1", plan)
	if diff := after.differs(s.look(t)); diff != "" {
		t.Fatalf("after apply:\n%s", diff)
	}
	s.stopped(t, strace, change{after, before, map[reading]bool{}}, "undo", "--progress", "none", "--workers", "1", s.one(t, "apply"))
	if diff := before.differs(s.look(t)); diff != "" {
		t.Fatalf("after undo:\n%s", diff)
	}
}

// stopped runs a command that is stopped at every change of a name, and checks what
// is read each time.
func (s *site) stopped(t *testing.T, strace string, c change, args ...string) {
	t.Helper()
	const calls = "rename,renameat,renameat2,link,linkat,unlink,unlinkat"
	log := filepath.Join(t.TempDir(), "trace")
	pidFile := filepath.Join(t.TempDir(), "pid")
	cmd := s.command()
	cmd.Path = strace
	// the shell tells its own number, which is the program's
	cmd.Args = append([]string{
		"strace", "-f", "-qq", "-o", log, "-e", "trace=" + calls, "-e", "signal=none", "-e", "inject=" + calls + ":signal=SIGSTOP",
		"sh", "-c", `echo $$ >"$0"; exec "$@"`, pidFile, program,
	}, args...)
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	pid, stops, distinct := 0, 0, 0
	for {
		select {
		case err := <-ended:
			must(t, err)
			text, err := os.ReadFile(log)
			must(t, err)
			renames := strings.Count(string(text), ".data")
			t.Logf("%s: stopped %d times, %d states, %d renames of constants in %d calls", args[0], stops, distinct, renames, strings.Count(string(text), "\n"))
			if stops < renames || distinct < 20 {
				t.Errorf("%s: only %d stops for %d renames, with %d states", args[0], stops, renames, distinct)
			}
			return
		case <-time.After(200 * time.Microsecond):
		}
		if pid == 0 {
			text, _ := os.ReadFile(pidFile) // there soon
			if _, err := fmt.Sscan(string(text), &pid); err != nil {
				continue
			}
		}
		if !allStopped(pid) {
			continue
		}
		stops++
		was := c.count()
		if err := c.check(s.look(t)); err != nil {
			t.Fatalf("%s, stop %d:\n%v", args[0], stops, err)
		}
		if c.count() != was {
			distinct++
		}
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
	}
}

// allStopped reports whether all threads of a process are stopped, and stay so.
func allStopped(pid int) bool {
	for range 3 {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil || len(threads) == 0 {
			return false
		}
		for _, name := range threads {
			text, err := os.ReadFile(name)
			_, rest, found := strings.Cut(string(text), ") ")
			if err != nil || !found || !strings.ContainsRune("tT", rune(rest[0])) {
				return false
			}
		}
		time.Sleep(200 * time.Microsecond)
	}
	return true
}

// TestReader reads all the time while apply, its resume and undo are killed.
func TestReader(t *testing.T) {
	k, plan, m := disturbed(t, facility.Options{Seed: 6, Experiments: 20, Runs: 8, Streams: 1, RealShapes: true})
	before := k.look(t)
	after, _ := k.expected(before, k.Expect)
	places, runs := k.places(), k.knownRuns()
	stop, ended := make(chan struct{}), make(chan error, 1)
	looks := 0
	go func() {
		random := rand.New(rand.NewPCG(1, 1))
		for {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			p := places[random.IntN(len(places))]
			now, err := steady(k.folder(p), p, runs[p])
			if err == nil {
				c := change{before, after, map[reading]bool{}}
				err = c.check(now)
			}
			if err != nil {
				ended <- err
				return
			}
			looks++
		}
	}()
	for range rounds(25) {
		k.kill(t, m.took, "apply", plan)
		for _, begun := range k.fresh(t, "apply") {
			if k.random.IntN(2) == 0 {
				k.run(t, "apply", "--resume", begun.ID) // it may be complete
			}
			k.kill(t, m.took, "undo", begun.ID)
			k.want(t, 0, "undo", begun.ID)
		}
	}
	close(stop)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	t.Logf("%d directories were looked at", looks)
	if looks < 1000 {
		t.Error("the reader did not get to look")
	}
}

// steady reads a directory until nothing changes meanwhile: who lists names and then
// opens one of them may always meet a change between.
func steady(dir string, p facility.Place, runs []int) (view, error) {
	for {
		names, err := namesIn(dir)
		if err != nil {
			return nil, err
		}
		was := identities(dir, names)
		now := view{}
		readErr := now.read(dir, p, runs)
		names, err = namesIn(dir)
		if err != nil {
			return nil, err
		}
		if is := identities(dir, names); readErr == nil && is == was {
			return now, nil
		} else if readErr != nil && is == was {
			return nil, readErr
		}
	}
}

// identities tells which files have the names.
func identities(dir string, names []string) string {
	var b strings.Builder
	for _, name := range names {
		var stat syscall.Stat_t
		if err := syscall.Lstat(filepath.Join(dir, name), &stat); err == nil {
			fmt.Fprintln(&b, name, stat.Ino, stat.Size, stat.Ctim)
		}
	}
	return b.String()
}
