package slurmcluster

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"
)

// node returns the daemon of a node.
func (c *Cluster) node(name string) (*daemon, error) {
	d, ok := c.slurmd[name]
	if !ok {
		return nil, fmt.Errorf("no node %q: there are %s", name, strings.Join(c.nodes, ", "))
	}
	return d, nil
}

// KillNode kills the slurmd of a node. What runs there goes on, and ends as if nothing
// had happened unless the controller finds the node gone before (after SlurmdTimeout,
// 10 s, and up to 20 s more).
func (c *Cluster) KillNode(_ context.Context, name string) error {
	d, err := c.node(name)
	if err == nil {
		c.logf("kill slurmd of %s", name)
		d.end()
	}
	return err
}

// StartNode starts the slurmd of a node again, and waits until jobs may run there.
func (c *Cluster) StartNode(ctx context.Context, name string) error {
	d, err := c.node(name)
	if err != nil {
		return err
	}
	c.logf("start slurmd of %s", name)
	if err := d.start(); err != nil {
		return err
	}
	return c.awaitNodes(ctx, name)
}

// DownNode tells the controller that a node is down: what runs there is killed and ends as
// NODE_FAIL within a second, and starts again if it may be requeued. A node whose slurmd
// lives comes back by itself.
func (c *Cluster) DownNode(ctx context.Context, name, reason string) error {
	if _, err := c.node(name); err != nil {
		return err
	}
	_, err := c.run(ctx, "scontrol", "update", "nodename="+name, "state=down", "reason="+reason)
	return err
}

// ResumeNode brings a node back that is down, and waits until jobs may run there. One
// that is up is left as it is.
func (c *Cluster) ResumeNode(ctx context.Context, name string) error {
	if _, err := c.node(name); err != nil {
		return err
	}
	state, err := c.run(ctx, "sinfo", "-h", "-n", name, "-p", "milano", "-o", "%t")
	if err != nil {
		return err
	}
	if strings.HasPrefix(state, "down") || strings.HasPrefix(state, "drain") || strings.HasPrefix(state, "drng") {
		if _, err := c.run(ctx, "scontrol", "update", "nodename="+name, "state=resume"); err != nil {
			return err
		}
	}
	return c.awaitNodes(ctx, name)
}

// NodeProcesses returns what jobs run on a node: step daemons, scripts, and what these
// started, by process id. It works while the node's slurmd does not.
func (c *Cluster) NodeProcesses(name string) ([]Process, error) {
	if _, err := c.node(name); err != nil {
		return nil, err
	}
	all, err := jobProcesses(c.Conf())
	var here []Process
	for _, p := range all {
		if p.Node == name {
			here = append(here, p)
		}
	}
	return here, err
}

// PauseController stops slurmctld where it is (SIGSTOP): clients wait 10 s and fail,
// and what they asked for is done when it goes on.
func (c *Cluster) PauseController(ctx context.Context) error {
	if err := c.slurmctld.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return poll(ctx, stopLimit, "slurmctld stopped", func(context.Context) (bool, error) {
		letter, _ := status(c.slurmctld.pid())
		return letter == 'T', nil
	})
}

// ContinueController lets slurmctld go on, and waits until it answers.
func (c *Cluster) ContinueController(ctx context.Context) error {
	if err := c.slurmctld.signal(syscall.SIGCONT); err != nil {
		return err
	}
	return c.awaitController(ctx)
}

// StopController ends slurmctld: clients fail at once, tasks go on and report later.
func (c *Cluster) StopController(ctx context.Context) error {
	return c.slurmctld.stop(ctx, stopLimit)
}

// StartController starts slurmctld, and waits until it answers.
func (c *Cluster) StartController(ctx context.Context) error {
	if err := c.slurmctld.start(); err != nil {
		return err
	}
	if err := c.slurmctld.await(ctx, startLimit, "listens", listens(c.ports.slurmctld)); err != nil {
		return err
	}
	return c.awaitController(ctx)
}

func (c *Cluster) awaitController(ctx context.Context) error {
	return c.slurmctld.await(ctx, startLimit, "answer to scontrol ping", func(ctx context.Context) (bool, error) {
		out, err := c.run(ctx, "scontrol", "ping")
		return err == nil && strings.Contains(out, "is UP"), nil
	})
}

// StopAccounting ends slurmdbd: sacct fails, jobs go on, and what happens to them is
// recorded after StartAccounting.
func (c *Cluster) StopAccounting(ctx context.Context) error {
	if !c.o.Accounting {
		return errNoAccounting
	}
	return c.slurmdbd.stop(ctx, stopLimit)
}

// StartAccounting starts slurmdbd, and waits until it answers.
func (c *Cluster) StartAccounting(ctx context.Context) error {
	if !c.o.Accounting {
		return errNoAccounting
	}
	if err := c.slurmdbd.start(); err != nil {
		return err
	}
	if err := c.slurmdbd.await(ctx, startLimit, "listens", listens(c.ports.slurmdbd)); err != nil {
		return err
	}
	return c.slurmdbd.await(ctx, startLimit, "answer to sacctmgr", c.works("sacctmgr", "-n", "list", "cluster"))
}

var errNoAccounting = fmt.Errorf("this cluster has no accounting: start it with Options.Accounting")

// SetEndTime sets the end of a running job or array task, "12" or "12_3", so long from
// now. Slurm looks about every 30 s: with 5 s the task is ended as TIMEOUT after 15 to 35.
func (c *Cluster) SetEndTime(ctx context.Context, job string, in time.Duration) error {
	_, err := c.run(ctx, "scontrol", "update", "JobId="+job, fmt.Sprintf("EndTime=now+%dseconds", int(in.Seconds())))
	return err
}
