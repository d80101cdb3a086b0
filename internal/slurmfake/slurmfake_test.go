package slurmfake_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/slurmfake"
	"deployconstants/internal/testenv"
)

func TestMain(m *testing.M) {
	slurmfake.Main()
	testenv.Children{"controller": runAndDie}.Main(m)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A site is a fake, or a real cluster, with a folder to work in.
type site struct {
	env []string
	dir string
}

// A said is what a program prints and how it exits.
type said struct {
	Out, Err string
	Status   int
}

// run runs a program with a script on its standard input.
func (s *site) run(t testing.TB, script, program string, args ...string) said {
	t.Helper()
	return s.runAs(t, nil, script, program, args...)
}

func (s *site) runAs(t testing.TB, more []string, script, program string, args ...string) said {
	t.Helper()
	cmd := s.command(t.Context(), more, program, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(script), &out, &errs
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	return said{strings.TrimSpace(out.String()), strings.TrimSpace(errs.String()), cmd.ProcessState.ExitCode()}
}

func (s *site) command(ctx context.Context, more []string, program string, args ...string) *exec.Cmd {
	env := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "SLURM_") || strings.HasPrefix(variable, "SBATCH_")
	})
	env = append(append(append(env, "SLURM_TIME_FORMAT=%s"), s.env...), more...)
	for _, variable := range slices.Backward(env) { // the last of a name counts
		if path, ok := strings.CutPrefix(variable, "PATH="); ok {
			for folder := range strings.SplitSeq(path, ":") {
				if _, err := os.Stat(filepath.Join(folder, program)); err == nil {
					program = filepath.Join(folder, program)
					break
				}
			}
			break
		}
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env, cmd.Dir = env, s.dir
	return cmd
}

// submit submits a script with these options, and returns its id.
func (s *site) submit(t testing.TB, body string, options ...string) string {
	t.Helper()
	got := s.run(t, script(body, options...), "sbatch", "--parsable")
	if got.Status != 0 || got.Err != "" {
		t.Fatalf("sbatch %q: %+v", options, got)
	}
	return got.Out
}

// script makes a script of options and a body. Without another option its log is lost.
func script(body string, options ...string) string {
	if !slices.ContainsFunc(options, func(o string) bool { return strings.HasPrefix(o, "output=") }) {
		options = append(options[:len(options):len(options)], "output=/dev/null")
	}
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	for _, o := range options {
		b.WriteString("#SBATCH --" + o + "\n")
	}
	b.WriteString(body + "\n")
	return b.String()
}

// queue returns what squeue says of jobs of that name.
func (s *site) queue(t testing.TB, name, format string) string {
	t.Helper()
	got := s.run(t, "", "squeue", "-h", "-r", "-t", "all", "--name="+name, "-o", format)
	if got.Status != 0 {
		t.Fatalf("squeue: %+v", got)
	}
	return got.Out
}

// accounts returns what sacct says of all attempts of jobs of that name.
func (s *site) accounts(t testing.TB, name, fields string) string {
	t.Helper()
	got := s.run(t, "", "sacct", "-D", "-X", "-n", "-P", "--name="+name, "-S", "now-1hours", "-o", fields)
	if got.Status != 0 {
		t.Fatalf("sacct: %+v", got)
	}
	return got.Out
}

// A fakeSite is one with a fake.
type fakeSite struct {
	site
	*slurmfake.Fake
}

func newFake(t testing.TB, o slurmfake.Options) *fakeSite {
	t.Helper()
	fake, err := slurmfake.New(filepath.Join(t.TempDir(), "slurm"), o)
	must(t, err)
	t.Cleanup(func() { must(t, fake.Stop(context.WithoutCancel(t.Context()))) })
	return &fakeSite{site{fake.Env(), t.TempDir()}, fake}
}

// until steps until ok, for half a minute at most.
func (s *fakeSite) until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for must(t, s.Step(t.Context())); !ok(); must(t, s.Step(t.Context())) {
		if time.Now().After(deadline) {
			jobs, err := s.Jobs()
			t.Fatalf("not within 30 s: %s; jobs %+v, error %v", what, jobs, err)
		}
	}
}

// task returns a task as it is.
func (s *fakeSite) task(t testing.TB, job, index int) *slurmfake.Task {
	t.Helper()
	jobs, err := s.Jobs()
	must(t, err)
	return jobs[job].Tasks[index]
}

// idle waits until all is over, for half a minute at most.
func (s *fakeSite) idle(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	must(t, s.WaitIdle(ctx))
}

// same compares what is with what should be, lines in any order.
func same(t testing.TB, what, got, want string) {
	t.Helper()
	sorted := func(text string) string {
		lines := strings.Split(strings.TrimSpace(text), "\n")
		slices.Sort(lines)
		return strings.Join(lines, "\n")
	}
	if sorted(got) != sorted(want) {
		t.Errorf("%s:\n%s\nwant\n%s", what, got, want)
	}
}

// content returns a file's, "" if it is not there.
func (s *site) content(name string) string {
	text, _ := os.ReadFile(filepath.Join(s.dir, name))
	return string(text)
}

func (s *site) has(name, line string) bool { return strings.Contains(s.content(name), line+"\n") }
