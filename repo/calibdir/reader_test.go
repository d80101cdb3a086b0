package calibdir_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"deployconstants/repo/calibdir"
)

// Two contents of different length, each recognizable as a whole.
var contents = [2]string{
	strings.Repeat("0.06 0.0611 0.0622\n", 5_000),
	strings.Repeat("0.05 0.0511\n", 11_000) + "the last line\n",
}

func isWhole(text string) bool { return text == contents[0] || text == contents[1] }

// redeploy installs and records, turn by turn, one content after the other.
func redeploy(ctx context.Context, dir string, times int) error {
	calib, err := calibdir.Create(dir, options)
	if err != nil {
		return err
	}
	target := gain(dir)
	for i := range times {
		installed, err := calib.Install(ctx, target, strings.NewReader(contents[i%2]), calibdir.InstallOptions{})
		if err != nil {
			return err
		}
		if installed.Unchanged && i > 0 {
			return errors.New("the content of the last redeployment is still there")
		}
		if err := calib.AppendHistory(ctx, target, record(target, "/home/dubrovin/LCLS/con-py3")); err != nil {
			return err
		}
	}
	return calib.Close()
}

// A reader that loops over a file during 1,000 redeployments never sees anything
// but a whole one, and never none.
func TestReaderDuringRedeployments(t *testing.T) {
	dir := filepath.Join(memoryDir(t), "calib")
	must(t, redeploy(t.Context(), dir, 1))
	path := gain(dir).Path()
	stop := make(chan struct{})
	var reads, changes int
	var wait sync.WaitGroup
	wait.Go(func() {
		last := ""
		for {
			select {
			case <-stop:
				return
			default:
			}
			text, err := os.ReadFile(path)
			if err != nil || !isWhole(string(text)) {
				t.Errorf("read %d: %d bytes, %v", reads, len(text), err)
				return
			}
			if string(text) != last {
				changes++
			}
			last = string(text)
			reads++
		}
	})
	err := redeploy(t.Context(), dir, 1000)
	close(stop)
	wait.Wait()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d reads, %d changes seen", reads, changes)
	if reads < 100 || changes < 10 {
		t.Errorf("only %d reads, %d changes seen", reads, changes)
	}
	if got := strings.Count(read(t, filepath.Join(filepath.Dir(path), "HISTORY")), golden+"\n"); got != 1001 {
		t.Errorf("%d records", got)
	}
}

// memoryDir returns a new directory in memory, where thousands of fsyncs take no
// time, or on disk where there is no such place.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "calibdir")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func init() {
	children["redeploy"] = func(dir string) error { return redeploy(context.Background(), dir, 1_000_000) }
	children["redeploy once"] = func(dir string) error { return redeploy(context.Background(), dir, 2) }
}

// A deployment that is killed at any moment leaves a whole file, whole records
// and no stray constants; the next one cleans up.
func TestKilledDeployments(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "calib")
	must(t, redeploy(t.Context(), dir, 1))
	path := gain(dir).Path()
	folder := filepath.Dir(path)
	random := rand.New(rand.NewPCG(2206, 2209))
	killedAtWork := 0
	for round := range 40 {
		cmd := children.Command(t, "redeploy", dir)
		must(t, cmd.Start())
		time.Sleep(time.Duration(5_000+random.IntN(60_000)) * time.Microsecond)
		must(t, cmd.Process.Kill())
		if err := cmd.Wait(); err == nil {
			t.Fatalf("round %d: the deployment ended by itself", round)
		}
		if text := read(t, path); !isWhole(text) {
			t.Fatalf("round %d: %d bytes are deployed", round, len(text))
		}
		data, temporaries := sortNames(t, folder)
		if len(data) != 1 {
			t.Fatalf("round %d: files of constants %v", round, data)
		}
		if len(temporaries) > 1 {
			t.Fatalf("round %d: temporaries of earlier rounds %v", round, temporaries)
		}
		killedAtWork += len(temporaries)
	}
	t.Logf("%d of 40 left a temporary", killedAtWork)

	cmd := children.Command(t, "redeploy once", dir)
	if err := cmd.Run(); err != nil {
		t.Errorf("the next run: %v", err)
	}
	if _, temporaries := sortNames(t, folder); temporaries != nil {
		t.Errorf("temporaries remain: %v", temporaries)
	}
	if text := read(t, path); text != contents[1] {
		t.Errorf("the next run left %d bytes", len(text))
	}
	for line := range strings.Lines(read(t, filepath.Join(folder, "HISTORY"))) {
		if line != golden+"\n" {
			t.Fatalf("torn record %q", line)
		}
	}
}

// sortNames returns the names that end in ".data" and those that begin with a dot.
func sortNames(t *testing.T, folder string) (data, temporaries []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	must(t, err)
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".data") {
			data = append(data, entry.Name())
		}
		if strings.HasPrefix(entry.Name(), ".") {
			temporaries = append(temporaries, entry.Name())
		}
	}
	return data, temporaries
}

// Many deployments to one place at once: each target is whole, each record too.
func TestDeploymentsAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "calib")
	calib := create(t, dir)
	const workers, ranges = 8, 5
	var wait sync.WaitGroup
	for worker := range workers {
		wait.Go(func() {
			for begin := range ranges {
				target := gain(dir)
				target.Range.Begin = begin
				_, err := calib.Install(t.Context(), target, strings.NewReader(contents[(worker+begin)%2]), calibdir.InstallOptions{})
				if err := errors.Join(err, calib.AppendHistory(t.Context(), target, record(target, fmt.Sprint("/", worker)))); err != nil {
					t.Errorf("worker %d: %v", worker, err)
				}
			}
		})
	}
	wait.Wait()
	names, err := calib.Names(gain(dir))
	if err != nil || len(names) != ranges+1 {
		t.Errorf("names %v, %v", names, err)
	}
	for begin := range ranges {
		target := gain(dir)
		target.Range.Begin = begin
		if text := read(t, target.Path()); !isWhole(text) {
			t.Errorf("%s has %d bytes", target.Path(), len(text))
		}
	}
	records, err := calib.History(gain(dir))
	if err != nil || len(records) != workers*ranges {
		t.Errorf("%d records, %v", len(records), err)
	}
	if _, temporaries := sortNames(t, filepath.Dir(gain(dir).Path())); temporaries != nil {
		t.Errorf("temporaries remain: %v", temporaries)
	}
}
