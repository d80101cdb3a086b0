package ui

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"
)

// ProgressOptions say how progress is shown. The zero value is useful.
type ProgressOptions struct {
	Mode     Mode
	Interval time.Duration // between lines of Plain and JSON; default 30 s: a day on Slurm stays readable
	First    time.Duration // before the first of them; default 5 s: short commands print none

	Now    func() time.Time    // default time.Now
	Getenv func(string) string // default os.Getenv; NO_COLOR and TERM are asked for
	Width  func() int          // columns; default the terminal's
}

func (o ProgressOptions) withDefaults(w io.Writer) ProgressOptions {
	if o.Interval <= 0 {
		o.Interval = 30 * time.Second
	}
	if o.First <= 0 {
		o.First = 5 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Width == nil {
		o.Width = func() int {
			columns, terminal := Width(w)
			if !terminal {
				return defaultWidth
			}
			return columns
		}
	}
	o.Mode = o.Mode.resolve(w, o.Getenv)
	return o
}

// redraw is the least time between two pictures of the terminal's line: faster
// ones nobody reads.
const redraw = 100 * time.Millisecond

// A Progress shows how far a command is. It is safe for concurrent use.
type Progress struct {
	w io.Writer
	o ProgressOptions

	mu     sync.Mutex
	stage  string
	total  int // 0: not known
	done   int
	failed int
	begin  time.Time // of the stage
	next   time.Time // when something is printed again
	first  bool      // nothing was printed of this stage
	drawn  bool      // a line stands on the terminal
	ended  bool
}

// NewProgress shows progress on w, which is standard error as a rule.
func NewProgress(w io.Writer, o ProgressOptions) *Progress {
	return &Progress{w: w, o: o.withDefaults(w), ended: true}
}

// Stage begins a stage of so many things, 0 if their number is not known, and ends
// the one before. The name is shown as it is, but escaped.
func (p *Progress) Stage(name string, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end()
	now := p.o.Now()
	p.stage, p.total, p.done, p.failed = Escape(name), max(total, 0), 0, 0
	p.begin, p.first, p.ended = now, true, false
	p.next = now.Add(p.o.First)
	if p.o.Mode == TTY {
		p.print(now)
	}
}

// Add tells how many things of the stage have been done since, failed ones included, and
// how many of them failed.
func (p *Progress) Add(done, failed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += done
	p.failed += failed
	p.due()
}

// Grow adds to the total, for stages whose number of things is found on the way.
func (p *Progress) Grow(total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total += total
	p.due()
}

// Done ends the stage: the terminal's line is cleared, the other modes print a last
// line if they have printed one before.
func (p *Progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end()
}

// Close is Done.
func (p *Progress) Close() { p.Done() }

// Print writes to the same place, with the terminal's line out of the way.
func (p *Progress) Print(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	_, _ = io.WriteString(p.w, text)
}

func (p *Progress) due() {
	if p.ended || p.o.Mode == None {
		return
	}
	if now := p.o.Now(); !now.Before(p.next) {
		p.print(now)
	}
}

func (p *Progress) end() {
	if p.ended {
		return
	}
	if !p.first && p.o.Mode != TTY {
		p.print(p.o.Now())
	}
	p.clear()
	p.ended = true
}

// clear takes the line off the terminal.
func (p *Progress) clear() {
	if p.drawn {
		_, _ = io.WriteString(p.w, "\r\x1b[K")
		p.drawn = false
	}
}

func (p *Progress) print(now time.Time) {
	p.first = false
	switch p.o.Mode {
	case TTY:
		p.next = now.Add(redraw)
		p.draw(now)
	case Plain:
		p.next = now.Add(p.o.Interval)
		_, _ = io.WriteString(p.w, p.line(now)+"\n")
	case JSON:
		p.next = now.Add(p.o.Interval)
		p.event(now)
	}
}

// bold and plainText are what NO_COLOR turns off.
const (
	bold      = "\x1b[1m"
	plainText = "\x1b[0m"
)

// draw writes the line over the one before. The last column stays empty: some
// terminals wrap when it is written to.
func (p *Progress) draw(now time.Time) {
	line := cut(p.line(now), max(p.o.Width()-1, 1))
	if rest, found := strings.CutPrefix(line, p.stage); found && p.o.Getenv("NO_COLOR") == "" {
		line = bold + p.stage + plainText + rest
	}
	_, _ = io.WriteString(p.w, "\r\x1b[K"+line)
	p.drawn = true
}

// line is "scan 120/300 40% | 35.2/s | 5s left | 2 failed".
func (p *Progress) line(now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d", p.stage, p.done)
	if p.total > 0 {
		fmt.Fprintf(&b, "/%d %d%%", p.total, percent(p.done, p.total))
	}
	if rate, known := p.rate(now); known {
		fmt.Fprintf(&b, " | %s/s", Rate(rate))
	}
	if left, known := p.left(now); known {
		fmt.Fprintf(&b, " | %s left", Duration(left))
	}
	if p.failed > 0 {
		fmt.Fprintf(&b, " | %d failed", p.failed)
	}
	return b.String()
}

// percent is rounded down, so that 100% means all.
func percent(done, total int) int { return int(100 * float64(done) / float64(total)) }

// rate is things a second since the beginning of the stage.
func (p *Progress) rate(now time.Time) (float64, bool) {
	passed := now.Sub(p.begin).Seconds()
	if passed <= 0 || p.done <= 0 {
		return 0, false
	}
	return float64(p.done) / passed, true
}

// left is the time that the rest takes at this rate.
func (p *Progress) left(now time.Time) (time.Duration, bool) {
	rate, known := p.rate(now)
	if !known || p.total < p.done || p.total == 0 {
		return 0, false
	}
	seconds := float64(p.total-p.done) / rate
	if seconds > math.MaxInt64/1e10 {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// An event is a line of JSON. Fields are only ever added.
type event struct {
	MessageType string    `json:"message_type"`
	Time        time.Time `json:"time"`
	Stage       string    `json:"stage"`
	Done        int       `json:"done"`
	Total       int       `json:"total"`
	Rate        *float64  `json:"rate,omitempty"`  // things a second
	ETA         *float64  `json:"eta_s,omitempty"` // seconds
	Failed      int       `json:"failed"`
}

func (p *Progress) event(now time.Time) {
	e := event{
		MessageType: "progress", Time: now.UTC(), Stage: p.stage,
		Done: p.done, Total: p.total, Failed: p.failed,
	}
	if rate, known := p.rate(now); known {
		e.Rate = rounded(rate)
	}
	if left, known := p.left(now); known {
		e.ETA = rounded(left.Seconds())
	}
	text, err := json.Marshal(e)
	if err != nil {
		return // a year beyond 9999
	}
	_, _ = p.w.Write(append(text, '\n'))
}

// rounded keeps a tenth.
func rounded(v float64) *float64 {
	v = math.Round(10*v) / 10
	return &v
}
