package slurmfake

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sacct prints a line for each attempt, or for the newest of each task.
func sacct(c *client) error {
	found, rest, err := parseOptions(c.args, option{long: "duplicates", short: 'D'}, option{long: "allocations", short: 'X'},
		option{long: "noheader", short: 'n'}, option{long: "parsable2", short: 'P'},
		option{long: "name", value: true}, option{"starttime", 'S', true}, option{"format", 'o', true})
	if err == nil {
		err = requires(found, "allocations", "noheader", "parsable2", "name", "starttime", "format")
	}
	if err == nil && len(rest) > 0 {
		err = refuse("arguments %q", rest)
	}
	now := time.Now()
	var since time.Time
	if err == nil {
		since, err = parseSince(found["starttime"], now)
	}
	names := strings.Split(found["format"], ",")
	if err == nil {
		for i, name := range names {
			names[i] = strings.ToLower(name)
			if fields[names[i]] == nil {
				err = refuse("field %q", name)
			}
		}
	}
	stamp, wrong := c.timeFormat()
	if err == nil {
		err = wrong
	}
	_, all := found["duplicates"]
	return c.act(err, func(v *view) error {
		switch {
		case v.Faults.AccountingDisabled:
			return fail("Slurm accounting storage is disabled")
		case v.Faults.AccountingDown:
			return fail(`sacct: error: slurm_persist_conn_open_without_init: failed to open persistent connection to host:127.0.0.1:6819: Connection refused
sacct: error: Sending PersistInit msg: Connection refused
sacct: error: Problem talking to the database: Connection refused`)
		}
		for _, r := range v.records(found["name"], all, now.Add(-v.Faults.AccountingLag)) {
			if !r.End.IsZero() && r.End.Before(since) {
				continue
			}
			values := make([]string, len(names))
			for i, name := range names {
				values[i] = fields[name](r, stamp)
			}
			fmt.Fprintln(c.stdout, strings.Join(values, "|"))
		}
		return nil
	})
}

// A record is one attempt as accounting has it.
type record struct {
	Attempt
	j    *Job
	name string // 12_3
}

// records returns the attempts of jobs of these names as they were at a time: by
// submission, then by id.
func (v *view) records(names string, all bool, at time.Time) []record {
	var list []record
	for _, j := range v.named(names) {
		var whole []Attempt // of tasks without a number, one of each state
		for _, t := range j.Tasks {
			attempts := append(t.Earlier[:len(t.Earlier):len(t.Earlier)], t.Attempt)
			var seen []record
			for _, a := range attempts {
				if a, ok := a.asOf(at); ok {
					seen = append(seen, record{a, j, j.taskName(t)})
				}
			}
			if len(seen) > 0 && seen[len(seen)-1].Raw == 0 {
				a := seen[len(seen)-1].Attempt
				if !slices.ContainsFunc(whole, func(other Attempt) bool { return other.State == a.State }) {
					whole = append(whole, a)
				}
				continue
			}
			if !all && len(seen) > 1 {
				seen = seen[len(seen)-1:]
			}
			list = append(list, seen...)
		}
		for _, a := range whole {
			a.Raw = j.ID
			list = append(list, record{a, j, fmt.Sprintf("%d_[%s]", j.ID, j.Options["array"])})
		}
	}
	slices.SortStableFunc(list, func(a, b record) int { return a.Submit.Compare(b.Submit) })
	return list
}

// asOf returns what accounting knew of an attempt at a time, and whether it knew it.
func (a Attempt) asOf(at time.Time) (Attempt, bool) {
	if a.Queued.After(at) {
		return a, false
	}
	if !a.End.IsZero() && a.End.After(at) {
		a.End, a.State, a.Exit, a.Signal = time.Time{}, Running, 0, 0
	}
	if a.Start.IsZero() || a.Start.After(at) {
		a.Start, a.Node = time.Time{}, ""
		if !final(a.State) {
			a.State = Pending
		}
	}
	return a, true
}

// fields are what sacct prints, by lower-case name.
var fields = map[string]func(record, func(time.Time) string) string{
	"jobid":     func(r record, _ func(time.Time) string) string { return r.name },
	"jobidraw":  func(r record, _ func(time.Time) string) string { return strconv.Itoa(r.Raw) },
	"jobname":   func(r record, _ func(time.Time) string) string { return r.j.Name },
	"user":      func(r record, _ func(time.Time) string) string { return r.j.User },
	"account":   func(r record, _ func(time.Time) string) string { return r.j.Options["account"] },
	"partition": func(r record, _ func(time.Time) string) string { return r.j.partition() },
	"qos":       func(r record, _ func(time.Time) string) string { return r.j.qos() },
	"state":     func(r record, _ func(time.Time) string) string { return r.state() },
	"exitcode":  func(r record, _ func(time.Time) string) string { return r.exitCode() },
	"submit":    func(r record, stamp func(time.Time) string) string { return stamp(r.Submit) },
	"start":     func(r record, stamp func(time.Time) string) string { return known(r.Start, stamp, r.never()) },
	"end":       func(r record, stamp func(time.Time) string) string { return known(r.End, stamp, "Unknown") },
	"nodelist":  func(r record, _ func(time.Time) string) string { return r.nodes() },
}

// state has who cancelled: whoever runs the fake.
func (r record) state() string {
	if r.State == Cancelled {
		return fmt.Sprintf("%s by %d", r.State, os.Getuid())
	}
	return r.State
}

// exitCode is "status:signal". sacct takes 128 from what is not less; states that are
// not the task's own doing have none.
func (r record) exitCode() string {
	switch {
	case r.State != Failed && r.State != Requeued:
		return "0:0"
	case r.Exit >= 128:
		return fmt.Sprintf("%d:0", r.Exit-128)
	}
	return fmt.Sprintf("%d:%d", r.Exit, r.Signal)
}

// never is the start of an attempt without one.
func (r record) never() string {
	if final(r.State) {
		return "None"
	}
	return "Unknown"
}

func (r record) nodes() string {
	if r.Node == "" {
		return "None assigned"
	}
	return r.Node
}

// parseSince reads sacct's times: now, now-3days, 2026-11-26, 2026-11-26T10:00,
// 2026-11-26T10:00:00, local; uts1795338104, which is since the epoch.
func parseSince(text string, now time.Time) (time.Time, error) {
	if seconds, ok := strings.CutPrefix(text, "uts"); ok {
		if n, err := strconv.ParseInt(seconds, 10, 40); err == nil && n >= utsMin {
			return time.Unix(n, 0), nil
		}
	}
	if back, ok := strings.CutPrefix(text, "now"); ok {
		if back == "" {
			return now, nil
		}
		count, unit := strings.CutPrefix(back, "-")
		digits := strings.TrimRight(count, "abcdefghijklmnopqrstuvwxyz")
		n, err := strconv.ParseInt(digits, 10, 24)
		length, known := units[strings.TrimSuffix(count[len(digits):], "s")]
		if unit && known && err == nil && n >= 0 {
			return now.Add(-time.Duration(n) * length), nil
		}
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fail("Invalid time specification (pos=0): %s", text)
}

// utsMin is the first second that sacct takes, measured to lie between 1 and this.
const utsMin = 1_000_000

var units = map[string]time.Duration{
	"": time.Second, "second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour,
}
