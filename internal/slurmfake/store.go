package slurmfake

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// state is what the folder has once.
type state struct {
	Generation int64 // one more at every change
	NextID     int
	Nodes      []node
	Faults     Faults
	MinJobAge  time.Duration
}

type node struct {
	Name string
	Down bool
}

// A view is the whole content of a folder, for whoever holds its lock.
type view struct {
	state
	jobs    []*Job // by id
	touched bool
	dirty   map[int]bool // jobs to be written
}

// touch has the change written.
func (v *view) touch() { v.touched = true }

// save has the job written.
func (v *view) save(j *Job) { v.touched, v.dirty[j.ID] = true, true }

// A store is a folder.
type store string

func (s store) path(elem ...string) string {
	return filepath.Join(append([]string{string(s)}, elem...)...)
}

func (s store) jobFile(id int, suffix string) string {
	return s.path("jobs", strconv.Itoa(id)+suffix)
}

// change gives the content to a function and writes what it saved, unless it fails.
// The view that is returned may be passed to the next call by the same process: it is
// used if nobody changed anything in between. It is nil after an error.
func (s store) change(known *view, function func(*view) error) (_ *view, err error) {
	lock, err := os.OpenFile(s.path("lock"), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }() // which unlocks
	for err = unix.EINTR; err == unix.EINTR; {
		err = unix.Flock(int(lock.Fd()), unix.LOCK_EX)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	v, err := s.load(known)
	if err != nil {
		return nil, err
	}
	if err := function(v); err != nil {
		return nil, err
	}
	if err := s.write(v); err != nil {
		return nil, err
	}
	return v, nil
}

func (s store) load(known *view) (*view, error) {
	v := &view{dirty: map[int]bool{}}
	if err := readJSON(s.path("state.json"), &v.state); err != nil {
		return nil, err
	}
	if known != nil && known.Generation == v.Generation {
		v.jobs = known.jobs
		return v, nil
	}
	entries, err := os.ReadDir(s.path("jobs"))
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".json") || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		j := new(Job)
		if err := readJSON(s.path("jobs", entry.Name()), j); err != nil {
			return nil, err
		}
		v.jobs = append(v.jobs, j)
	}
	slices.SortFunc(v.jobs, func(a, b *Job) int { return a.ID - b.ID })
	return v, nil
}

func (s store) write(v *view) error {
	if !v.touched {
		return nil
	}
	v.Generation++
	for _, j := range v.jobs {
		if v.dirty[j.ID] {
			if err := writeJSON(s.jobFile(j.ID, ".json"), j); err != nil {
				return err
			}
		}
	}
	return writeJSON(s.path("state.json"), v.state)
}

func readJSON(path string, into any) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// writeJSON replaces a file whole. The lock makes the temporary's name safe.
func writeJSON(path string, content any) error {
	text, err := json.Marshal(content)
	if err != nil {
		return err
	}
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	if err := os.WriteFile(temporary, text, 0o600); err != nil { // environments are private
		return err
	}
	return os.Rename(temporary, path)
}

// A Command is one that was run.
type Command struct {
	Time    time.Time
	Program string
	Args    []string
	Refused string // why it was not understood; empty: it was
}

func (s store) note(c Command) (err error) {
	line, err := json.Marshal(c)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(s.path("commands.jsonl"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = file.Write(append(line, '\n'))
	return err
}

func (s store) commands() ([]Command, error) {
	content, err := os.ReadFile(s.path("commands.jsonl"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var list []Command
	for line := range strings.Lines(string(content)) {
		var c Command
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			return nil, fmt.Errorf("commands.jsonl: %w", err)
		}
		list = append(list, c)
	}
	return list, nil
}
