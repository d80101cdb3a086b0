package atomicfile_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"deployconstants/internal/atomicfile"
)

func TestAppendLine(t *testing.T) {
	tests := []struct {
		name, existing, line, want string
		err                        error
	}{
		{name: "new file", line: "a record", want: "a record\n"},
		{name: "line with its newline", line: "a record\n", want: "a record\n"},
		{name: "behind a line", existing: "old\n", line: "new", want: "old\nnew\n"},
		{name: "behind a line without newline", existing: "old", line: "new", want: "old\nnew\n"},
		{name: "empty line", existing: "old\n", line: "", want: "old\n\n"},
		{name: "two lines", existing: "old\n", line: "a\nb", want: "old\n", err: atomicfile.ErrLine},
		{name: "zero byte", existing: "old\n", line: "a\x00b", want: "old\n", err: atomicfile.ErrLine},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			umask(t, 0o077)
			root, dir := openDir(t)
			path := filepath.Join(dir, "HISTORY")
			mode := atomicfile.Mode(0o664)
			if test.existing != "" {
				mode = 0o606
				write(t, path, test.existing, mode)
			}
			err := atomicfile.AppendLine(root, "HISTORY", test.line, atomicfile.Options{Mode: 0o664, Group: -1})
			if !errors.Is(err, test.err) {
				t.Errorf("got %v, want %v", err, test.err)
			}
			if got := read(t, path); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := modeOf(t, path); got != mode {
				t.Errorf("mode %v, want %v", got, mode)
			}
		})
	}
}

// Files that somebody may have planted are not written.
func TestAppendRefuses(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, path, victim string)
		want    error
	}{
		{"symbolic link", func(t *testing.T, path, victim string) { must(t, os.Symlink(victim, path)) }, atomicfile.ErrNotRegular},
		{"dangling link", func(t *testing.T, path, victim string) { must(t, os.Symlink(victim+"2", path)) }, atomicfile.ErrNotRegular},
		{"hard link", func(t *testing.T, path, victim string) { must(t, os.Link(victim, path)) }, atomicfile.ErrLinked},
		{"hard link beside one like a temporary", func(t *testing.T, path, victim string) {
			must(t, os.Link(victim, path))
			must(t, os.Link(victim, filepath.Join(filepath.Dir(path), ".tmp-host-1-1")))
		}, atomicfile.ErrLinked},
		{"directory", func(t *testing.T, path, victim string) { must(t, os.Mkdir(path, 0o755)) }, atomicfile.ErrNotRegular},
		{"named pipe", func(t *testing.T, path, victim string) { must(t, syscall.Mkfifo(path, 0o666)) }, atomicfile.ErrNotRegular},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root, dir := openDir(t)
			victim := filepath.Join(t.TempDir(), "victim")
			write(t, victim, "precious\n", 0o644)
			test.prepare(t, filepath.Join(dir, "HISTORY"), victim)
			options := atomicfile.Options{Mode: 0o664, Group: -1}
			if err := atomicfile.AppendLine(root, "HISTORY", "x", options); !errors.Is(err, test.want) {
				t.Errorf("AppendLine: got %v, want %v", err, test.want)
			}
			if file, err := atomicfile.OpenAppend(root, "HISTORY", options); !errors.Is(err, test.want) {
				t.Errorf("OpenAppend: got %v, %v; want %v", file, err, test.want)
			}
			if file, err := atomicfile.OpenPlain(root, "HISTORY", os.O_RDONLY); !errors.Is(err, test.want) {
				t.Errorf("OpenPlain: got %v, %v; want %v", file, err, test.want)
			}
			if err := atomicfile.CheckAppend(root, "HISTORY"); !errors.Is(err, test.want) {
				t.Errorf("CheckAppend: got %v, want %v", err, test.want)
			}
			if got := read(t, victim); got != "precious\n" {
				t.Errorf("the victim is %q", got)
			}
		})
	}
}

// The second name that a publication by link(2) has for a moment is no reason to
// refuse a file.
func TestAppendDuringLink(t *testing.T) {
	root, dir := openDir(t)
	path := filepath.Join(dir, "HISTORY")
	write(t, path, "first\n", 0o664)
	must(t, os.Link(path, filepath.Join(dir, fmt.Sprintf(".tmp-elsewhere-%d-7", os.Getpid()))))
	if err := atomicfile.AppendLine(root, "HISTORY", "second", atomicfile.Options{Mode: 0o664, Group: -1}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "first\nsecond\n" {
		t.Errorf("got %q", got)
	}
}

func TestOpenAppend(t *testing.T) {
	umask(t, 0o077)
	root, dir := openDir(t)
	options := atomicfile.Options{Mode: 0o664, Group: -1}
	for _, text := range []string{"one\n", "two\n"} {
		file, err := atomicfile.OpenAppend(root, "log.txt", options)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(file, text); err != nil {
			t.Fatal(err)
		}
		must(t, file.Close())
	}
	path := filepath.Join(dir, "log.txt")
	if read(t, path) != "one\ntwo\n" || modeOf(t, path) != 0o664 {
		t.Errorf("log is %q with mode %v", read(t, path), modeOf(t, path))
	}
	if _, err := atomicfile.OpenAppend(root, "log.txt", atomicfile.Options{}); !errors.Is(err, atomicfile.ErrFileMode) {
		t.Errorf("without a mode: %v", err)
	}
}

// The check makes nothing and accepts what appending would accept.
func TestCheckAppend(t *testing.T) {
	root, dir := openDir(t)
	for _, name := range []string{"HISTORY", "missing/HISTORY"} {
		if err := atomicfile.CheckAppend(root, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := state(t, dir); got != "" {
		t.Errorf("the check made %s", got)
	}
	write(t, filepath.Join(dir, "HISTORY"), "first\n", 0o664)
	if err := atomicfile.CheckAppend(root, "HISTORY"); err != nil {
		t.Error(err)
	}
	if err := atomicfile.CheckAppend(root, "../HISTORY"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("../HISTORY: %v", err)
	}
}

const (
	appenders     = 8
	appendedLines = 60
)

func init() {
	children["append"] = func(dir string) error {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return err
		}
		for i := range appendedLines {
			line := fmt.Sprintf("%d:%d:%s", os.Getpid(), i, strings.Repeat("x", i*13))
			if err := atomicfile.AppendLine(root, "HISTORY", line, atomicfile.Options{Mode: 0o664, Group: -1}); err != nil {
				return err
			}
		}
		return nil
	}
}

// Processes that append at once, from the very first line on, lose and tear none.
func TestAppendLineProcesses(t *testing.T) {
	dir := t.TempDir()
	var commands []*exec.Cmd
	for range appenders {
		cmd := child(t, "append", dir)
		must(t, cmd.Start())
		commands = append(commands, cmd)
	}
	for _, cmd := range commands {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	next := make(map[int]int) // line number by process
	for line := range strings.Lines(read(t, filepath.Join(dir, "HISTORY"))) {
		var pid, number int
		if _, err := fmt.Sscanf(line, "%d:%d:", &pid, &number); err != nil {
			t.Fatalf("torn line %q: %v", line, err)
		}
		if number != next[pid] || line != fmt.Sprintf("%d:%d:%s\n", pid, number, strings.Repeat("x", number*13)) {
			t.Fatalf("process %d: line %d is %q", pid, next[pid], line)
		}
		next[pid]++
	}
	if len(next) != appenders {
		t.Errorf("lines of %d processes", len(next))
	}
	for pid, lines := range next {
		if lines != appendedLines {
			t.Errorf("process %d has %d lines", pid, lines)
		}
	}
}

// A held lock is waited for.
func TestAppendLineWaitsForLock(t *testing.T) {
	root, dir := openDir(t)
	path := filepath.Join(dir, "HISTORY")
	write(t, path, "first\n", 0o664)
	holder, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer holder.Close()
	must(t, unix.Flock(int(holder.Fd()), unix.LOCK_EX))
	done := make(chan error, 1)
	go func() {
		done <- atomicfile.AppendLine(root, "HISTORY", "third", atomicfile.Options{Mode: 0o664, Group: -1})
	}()
	if _, err := holder.WriteAt([]byte("second, without newline"), 6); err != nil {
		t.Fatal(err)
	}
	must(t, unix.Flock(int(holder.Fd()), unix.LOCK_UN))
	must(t, <-done)
	if got := read(t, path); got != "first\nsecond, without newline\nthird\n" {
		t.Errorf("got %q", got)
	}
}

// A lock that is never given back ends in an error, and the file is as it was.
// Time runs in a bubble: nobody waits the half minute.
func TestAppendLineLocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, dir := openDir(t)
		path := filepath.Join(dir, "HISTORY")
		write(t, path, "first\n", 0o664)
		holder, err := os.Open(path)
		must(t, err)
		defer holder.Close()
		must(t, unix.Flock(int(holder.Fd()), unix.LOCK_SH))
		start := time.Now()
		err = atomicfile.AppendLine(root, "HISTORY", "second", atomicfile.Options{Mode: 0o664, Group: -1})
		if !errors.Is(err, atomicfile.ErrLocked) || time.Since(start) < 10*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		if got := read(t, path); got != "first\n" {
			t.Errorf("got %q", got)
		}
	})
}

// A file that is replaced or removed while its lock is waited for is not written:
// the line belongs where the name leads to.
func TestAppendLineToReplaced(t *testing.T) {
	for _, test := range []struct {
		name    string
		replace func(t *testing.T, path string)
		want    string
	}{
		{"replaced", func(t *testing.T, path string) {
			write(t, path+"-edited", "first, edited\n", 0o664)
			must(t, os.Rename(path+"-edited", path))
		}, "first, edited\nsecond\n"},
		{"removed", func(t *testing.T, path string) { must(t, os.Remove(path)) }, "second\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root, dir := openDir(t)
			path := filepath.Join(dir, "HISTORY")
			write(t, path, "first\n", 0o664)
			holder, err := os.OpenFile(path, os.O_RDWR, 0)
			must(t, err)
			defer holder.Close()
			must(t, unix.Flock(int(holder.Fd()), unix.LOCK_EX))
			done := make(chan error, 1)
			go func() {
				done <- atomicfile.AppendLine(root, "HISTORY", "second", atomicfile.Options{Mode: 0o664, Group: -1})
			}()
			time.Sleep(50 * time.Millisecond) // it waits for the lock by now
			test.replace(t, path)
			must(t, unix.Flock(int(holder.Fd()), unix.LOCK_UN))
			must(t, <-done)
			if got := read(t, path); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// OpenPlain opens what is there, and makes nothing whatever the flags.
func TestOpenPlain(t *testing.T) {
	root, dir := openDir(t)
	if _, err := atomicfile.OpenPlain(root, "aliases", os.O_RDWR|os.O_CREATE); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	path := filepath.Join(dir, "aliases")
	write(t, path, "one\n", 0o664)
	file, err := atomicfile.OpenPlain(root, "aliases", os.O_RDONLY)
	must(t, err)
	defer file.Close()
	if text, err := io.ReadAll(file); string(text) != "one\n" || err != nil {
		t.Errorf("read %q, %v", text, err)
	}
	if _, err := file.WriteString("two\n"); err == nil {
		t.Error("wrote to a file opened for reading")
	}
	if file.Name() != path {
		t.Errorf("errors would name %s, want %s", file.Name(), path)
	}
}
