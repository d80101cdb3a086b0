package ui_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/ui"
)

// clock is set by hand.
type clock struct{ t time.Time }

func (c *clock) now() time.Time       { return c.t }
func (c *clock) pass(d time.Duration) { c.t = c.t.Add(d) }

// screen is what is written, with escape sequences that can be read.
type screen struct{ strings.Builder }

func (s *screen) take() string {
	text := strings.NewReplacer("\r\x1b[K", "<clear>", "\x1b[1m", "<b>", "\x1b[0m", "</b>").Replace(s.String())
	s.Reset()
	return text
}

func newProgress(mode ui.Mode, width int, environment map[string]string) (*ui.Progress, *screen, *clock) {
	s, c := &screen{}, &clock{time.Date(2026, 11, 23, 18, 0, 0, 0, time.FixedZone("PST", -8*3600))}
	return ui.NewProgress(s, ui.ProgressOptions{
		Mode: mode, Now: c.now, Width: func() int { return width },
		Getenv: func(name string) string { return environment[name] },
	}), s, c
}

// story drives progress: each step says what was written by it.
func story(t *testing.T, s *screen, steps ...any) {
	t.Helper()
	for i := 0; i < len(steps); i += 2 {
		steps[i].(func())()
		if diff := cmp.Diff(steps[i+1].(string), s.take()); diff != "" {
			t.Errorf("step %d: %s", i/2, diff)
		}
	}
}

func TestTTY(t *testing.T) {
	p, s, c := newProgress(ui.TTY, 80, nil)
	update := func(after time.Duration, done, failed int) func() {
		return func() { c.pass(after); p.Update(done, failed) }
	}
	story(t, s,
		func() { p.Update(1, 0) }, "", // no stage yet
		func() { p.Stage("scan", 300) }, "<clear><b>scan</b> 0/300 0%",
		update(99*time.Millisecond, 1, 0), "", // throttled
		update(time.Millisecond, 2, 0), "<clear><b>scan</b> 2/300 0% | 20.0/s | 15s left",
		update(1900*time.Millisecond, 299, 2), "<clear><b>scan</b> 299/300 99% | 150/s | 7ms left | 2 failed",
		func() { p.Print("warning\n") }, "<clear>warning\n",
		func() { p.Now() }, "<clear><b>scan</b> 299/300 99% | 150/s | 7ms left | 2 failed",
		func() { p.Stage("plan\x1b[2J", 0) }, `<clear><clear><b>plan\x1b[2J</b> 0`,
		update(time.Second, 5, 0), `<clear><b>plan\x1b[2J</b> 5 | 5.0/s`,
		func() { p.Grow(10) }, "",
		func() { c.pass(time.Second); p.Add(1, 1) }, `<clear><b>plan\x1b[2J</b> 6/10 60% | 3.0/s | 1.3s left | 1 failed`,
		func() { p.Done() }, "<clear>",
		func() { p.Done(); p.Close(); p.Now(); p.Update(9, 0) }, "",
	)
}

func TestTTYWidth(t *testing.T) {
	for width, want := range map[int]string{
		80: "<clear><b>scan</b> 0/300 0%", 13: "<clear><b>scan</b> 0/300 0%"[:22] + "00 …", 4: "<clear>sc…", 1: "<clear>…", 0: "<clear>…",
	} {
		p, s, _ := newProgress(ui.TTY, width, nil)
		p.Stage("scan", 300)
		if diff := cmp.Diff(want, s.take()); diff != "" {
			t.Errorf("width %d: %s", width, diff)
		}
	}
}

func TestNoColor(t *testing.T) {
	p, s, _ := newProgress(ui.TTY, 80, map[string]string{"NO_COLOR": "1"})
	p.Stage("scan", 300)
	if got := s.take(); got != "<clear>scan 0/300 0%" {
		t.Error(got)
	}
}

func TestPlain(t *testing.T) {
	p, s, c := newProgress(ui.Plain, 10, nil)
	update := func(after time.Duration, done int) func() { return func() { c.pass(after); p.Update(done, 0) } }
	story(t, s,
		func() { p.Stage("scan", 300) }, "",
		update(4999*time.Millisecond, 10), "",
		update(time.Millisecond, 20), "scan 20/300 6% | 4.0/s | 1m10s left\n",
		update(29*time.Second, 30), "",
		update(time.Second, 35), "scan 35/300 11% | 1.0/s | 4m25s left\n",
		func() { p.Now() }, "scan 35/300 11% | 1.0/s | 4m25s left\n",
		update(time.Second, 300), "",
		func() { p.Done() }, "scan 300/300 100% | 8.3/s | 0s left\n",
		func() { p.Stage("short", 3) }, "",
		update(time.Second, 3), "",
		func() { p.Done() }, "", // nothing was said about it, so nothing is now
	)
}

func TestJSON(t *testing.T) {
	p, s, c := newProgress(ui.JSON, 10, nil)
	story(t, s,
		func() { p.Stage("scan", 300) }, "",
		func() { p.Now() }, `{"message_type":"progress","time":"2026-11-24T02:00:00Z","stage":"scan","done":0,"total":300,"failed":0}`+"\n",
		func() { c.pass(30 * time.Second); p.Update(100, 1) },
		`{"message_type":"progress","time":"2026-11-24T02:00:30Z","stage":"scan","done":100,"total":300,"rate":3.3,"eta_s":60,"failed":1}`+"\n",
		func() { p.Stage("a\nb", 0) },
		`{"message_type":"progress","time":"2026-11-24T02:00:30Z","stage":"scan","done":100,"total":300,"rate":3.3,"eta_s":60,"failed":1}`+"\n",
		func() { c.pass(5 * time.Second); p.Update(10, 0) },
		`{"message_type":"progress","time":"2026-11-24T02:00:35Z","stage":"a\\nb","done":10,"total":0,"rate":2,"failed":0}`+"\n",
	)
}

func TestNone(t *testing.T) {
	p, s, c := newProgress(ui.None, 80, nil)
	story(t, s,
		func() { p.Stage("scan", 3); c.pass(time.Hour); p.Update(1, 0); p.Now(); p.Done() }, "",
		func() { p.Print("beside\n") }, "beside\n",
	)
}

// TestClockGoesBack: times that make no sense are not shown.
func TestClockGoesBack(t *testing.T) {
	p, s, c := newProgress(ui.Plain, 80, nil)
	p.Stage("scan", 3)
	c.pass(-time.Hour)
	p.Update(5, 0) // more than there are, besides
	p.Now()
	if got := s.take(); got != "scan 5/3 166%\n" {
		t.Error(got)
	}
}

// TestBrokenWriter: a closed terminal does not stop a command.
func TestBrokenWriter(t *testing.T) {
	for _, mode := range []ui.Mode{ui.TTY, ui.Plain, ui.JSON} {
		p := ui.NewProgress(broken{}, ui.ProgressOptions{Mode: mode})
		p.Stage("scan", 3)
		p.Now()
		p.Close()
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("input/output error") }

func TestAuto(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got := ui.NewProgress(file, ui.ProgressOptions{}).Mode(); got != ui.Plain {
		t.Errorf("a file gets %s", got)
	}
	if got := ui.NewProgress(&screen{}, ui.ProgressOptions{Mode: ui.Auto}).Mode(); got != ui.Plain {
		t.Errorf("a buffer gets %s", got)
	}
	if _, is := ui.Width(file); is {
		t.Error("a file is a terminal")
	}
	terminal := pseudoTerminal(t, 123)
	if got, is := ui.Width(terminal); got != 123 || !is {
		t.Errorf("width %d, terminal %v", got, is)
	}
	environment := func(value string) ui.ProgressOptions {
		return ui.ProgressOptions{Getenv: func(string) string { return value }}
	}
	if got := ui.NewProgress(terminal, environment("xterm")).Mode(); got != ui.TTY {
		t.Errorf("a terminal gets %s", got)
	}
	if got := ui.NewProgress(terminal, environment("dumb")).Mode(); got != ui.Plain {
		t.Errorf("a terminal that cannot be redrawn gets %s", got)
	}
	unsized := pseudoTerminal(t, 0)
	if got, is := ui.Width(unsized); got != 80 || !is {
		t.Errorf("without a size: width %d, terminal %v", got, is)
	}
	if err := unsized.Close(); err != nil {
		t.Fatal(err)
	}
	if _, is := ui.Width(unsized); is {
		t.Error("a closed file is a terminal")
	}
}

func TestParseMode(t *testing.T) {
	for text, want := range map[string]ui.Mode{"": ui.Auto, "auto": ui.Auto, "tty": ui.TTY, "plain": ui.Plain, "json": ui.JSON, "none": ui.None} {
		if got, err := ui.ParseMode(text); got != want || err != nil {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
	if _, err := ui.ParseMode("TTY"); err == nil {
		t.Error("accepted TTY")
	}
}

func BenchmarkUpdate(b *testing.B) {
	p := ui.NewProgress(&screen{}, ui.ProgressOptions{Mode: ui.Plain})
	p.Stage("scan", 1<<40)
	b.ReportAllocs()
	for b.Loop() {
		p.Add(1, 0)
	}
}
