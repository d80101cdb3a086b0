package atomicfile_test

import (
	"context"
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

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/fslock"
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
			err := atomicfile.AppendLine(t.Context(), root, "HISTORY", test.line, atomicfile.Options{Mode: 0o664, Group: -1})
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
			if err := atomicfile.AppendLine(t.Context(), root, "HISTORY", "x", options); !errors.Is(err, test.want) {
				t.Errorf("AppendLine: got %v, want %v", err, test.want)
			}
			if file, err := atomicfile.OpenAppend(root, "HISTORY", options); !errors.Is(err, test.want) {
				t.Errorf("OpenAppend: got %v, %v; want %v", file, err, test.want)
			}
			if file, err := atomicfile.OpenPlain(root, "HISTORY", os.O_RDONLY); !errors.Is(err, test.want) {
				t.Errorf("OpenPlain: got %v, %v; want %v", file, err, test.want)
			}
			if err := atomicfile.CheckAppend(t.Context(), root, "HISTORY", options); !errors.Is(err, test.want) {
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
	if err := atomicfile.AppendLine(t.Context(), root, "HISTORY", "second", atomicfile.Options{Mode: 0o664, Group: -1}); err != nil {
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
	options := atomicfile.Options{Mode: 0o664, Group: -1}
	for _, name := range []string{"HISTORY", "missing/HISTORY"} {
		if err := atomicfile.CheckAppend(t.Context(), root, name, options); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := state(t, dir); got != "" {
		t.Errorf("the check made %s", got)
	}
	write(t, filepath.Join(dir, "HISTORY"), "first\n", 0o664)
	if err := atomicfile.CheckAppend(t.Context(), root, "HISTORY", options); err != nil {
		t.Error(err)
	}
	if err := atomicfile.CheckAppend(t.Context(), root, "../HISTORY", options); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("../HISTORY: %v", err)
	}
	if err := atomicfile.CheckAppend(t.Context(), root, "HISTORY", atomicfile.Options{}); !errors.Is(err, atomicfile.ErrFileMode) {
		t.Errorf("without a mode: %v", err)
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
			if err := atomicfile.AppendLine(context.Background(), root, "HISTORY", line, atomicfile.Options{Mode: 0o664, Group: -1}); err != nil {
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
		cmd := children.Command(t, "append", dir)
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

// lockFile opens the file and takes its lock, as another process would have it.
func lockFile(t *testing.T, path string) *os.File {
	t.Helper()
	holder, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	t.Cleanup(func() { holder.Close() }) // mostly closed already
	must(t, fslock.File(t.Context(), holder, 0))
	return holder
}

// A held lock is waited for.
func TestAppendLineWaitsForLock(t *testing.T) {
	root, dir := openDir(t)
	path := filepath.Join(dir, "HISTORY")
	write(t, path, "first\n", 0o664)
	holder := lockFile(t, path)
	done := make(chan error, 1)
	go func() {
		done <- atomicfile.AppendLine(t.Context(), root, "HISTORY", "third", atomicfile.Options{Mode: 0o664, Group: -1})
	}()
	if _, err := holder.WriteAt([]byte("second, without newline"), 6); err != nil {
		t.Fatal(err)
	}
	must(t, holder.Close())
	must(t, <-done)
	if got := read(t, path); got != "first\nsecond, without newline\nthird\n" {
		t.Errorf("got %q", got)
	}
}

// A lock that is never given back ends in an error at the timeout or with the
// context, whatever comes first, and the file is as it was. Time runs in a bubble:
// nobody waits the half minute.
func TestAppendLocked(t *testing.T) {
	errStop := errors.New("stopped by a signal")
	for _, test := range []struct {
		name    string
		timeout time.Duration
		stop    time.Duration // of the context; 0: never
		want    error
		after   time.Duration
	}{
		{"default", 0, 0, fslock.ErrHeld, 30 * time.Second},
		{"timeout", time.Second, 0, fslock.ErrHeld, time.Second},
		{"no waiting", -1, 0, fslock.ErrHeld, 0},
		{"stopped", 0, 2 * time.Second, errStop, 2 * time.Second},
	} {
		calls := map[string]func(ctx context.Context, root *os.Root, o atomicfile.Options) error{
			"append": func(ctx context.Context, root *os.Root, o atomicfile.Options) error {
				return atomicfile.AppendLine(ctx, root, "HISTORY", "second", o)
			},
			"check": func(ctx context.Context, root *os.Root, o atomicfile.Options) error {
				return atomicfile.CheckAppend(ctx, root, "HISTORY", o)
			},
		}
		for call, do := range calls {
			t.Run(test.name+", "+call, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					root, dir := openDir(t)
					path := filepath.Join(dir, "HISTORY")
					write(t, path, "first\n", 0o664)
					lockFile(t, path)
					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					if test.stop > 0 {
						time.AfterFunc(test.stop, func() { cancel(errStop) })
					}
					start := time.Now()
					err := do(ctx, root, atomicfile.Options{Mode: 0o664, Group: -1, LockTimeout: test.timeout})
					waited := time.Since(start)
					if !errors.Is(err, test.want) || waited != test.after {
						t.Errorf("after %v: %v", waited, err)
					}
					if strings.Count(fmt.Sprint(err), path) != 1 {
						t.Errorf("the path is not there once: %v", err)
					}
					if got := read(t, path); got != "first\n" {
						t.Errorf("got %q", got)
					}
				})
			})
		}
	}
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
			holder := lockFile(t, path)
			done := make(chan error, 1)
			go func() {
				done <- atomicfile.AppendLine(t.Context(), root, "HISTORY", "second", atomicfile.Options{Mode: 0o664, Group: -1})
			}()
			time.Sleep(50 * time.Millisecond) // it waits for the lock by now
			test.replace(t, path)
			must(t, holder.Close())
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
