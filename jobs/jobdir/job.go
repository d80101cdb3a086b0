package jobdir

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/fslock"
	"deployconstants/jobs"
)

// fileMode is that of all files, fewer bits under a stricter umask.
const fileMode atomicfile.Mode = 0o640

// maxSmall bounds files that are read whole, in bytes.
const maxSmall = 64 << 20

// newPrefix begins the name of a job's directory that is being made.
const newPrefix = ".new-"

// staleAfter is the age at which such a directory is taken for a dead process's.
const staleAfter = 24 * time.Hour

// A Job is one job. Its methods may be called by many goroutines and processes at once.
type Job struct {
	dir  string
	spec Spec
}

// Create makes a job, durably: fill makes its first shards, or its plan, and may
// complete the spec with their digests; then the job appears, whole. On an error there
// is none.
func Create(state jobs.State, spec Spec, fill func(j *Job, spec *Spec) error) (_ *Job, err error) {
	if err := os.MkdirAll(state.Jobs(), jobs.DirMode); err != nil {
		return nil, fmt.Errorf("make a job: %w", err)
	}
	removeStale(state.Jobs())
	spec.Format, spec.ID, spec.Time = Format, jobs.NewID(spec.Time), spec.Time.UTC().Truncate(time.Second)
	temporary := filepath.Join(state.Jobs(), newPrefix+spec.ID)
	j := &Job{dir: temporary, spec: spec}
	defer func() {
		if err != nil {
			os.RemoveAll(temporary) // nothing of it counts
			err = fmt.Errorf("make a job: %w", err)
		}
	}()
	for _, dir := range []string{temporary, j.path("logs")} {
		if err := os.Mkdir(dir, jobs.DirMode); err != nil {
			return nil, err
		}
	}
	if err := fill(j, &j.spec); err != nil {
		return nil, err
	}
	if err := j.spec.check(); err != nil {
		return nil, err
	}
	if err := j.publishJSON("spec.json", j.spec); err != nil {
		return nil, err
	}
	final := filepath.Join(state.Jobs(), spec.ID)
	if err := os.Rename(temporary, final); err != nil {
		return nil, err
	}
	j.dir = final
	return j, atomicfile.SyncDir(state.Jobs())
}

// removeStale removes what processes left that died while they made a job. What cannot
// be removed is left to the next Create.
func removeStale(dir string) {
	entries, _ := os.ReadDir(dir) // Create tells
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && strings.HasPrefix(entry.Name(), newPrefix) && time.Since(info.ModTime()) > staleAfter {
			os.RemoveAll(filepath.Join(dir, entry.Name()))
		}
	}
}

// Open opens a job. Errors wrap ErrID, ErrNotFound, ErrDamaged or what the system
// returned.
func Open(state jobs.State, id string) (*Job, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	return OpenDir(filepath.Join(state.Jobs(), id))
}

// OpenDir opens the job in a directory, which has the name of its id.
func OpenDir(dir string) (*Job, error) {
	id := filepath.Base(dir)
	if err := CheckID(id); err != nil {
		return nil, err
	}
	j := &Job{dir: dir}
	err := j.readJSON("spec.json", &j.spec)
	if errors.Is(err, fs.ErrNotExist) {
		if _, statErr := os.Lstat(dir); errors.Is(statErr, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: %w", id, ErrNotFound)
		}
	}
	if err != nil {
		return nil, err
	}
	if j.spec.ID != id {
		return nil, fmt.Errorf("%s: %w: it is the spec of %q", j.path("spec.json"), ErrDamaged, j.spec.ID)
	}
	if err := j.spec.check(); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", j.path("spec.json"), ErrDamaged, err)
	}
	return j, nil
}

// List returns all jobs, the oldest first, and an error for each that cannot be read,
// beside the others.
func List(state jobs.State) ([]*Job, error) {
	entries, err := os.ReadDir(state.Jobs())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []*Job
	var broken []error
	for _, entry := range entries { // sorted by name
		if !entry.IsDir() || CheckID(entry.Name()) != nil {
			continue
		}
		j, err := Open(state, entry.Name())
		if err != nil {
			broken = append(broken, err)
			continue
		}
		all = append(all, j)
	}
	return all, errors.Join(broken...)
}

// Remove removes the job's directory. The ledger, transactions and calib directories
// are not part of it.
func (j *Job) Remove() error {
	gone := filepath.Join(filepath.Dir(j.dir), newPrefix+filepath.Base(j.dir)) // removeStale completes it
	if err := os.Rename(j.dir, gone); err != nil {
		return err
	}
	return os.RemoveAll(gone)
}

// ID returns the id of the job.
func (j *Job) ID() string { return j.spec.ID }

// Spec returns what the job is to do.
func (j *Job) Spec() Spec { return j.spec }

// Dir returns the directory of the job.
func (j *Job) Dir() string { return j.dir }

// Logs returns the directory of the logs of tasks.
func (j *Job) Logs() string { return j.path("logs") }

// Ledger returns the directory of the records that the job's scan made.
func (j *Job) Ledger() string { return j.path("ledger") }

// PlanFile returns the path of the job's plan.
func (j *Job) PlanFile() string { return j.path("plan.jsonl.zst") }

// ManifestFile returns the path of all results together.
func (j *Job) ManifestFile() string { return j.path("manifest.jsonl.zst") }

// SummaryFile returns the path of the summary.
func (j *Job) SummaryFile() string { return j.path("summary.json") }

// Lock takes a lock of the job, so that two processes do not do at once what is named
// by it, "submit". It waits as long as timeout says. Where locks do not work the Held says so.
func (j *Job) Lock(ctx context.Context, name string, holder fslock.Holder, timeout time.Duration) (*fslock.Held, error) {
	return fslock.Hold(ctx, j.path(name+".lock"), holder, timeout)
}

func (j *Job) path(elem ...string) string {
	return filepath.Join(append([]string{j.dir}, elem...)...)
}

// Publish makes the content of src a file of the job, whole, in the place of one that
// may be there, and returns its digest.
func (j *Job) Publish(name string, src io.Reader) (sha256hex string, err error) {
	return j.publish(name, src, false)
}

// PublishOnce is Publish for what never changes: the error wraps atomicfile.ErrExists
// where the file is there with another content.
func (j *Job) PublishOnce(name string, src io.Reader) error {
	_, err := j.publish(name, src, true)
	return err
}

// publish makes a file, and its directories, durable. Where it must be new, another
// content under its name is an error that wraps atomicfile.ErrExists.
func (j *Job) publish(name string, src io.Reader, mustBeNew bool) (string, error) {
	if err := makeDirs(j.dir, filepath.Dir(name)); err != nil {
		return "", err
	}
	root, err := os.OpenRoot(j.dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	result, err := atomicfile.Publish(root, name, src, atomicfile.Options{Mode: fileMode, Group: -1, MustCreate: mustBeNew})
	return hex.EncodeToString(result.SHA256[:]), err
}

func (j *Job) publishJSON(name string, value any) error {
	text, err := encode(value)
	if err == nil {
		_, err = j.publish(name, bytes.NewReader(text), false)
	}
	return err
}

// encode makes a line of JSON.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(value)
	return b.Bytes(), err
}

// makeDirs makes directories below the job's, durably.
func makeDirs(dir, below string) error {
	if below == "." {
		return nil
	}
	if err := makeDirs(dir, filepath.Dir(below)); err != nil {
		return err
	}
	path := filepath.Join(dir, below)
	err := os.Mkdir(path, jobs.DirMode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}

// readJSON reads a file of the job. What is no JSON wraps ErrDamaged.
func (j *Job) readJSON(name string, into any) error {
	text, err := readSmall(j.path(name))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w: %w", j.path(name), ErrDamaged, err)
	}
	return nil
}

// readPinned reads a file that must have the digest.
func (j *Job) readPinned(name, digest string) ([]byte, error) {
	text, err := readSmall(j.path(name))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	if got := hex.EncodeToString(sum[:]); got != digest {
		return nil, fmt.Errorf("%s: %w: its digest is %s, pinned was %s", j.path(name), ErrDamaged, got, digest)
	}
	return text, nil
}

// readSmall reads a regular file of at most maxSmall bytes, without following a link.
func readSmall(path string) ([]byte, error) {
	file, err := atomicfile.OpenRegular(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close() // only read
	text, err := io.ReadAll(io.LimitReader(file, maxSmall+1))
	if err == nil && len(text) > maxSmall {
		err = fmt.Errorf("%s: %w: more than %d bytes", path, ErrDamaged, maxSmall)
	}
	return text, err
}

// numbered is the name of a file or directory of a shard.
func numbered(step Step, kind string, shard int, ext string) string {
	return filepath.Join(string(step), kind, fmt.Sprintf("%04d%s", shard, ext))
}

// numbers returns the numbers that begin the names in a directory, ascending.
func numbers(dir, ext string) ([]int, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found []int
	for _, entry := range entries {
		var n int
		base, ok := strings.CutSuffix(entry.Name(), ext)
		if _, err := fmt.Sscanf(base, "%d", &n); ok && err == nil && fmt.Sprintf("%04d", n) == base {
			found = append(found, n)
		}
	}
	slices.Sort(found)
	return found, nil
}
