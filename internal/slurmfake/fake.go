package slurmfake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options say what cluster is faked. The zero value is useful.
type Options struct {
	Nodes     int           // n1, n2, ...; default 2
	Slots     int           // tasks that a node runs at a time; default 4
	KillWait  time.Duration // between TERM and KILL; default 2 s
	MinJobAge time.Duration // so long squeue shows what has ended; default 5 min

	// Wrap has, by node, a program and its first arguments, which starts the scripts of
	// tasks there: it is called with the script's path behind them, and is to become the
	// script. So a node can see another world.
	Wrap map[string][]string
}

func (o *Options) applyDefaults() {
	if o.Nodes == 0 {
		o.Nodes = 2
	}
	if o.Slots == 0 {
		o.Slots = 4
	}
	if o.KillWait == 0 {
		o.KillWait = 2 * time.Second // as in package slurmcluster
	}
	if o.MinJobAge == 0 {
		o.MinJobAge = 5 * time.Minute // Slurm's default
	}
}

// A Fake is the controller of a folder.
type Fake struct {
	store store
	o     Options

	mu        sync.Mutex
	known     *view
	processes []*process
	stopped   bool
}

// clusterName is that of SLURM_CLUSTER_NAME.
const clusterName = "fake"

// maxArraySize is Slurm's default.
const maxArraySize = 1001

// New makes a cluster in a folder that is empty or absent.
func New(dir string, o Options) (*Fake, error) {
	o.applyDefaults()
	if o.Nodes < 1 || o.Slots < 1 || o.KillWait < 0 || o.MinJobAge < 0 {
		return nil, fmt.Errorf("slurmfake: %+v: a cluster has nodes with slots, and waits forwards", o)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := store(dir)
	for _, folder := range []string{s.path("bin"), s.path("jobs")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, err
		}
	}
	for name := range programs {
		if err := os.Symlink(self, s.path("bin", name)); err != nil {
			return nil, err
		}
	}
	first := state{NextID: 1, MinJobAge: o.MinJobAge, Faults: Faults{MaxArraySize: maxArraySize}}
	for i := range o.Nodes {
		first.Nodes = append(first.Nodes, node{Name: nodeName(i)})
	}
	err = errors.Join(
		os.WriteFile(s.path("slurm.conf"), []byte("# of package slurmfake\nClusterName="+clusterName+"\n"), 0o644),
		os.WriteFile(s.path("lock"), nil, 0o666),
		writeJSON(s.path("state.json"), first),
	)
	if err != nil {
		return nil, err
	}
	return &Fake{store: s, o: o}, nil
}

// Env returns the variables by which the programs are found, and find the folder: PATH
// and SLURM_CONF; to be appended to an environment.
func (f *Fake) Env() []string {
	return []string{
		"PATH=" + f.store.path("bin") + string(os.PathListSeparator) + os.Getenv("PATH"),
		"SLURM_CONF=" + f.store.path("slurm.conf"),
	}
}

// Nodes returns the names of the nodes.
func (f *Fake) Nodes() []string {
	var names []string
	for i := range f.o.Nodes {
		names = append(names, nodeName(i))
	}
	return names
}

// nodeName is that of the node with the index, n1, n2, ...
func nodeName(i int) string { return "n" + strconv.Itoa(i+1) }

// Commands returns the commands that were run, oldest first.
func (f *Fake) Commands() ([]Command, error) { return f.store.commands() }

// Jobs returns all jobs as they are now, by id. They are the caller's.
func (f *Fake) Jobs() ([]*Job, error) {
	v, err := f.store.change(nil, func(*view) error { return nil })
	if err != nil {
		return nil, err
	}
	return v.jobs, nil
}

// change changes the state on behalf of the controller.
func (f *Fake) change(function func(*view) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var err error
	f.known, err = f.store.change(f.known, function)
	return err
}

// stepEvery is the time between two steps: well below what a process takes to start.
const stepEvery = 5 * time.Millisecond

// Run works as the controller until ctx or Stop ends it, which is no error.
func (f *Fake) Run(ctx context.Context) error {
	tick := time.NewTicker(stepEvery)
	defer tick.Stop()
	for {
		if err := f.Step(ctx); err != nil || f.isStopped() {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (f *Fake) isStopped() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stopped
}

// WaitIdle works as the controller until no task waits or runs; Run may do so besides. A
// task that can never start keeps it waiting until ctx ends.
func (f *Fake) WaitIdle(ctx context.Context) error {
	tick := time.NewTicker(stepEvery)
	defer tick.Stop()
	for {
		if err := f.Step(ctx); err != nil {
			return err
		}
		queue, err := f.queue()
		if err != nil {
			return err
		}
		if len(queue) == 0 || f.isStopped() {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for an empty queue: %w; it has %s", context.Cause(ctx), strings.Join(queue, "; "))
		case <-tick.C:
		}
	}
}

// queue returns what waits and runs.
func (f *Fake) queue() (list []string, err error) {
	err = f.change(func(v *view) error {
		for _, j := range v.jobs {
			for _, t := range j.Tasks {
				if !final(t.State) {
					list = append(list, fmt.Sprintf("%s %s %s", j.taskName(t), t.shown(), t.Reason))
				}
			}
		}
		return nil
	})
	return list, err
}

// Stop kills all tasks, copies of them that were lost too, and waits until they are
// over. The state stays for the programs to be read.
func (f *Fake) Stop(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
	var errs []error
	for _, p := range f.processes {
		p.signal(syscall.SIGKILL)
		errs = append(errs, p.wait())
	}
	f.processes = nil
	return errors.Join(errs...)
}

// node returns the node of that name.
func (v *view) node(name string) (*node, error) {
	i := slices.IndexFunc(v.Nodes, func(n node) bool { return n.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("no node %q", name)
	}
	return &v.Nodes[i], nil
}
