package beacon_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/beacon"
)

// clock is set by hand.
type clock struct{ t time.Time }

func (c *clock) now() time.Time       { return c.t }
func (c *clock) pass(d time.Duration) { c.t = c.t.Add(d) }

func newClock() *clock { return &clock{time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)} }

func (c *clock) options() beacon.HeartbeatOptions {
	return beacon.HeartbeatOptions{Now: c.now, Host: "psana101", PID: 4711}
}

func TestHeartbeat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "heartbeat.json")
	c := newClock()
	start := c.now()
	h, err := beacon.Start(path, c.options())
	if err != nil {
		t.Fatal(err)
	}
	check := func(want beacon.Pulse) {
		t.Helper()
		got, err := beacon.ReadPulse(path)
		if err != nil {
			t.Fatal(err)
		}
		want.PID, want.Host = 4711, "psana101"
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	beat := func(stage string, runs int64) {
		t.Helper()
		if err := h.Beat(stage, map[string]int64{"runs": runs}); err != nil {
			t.Fatal(err)
		}
	}
	check(beacon.Pulse{State: beacon.Running, Started: start, Updated: start, Counts: map[string]int64{}})

	c.pass(time.Second)
	beat("scan", 1)
	first := beacon.Pulse{State: beacon.Running, Started: start, Updated: c.now(), Stage: "scan", Counts: map[string]int64{"runs": 1}}
	check(first)
	c.pass(10*time.Second - 1)
	beat("scan", 2)
	check(first) // too early
	c.pass(1)
	beat("scan", 3)
	check(beacon.Pulse{State: beacon.Running, Started: start, Updated: c.now(), Stage: "scan", Counts: map[string]int64{"runs": 3}})

	if err := h.End(nil); err != nil {
		t.Fatal(err)
	}
	success := c.now()
	if !h.LastSuccess().Equal(success) {
		t.Errorf("last success %v, want %v", h.LastSuccess(), success)
	}
	check(beacon.Pulse{State: beacon.Done, Started: start, Updated: success, Stage: "scan", Counts: map[string]int64{"runs": 3}, LastSuccess: success})

	c.pass(time.Hour)
	again, err := beacon.Start(path, c.options())
	if err != nil {
		t.Fatal(err)
	}
	if err := again.End(errors.New("root gone:\n\x1b[31mgone")); err != nil {
		t.Fatal(err)
	}
	check(beacon.Pulse{State: beacon.Failed, Started: c.now(), Updated: c.now(), Counts: map[string]int64{},
		LastSuccess: success, Message: "root gone:  [31mgone"})
	if !again.LastSuccess().Equal(success) {
		t.Errorf("last success %v after a failure, want %v", again.LastSuccess(), success)
	}
}

func TestHeartbeatText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "heartbeat.json")
	h, err := beacon.Start(path, newClock().options())
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Beat("plan", map[string]int64{"b": 2, "a": 1}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"state":"running","pid":4711,"host":"psana101","started":"2026-11-24T02:00:00Z","updated":"2026-11-24T02:00:00Z","stage":"plan","counts":{"a":1,"b":2}}` + "\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

// TestHeartbeatAfterDamage: what lies there is replaced, and a heartbeat that could
// not be written tries again.
func TestHeartbeatAfterDamage(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "torn": `{"state":"runn`, "foreign": `{"state":"happy"}`, "list": "[1]", "long": strings.Repeat(" ", 1<<20+1),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "heartbeat.json")
			if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
				t.Fatal(err)
			}
			if _, err := beacon.ReadPulse(path); err == nil {
				t.Error("read as a heartbeat")
			}
			h, err := beacon.Start(path, newClock().options())
			if err != nil {
				t.Fatal(err)
			}
			if err := h.End(nil); err != nil {
				t.Fatal(err)
			}
			if pulse, err := beacon.ReadPulse(path); err != nil || pulse.State != beacon.Done {
				t.Errorf("%v, %v", pulse, err)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
		})
	}
}

func TestHeartbeatWithoutPlace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	path := filepath.Join(dir, "heartbeat.json")
	c := newClock()
	h, err := beacon.Start(path, c.options())
	if err == nil || h == nil {
		t.Fatalf("%v, %v: want an error and a heartbeat", h, err)
	}
	if err := os.Mkdir(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	c.pass(time.Minute)
	if err := h.Beat("", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := beacon.ReadPulse(path); err != nil {
		t.Error(err)
	}
}

// TestLinks: nothing is read or written through a planted link.
func TestLinks(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link.prom")
	if err := os.WriteFile(target, []byte("kept"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", link); err != nil {
		t.Fatal(err)
	}
	if err := (beacon.Sweep{}).Publish(link); err == nil {
		t.Error("metrics published through a link")
	}
	if _, err := beacon.Start(link, beacon.HeartbeatOptions{}); err == nil {
		t.Error("heartbeat written through a link")
	}
	if got, _ := os.ReadFile(target); string(got) != "kept" {
		t.Errorf("target is %q", got)
	}
}

var example = beacon.Sweep{
	LastSuccess: time.Date(2026, 11, 24, 2, 0, 0, 500e6, time.UTC), Duration: 1234567 * time.Microsecond,
	Experiments: 300, RunsKnown: 12000, RunsNew: 7, RunsFailed: 2,
	Targets: map[string]int{"create": 3, "unchanged": 5000, "a\\b\"c\nd\xff": 1},
	Changes: 3, Failures: 1, Drift: 4, BytesPublished: 1 << 40, ExitStatus: 3,
}

const exampleText = `# HELP deploy_constants_sweep_bytes_published Bytes of constants that the last sweep published.
# TYPE deploy_constants_sweep_bytes_published gauge
deploy_constants_sweep_bytes_published 1099511627776
# HELP deploy_constants_sweep_changes Targets that the last sweep changed.
# TYPE deploy_constants_sweep_changes gauge
deploy_constants_sweep_changes 3
# HELP deploy_constants_sweep_drift Deployed files that the last sweep found not as intended.
# TYPE deploy_constants_sweep_drift gauge
deploy_constants_sweep_drift 4
# HELP deploy_constants_sweep_duration_seconds Duration of the last sweep.
# TYPE deploy_constants_sweep_duration_seconds gauge
deploy_constants_sweep_duration_seconds 1.234567
# HELP deploy_constants_sweep_exit_status Exit status of the last sweep.
# TYPE deploy_constants_sweep_exit_status gauge
deploy_constants_sweep_exit_status 3
# HELP deploy_constants_sweep_experiments Experiments that the last sweep looked at.
# TYPE deploy_constants_sweep_experiments gauge
deploy_constants_sweep_experiments 300
# HELP deploy_constants_sweep_failures Items of the last sweep that failed.
# TYPE deploy_constants_sweep_failures gauge
deploy_constants_sweep_failures 1
# HELP deploy_constants_sweep_last_success_timestamp_seconds Unix time at which a sweep was done last.
# TYPE deploy_constants_sweep_last_success_timestamp_seconds gauge
deploy_constants_sweep_last_success_timestamp_seconds 1795485600.5
# HELP deploy_constants_sweep_runs_failed Runs that the last sweep could not read.
# TYPE deploy_constants_sweep_runs_failed gauge
deploy_constants_sweep_runs_failed 2
# HELP deploy_constants_sweep_runs_known Runs in the ledger after the last sweep.
# TYPE deploy_constants_sweep_runs_known gauge
deploy_constants_sweep_runs_known 12000
# HELP deploy_constants_sweep_runs_new Runs that the last sweep read for the first time.
# TYPE deploy_constants_sweep_runs_new gauge
deploy_constants_sweep_runs_new 7
# HELP deploy_constants_sweep_targets Targets of the last sweep's plan, by action.
# TYPE deploy_constants_sweep_targets gauge
deploy_constants_sweep_targets{action="a\\b\"c\nd` + "\uFFFD" + `"} 1
deploy_constants_sweep_targets{action="create"} 3
deploy_constants_sweep_targets{action="unchanged"} 5000
`

func TestMetrics(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.prom")
	if err := example.Publish(path); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(exampleText, string(got)); diff != "" {
		t.Error(diff)
	}
	samples, err := parseExposition(string(got))
	if err != nil {
		t.Fatal(err)
	}
	if got := samples["deploy_constants_sweep_targets{action=a\\b\"c\nd\uFFFD}"]; got != 1 {
		t.Errorf("the escaped label is not found again: %v", samples)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestMetricsOfNothing(t *testing.T) {
	var text bytes.Buffer
	if err := (beacon.Sweep{}).Write(&text); err != nil {
		t.Fatal(err)
	}
	samples, err := parseExposition(text.String())
	if err != nil {
		t.Fatal(err)
	}
	if len(samples) != 10 || strings.Contains(text.String(), "last_success") || strings.Contains(text.String(), "targets") {
		t.Errorf("%d samples:\n%s", len(samples), &text)
	}
}

// TestParseExposition: the judge of the tests above can say no.
func TestParseExposition(t *testing.T) {
	const head = "# HELP a b\n# TYPE a gauge\n"
	for _, bad := range []string{
		head + "a 1", head + "a one\n", head + "a{x=\"1} 1\n", head + "a{x=\"\\t\"} 1\n", head + "a{1x=\"\"} 1\n",
		head + "b 1\n", head + "a 1\na 2\n", "a 1\n", head + head + "a 1\n", "# TYPE a gauge\n# HELP a b\na 1\n",
		head + "a 1\n# HELP b b\n# TYPE b gauge\nb 1\na{x=\"1\"} 1\n", head + " a 1\n", head, head + "a  1\n", "# HELP a \\t\n# TYPE a gauge\na 1\n",
	} {
		if _, err := parseExposition(bad); err == nil {
			t.Errorf("accepted:\n%s", bad)
		}
	}
}

// parseExposition reads Prometheus' text format 0.0.4 as strictly as its
// description: HELP before TYPE, both once and directly before the samples of the
// metric, no sample twice, final newline. Stricter: families sorted, single blanks.
func parseExposition(text string) (map[string]float64, error) {
	if !strings.HasSuffix(text, "\n") {
		return nil, errors.New("no final newline")
	}
	samples := map[string]float64{}
	var families []string
	state, count := "samples", 1
	in := bufio.NewScanner(strings.NewReader(text))
	for in.Scan() {
		line := in.Text()
		bad := func(why string) error { return fmt.Errorf("%q: %s", line, why) }
		if rest, is := strings.CutPrefix(line, "# HELP "); is {
			name, help, _ := strings.Cut(rest, " ")
			if _, err := unescape(help, `\n`); err != nil || !isName(name) || state != "samples" || count == 0 {
				return nil, bad("HELP")
			}
			families, state = append(families, name), "help"
			continue
		}
		if rest, is := strings.CutPrefix(line, "# TYPE "); is {
			if len(families) == 0 || rest != families[len(families)-1]+" gauge" || state != "help" {
				return nil, bad("TYPE")
			}
			state, count = "samples", 0
			continue
		}
		end := strings.LastIndexByte(line, ' ')
		if end < 0 || state != "samples" || len(families) == 0 {
			return nil, bad("no sample, or without HELP and TYPE")
		}
		value, err := strconv.ParseFloat(line[end+1:], 64)
		if err != nil {
			return nil, bad("value")
		}
		name, labels, has := strings.Cut(line[:end], "{")
		if name != families[len(families)-1] {
			return nil, bad("sample of another metric")
		}
		key := name
		if has {
			label, quoted, _ := strings.Cut(labels, "=")
			inner, ok := strings.CutSuffix(quoted, `"}`)
			inner, begins := strings.CutPrefix(inner, `"`)
			content, err := unescape(inner, `"n\`)
			if !ok || !begins || err != nil || !isName(label) {
				return nil, bad("label")
			}
			key += "{" + label + "=" + content + "}"
		}
		if _, twice := samples[key]; twice {
			return nil, bad("twice")
		}
		samples[key] = value
		count++
	}
	if count == 0 || !slices.IsSorted(families) || len(slices.Compact(slices.Clone(families))) != len(families) {
		return nil, errors.New("empty, unsorted or repeated families")
	}
	return samples, in.Err()
}

func isName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == "" && (name[0] < '0' || name[0] > '9')
}

// unescape allows a backslash before the given characters only, and a bare quote never.
func unescape(text, allowed string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '"' && strings.Contains(allowed, `"`):
			return "", errors.New("bare quote")
		case c != '\\':
			b.WriteByte(c)
			continue
		}
		if i++; i == len(text) || !strings.ContainsRune(allowed, rune(text[i])) {
			return "", errors.New("escape")
		}
		if c = text[i]; c == 'n' {
			c = '\n'
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}
