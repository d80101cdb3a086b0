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
	"time"

	"deployconstants/internal/fslock"
)

// TestMain lets the test binary be another process that holds a lock until its
// standard input ends.
func TestMain(m *testing.M) {
	if path := os.Getenv("HOLD_LOCK"); path != "" {
		if _, err := fslock.Lock(context.Background(), path, fslock.Holder{Host: "otherhost", PID: 7, Job: "job\x1b[31m"}, 0); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println("held")
		bufio.NewScanner(os.Stdin).Scan()
		return
	}
	os.Exit(m.Run())
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := fslock.Lock(t.Context(), path, fslock.Self("1234_5"), 0)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	_, err = fslock.Lock(t.Context(), path, fslock.Self(""), 30*time.Millisecond)
	held, ok := errors.AsType[*fslock.HeldError](err)
	if !ok || !errors.Is(err, fslock.ErrHeld) {
		t.Fatalf("error %v, want a *HeldError", err)
	}
	if waited := time.Since(begin); waited < 30*time.Millisecond || held.Waited < 30*time.Millisecond {
		t.Errorf("waited %v, said %v", waited, held.Waited)
	}
	if want := fslock.Self("1234_5").String(); held.Holder != want || !strings.Contains(err.Error(), want) {
		t.Errorf("holder %q in %q, want %q", held.Holder, err, want)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	again, err := fslock.Lock(t.Context(), path, fslock.Self(""), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Unlock(); err != nil {
		t.Error(err)
	}
}

// A lock ends with the process that held it, however that ended.
func TestLockOfDeadProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
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
	_, err = fslock.Lock(t.Context(), path, fslock.Self(""), 0)
	held, ok := errors.AsType[*fslock.HeldError](err)
	if !ok || held.Holder != "otherhost, pid 7, job job?[31m" {
		t.Errorf("error %v, want the other holder, fit to print", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	lock, err := fslock.Lock(t.Context(), path, fslock.Self(""), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Unlock(); err != nil {
		t.Error(err)
	}
}

func TestLockCancelled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := fslock.Lock(t.Context(), path, fslock.Self(""), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(10*time.Millisecond, func() { cancel(stop) })
	if _, err := fslock.Lock(ctx, path, fslock.Self(""), time.Minute); !errors.Is(err, stop) || errors.Is(err, fslock.ErrHeld) {
		t.Errorf("error %v, want the cause", err)
	}
}

func TestLockRefusesLink(t *testing.T) {
	dir := t.TempDir()
	victim, link := filepath.Join(dir, "victim"), filepath.Join(dir, "lock")
	if err := os.WriteFile(victim, []byte("precious"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, link); err != nil {
		t.Fatal(err)
	}
	if _, err := fslock.Lock(t.Context(), link, fslock.Self(""), 0); err == nil {
		t.Error("locked through a link")
	}
	if text, err := os.ReadFile(victim); string(text) != "precious" {
		t.Errorf("the victim is %q, %v", text, err)
	}
	if _, err := fslock.Lock(t.Context(), filepath.Join(dir, "no", "lock"), fslock.Self(""), 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want fs.ErrNotExist", err)
	}
}

// File leaves the content alone and needs no more than a file open for writing.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "aliases.txt")
	if err := os.WriteFile(path, []byte("0001 x\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	one, two := open(), open()
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
	if text, err := os.ReadFile(path); string(text) != "0001 x\n" {
		t.Errorf("content %q, %v", text, err)
	}
	if err := fslock.File(t.Context(), two, 0); err == nil || errors.Is(err, fslock.ErrHeld) {
		t.Errorf("a closed file: %v", err)
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
	path := filepath.Join(t.TempDir(), "lock")
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
				lock, err := fslock.Lock(t.Context(), path, fslock.Self(""), 20*time.Second)
				if err != nil {
					t.Error(err)
					return
				}
				count(1)
				count(-1)
				if err := lock.Unlock(); err != nil {
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
