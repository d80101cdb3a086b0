package slurm_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"deployconstants/slurm"
)

// limited keeps the lists of a fuzzed text short: half a million tasks take long.
func limited(t *testing.T, text string) {
	if len(text) > 1<<12 {
		t.Skip("long")
	}
}

// FuzzParseTasks: a text is tasks that each name a job, once, or a *FormatError.
func FuzzParseTasks(f *testing.F) {
	for _, version := range versions {
		f.Add(queue(f, version, "mix"))
	}
	f.Add("7|4|9|RUNNING||x|None\n7|4-5:2%3|7|PENDING||x|a|b\n")
	f.Fuzz(func(t *testing.T, text string) {
		limited(t, text)
		tasks, err := slurm.ParseTasks(text)
		checkFormatError(t, err)
		seen := map[slurm.TaskID]bool{}
		for _, task := range tasks {
			if task.ID.Job == 0 || task.ID.Index < slurm.NoIndex || task.State == "" || seen[task.ID] {
				t.Fatalf("%+v", task)
			}
			seen[task.ID] = true
			if strings.ContainsAny(task.Name+task.Nodes+task.Reason, "\x00\x1b\n\r") {
				t.Fatalf("control characters in %+v", task)
			}
		}
	})
}

// FuzzParseRecords: a text is records, of which each task has one newest, or a
// *FormatError.
func FuzzParseRecords(f *testing.F) {
	for _, version := range versions {
		f.Add(accounting(f, version, "mix"))
	}
	f.Add("1_[4-7:3%6]|1|x|CANCELLED by 0|0:0|1|None|1|None assigned\n1_4|2|x|RUNNING|0:0|2|3|Unknown|n1\n")
	f.Fuzz(func(t *testing.T, text string) {
		limited(t, text)
		records, err := slurm.ParseRecords(text)
		checkFormatError(t, err)
		tasks := map[slurm.TaskID]bool{}
		for _, r := range records {
			if r.ID.Job == 0 || r.ID.Index < slurm.NoIndex || r.State == "" || r.ExitCode < 0 || r.Signal < 0 || r.Submit.Year() > 2600 {
				t.Fatalf("%+v", r)
			}
			tasks[r.ID] = true
		}
		newest := slurm.Newest(records)
		for i, r := range newest {
			if !tasks[r.ID] || i > 0 && newest[i-1].ID.Compare(r.ID) >= 0 {
				t.Fatalf("%v is twice, or nowhere", r.ID)
			}
		}
		if len(newest) != len(tasks) {
			t.Fatalf("%d newest of %d tasks", len(newest), len(tasks))
		}
	})
}

func FuzzParseSubmitted(f *testing.F) {
	f.Add("20\n")
	f.Add("welcome\n21;ci\n")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := slurm.ParseSubmitted(text)
		checkFormatError(t, err)
		if err == nil && (id == 0 || !strings.Contains(text, id.String())) {
			t.Errorf("%q is job %v", text, id)
		}
	})
}

func FuzzParseLimits(f *testing.F) {
	for _, version := range versions {
		f.Add(recorded(f, version, "scontrol-show-config.txt").output)
	}
	f.Add("MaxArraySize = 5\nSchedulerParameters = a,max_array_tasks=3\n")
	f.Fuzz(func(t *testing.T, text string) {
		limits, err := slurm.ParseLimits(text)
		checkFormatError(t, err)
		if limits.Tasks() < 0 || limits.Tasks() > limits.MaxArraySize {
			t.Errorf("%+v", limits)
		}
	})
}

func checkFormatError(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[*slurm.FormatError](err); err != nil && !ok {
		t.Fatalf("error %v, want a *FormatError", err)
	}
}

// FuzzScript: whatever the fields hold, a script has its options, then one command
// of the arguments, and nothing else; or the error names a field.
func FuzzScript(f *testing.F) {
	f.Add("sweep", "/bin/true", "it's", "milano", "/logs/%A_%a.log", "/state", "n[1-3]", "of:all", 3)
	f.Add("a b", "true", "\n#SBATCH --hold", "a#b", "/l%A/x", "~", "/etc/hosts", "\"", 0)
	f.Fuzz(func(t *testing.T, name, program, arg, partition, log, dir, node, comment string, count int) {
		job := slurm.Submission{
			Name: name, Program: []string{program, arg}, Partition: partition, Log: log, Dir: dir,
			Exclude: []string{node}, Comment: comment, Array: &slurm.Array{Count: count}, Time: time.Minute,
		}
		script, err := job.Script()
		if err != nil {
			if bad, ok := errors.AsType[*slurm.FieldError](err); !ok || bad.Field == "" || script != "" {
				t.Fatalf("error %v", err)
			}
			return
		}
		body, ok := strings.CutPrefix(script, "#!/bin/sh\n")
		lines := strings.Split(body, "\n")
		options, command := lines[:len(lines)-2], lines[len(lines)-2]
		if !ok || lines[len(lines)-1] != "" {
			t.Fatalf("script %q", script)
		}
		for _, line := range options {
			option, ok := strings.CutPrefix(line, "#SBATCH --")
			if !ok || option == "" || strings.ContainsAny(option, " \t\"'\\#") {
				t.Errorf("option %q", line)
			}
		}
		if got := words(command); len(got) != 3 || got[0] != "exec" || got[1] != program || got[2] != arg {
			t.Errorf("%q has the words %q", command, got)
		}
	})
}

// words splits a line as sh does one that has only words, single quotes, and quoted
// single quotes.
func words(line string) []string {
	out := []string{""}
	quoted := false
	for i := 0; i < len(line); i++ {
		last := &out[len(out)-1]
		switch c := line[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
			*last += string([]byte{c})
		case c == ' ':
			out = append(out, "")
		case c == '\\':
			i++
			*last += string([]byte{line[i]})
		default:
			*last += string([]byte{c})
		}
	}
	return out
}
