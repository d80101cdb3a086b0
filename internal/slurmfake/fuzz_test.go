package slurmfake

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func FuzzScript(f *testing.F) {
	f.Add("#!/bin/sh\n#SBATCH --job-name=a\n#SBATCH --array=0-9%3\n#SBATCH --signal=B:USR1@120\n#SBATCH --time=1-2:3:4\nexec true\n")
	f.Add("#!/bin/sh\n#SBATCH --dependency=afterok:1:2,afterany:3\n#SBATCH --kill-on-invalid-dep=yes\n#SBATCH --requeue\n")
	f.Add("#SBATCH --nice=1\n")
	f.Fuzz(func(t *testing.T, script string) {
		options, err := parseScript(script)
		if err != nil {
			_, refused := errors.AsType[refusal](err)
			if _, failed := errors.AsType[failure](err); !refused && !failed {
				t.Errorf("%v is neither Slurm's nor the fake's", err)
			}
			return
		}
		j := &Job{Options: options}
		if n := j.count(); n < 1 || n > 1_000_000_000 {
			t.Errorf("%d tasks", n)
		}
		if limit := j.throttle(); limit < 0 {
			t.Errorf("throttle %d", limit)
		}
		for name, value := range options {
			if !strings.Contains(script, "#SBATCH") || strings.ContainsAny(value, " \t\n\"'") {
				t.Errorf("option %s=%q", name, value)
			}
		}
	})
}

func FuzzFormat(f *testing.F) {
	f.Add("%F|%K|%T|%r|%N")
	f.Add("%.18i %50j%%")
	j := &Job{ID: 1, Name: "name", Tasks: []*Task{{Index: 2, Attempt: Attempt{State: Running}}}}
	f.Fuzz(func(t *testing.T, format string) {
		parts, err := parseFormat(format)
		if err != nil {
			return
		}
		for _, p := range parts {
			if p.code == 0 {
				continue
			}
			if text := p.pad(columns[p.code](j, j.Tasks[0], time.Time.String)); p.width > 0 && len(text) != p.width {
				t.Errorf("%q is not %d wide", text, p.width)
			}
		}
	})
}

func FuzzSince(f *testing.F) {
	for _, text := range []string{"now", "now-2days", "uts1795338104", "2026-11-26", "2026-11-26T10:00:00"} {
		f.Add(text)
	}
	now := time.Now()
	f.Fuzz(func(t *testing.T, text string) {
		since, err := parseSince(text, now)
		if err == nil && strings.HasPrefix(text, "now") && since.After(now) {
			t.Errorf("%q is %s, in the future", text, since)
		}
	})
}

func FuzzID(f *testing.F) {
	for _, id := range []string{"1", "1_2", "1_[0-2]", "1_[0,2]", "4", "x", "1_", "1_[2-0]"} {
		f.Add(id)
	}
	v := &view{jobs: []*Job{
		{ID: 1, Tasks: []*Task{{Index: 0, Attempt: Attempt{Raw: 4}}, {Index: 1}, {Index: 2}}},
		{ID: 2, Tasks: []*Task{{Index: -1, Attempt: Attempt{Raw: 2}}}},
	}}
	f.Fuzz(func(t *testing.T, id string) {
		j, tasks, err := v.find(id)
		if (err == nil) != (len(tasks) > 0 && j != nil) {
			t.Errorf("%q: job %v, tasks %v, error %v", id, j, tasks, err)
		}
		if len(tasks) > 1000*len(id)+3 {
			t.Errorf("%q: %d tasks", id, len(tasks))
		}
	})
}
