package repo_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"deployconstants/internal/fslock"
)

// limitFileSize makes writing beyond that many bytes fail, as on a full disk: what
// fits is written first.
func limitFileSize(text string) error {
	size, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ) // the write then returns EFBIG
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: size})
}

// A record that does not fit on the disk leaves no part of itself, and the next
// allocation works.
func TestAliasDiskFull(t *testing.T) {
	for _, locks := range []string{"yes", "no"} {
		t.Run("locks "+locks, func(t *testing.T) {
			o := options()
			o.NoLocks = locks == "no"
			r := open(t, o)
			before := "0001 x\n" + strings.Repeat("# comment\n", 100)
			file := write(t, r, "epix100a/aliases.txt", before)
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), "ALLOCATE_IN="+r.Dir(), "ALLOCATE_LOCKS="+locks, "ALLOCATE_ID=ID",
				fmt.Sprintf("ALLOCATE_LIMIT=%d", len(before)+20))
			if text, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(text), syscall.EFBIG.Error()) {
				t.Errorf("the process said %q, %v, want %v", text, err, syscall.EFBIG)
			}
			if text := read(t, file); text != before {
				t.Errorf("the file ends with %q", strings.TrimPrefix(text, before))
			}
			backdate(t, filepath.Join(r.Dir(), "epix100a", ".claims"))
			for range 2 {
				if got, err := alias(t, r, "ID"); err != nil || got != "0002" {
					t.Errorf("alias %q, %v, want 0002", got, err)
				}
			}
			if text := read(t, file); text != before+"0002 ID"+recordTail {
				t.Errorf("the file ends with %q", strings.TrimPrefix(text, before))
			}
		})
	}
}

// An editor that replaces the file while its lock is waited for is noticed.
func TestAliasFileReplaced(t *testing.T) {
	r := open(t, options())
	file := write(t, r, "epix100a/aliases.txt", "0001 x\n")
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := fslock.File(t.Context(), f, 0); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, func() {
		edited := write(t, r, "epix100a/edited", "0001 x\n0002 y\n")
		if err := os.Rename(edited, file); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	if got, err := alias(t, r, "ID"); err != nil || got != "0003" {
		t.Errorf("alias %q, %v, want 0003", got, err)
	}
	if text := read(t, file); text != "0001 x\n0002 y\n0003 ID"+recordTail {
		t.Errorf("file %q", text)
	}
}

// A lock that is not released in time is an error, not a second alias.
func TestAliasLockHeld(t *testing.T) {
	o := options()
	o.LockTimeout = 20 * time.Millisecond
	r := open(t, o)
	file := write(t, r, "epix100a/aliases.txt", "0001 x\n")
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := fslock.File(t.Context(), f, 0); err != nil {
		t.Fatal(err)
	}
	if got, err := alias(t, r, "ID"); !errors.Is(err, fslock.ErrHeld) {
		t.Errorf("alias %q, %v, want ErrHeld", got, err)
	}
	if got, err := alias(t, r, "x"); err != nil || got != "0001" {
		t.Errorf("alias %q, %v: what is known needs no lock", got, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := alias(t, r, "ID"); err != nil || got != "0002" {
		t.Errorf("alias %q, %v, want 0002", got, err)
	}
}
