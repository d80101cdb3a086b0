package fslock_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"deployconstants/internal/fslock"
)

// TestMain lets the test binary be another process that holds a lock until its
// standard input ends.
func TestMain(m *testing.M) {
	if path := os.Getenv("HOLD_LOCK"); path != "" {
		if err := hold(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func hold(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := fslock.File(context.Background(), f, 0); err != nil {
		return err
	}
	fmt.Println("held")
	bufio.NewScanner(os.Stdin).Scan()
	return f.Close()
}

const content = "0001 x\n"

// newFile makes a file to be locked.
func newFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "aliases.txt")
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() }) // mostly closed already
	return f
}

// A lock excludes other openings of the file until it is closed, and leaves the
// content alone.
func TestFile(t *testing.T) {
	path := newFile(t)
	one, two := open(t, path), open(t, path)
	if err := fslock.File(t.Context(), one, 0); err != nil {
		t.Fatal(err)
	}
	if err := fslock.File(t.Context(), two, 0); !errors.Is(err, fslock.ErrHeld) {
		t.Errorf("error %v, want ErrHeld", err)
	}
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	if err := fslock.File(t.Context(), two, time.Second); err != nil {
		t.Error(err)
	}
	if err := two.Close(); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(path); string(text) != content {
		t.Errorf("content %q, %v", text, err)
	}
	if err := fslock.File(t.Context(), two, 0); err == nil || errors.Is(err, fslock.ErrHeld) {
		t.Errorf("a closed file: %v", err)
	}
}

// The error tells the file and the time that was allowed, not the one measured.
func TestHeldError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := newFile(t)
		if err := fslock.File(t.Context(), open(t, path), 0); err != nil {
			t.Fatal(err)
		}
		for timeout, want := range map[time.Duration]string{
			time.Second:             " for more than 1s;",
			1500 * time.Millisecond: " for more than 1.5s;",
			0:                       " process;",
			-time.Second:            " process;",
		} {
			begin := time.Now()
			err := fslock.File(t.Context(), open(t, path), timeout)
			held, ok := errors.AsType[*fslock.HeldError](err)
			if !ok || !errors.Is(err, fslock.ErrHeld) {
				t.Fatalf("error %v, want a *HeldError", err)
			}
			if held.Path != path || held.Waited != max(timeout, 0) || !strings.Contains(err.Error(), want) {
				t.Errorf("%v: %+v, %v", timeout, held, err)
			}
			if waited := time.Since(begin); waited < timeout {
				t.Errorf("waited %v of %v", waited, timeout)
			}
		}
	})
}

// A lock ends with the process that held it, however that ended.
func TestLockOfDeadProcess(t *testing.T) {
	path := newFile(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "HOLD_LOCK="+path)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if !bufio.NewScanner(stdout).Scan() {
		t.Fatal("the other process did not get the lock")
	}
	f := open(t, path)
	if err := fslock.File(t.Context(), f, 0); !errors.Is(err, fslock.ErrHeld) {
		t.Errorf("error %v, want ErrHeld", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	if err := fslock.File(t.Context(), f, 5*time.Second); err != nil {
		t.Error(err)
	}
}

func TestCancelled(t *testing.T) {
	path := newFile(t)
	if err := fslock.File(t.Context(), open(t, path), 0); err != nil {
		t.Fatal(err)
	}
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(10*time.Millisecond, func() { cancel(stop) })
	if err := fslock.File(ctx, open(t, path), time.Minute); !errors.Is(err, stop) || errors.Is(err, fslock.ErrHeld) {
		t.Errorf("error %v, want the cause", err)
	}
}

// What file systems say that have no locks, and what they say of a held one.
func TestUnsupported(t *testing.T) {
	for code, want := range map[syscall.Errno]bool{
		syscall.ENOSYS: true, syscall.EOPNOTSUPP: true, syscall.ENOLCK: true, syscall.EINVAL: true,
		syscall.EAGAIN: false, syscall.EACCES: false, syscall.EBADF: false, syscall.EIO: false,
	} {
		if got := fslock.IsUnsupported(&fs.PathError{Op: "lock", Path: "x", Err: code}); got != want {
			t.Errorf("%v: %v, want %v", code, got, want)
		}
	}
}

// Goroutines exclude each other.
func TestExclusion(t *testing.T) {
	path := newFile(t)
	var group sync.WaitGroup
	inside, most := 0, 0
	var guard sync.Mutex
	count := func(by int) {
		guard.Lock()
		defer guard.Unlock()
		inside += by
		most = max(most, inside)
	}
	for range 8 {
		group.Go(func() {
			for range 20 {
				f, err := os.OpenFile(path, os.O_RDWR, 0)
				if err != nil {
					t.Error(err)
					return
				}
				if err := fslock.File(t.Context(), f, 20*time.Second); err != nil {
					t.Error(err)
					return
				}
				count(1)
				count(-1)
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if most != 1 {
		t.Errorf("%d held the lock at once", most)
	}
}
