package jobdir

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"deployconstants/internal/atomicfile"
)

// maxLine bounds a line of a journal or result, in bytes.
const maxLine = 64 << 20

// Who is the process that makes an attempt.
type Who struct {
	Attempt string    `json:"attempt"`             // its name, see NewAttempt; no other process has it
	Job     string    `json:"slurm_job,omitempty"` // array job and task, "123_4"; "": not of Slurm
	Restart int       `json:"restart,omitempty"`   // how often Slurm has started the task again
	Node    string    `json:"node"`                // name of the host, or Slurm's of the node
	PID     int       `json:"pid"`
	Started time.Time `json:"started"` // UTC
}

// An Item is an experiment that is settled: what was to be done for it is done, or
// cannot be.
type Item struct {
	Experiment string            `json:"experiment"`
	Lines      []json.RawMessage `json:"lines,omitempty"`    // of the manifest of all results
	Failures   map[string]int    `json:"failures,omitempty"` // number of what was not done, by cause
}

// A State says how an attempt ended.
type State string

// The states of attempts. Part of the format.
const (
	Going   State = ""        // it has not ended, or was killed
	Done    State = "done"    // the shard has its result
	Stopped State = "stopped" // it was told to; what was in flight is settled
	Failed  State = "failed"  // Cause
)

// The lines of a journal.
type (
	headLine struct {
		Line  string `json:"line"` // "attempt"
		Step  Step   `json:"step"`
		Shard int    `json:"shard"`
		Who
	}
	itemLine struct {
		Line string `json:"line"` // "item"
		Item
	}
	endLine struct {
		Line  string    `json:"line"` // "end"
		State State     `json:"state"`
		Cause string    `json:"cause,omitempty"`
		Ended time.Time `json:"ended"`
	}
)

// An Attempt is one process at work on a shard. It is not safe for concurrent use.
type Attempt struct {
	job     *Job
	step    Step
	shard   int
	who     Who
	work    []Work
	earlier map[string]Item
	own     map[string]Item
	file    *os.File
	err     error // of the first write that failed: nothing may follow half a line
}

// Begin begins an attempt at a shard. Errors wrap ErrDone if the shard has a result,
// ErrNotCut, ErrNoShard, ErrDamaged, or are what the system returned.
func (j *Job) Begin(ctx context.Context, step Step, shard int, who Who) (*Attempt, error) {
	a := &Attempt{job: j, step: step, shard: shard, who: who, earlier: map[string]Item{}, own: map[string]Item{}}
	if err := a.open(ctx); err != nil {
		return nil, fmt.Errorf("step %s, shard %d: %w", step, shard, err)
	}
	return a, nil
}

func (a *Attempt) open(ctx context.Context) error {
	if err := a.step.check(); err != nil {
		return err
	}
	if CheckID(a.who.Attempt) != nil {
		return fmt.Errorf("%q names no attempt", a.who.Attempt)
	}
	if err := a.readManifest(); err != nil {
		return err
	}
	switch _, err := a.job.Result(a.step, a.shard); {
	case err == nil:
		return ErrDone
	case !errors.Is(err, ErrNoResult):
		return err
	}
	dir := numbered(a.step, "attempts", a.shard, "")
	if err := a.readEarlier(ctx, dir); err != nil {
		return err
	}
	if err := makeDirs(a.job.dir, dir); err != nil {
		return err
	}
	path := a.job.path(dir, a.who.Attempt+".jsonl")
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, os.FileMode(fileMode))
	if err != nil {
		return err
	}
	a.file = file
	a.who.Started = a.who.Started.UTC()
	if err := errors.Join(a.write(headLine{"attempt", a.step, a.shard, a.who}), atomicfile.SyncDir(filepath.Dir(path))); err != nil {
		return errors.Join(err, file.Close())
	}
	return nil
}

func (a *Attempt) readManifest() error {
	if !a.step.Array() {
		if a.shard != 1 {
			return ErrNoShard
		}
		return nil
	}
	cut, err := a.job.Shards(a.step)
	if err != nil {
		return err
	}
	if a.shard < 1 || a.shard > len(cut.Shards) {
		return fmt.Errorf("%w: there are %d", ErrNoShard, len(cut.Shards))
	}
	a.work, err = a.job.manifest(a.step, a.shard, cut.Shards[a.shard-1])
	return err
}

// readEarlier takes over what earlier attempts, and those that go on at this moment,
// have settled.
func (a *Attempt) readEarlier(ctx context.Context, dir string) error {
	names, err := attemptsIn(a.job.path(dir))
	if err != nil {
		return err
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		j, err := readAttempt(a.job.path(dir, name))
		if err != nil {
			return err
		}
		for _, item := range j.items {
			if _, known := a.earlier[item.Experiment]; !known {
				a.earlier[item.Experiment] = item
			}
		}
	}
	return nil
}

// attemptsIn returns the names of the journals in the directory of a shard, sorted,
// and so, but for those of one second, in the order of their beginning.
func attemptsIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, entry := range entries {
		if id, ok := strings.CutSuffix(entry.Name(), ".jsonl"); ok && CheckID(id) == nil {
			names = append(names, entry.Name())
		}
	}
	return names, err
}

// Manifest returns what the shard is to do. The caller must not change it.
func (a *Attempt) Manifest() []Work { return a.work }

// Who returns who makes the attempt.
func (a *Attempt) Who() Who { return a.who }

// Shard returns the number of the shard.
func (a *Attempt) Shard() int { return a.shard }

// Settled reports whether an earlier attempt, or this one, has settled an experiment.
func (a *Attempt) Settled(experiment string) bool {
	_, earlier := a.earlier[experiment]
	_, own := a.own[experiment]
	return earlier || own
}

// Left returns the experiments that are not settled, in the order of the manifest.
func (a *Attempt) Left() []string {
	var left []string
	for _, w := range a.work {
		if !a.Settled(w.Experiment) {
			left = append(left, w.Experiment)
		}
	}
	return left
}

// Settle records experiments as settled; when it returns they are, durably. What the
// manifest does not have is an error.
func (a *Attempt) Settle(items ...Item) error {
	var lines []any
	for _, item := range items {
		if !slices.ContainsFunc(a.work, func(w Work) bool { return w.Experiment == item.Experiment }) {
			return fmt.Errorf("experiment %q is not in the manifest", item.Experiment)
		}
		lines = append(lines, itemLine{"item", item})
	}
	if len(lines) == 0 {
		return nil
	}
	if err := a.write(lines...); err != nil {
		return err
	}
	for _, item := range items {
		a.own[item.Experiment] = item
	}
	return nil
}

// write appends lines to the journal, durably. After a failure nothing more is written:
// behind half a line it would make the journal damaged, and not only torn.
func (a *Attempt) write(lines ...any) error {
	if a.err != nil {
		return a.err
	}
	var text bytes.Buffer
	for _, line := range lines {
		one, err := encode(line)
		if err != nil {
			return err
		}
		if len(one) > maxLine {
			return fmt.Errorf("%s: a line of %d bytes, at most %d", a.file.Name(), len(one), maxLine)
		}
		text.Write(one)
	}
	if _, a.err = a.file.Write(text.Bytes()); a.err == nil {
		a.err = a.file.Sync()
	}
	return a.err
}

// Publish publishes the result of the shard, of what this attempt and earlier ones
// settled, and ends the attempt. Extra is for the step, nil for none. If another
// attempt has published meanwhile, its result stays, and that is no error. The error
// wraps ErrMissing, with the number, where experiments are not settled.
func (a *Attempt) Publish(now time.Time, extra any) error {
	if left := a.Left(); len(left) > 0 {
		return fmt.Errorf("%w: %d, the first is %s", ErrMissing, len(left), left[0])
	}
	completion := Completion{
		Format: Format, Job: a.job.ID(), Step: a.step, Shard: a.shard, Who: a.who, Ended: now.UTC(),
		Experiments: len(a.work), Failures: map[string]int{},
	}
	var items []Item
	for _, w := range a.work {
		item, own := a.own[w.Experiment]
		if earlier, known := a.earlier[w.Experiment]; known && !own {
			item = earlier
		}
		for cause, n := range item.Failures {
			completion.Failures[cause] += n
		}
		items = append(items, item)
	}
	if err := a.job.publishResult(items, completion, extra); err != nil {
		return err
	}
	return a.End(now, Done, "")
}

// End ends the attempt; the cause is one line.
func (a *Attempt) End(now time.Time, state State, cause string) error {
	if a.file == nil {
		return nil
	}
	err := a.write(endLine{"end", state, cause, now.UTC()})
	err = errors.Join(err, a.file.Close())
	a.file = nil
	return err
}

// A journal is what a journal of an attempt tells.
type journal struct {
	head  headLine
	items []Item
	end   *endLine
}

// readAttempt reads the journal of an attempt, up to where it is torn.
func readAttempt(path string) (j journal, err error) {
	file, err := atomicfile.OpenRegular(path, os.O_RDONLY)
	if err != nil {
		return j, err
	}
	defer file.Close() // only read
	lines := bufio.NewReaderSize(file, 64<<10)
	for n := 1; ; n++ {
		text, err := readLine(lines)
		if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
			return j, nil
		}
		if err == nil {
			err = j.take(text)
		}
		if err != nil {
			return j, fmt.Errorf("%s: line %d: %w: %w", path, n, ErrDamaged, err)
		}
	}
}

// take reads one line.
func (j *journal) take(text []byte) error {
	var kind struct {
		Line string `json:"line"`
	}
	if err := json.Unmarshal(text, &kind); err != nil {
		return err
	}
	switch kind.Line {
	case "attempt":
		return json.Unmarshal(text, &j.head)
	case "item":
		var line itemLine
		err := json.Unmarshal(text, &line)
		j.items = append(j.items, line.Item)
		return err
	case "end":
		j.end = new(endLine)
		return json.Unmarshal(text, j.end)
	}
	return fmt.Errorf("there is no line %q", kind.Line)
}

// readLine returns the next line without its newline. A line without end is
// io.ErrUnexpectedEOF, the end io.EOF.
func readLine(r *bufio.Reader) ([]byte, error) {
	var long []byte
	for {
		text, err := r.ReadSlice('\n')
		long = append(long, text...)
		switch {
		case len(long) > maxLine:
			return nil, fmt.Errorf("longer than %d bytes", maxLine)
		case err == nil:
			return long[:len(long)-1], nil
		case err == io.EOF && len(long) > 0:
			return nil, io.ErrUnexpectedEOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// addFailures adds counts by cause.
func addFailures(to map[string]int, more map[string]int) {
	for _, cause := range slices.Sorted(maps.Keys(more)) {
		to[cause] += more[cause]
	}
}
