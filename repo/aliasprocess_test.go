package repo_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"deployconstants/repo"
)

const (
	processes = 64
	ids       = 2000
)

// TestMain lets the test binary be one of the processes that allocate aliases.
func TestMain(m *testing.M) {
	if dir := os.Getenv("ALLOCATE_IN"); dir != "" {
		if err := allocateAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// allocateAll is a process's work: ids of its own share, and half of its
// neighbour's, each in its own order; or a single id.
func allocateAll(dir string) error {
	if limit := os.Getenv("ALLOCATE_LIMIT"); limit != "" {
		if err := limitFileSize(limit); err != nil {
			return err
		}
	}
	o := options()
	o.NoLocks = os.Getenv("ALLOCATE_LOCKS") == "no"
	r, err := repo.Open(dir, o)
	if err != nil {
		return err
	}
	detType, err := repo.TypeNamed("epix100a")
	if err != nil {
		return err
	}
	names := []string{os.Getenv("ALLOCATE_ID")}
	if names[0] == "" {
		if names, err = share(os.Getenv("ALLOCATE_NUMBER")); err != nil {
			return err
		}
	}
	for _, id := range names {
		p := repo.Panel{Type: detType, ID: id, Source: epixSource}
		alias, err := r.Alias(context.Background(), p, repo.Origin{Experiment: "xpptut15", Run: 260})
		if err != nil {
			return err
		}
		fmt.Println(id, alias)
	}
	return r.Close()
}

// share returns the ids of a process, shuffled.
func share(process string) ([]string, error) {
	number, err := strconv.Atoi(process)
	if err != nil {
		return nil, err
	}
	const own = ids/processes + 1
	var names []string
	for _, i := range rand.Perm(own + own/2) {
		names = append(names, fmt.Sprintf("ID%04d", (number*own+i)%ids))
	}
	return names, nil
}

// allocator starts a process that allocates.
func allocator(t *testing.T, dir string, number int, locks string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "ALLOCATE_IN="+dir, "ALLOCATE_NUMBER="+strconv.Itoa(number), "ALLOCATE_LOCKS="+locks,
		"GORACE=atexit_sleep_ms=0") // else each would wait a second at its end
	cmd.Stderr = os.Stderr
	return cmd
}

// allocateTogether runs all processes at once and returns what they were told.
func allocateTogether(t *testing.T, dir, locks string) map[string]string {
	t.Helper()
	told := map[string]string{}
	outputs := make([]strings.Builder, processes)
	commands := make([]*exec.Cmd, processes)
	for i := range commands {
		commands[i] = allocator(t, dir, i, locks)
		commands[i].Stdout = &outputs[i]
		if err := commands[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	for i, cmd := range commands {
		if err := cmd.Wait(); err != nil {
			t.Errorf("process %d: %v", i, err)
		}
		for line := range strings.Lines(outputs[i].String()) {
			id, alias, _ := strings.Cut(strings.TrimSpace(line), " ")
			if earlier, known := told[id]; known && earlier != alias {
				t.Errorf("%s was told to be %s and %s", id, earlier, alias)
			}
			told[id] = alias
		}
	}
	return told
}

// checkAliases reads the alias file and returns it by id: every id once, no two
// with one alias, so many ids as wanted (-1: any number).
func checkAliases(t *testing.T, dir string, want int) map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "epix100a", "aliases.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	byID, owners := map[string]string{}, map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue // without locks, a writer may have seen half of another's line
		}
		if len(fields) < 4 {
			t.Fatalf("damaged record %q", lines.Text())
		}
		alias, id := fields[0], fields[1]
		if earlier, known := byID[id]; known {
			t.Errorf("id %s has the aliases %s and %s", id, earlier, alias)
		}
		if owner, taken := owners[alias]; taken {
			t.Errorf("alias %s belongs to %s and %s", alias, owner, id)
		}
		byID[id], owners[alias] = alias, id
	}
	if want >= 0 && len(byID) != want {
		t.Errorf("%d ids, want %d", len(byID), want)
	}
	return byID
}

func TestAliasProcesses(t *testing.T) {
	for _, locks := range []string{"yes", "no"} {
		t.Run("locks "+locks, func(t *testing.T) {
			dir := memoryDir(t)
			if err := os.Mkdir(filepath.Join(dir, "epix100a"), 0o777); err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			told := allocateTogether(t, dir, locks)
			t.Logf("%d processes, %d ids: %v", processes, ids, time.Since(begin).Round(time.Millisecond))
			written := checkAliases(t, dir, ids)
			for id, alias := range told {
				if written[id] != alias {
					t.Errorf("%s was told to be %s, but the file says %s", id, alias, written[id])
				}
			}
		})
	}
}

// Processes that die at any moment leave nothing that stops the next one, and no
// alias that anybody was told is given away again.
func TestAliasKill(t *testing.T) {
	for _, locks := range []string{"yes", "no"} {
		t.Run("locks "+locks, func(t *testing.T) {
			dir := memoryDir(t)
			if err := os.Mkdir(filepath.Join(dir, "epix100a"), 0o777); err != nil {
				t.Fatal(err)
			}
			told := map[string]string{}
			for round := range 6 {
				commands := make([]*exec.Cmd, 4)
				outputs := make([]strings.Builder, len(commands))
				for i := range commands {
					commands[i] = allocator(t, dir, round*len(commands)+i, locks)
					commands[i].Stdout = &outputs[i]
					if err := commands[i].Start(); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(10*time.Millisecond + rand.N(60*time.Millisecond))
				for i, cmd := range commands {
					if err := cmd.Process.Kill(); err != nil {
						t.Fatal(err)
					}
					_ = cmd.Wait() // killed, or done before
					for line := range strings.Lines(outputs[i].String()) {
						if id, alias, found := strings.Cut(strings.TrimSuffix(line, "\n"), " "); found && strings.HasSuffix(line, "\n") {
							told[id] = alias
						}
					}
				}
			}
			if len(told) == 0 {
				t.Fatal("every process was killed before its first alias")
			}
			backdate(t, filepath.Join(dir, "epix100a", ".claims"))
			o := options()
			o.NoLocks = locks == "no"
			r, err := repo.Open(dir, o)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			const some = ids / 2
			for i := range some {
				id := fmt.Sprintf("ID%04d", i)
				now, err := r.Alias(t.Context(), epix(t, id), repo.Origin{Run: -1})
				if err != nil {
					t.Fatal(err)
				}
				if before, known := told[id]; known && before != now {
					t.Errorf("%s was %s before, now it is %s", id, before, now)
				}
			}
			for id, alias := range told {
				if now, found, err := r.LookupAlias(epix(t, id)); !found || err != nil || now != alias {
					t.Errorf("%s was %s before, now it is %q, %v", id, alias, now, err)
				}
			}
			checkAliases(t, dir, -1)
			t.Logf("%d aliases told by processes that were killed", len(told))
		})
	}
}

// backdate makes the claims in a directory older than the grace that is given to
// their writers.
func backdate(t *testing.T, claims string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(claims, "*"))
	if err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-time.Minute)
	for _, name := range names {
		if err := os.Chtimes(name, past, past); err != nil {
			t.Fatal(err)
		}
	}
}
