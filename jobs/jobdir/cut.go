package jobdir

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"deployconstants/internal/atomicfile"
	"deployconstants/jobs"
)

// Work is an experiment in a manifest, with an estimate of what it takes.
type Work struct {
	Experiment string        `json:"experiment"`
	Instrument string        `json:"instrument,omitempty"`
	Dir        string        `json:"dir,omitempty"` // of the XTC files; apply derives the calib directory from it, below the data roots
	Files      int           `json:"files"`         // to be looked up, opened or written
	Bytes      int64         `json:"bytes"`         // to be written
	Time       time.Duration `json:"time_ns"`       // estimated, of one process
}

// A Shard is what one task is to do.
type Shard struct {
	Work []Work
	Plan []byte // apply: its part of the plan, as a plan file; else nil
}

// Pinned is a shard in a Cut.
type Pinned struct {
	Experiments int           `json:"experiments"`
	Files       int           `json:"files"`
	Bytes       int64         `json:"bytes"`
	Time        time.Duration `json:"time_ns"`
	Manifest    string        `json:"manifest_sha256"`
	Plan        string        `json:"plan_sha256,omitempty"`
}

// A Cut is how a step is cut into shards, numbered from 1.
type Cut struct {
	Format      int      `json:"format"`
	Step        Step     `json:"step"`
	Transaction string   `json:"transaction,omitempty"` // apply, verify
	Shards      []Pinned `json:"shards"`
}

// Balance cuts work into at most n runs of consecutive experiments, so that the longest
// takes as little time as it can; n is 1 or more. No run is empty, but a lone one.
func Balance(work []Work, n int) [][]Work {
	var low, high time.Duration
	for _, w := range work {
		low, high = max(low, w.Time), high+w.Time
	}
	for low < high { // the least limit with which n runs are enough
		middle := low + (high-low)/2
		if len(within(work, middle)) <= n {
			high = middle
		} else {
			low = middle + 1
		}
	}
	runs := within(work, low)
	if len(runs) == 0 {
		return [][]Work{nil}
	}
	return runs
}

// within cuts work into runs that take no longer than the limit, which every item
// keeps.
func within(work []Work, limit time.Duration) (runs [][]Work) {
	from, sum := 0, time.Duration(0)
	for i, w := range work {
		if i > from && sum+w.Time > limit {
			runs = append(runs, work[from:i])
			from, sum = i, 0
		}
		sum += w.Time
	}
	if from < len(work) {
		runs = append(runs, work[from:])
	}
	return runs
}

// Tasks returns into how many shards work should be cut, so that each takes about the
// time given: at most the limit, at least 1.
func Tasks(work []Work, each time.Duration, limit int) int {
	var sum time.Duration
	for _, w := range work {
		sum += w.Time
	}
	n := int((sum + each - 1) / each)
	return max(min(n, limit, len(work)), 1)
}

// Cut gives a step its shards, all of them at once and durably, and returns the digest
// that pins them. A step that is cut already must have been cut the same way: the error
// is ErrDamaged otherwise.
func (j *Job) Cut(step Step, transaction string, shards []Shard) (digest string, err error) {
	if err := makeDirs(j.dir, string(step)); err != nil {
		return "", err
	}
	dir := j.path(string(step), newPrefix+jobs.NewID(time.Now()))
	if err := os.Mkdir(dir, jobs.DirMode); err != nil {
		return "", err
	}
	defer func() {
		if removeErr := os.RemoveAll(dir); err == nil { // it has another name by now, or is not needed
			err = removeErr
		}
	}()
	w := shardWriter{dir: dir}
	cut := Cut{Format: Format, Step: step, Transaction: transaction, Shards: make([]Pinned, 0, len(shards))}
	for i, shard := range shards {
		pinned, err := w.write(i+1, shard)
		if err != nil {
			return "", errors.Join(fmt.Errorf("shard %d of step %s: %w", i+1, step, err), w.settle())
		}
		cut.Shards = append(cut.Shards, pinned)
	}
	text, err := encode(cut)
	if err == nil {
		digest, err = w.file(cutName, text)
	}
	if err = errors.Join(err, w.settle(), atomicfile.SyncDir(dir)); err != nil {
		return "", err
	}
	err = os.Rename(dir, j.path(string(step), "shards"))
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
		if _, err := j.readPinned(filepath.Join(string(step), "shards", cutName), digest); err != nil {
			return "", err
		}
		return digest, nil
	}
	return digest, errors.Join(err, atomicfile.SyncDir(j.path(string(step))))
}

// cutName is the name of the Cut among the shards.
const cutName = "cut.json"

// A shardWriter writes the files of shards, and makes many of them durable at a time.
type shardWriter struct {
	dir  string
	open []*os.File
}

func (w *shardWriter) write(number int, shard Shard) (p Pinned, err error) {
	var manifest bytes.Buffer
	for _, work := range shard.Work {
		line, err := encode(work)
		if err != nil {
			return p, err
		}
		manifest.Write(line)
		p.Experiments++
		p.Files += work.Files
		p.Bytes += work.Bytes
		p.Time += work.Time
	}
	if p.Manifest, err = w.file(manifestName(number), manifest.Bytes()); err == nil && shard.Plan != nil {
		p.Plan, err = w.file(planName(number), shard.Plan)
	}
	return p, err
}

func manifestName(shard int) string { return fmt.Sprintf("%04d.manifest.jsonl", shard) }
func planName(shard int) string     { return fmt.Sprintf("%04d.plan.jsonl.zst", shard) }

// syncedTogether is how many files are made durable at a time.
const syncedTogether = 200

// file writes a file and returns its digest.
func (w *shardWriter) file(name string, text []byte) (digest string, err error) {
	file, err := os.OpenFile(filepath.Join(w.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, os.FileMode(fileMode))
	if err != nil {
		return "", err
	}
	w.open = append(w.open, file)
	if _, err := file.Write(text); err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	if len(w.open) >= syncedTogether {
		err = w.settle()
	}
	return hex.EncodeToString(sum[:]), err
}

// settle makes what was written durable.
func (w *shardWriter) settle() error {
	err := atomicfile.SyncFiles(w.open)
	for _, file := range w.open {
		err = errors.Join(err, file.Close())
	}
	w.open = nil
	return err
}

// Shards returns how a step is cut. Errors wrap ErrNotCut, ErrDamaged or what the
// system returned.
func (j *Job) Shards(step Step) (Cut, error) {
	if !step.Array() {
		return Cut{}, fmt.Errorf("step %s has no shards", step)
	}
	name := filepath.Join(string(step), "shards", cutName)
	text, err := readSmall(j.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return Cut{}, fmt.Errorf("step %s of job %s: %w", step, j.ID(), ErrNotCut)
	}
	if err != nil {
		return Cut{}, err
	}
	sum := sha256.Sum256(text)
	var cut Cut
	switch err = json.Unmarshal(text, &cut); {
	case err != nil:
	case step == j.spec.Steps()[0] && hex.EncodeToString(sum[:]) != j.spec.Cut:
		err = errors.New("its digest is not the pinned one")
	case cut.Format != Format || cut.Step != step || len(cut.Shards) > j.spec.Tasks[step]:
		err = fmt.Errorf("%d shards of step %s, %d tasks", len(cut.Shards), cut.Step, j.spec.Tasks[step])
	default:
		return cut, nil
	}
	return Cut{}, fmt.Errorf("%s: %w: %w", j.path(name), ErrDamaged, err)
}

// Count returns how many shards a step has, which is one if it is not cut at all. Errors
// are those of Shards.
func (j *Job) Count(step Step) (int, error) {
	if !step.Array() {
		return 1, nil
	}
	cut, err := j.Shards(step)
	return len(cut.Shards), err
}

// manifest returns what a shard is to do.
func (j *Job) manifest(step Step, shard int, pinned Pinned) ([]Work, error) {
	name := filepath.Join(string(step), "shards", manifestName(shard))
	text, err := j.readPinned(name, pinned.Manifest)
	if err != nil {
		return nil, err
	}
	var work []Work
	seen := map[string]bool{"": true}
	lines := json.NewDecoder(bytes.NewReader(text))
	for {
		var w Work
		err := lines.Decode(&w)
		if err == io.EOF {
			return work, nil
		}
		if err == nil && seen[w.Experiment] {
			err = fmt.Errorf("experiment %q", w.Experiment)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w: %w", j.path(name), ErrDamaged, err)
		}
		work, seen[w.Experiment] = append(work, w), true
	}
}

// ManifestText returns the manifest of a shard as it is on disk.
func (j *Job) ManifestText(step Step, shard int) ([]byte, error) {
	cut, err := j.Shards(step)
	if err != nil {
		return nil, err
	}
	if shard < 1 || shard > len(cut.Shards) {
		return nil, fmt.Errorf("shard %d: %w", shard, ErrNoShard)
	}
	return j.readPinned(filepath.Join(string(step), "shards", manifestName(shard)), cut.Shards[shard-1].Manifest)
}

// PlanOf returns the part of the plan that a shard of step apply carries out.
func (j *Job) PlanOf(shard int) (*bytes.Reader, error) {
	cut, err := j.Shards(Apply)
	if err != nil {
		return nil, err
	}
	if shard < 1 || shard > len(cut.Shards) {
		return nil, fmt.Errorf("shard %d: %w", shard, ErrNoShard)
	}
	text, err := j.readPinned(filepath.Join(string(Apply), "shards", planName(shard)), cut.Shards[shard-1].Plan)
	return bytes.NewReader(text), err
}

// Round says for which shards a submission of a step is; one of which nothing is said
// is for all of them. It replaces what was said before: by somebody who died before the
// submission was recorded.
func (j *Job) Round(step Step, round int, shards []int) error {
	_, err := j.publish(roundName(step, round), bytes.NewReader(mustEncode(shards)), false)
	return err
}

func roundName(step Step, round int) string { return fmt.Sprintf("%s/rounds/%d.json", step, round) }

func mustEncode(numbers []int) []byte {
	text, _ := encode(numbers) // of integers, which cannot fail
	return text
}

// ShardOf returns the number of the shard that a task of a submission is for. The
// error wraps ErrNoShard for a task that is a surplus one.
func (j *Job) ShardOf(step Step, round, task int) (int, error) {
	if task < 0 || round < 1 {
		return 0, fmt.Errorf("task %d of round %d: %w", task, round, ErrNoShard)
	}
	var shards []int
	switch err := j.readJSON(roundName(step, round), &shards); {
	case errors.Is(err, fs.ErrNotExist): // a round for all shards
		return task + 1, nil
	case err != nil:
		return 0, err
	}
	if task >= len(shards) {
		return 0, fmt.Errorf("task %d of round %d: %w", task, round, ErrNoShard)
	}
	return shards[task], nil
}
