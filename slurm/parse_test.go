package slurm_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deployconstants/slurm"
)

func submitTime(version string) time.Time {
	return map[string]time.Time{
		"22.05": time.Unix(1795338104, 0).UTC(), // sacct-epoch.txt
		"24.11": time.Unix(1795338167, 0).UTC(),
	}[version]
}

// A queue with everything: running and ended tasks, a row of waiting tasks, a single
// job, another array held.
func TestParseTasks(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			tasks, err := slurm.ParseTasks(queue(t, version, "mix"))
			if err != nil {
				t.Fatal(err)
			}
			states := map[slurm.State][]string{}
			for _, task := range tasks {
				states[task.State] = append(states[task.State], task.ID.String())
			}
			for _, ids := range states {
				slices.Sort(ids)
			}
			want := map[slurm.State][]string{
				slurm.Completed: {"1_0", "1_6"},
				slurm.Failed:    {"1_1", "1_2"},
				slurm.Cancelled: {"1_4"},
				slurm.Running:   {"1_10", "1_11", "1_12", "1_13", "1_5", "1_7", "1_8", "1_9", "4"},
				slurm.Pending: {
					"1_14", "1_15", "1_16", "1_17", "1_18", "1_19", "1_3", "2",
					"3_1", "3_20", "3_22", "3_24", "3_26", "3_28", "3_3", "3_30", "3_5", "3_7", "3_8", "3_9",
				},
			}
			if diff := cmp.Diff(want, states); diff != "" {
				t.Error(diff)
			}
			i := slices.IndexFunc(tasks, func(task slurm.Task) bool { return task.ID == slurm.JobID(1).Task(13) })
			wantTask := slurm.Task{ID: slurm.TaskID{Job: 1, Index: 13}, Raw: 18, Name: "mix", State: "RUNNING", Nodes: "n2", Reason: "None"}
			if diff := cmp.Diff(wantTask, tasks[i]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Rows as squeue -r has them: one for each waiting task.
func TestParseTasksOfRows(t *testing.T) {
	for _, version := range versions {
		var b strings.Builder
		var want []string
		for _, row := range recorded(t, version, "squeue-r.txt").columns(t) {
			job, index, _ := strings.Cut(row["i"], "_")
			b.WriteString(job + "|" + index + "|" + job + "|" + row["T"] + "|" + row["N"] + "|mix|" + row["r"] + "\n")
			want = append(want, row["i"]+" "+row["T"])
		}
		tasks, err := slurm.ParseTasks(b.String())
		if err != nil {
			t.Fatalf("%s: %v", version, err)
		}
		var got []string
		for _, task := range tasks {
			got = append(got, task.ID.String()+" "+string(task.State))
		}
		if diff := cmp.Diff(want, got); diff != "" || len(want) != 15 {
			t.Errorf("%s: %s", version, diff)
		}
	}
}

func TestParseTasksOfLists(t *testing.T) {
	task := func(index int, raw slurm.JobID, state slurm.State) slurm.Task {
		return slurm.Task{ID: slurm.TaskID{Job: 7, Index: index}, Raw: raw, Name: "x", State: state, Reason: "None"}
	}
	for name, c := range map[string]struct {
		text string
		want []slurm.Task
	}{
		"nothing":                    {"", nil},
		"blank lines":                {"\n \n", nil},
		"a headline of the cluster":  {"CLUSTER: ci\n7|N/A|7|RUNNING||x|None\n", []slurm.Task{task(slurm.NoIndex, 7, slurm.Running)}},
		"a throttle":                 {"7|4-6%2|7|PENDING||x|None\n", []slurm.Task{task(4, 7, slurm.Pending), task(5, 7, slurm.Pending), task(6, 7, slurm.Pending)}},
		"a step":                     {"7|0-5:2%3|7|PENDING||x|None\n", []slurm.Task{task(0, 7, slurm.Pending), task(2, 7, slurm.Pending), task(4, 7, slurm.Pending)}},
		"a stale row after the task": {"7|4|9|RUNNING||x|None\n7|4-5|7|PENDING||x|None\n", []slurm.Task{task(4, 9, slurm.Running), task(5, 7, slurm.Pending)}},
		"a stale row before it":      {"7|4-5|7|PENDING||x|None\n7|4|9|RUNNING||x|None\n", []slurm.Task{task(4, 9, slurm.Running), task(5, 7, slurm.Pending)}},
		"a state of the future":      {"7|N/A|7|POWERING_UP_NODE||x|None\n", []slurm.Task{task(slurm.NoIndex, 7, "POWERING_UP_NODE")}},
		"a reason with columns":      {"7|N/A|7|PENDING||x|see a|b\n", []slurm.Task{{ID: slurm.TaskID{Job: 7, Index: -1}, Raw: 7, Name: "x", State: slurm.Pending, Reason: "see a|b"}}},
		"a reason with an escape":    {"7|N/A|7|PENDING||x|\x1b[2J\n", []slurm.Task{{ID: slurm.TaskID{Job: 7, Index: -1}, Raw: 7, Name: "x", State: slurm.Pending, Reason: "\ufffd[2J"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := slurm.ParseTasks(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseTasksDamaged(t *testing.T) {
	for name, text := range map[string]string{
		"too few columns":      "1|2|3",
		"no id":                "x|N/A|1|RUNNING||x|None",
		"id 0":                 "0|N/A|1|RUNNING||x|None",
		"id of 33 bits":        "4294967296|N/A|1|RUNNING||x|None",
		"a cut list":           "1|1,3,5,...|1|PENDING||x|None",
		"a cut list in words":  "1|1-...|1|PENDING||x|None",
		"backwards":            "1|7-4|1|PENDING||x|None",
		"a wild end":           "1|4-x|1|PENDING||x|None",
		"a wild step":          "1|0-8:x|1|PENDING||x|None",
		"no step":              "1|0-8:0|1|PENDING||x|None",
		"a step without range": "1|8:2|1|PENDING||x|None",
		"a bitmap":             "1|0x3C|1|PENDING||x|None",
		"a sign":               "1|+4|1|PENDING||x|None",
		"a wild throttle":      "1|0-4%x|1|PENDING||x|None",
		"an index too high":    "1|4000002|1|PENDING||x|None",
		"too many":             "1|0-500000|1|PENDING||x|None",
		"too many in all":      "1|0-300000|1|PENDING||x|None\n1|0-300000|1|PENDING||x|None",
		"no raw id":            "1|N/A||RUNNING||x|None",
		"no state":             "1|N/A|1|running||x|None",
		"an error instead":     "slurm_load_jobs error: Invalid job id specified",
	} {
		t.Run(name, func(t *testing.T) {
			tasks, err := slurm.ParseTasks(text)
			if bad, ok := errors.AsType[*slurm.FormatError](err); !ok || bad.Line < 1 || bad.Program != "squeue" {
				t.Errorf("%d tasks, error %v, want a *FormatError", len(tasks), err)
			}
		})
	}
}

// Attempts, cancelled tasks that never started, exit codes and signals.
func TestParseRecords(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			records, err := slurm.ParseRecords(accounting(t, version, "mix"))
			if err != nil {
				t.Fatal(err)
			}
			submit := submitTime(version)
			find := func(id string) (found []slurm.Record) {
				for _, r := range records {
					if r.ID.String() == id {
						found = append(found, r)
					}
				}
				return found
			}
			want := []slurm.Record{
				{
					ID: slurm.TaskID{Job: 1, Index: 3}, Raw: 8, Name: "mix", State: slurm.Requeued, ExitCode: 75,
					Submit: submit, Start: submit.Add(time.Second), End: submit.Add(time.Second), Nodes: "n1",
				},
				{
					ID: slurm.TaskID{Job: 1, Index: 3}, Raw: 8, Name: "mix", State: slurm.Cancelled, ExitCode: 75,
					Submit: submit.Add(time.Second), End: submit.Add(15 * time.Second),
				},
			}
			if diff := cmp.Diff(want, find("1_3")); diff != "" {
				t.Error(diff)
			}
			if got := find("1_2"); len(got) != 1 || got[0].State != slurm.Failed || got[0].Signal != 11 || got[0].ExitCode != 0 {
				t.Errorf("a task that a signal ended: %+v", got)
			}
			if got := find("2"); len(got) != 1 || got[0].ID.Index != slurm.NoIndex || !got[0].Start.IsZero() || got[0].Nodes != "" {
				t.Errorf("a job that did not start: %+v", got)
			}
			if got := find("3_30"); len(got) != 1 || !got[0].Joint || got[0].State != slurm.Cancelled {
				t.Errorf("a task of a list: %+v", got)
			}
			if got := find("4"); len(got) != 2 || got[0].State != slurm.NodeFail || got[1].State != slurm.Cancelled {
				t.Errorf("a job whose node failed: %+v", got)
			}
		})
	}
}

// The newest attempt counts, and a row of 22.05 that says of a task that ran that it
// never started does not.
func TestNewest(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			records, err := slurm.ParseRecords(accounting(t, version, "mix"))
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				newest := slurm.Newest(records)
				if len(newest) != 20+1+12+1 || !slices.IsSortedFunc(newest, func(a, b slurm.Record) int { return a.ID.Compare(b.ID) }) {
					t.Errorf("%d tasks", len(newest))
				}
				if got := newest[3]; got.ID.Index != 3 || got.State != slurm.Cancelled || got.Submit != submitTime(version).Add(time.Second) {
					t.Errorf("the second attempt: %+v", got)
				}
				if got := newest[13]; got.Joint || got.Nodes != "n2" {
					t.Errorf("the task with a row of its own: %+v", got)
				}
				slices.Reverse(records)
			}
		})
	}
}

// In one second, what has not started is the newest; then what started last; then
// what comes last.
func TestNewestWithinASecond(t *testing.T) {
	at := func(s int64) time.Time { return time.Unix(s, 0).UTC() }
	one := slurm.Record{ID: slurm.TaskID{Job: 1, Index: 0}, State: slurm.Requeued, Submit: at(100), Start: at(101)}
	two, waits, last := one, one, one
	two.State, two.Start = slurm.Running, at(109)
	waits.State, waits.Start = slurm.Pending, time.Time{}
	last.State = slurm.Completed
	for _, c := range []struct {
		records []slurm.Record
		want    slurm.State
	}{
		{[]slurm.Record{one, two}, slurm.Running},
		{[]slurm.Record{two, one}, slurm.Running},
		{[]slurm.Record{waits, two}, slurm.Pending},
		{[]slurm.Record{two, waits}, slurm.Pending},
		{[]slurm.Record{one, last}, slurm.Completed},
	} {
		if got := slurm.Newest(c.records); len(got) != 1 || got[0].State != c.want {
			t.Errorf("%+v, want %s", got, c.want)
		}
	}
}

func TestParseRecordsDamaged(t *testing.T) {
	for name, text := range map[string]string{
		"too few columns":  "1|1|x|COMPLETED|0:0|1|1|1",
		"too many columns": "1|1|x|y|COMPLETED|0:0|1|1|1|n1",
		"no id":            "x|1|x|COMPLETED|0:0|1|1|1|n1",
		"no raw id":        "1|x|x|COMPLETED|0:0|1|1|1|n1",
		"no state":         "1|1|x||0:0|1|1|1|n1",
		"a wild signal":    "1|1|x|COMPLETED|0:x|1|1|1|n1",
		"one too many":     "1_[0-499998]|1|x|CANCELLED|0:0|1|1|1|n1\n2|2|x|COMPLETED|0:0|1|1|1|n1",
		"a step":           "1_0.batch|5|x|COMPLETED|0:0|1|1|1|n1",
		"a cut list":       "1_[1,3,...|1|x|COMPLETED|0:0|1|1|1|n1",
		"dots in a list":   "1_[1,3,...]|1|x|COMPLETED|0:0|1|1|1|n1",
		"no index":         "1_|1|x|COMPLETED|0:0|1|1|1|n1",
		"no exit code":     "1|1|x|COMPLETED|0|1|1|1|n1",
		"a wild exit code": "1|1|x|COMPLETED|-1:0|1|1|1|n1",
		"another time":     "1|1|x|COMPLETED|0:0|2026-11-22T09:01:44|1|1|n1",
		"a time too far":   "1|1|x|COMPLETED|0:0|99999999999|1|1|n1",
		"too many":         "1_[0-500000]|1|x|CANCELLED|0:0|1|1|1|n1",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := slurm.ParseRecords("1|1|x|COMPLETED|0:0|1|1|1|n1\n" + text + "\n")
			if bad, ok := errors.AsType[*slurm.FormatError](err); !ok || bad.Line != 1+strings.Count(text+"\n", "\n") {
				t.Errorf("error %v, want a *FormatError of the last line", err)
			}
		})
	}
}

func TestParseLimits(t *testing.T) {
	for _, version := range versions {
		got, err := slurm.ParseLimits(recorded(t, version, "scontrol-show-config.txt").output)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(slurm.Limits{MaxArraySize: 10001}, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestLimitsTasks(t *testing.T) {
	for text, want := range map[string]int{
		"MaxArraySize = 1001":         1001,
		"MaxArraySize = 0":            0,
		"MaxArraySize = (null)":       slurm.DefaultMaxArraySize,
		"MaxArraySize = -7":           slurm.DefaultMaxArraySize,
		"MaxArraySize = 999999999999": slurm.DefaultMaxArraySize,
		"ClusterName = ci":            slurm.DefaultMaxArraySize,
		"MaxArraySize = 1001\nSchedulerParameters = bf_interval=1,max_array_tasks=500,x=2": 500,
		"MaxArraySize = 1001\nSchedulerParameters=max_array_tasks=5000":                    1001,
		"MaxArraySize = 1001\nSchedulerParameters=not_max_array_tasks=5":                   1001,
	} {
		limits, err := slurm.ParseLimits(text)
		if err != nil || limits.Tasks() != want {
			t.Errorf("%q: %d tasks, %v; want %d", text, limits.Tasks(), err, want)
		}
	}
	for _, text := range []string{"", "slurm_load_ctl_conf error: Unable to contact slurm controller"} {
		if _, err := slurm.ParseLimits(text); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

func TestParseSubmitted(t *testing.T) {
	for _, version := range versions {
		for name, want := range map[string]slurm.JobID{"sbatch-parsable.txt": 20, "sbatch-parsable-cluster.txt": 21} {
			if id, err := slurm.ParseSubmitted(recorded(t, version, name).output); err != nil || id != want {
				t.Errorf("%s/%s: %v, %v", version, name, id, err)
			}
		}
	}
	if id, err := slurm.ParseSubmitted("welcome to the cluster\n4711\nhave a nice day\n"); err != nil || id != 4711 {
		t.Errorf("a talkative wrapper: %v, %v", id, err)
	}
	for _, text := range []string{"", "ok", "0", "4294967296", "12345678901", "1\n2", "-1", "1;", "1;a b", "Submitted batch job 19"} {
		if id, err := slurm.ParseSubmitted(text); err == nil {
			t.Errorf("%q is job %v", text, id)
		}
	}
}

func TestStates(t *testing.T) {
	for state, want := range map[slurm.State][2]bool{ // ended, interrupted
		slurm.Pending: {false, false}, slurm.Running: {false, false}, slurm.Completing: {false, false},
		slurm.Completed: {true, false}, slurm.Failed: {true, false}, slurm.Timeout: {true, false},
		slurm.NodeFail: {true, true}, slurm.Requeued: {true, true}, slurm.Preempted: {true, true},
		"OF_THE_FUTURE": {false, false},
	} {
		if got := [2]bool{state.Ended(), state.Interrupted()}; got != want {
			t.Errorf("%s: %v, want %v", state, got, want)
		}
	}
}

// What 22.05 says to this package's own command lines.
func TestParseAsAsked(t *testing.T) {
	tasks, err := slurm.ParseTasks(recorded(t, "22.05", "asked-squeue.txt").output)
	if err != nil {
		t.Fatal(err)
	}
	queue := map[slurm.State]int{}
	for _, task := range tasks {
		queue[task.State]++
	}
	if diff := cmp.Diff(map[slurm.State]int{slurm.Cancelled: 1, slurm.Completed: 5, slurm.Pending: 13, slurm.Running: 2}, queue); diff != "" {
		t.Error(diff)
	}
	records, err := slurm.ParseRecords(recorded(t, "22.05", "asked-sacct.txt").output)
	if err != nil {
		t.Fatal(err)
	}
	// Of array 24 accounting has what runs, and nothing yet of what waits.
	accounted := map[slurm.State]int{}
	for _, r := range slurm.Newest(records) {
		accounted[r.State]++
	}
	if diff := cmp.Diff(map[slurm.State]int{slurm.Cancelled: 1, slurm.Completed: 5, slurm.Pending: 5, slurm.Running: 2}, accounted); diff != "" {
		t.Error(diff)
	}
	second := slurm.Record{
		ID: slurm.JobID(1).Task(0), Raw: 6, Name: "arr5", State: slurm.Completed, Nodes: "n3",
		Submit: time.Unix(1795729587, 0).UTC(), Start: time.Unix(1795729594, 0).UTC(), End: time.Unix(1795729602, 0).UTC(),
	}
	if diff := cmp.Diff(second, slurm.Newest(records)[0]); diff != "" {
		t.Error(diff)
	}
}
