package slurmfake_test

import (
	"strings"
	"testing"

	"deployconstants/internal/slurmfake"

	"github.com/google/go-cmp/cmp"
)

// TestRefused: what the fake does not understand it says, and notes.
func TestRefused(t *testing.T) {
	s := newFake(t, slurmfake.Options{})
	squeue := []string{"squeue", "-h", "-r", "-t", "all", "--name=a", "-o", "%i"}
	sacct := []string{"sacct", "-X", "-n", "-P", "--name=a", "-S", "now", "-o", "JobID"}
	without := func(args []string, drop ...string) []string {
		return strings.Fields(strings.Replace(strings.Join(args, " "), strings.Join(drop, " "), "", 1))
	}
	commands := [][]string{
		{"sbatch"}, {"sbatch", "--parsable", "script.sh"}, {"sbatch", "--parsable", "--array=0-1"}, {"sbatch", "--parsable=1"},
		without(squeue, "-h"), without(squeue, "-r"), without(squeue, "all --name=a"), append(squeue, "-j", "1"), append(squeue, "1"),
		append(squeue[:len(squeue)-1:len(squeue)-1], "%Z"), append(squeue[:len(squeue)-1:len(squeue)-1], "%99999i"), append(squeue, "-t", "R"),
		append(squeue, "--name"), without(sacct, "-X"), append(sacct, "--json"), append(sacct, "-o", "Comment"), append(sacct, "1"),
		{"scontrol"}, {"scontrol", "show", "job"}, {"scontrol", "update", "JobId=1", "TimeLimit=1"}, {"scontrol", "hold", "1"},
		{"scancel"}, {"scancel", "--name=a", "1"},
	}
	for _, c := range commands {
		if got := s.run(t, script("true"), c[0], c[1:]...); got.Status != 99 || !strings.HasPrefix(got.Err, "slurmfake: "+c[0]+": ") {
			t.Errorf("%q: %+v", c, got)
		}
	}
	scripts := []string{
		script("true", "wrap=true"), script("true", "job-name"), script("true", "requeue=1"), script("true", "job-name=a b"),
		script("true", `job-name="a"`), script("true", "array=1-2"), script("true", "array=0,2"), script("true", "export=NONE"),
		script("true", "requeue", "no-requeue"), script("true", "nice=1", "nice=1"), script("true", "signal=USR1@9"), script("true", "signal=B:NO@9"),
		script("true", "time=soon"), script("true", "dependency=afternotok:1"), script("true", "dependency=afterok"), script("true", "dependency=afterok:1?afterok:2"),
		script("true", "exclude=n[1-2]"), script("true\n#SBATCH --nice=1"), "#!/bin/sh\n#SBATCH -J a\n", script(strings.Repeat("#", 4<<20)),
	}
	for _, text := range scripts {
		if got := s.run(t, text, "sbatch", "--parsable"); got.Status != 99 {
			t.Errorf("%.200q: %+v", text, got)
		}
	}
	if got := s.runAs(t, []string{"SBATCH_PARTITION=x"}, script("true"), "sbatch", "--parsable"); got.Status != 99 || !strings.Contains(got.Err, "SBATCH_PARTITION") {
		t.Errorf("with a variable that overrides: %+v", got)
	}
	if got := s.runAs(t, []string{"SLURM_TIME_FORMAT=%H"}, "", squeue[0], squeue[1:]...); got.Status != 99 {
		t.Errorf("with another format of times: %+v", got)
	}
	if got := s.runAs(t, []string{"SLURM_CONF="}, "", squeue[0], squeue[1:]...); got.Status != 99 {
		t.Errorf("without SLURM_CONF: %+v", got)
	}
	notes, err := s.Commands()
	must(t, err)
	if want := len(commands) + len(scripts) + 2; len(notes) != want {
		t.Errorf("%d commands are noted, want %d", len(notes), want)
	}
	for _, note := range notes {
		if note.Refused == "" {
			t.Errorf("noted as understood: %+v", note)
		}
	}
}

// TestCommands: each command is noted, with its arguments.
func TestCommands(t *testing.T) {
	s := newFake(t, slurmfake.Options{})
	s.submit(t, "true", "job-name=it", "comment=why", "mem=2G", "cpus-per-task=2")
	s.queue(t, "it", "%i")
	s.run(t, "", "scancel", "1")
	notes, err := s.Commands()
	must(t, err)
	var got [][]string
	for _, note := range notes {
		if note.Refused != "" || note.Time.IsZero() {
			t.Errorf("%+v", note)
		}
		got = append(got, append([]string{note.Program}, note.Args...))
	}
	want := [][]string{{"sbatch", "--parsable"}, {"squeue", "-h", "-r", "-t", "all", "--name=it", "-o", "%i"}, {"scancel", "1"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	jobs, err := s.Jobs()
	must(t, err)
	options := map[string]string{"job-name": "it", "comment": "why", "mem": "2G", "cpus-per-task": "2", "output": "/dev/null"}
	if diff := cmp.Diff(options, jobs[0].Options); diff != "" {
		t.Error(diff)
	}
}

// TestSince: what sacct's -S leaves out.
func TestSince(t *testing.T) {
	s := newFake(t, slurmfake.Options{})
	s.submit(t, "true", "job-name=it")
	s.idle(t)
	for since, want := range map[string]string{
		"uts1000000": "1", "now-2hours": "1", "now-1day": "1", "2026-11-26": "1", "now": "", "now-0": "", "uts99999999999": "", "2999-01-01T00:00:00": "",
	} {
		got := s.run(t, "", "sacct", "-X", "-n", "-P", "--name=it", "-S", since, "-o", "JobID")
		if got != (said{Out: want}) {
			t.Errorf("since %s: %+v, want %q", since, got, want)
		}
	}
	got := s.run(t, "", "sacct", "-X", "-n", "-P", "--name=it", "-S", "1795728974", "-o", "JobID")
	if got.Status != 1 || got.Err != "Invalid time specification (pos=0): 1795728974" {
		t.Errorf("since a bare number: %+v", got)
	}
}

// TestWidths: squeue's columns.
func TestWidths(t *testing.T) {
	s := newFake(t, slurmfake.Options{})
	s.submit(t, "true", "job-name=longer")
	same(t, "columns", s.queue(t, "longer", "%3j|%8j.|%.8j|%j"), "lon|longer  .|  longer|longer")
}

// TestConfig: what a tool asks the cluster for.
func TestConfig(t *testing.T) {
	s := newFake(t, slurmfake.Options{})
	must(t, s.SetFaults(func(f *slurmfake.Faults) { f.MaxArraySize = 11 }))
	got := s.run(t, "", "scontrol", "show", "config")
	for _, line := range []string{"MaxArraySize            = 11", "ClusterName             = fake", "SLURM_VERSION           = 22.05.8"} {
		if !strings.Contains(got.Out, "\n"+line+"\n") {
			t.Errorf("no line %q in\n%s", line, got.Out)
		}
	}
}

func TestNew(t *testing.T) {
	if _, err := slurmfake.New(t.TempDir(), slurmfake.Options{Nodes: -1}); err == nil {
		t.Error("a cluster without nodes")
	}
	dir := t.TempDir()
	if _, err := slurmfake.New(dir, slurmfake.Options{}); err != nil {
		t.Fatal(err)
	}
	if _, err := slurmfake.New(dir, slurmfake.Options{}); err == nil {
		t.Error("two clusters in one folder")
	}
}
