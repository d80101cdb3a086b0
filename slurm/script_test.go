package slurm_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deployconstants/slurm"
)

// plain is a submission with what is needed.
func plain() slurm.Submission {
	return slurm.Submission{Name: "sweep-6f1c", Program: []string{"/bin/true"}, Log: "/logs/%j.log"}
}

func TestScript(t *testing.T) {
	full := slurm.Submission{
		Name:        "sweep-6f1c.scan",
		Program:     []string{"/sdf/my sw/deploy_constants", "task", "--dir", "/state/it's", "", "$HOME `x` \\ \"y\" %A é"},
		Array:       &slurm.Array{Count: 200, Throttle: 6},
		After:       []slurm.Dependency{{Kind: slurm.AfterOK, Jobs: []slurm.JobID{12, 13}}, {Kind: slurm.AfterAny, Jobs: []slurm.JobID{14}}},
		Partition:   "milano,roma",
		Account:     "lcls:xpptut15",
		Reservation: "lcls:xpp1234-230101-230105",
		QOS:         "preemptable",
		Constraint:  "a&(b|c)",
		Exclude:     []string{"sdfmilan001", "sdfmilan[003-005,009]"},
		Time:        29*time.Minute + time.Second,
		Memory:      "2G",
		CPUs:        2,
		Nice:        100,
		Signal:      119*time.Second + 1,
		Requeue:     true,
		Log:         "/state/jobs/6f1c/logs/%A_%a.log",
		Dir:         "/state/jobs/6f1c",
		Comment:     "scan:of/all",
	}
	single := plain()
	one := plain()
	one.Array = &slurm.Array{Count: 1}
	one.After = []slurm.Dependency{{Kind: slurm.AfterAny, Jobs: []slurm.JobID{4294967295}}}
	for name, c := range map[string]struct {
		job  slurm.Submission
		want string
	}{
		"everything": {full, `#!/bin/sh
#SBATCH --job-name=sweep-6f1c.scan
#SBATCH --comment=scan:of/all
#SBATCH --array=0-199%6
#SBATCH --dependency=afterok:12:13,afterany:14
#SBATCH --kill-on-invalid-dep=yes
#SBATCH --partition=milano,roma
#SBATCH --account=lcls:xpptut15
#SBATCH --reservation=lcls:xpp1234-230101-230105
#SBATCH --qos=preemptable
#SBATCH --constraint=a&(b|c)
#SBATCH --exclude=sdfmilan001,sdfmilan[003-005,009]
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --mem=2G
#SBATCH --time=30
#SBATCH --nice=100
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --output=/state/jobs/6f1c/logs/%A_%a.log
#SBATCH --open-mode=append
#SBATCH --chdir=/state/jobs/6f1c
#SBATCH --export=ALL
exec '/sdf/my sw/deploy_constants' 'task' '--dir' '/state/it'\''s' '' '$HOME ` + "`x`" + ` \ "y" %A é'
`},
		"the least": {single, `#!/bin/sh
#SBATCH --job-name=sweep-6f1c
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --no-requeue
#SBATCH --output=/logs/%j.log
#SBATCH --open-mode=append
#SBATCH --export=ALL
exec '/bin/true'
`},
		"one task, after another job's end": {one, `#!/bin/sh
#SBATCH --job-name=sweep-6f1c
#SBATCH --array=0-0
#SBATCH --dependency=afterany:4294967295
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --no-requeue
#SBATCH --output=/logs/%j.log
#SBATCH --open-mode=append
#SBATCH --export=ALL
exec '/bin/true'
`},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				got, err := c.job.Script()
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// The shell hands the arguments on as they are.
func TestScriptQuotes(t *testing.T) {
	c := newCluster(t, slurm.Options{})
	job := plain()
	args := []string{"", " ", "a b", "it's", "''", "\"", "\\", "$PATH", "$(id)", "`id`", "*", "~", "#SBATCH --hold", "!x", ";", "&", "-n", "é\u00a0", "\xff"}
	job.Program = append([]string{filepath.Join(c.dir, "task")}, args...)
	script, err := job.Script()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	args[len(args)-1] = "\ufffd" // as the record of the visit has it
	if diff := cmp.Diff(args, c.visits()[0].Args); diff != "" {
		t.Error(diff)
	}
}

// What sbatch would refuse or misread is an error that names the field.
func TestScriptRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*slurm.Submission)
		want string
	}{
		"no name":                  {func(s *slurm.Submission) { s.Name = "" }, "Name"},
		"a comma in the name":      {func(s *slurm.Submission) { s.Name = "a,b" }, "Name"},
		"a column in the name":     {func(s *slurm.Submission) { s.Name = "a|b" }, "Name"},
		"a dash before the name":   {func(s *slurm.Submission) { s.Name = "-a" }, "Name"},
		"a blank in the name":      {func(s *slurm.Submission) { s.Name = "a b" }, "Name"},
		"a newline after the name": {func(s *slurm.Submission) { s.Name = "a\n" }, "Name"},
		"a long name":              {func(s *slurm.Submission) { s.Name = strings.Repeat("a", 201) }, "Name"},
		"no program":               {func(s *slurm.Submission) { s.Program = nil }, "Program"},
		"a relative program":       {func(s *slurm.Submission) { s.Program = []string{"true"} }, "Program[0]"},
		"a newline in an argument": {func(s *slurm.Submission) { s.Program = []string{"/x", "a", "b\n#SBATCH --hold"} }, "Program[2]"},
		"a NUL in an argument":     {func(s *slurm.Submission) { s.Program = []string{"/x", "\x00"} }, "Program[1]"},
		"a return in an argument":  {func(s *slurm.Submission) { s.Program = []string{"/x", "a\r"} }, "Program[1]"},
		"a script too large":       {func(s *slurm.Submission) { s.Program = []string{"/x", strings.Repeat("a", 4<<20)} }, "Program"},
		"no tasks":                 {func(s *slurm.Submission) { s.Array = &slurm.Array{} }, "Array.Count"},
		"too many tasks":           {func(s *slurm.Submission) { s.Array = &slurm.Array{Count: 4_000_002} }, "Array.Count"},
		"a throttle below 0":       {func(s *slurm.Submission) { s.Array = &slurm.Array{Count: 2, Throttle: -1} }, "Array.Throttle"},
		"another dependency":       {func(s *slurm.Submission) { s.After = []slurm.Dependency{{Kind: "after", Jobs: []slurm.JobID{1}}} }, "After[0].Kind"},
		"a dependency of nothing":  {func(s *slurm.Submission) { s.After = []slurm.Dependency{{Kind: slurm.AfterOK}} }, "After[0].Jobs"},
		"a dependency on job 0": {func(s *slurm.Submission) {
			s.After = []slurm.Dependency{{Kind: slurm.AfterAny, Jobs: []slurm.JobID{0}}}
		}, "After[0].Jobs"},
		"a blank in the partition":  {func(s *slurm.Submission) { s.Partition = "a b" }, "Partition"},
		"an option in the account":  {func(s *slurm.Submission) { s.Account = "a\n#SBATCH --hold" }, "Account"},
		"a quote":                   {func(s *slurm.Submission) { s.Reservation = `"a"` }, "Reservation"},
		"a comment after the QOS":   {func(s *slurm.Submission) { s.QOS = "a#b" }, "QOS"},
		"a backslash":               {func(s *slurm.Submission) { s.Constraint = `a\b` }, "Constraint"},
		"a file of nodes":           {func(s *slurm.Submission) { s.Exclude = []string{"n1", "/etc/nodes"} }, "Exclude[1]"},
		"no node":                   {func(s *slurm.Submission) { s.Exclude = []string{""} }, "Exclude[0]"},
		"a time below 0":            {func(s *slurm.Submission) { s.Time = -time.Minute }, "Time"},
		"a time without end":        {func(s *slurm.Submission) { s.Time = 1 << 62 }, "Time"},
		"a memory of words":         {func(s *slurm.Submission) { s.Memory = "lots" }, "Memory"},
		"no memory":                 {func(s *slurm.Submission) { s.Memory = "0" }, "Memory"},
		"CPUs below 0":              {func(s *slurm.Submission) { s.CPUs = -1 }, "CPUs"},
		"nice below 0":              {func(s *slurm.Submission) { s.Nice = -1 }, "Nice"},
		"a signal that never comes": {func(s *slurm.Submission) { s.Time, s.Signal = time.Minute, time.Minute }, "Signal"},
		"a signal of 17 bits":       {func(s *slurm.Submission) { s.Signal = 65536 * time.Second }, "Signal"},
		"no log":                    {func(s *slurm.Submission) { s.Log = "" }, "Log"},
		"a relative log":            {func(s *slurm.Submission) { s.Log = "a.log" }, "Log"},
		"a directory for a log":     {func(s *slurm.Submission) { s.Log = "/logs/" }, "Log"},
		"a pattern in a directory":  {func(s *slurm.Submission) { s.Log = "/logs/%A/%a.log" }, "Log"},
		"another pattern":           {func(s *slurm.Submission) { s.Log = "/logs/%u.log" }, "Log"},
		"a pattern with a width":    {func(s *slurm.Submission) { s.Log = "/logs/%4a.log" }, "Log"},
		"a doubled %":               {func(s *slurm.Submission) { s.Log = "/logs/%%a.log" }, "Log"},
		"a blank in the log":        {func(s *slurm.Submission) { s.Log = "/my logs/a.log" }, "Log"},
		"a relative directory":      {func(s *slurm.Submission) { s.Dir = "jobs" }, "Dir"},
		"a pattern in Dir":          {func(s *slurm.Submission) { s.Dir = "/jobs/%j" }, "Dir"},
		"a comment of words":        {func(s *slurm.Submission) { s.Comment = "of all" }, "Comment"},
		"a list of variables":       {func(s *slurm.Submission) { s.Export = []string{"A,B"} }, "Export[0]"},
		"a variable of sbatch":      {func(s *slurm.Submission) { s.Export = []string{"A", "SBATCH_HOLD"} }, "Export[1]"},
	} {
		t.Run(name, func(t *testing.T) {
			job := plain()
			c.edit(&job)
			script, err := job.Script()
			bad, ok := errors.AsType[*slurm.FieldError](err)
			if !ok || bad.Field != c.want || script != "" || len(err.Error()) > 500 {
				t.Errorf("error %v, want of %s", err, c.want)
			}
			if slurm.Doubtful(err) {
				t.Error("nothing was asked of Slurm, but it counts as doubtful")
			}
		})
	}
}
