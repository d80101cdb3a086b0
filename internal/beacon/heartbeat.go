package beacon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"
)

// A State is what has become of a sweep.
type State string

// The states.
const (
	Running State = "running"
	Done    State = "done"
	Failed  State = "failed"
)

// A Pulse is the content of a heartbeat file; the package documentation has its
// fields.
type Pulse struct {
	State       State            `json:"state"`
	PID         int              `json:"pid"`
	Host        string           `json:"host"`
	Started     time.Time        `json:"started"`
	Updated     time.Time        `json:"updated"`
	Stage       string           `json:"stage"`
	Counts      map[string]int64 `json:"counts"`
	LastSuccess time.Time        `json:"last_success,omitzero"`
	Message     string           `json:"message,omitempty"`
}

// pulseMax bounds, in bytes, a heartbeat file that is read.
const pulseMax = 1 << 20

// ErrPulse: a file is no heartbeat.
var ErrPulse = errors.New("not a heartbeat file")

// ReadPulse reads a heartbeat file. The error is ErrPulse or the system's.
func ReadPulse(path string) (Pulse, error) {
	content, err := read(path, pulseMax)
	if err != nil {
		return Pulse{}, fmt.Errorf("read heartbeat: %w", err)
	}
	var p Pulse
	if err := json.Unmarshal(content, &p); err != nil {
		return Pulse{}, fmt.Errorf("%s: %w: %w", path, ErrPulse, err)
	}
	switch p.State {
	case Running, Done, Failed:
		return p, nil
	}
	return Pulse{}, fmt.Errorf("%s: %w: state %q", path, ErrPulse, p.State)
}

// HeartbeatOptions say how a heartbeat beats. The zero value is useful.
type HeartbeatOptions struct {
	Interval time.Duration    // between beats that are written; default 10 s
	Now      func() time.Time // default time.Now
	Host     string           // default os.Hostname
	PID      int              // default os.Getpid
}

// A Heartbeat writes the heartbeat file of one sweep. It is safe for concurrent use.
type Heartbeat struct {
	path string
	o    HeartbeatOptions

	mu    sync.Mutex
	pulse Pulse
	next  time.Time // when a beat is written again
}

// Start writes the first beat: state running, the last success as the file had it. A
// file that is no heartbeat is replaced. If the error is not nil the heartbeat is
// usable all the same, and tries again.
func Start(path string, o HeartbeatOptions) (*Heartbeat, error) {
	if o.Interval <= 0 {
		o.Interval = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.PID == 0 {
		o.PID = os.Getpid()
	}
	var unnamed error
	if o.Host == "" {
		o.Host, unnamed = os.Hostname()
	}
	h := &Heartbeat{path: path, o: o}
	before, err := ReadPulse(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrPulse) {
		err = nil
	}
	now := o.Now().UTC()
	h.pulse = Pulse{
		State: Running, PID: o.PID, Host: o.Host, Started: now,
		Counts: map[string]int64{}, LastSuccess: before.LastSuccess.UTC(),
	}
	return h, errors.Join(unnamed, err, h.write(now))
}

// Beat tells what the sweep is doing. Counts replace those of the same names. It is
// written if the stage is a new one or Interval has passed since the last; the error
// is that of writing.
func (h *Heartbeat) Beat(stage string, counts map[string]int64) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	fresh := stage != h.pulse.Stage
	h.pulse.Stage = stage
	maps.Copy(h.pulse.Counts, counts)
	now := h.o.Now().UTC()
	if !fresh && now.Before(h.next) {
		return nil
	}
	return h.write(now)
}

// End writes the last beat: done, or failed with the reason if cause is not nil.
func (h *Heartbeat) End(cause error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.o.Now().UTC()
	if cause != nil {
		h.pulse.State, h.pulse.Message = Failed, oneLine(cause.Error())
	} else {
		h.pulse.State, h.pulse.LastSuccess = Done, now
	}
	return h.write(now)
}

// LastSuccess returns when a sweep was done last, this one after End included; the
// zero time for never.
func (h *Heartbeat) LastSuccess() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.pulse.LastSuccess
}

// write writes the pulse. After an error too the next beat waits its time: a full
// disk must not slow the sweep down.
func (h *Heartbeat) write(now time.Time) error {
	h.pulse.Updated = now
	h.next = now.Add(h.o.Interval)
	text, err := json.Marshal(h.pulse)
	if err == nil {
		err = publish(h.path, bytes.NewReader(append(text, '\n')))
	}
	if err != nil {
		return fmt.Errorf("write heartbeat: %w", err)
	}
	return nil
}

// oneLine makes blanks of control characters.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}
