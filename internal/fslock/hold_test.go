package fslock_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"deployconstants/internal/fslock"
)

var operator = fslock.Holder{
	Host: "psana101", PID: 4711, User: "opr", Job: "99",
	Since: time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC), Command: "sweep -D",
}

// lockPath returns the path of a lock file that is not there yet, nor its directory.
func lockPath(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "locks", "xpptut15.lock")
}

// Who waits is told who holds the file, and gets it when it is released.
func TestHold(t *testing.T) {
	path := lockPath(t)
	held, err := fslock.Hold(t.Context(), path, operator, 0)
	if err != nil || held.Unlocked {
		t.Fatalf("%+v, %v", held, err)
	}
	_, err = fslock.Hold(t.Context(), path, fslock.Holder{}, time.Millisecond)
	refused, ok := errors.AsType[*fslock.HeldError](err)
	if !ok || !errors.Is(err, fslock.ErrHeld) {
		t.Fatalf("error %v, want a *HeldError", err)
	}
	if diff := cmp.Diff(&operator, refused.Holder); diff != "" {
		t.Errorf("holder (-want +got):\n%s", diff)
	}
	want := path + `: locked by host psana101 pid 4711 (user opr, job 99) since 2026-11-24T01:02:03Z, running "sweep -D" for more than 1ms; try again when it is done`
	if err.Error() != want {
		t.Errorf("error\n%v, want\n%s", err, want)
	}
	for range 2 { // a second release does nothing
		if err := held.Release(); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(path); err != nil || len(text) > 0 {
		t.Errorf("a released lock file says %q, %v", text, err)
	}
	again, err := fslock.Hold(t.Context(), path, fslock.Holder{Host: "other"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Release(); err != nil {
		t.Error(err)
	}
}

// What a dead process or a vandal left in the file does not matter, and its text
// cannot disturb a terminal.
func TestHoldStale(t *testing.T) {
	for name, text := range map[string]string{
		"dead":    `{"host":"gone","pid":1,"since":"2020-01-01T00:00:00Z"}` + "\n",
		"torn":    `{"host":"go`,
		"garbage": "\x00\xff\n",
		"long":    strings.Repeat("x", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lock")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			held, err := fslock.Hold(t.Context(), path, operator, 0)
			if err != nil {
				t.Fatal(err)
			}
			var got fslock.Holder
			data, err := os.ReadFile(path)
			if err == nil {
				err = json.Unmarshal(data, &got)
			}
			if err != nil || got != operator {
				t.Errorf("%s, %v", data, err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := fslock.Hold(t.Context(), path, operator, 0); !errors.Is(err, fslock.ErrHeld) {
				t.Errorf("error %v, want ErrHeld", err)
			}
			if err := held.Release(); err != nil {
				t.Error(err)
			}
		})
	}
	hostile := fslock.Holder{Host: "\x1b[2J", User: "a\nb", Command: "\x07"}
	if text := hostile.String(); strings.ContainsAny(text, "\x1b\n\x07") {
		t.Errorf("control characters in %q", text)
	}
	if err := holdFor(t, strings.Repeat("x", 1<<20)); !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("a holder that could not be read back: %v", err)
	}
}

func holdFor(t *testing.T, command string) error {
	t.Helper()
	_, err := fslock.Hold(t.Context(), lockPath(t), fslock.Holder{Command: command}, 0)
	return err
}

// Nothing is written through a link, nor into what is no lock file.
func TestHoldPlanted(t *testing.T) {
	const precious = "precious\n"
	for name, plant := range map[string]func(target, path string) error{
		"symlink":   os.Symlink,
		"hard link": os.Link,
		"fifo":      func(_, path string) error { return unix.Mkfifo(path, 0o600) },
		"directory": func(_, path string) error { return os.Mkdir(path, 0o700) },
		"dangling":  func(_, path string) error { return os.Symlink("/nowhere/at/all", path) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			target, path := filepath.Join(dir, "precious"), filepath.Join(dir, "x.lock")
			if err := os.WriteFile(target, []byte(precious), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := plant(target, path); err != nil {
				t.Fatal(err)
			}
			if _, err := fslock.Hold(t.Context(), path, operator, 0); !errors.Is(err, fslock.ErrNotLockFile) {
				t.Errorf("error %v, want ErrNotLockFile", err)
			}
			if text, err := os.ReadFile(target); string(text) != precious {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
}

// A file that is removed while others wait does not let two hold it.
func TestHoldRemoved(t *testing.T) {
	path := lockPath(t)
	held, err := fslock.Hold(t.Context(), path, operator, 0)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	waiting := make(chan *fslock.Held, 1)
	group.Go(func() {
		other, err := fslock.Hold(t.Context(), path, fslock.Holder{Host: "waiter"}, 20*time.Second)
		if err != nil {
			t.Error(err)
		}
		waiting <- other
	})
	time.Sleep(30 * time.Millisecond) // the other has the old file open, most likely
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := held.Release(); err != nil {
		t.Fatal(err)
	}
	other := <-waiting
	group.Wait()
	if _, err := fslock.Hold(t.Context(), path, operator, 0); !errors.Is(err, fslock.ErrHeld) {
		t.Errorf("error %v: two hold the lock", err)
	}
	if err := other.Release(); err != nil {
		t.Error(err)
	}
}

// A killed process leaves a lock file that is no obstacle.
func TestHoldKilled(t *testing.T) {
	path := newFile(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "HOLD_LOCK="+path)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if !bufio.NewScanner(stdout).Scan() {
		t.Fatal("the other process did not get the lock")
	}
	if _, err := fslock.Hold(t.Context(), path, operator, 0); !errors.Is(err, fslock.ErrHeld) {
		t.Errorf("error %v, want ErrHeld", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	held, err := fslock.Hold(t.Context(), path, operator, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := held.Release(); err != nil {
		t.Error(err)
	}
}

// IsHeld asks without taking, from a file that is open for reading only.
func TestIsHeld(t *testing.T) {
	path := newFile(t)
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	ask := func(want bool) {
		t.Helper()
		if held, err := fslock.IsHeld(reader); held != want || err != nil {
			t.Errorf("%v, %v; want %v", held, err, want)
		}
	}
	ask(false)
	held, err := fslock.Hold(t.Context(), path, operator, 0)
	if err != nil {
		t.Fatal(err)
	}
	ask(true)
	if err := held.Release(); err != nil {
		t.Fatal(err)
	}
	ask(false)
}
