package slurmfake

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// scontrol shows the configuration, or changes jobs.
func scontrol(c *client) error {
	args := c.args
	if slices.Equal(args, []string{"show", "config"}) {
		return c.act(nil, c.showConfig)
	}
	if len(args) == 2 && args[0] != "update" && args[0] != "show" && !strings.HasPrefix(args[1], "-") {
		switch args[0] {
		case "requeue", "requeuehold":
			return c.act(nil, c.requeue)
		case "release":
			return c.act(nil, c.release)
		}
	}
	if len(args) == 3 && args[0] == "update" {
		id, isJob := cutKey(args[1], "jobid")
		nodes, isNodes := cutKey(args[2], "excnodelist")
		if isJob && isNodes {
			return c.act(nil, func(v *view) error { return v.excludeNodes(id, nodes) })
		}
	}
	return c.act(refuse("arguments %q", args), nil)
}

// cutKey takes "Key=" from an argument, in any case.
func cutKey(arg, key string) (string, bool) {
	name, value, has := strings.Cut(arg, "=")
	return value, has && strings.EqualFold(name, key)
}

func (c *client) showConfig(v *view) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	storage := "accounting_storage/slurmdbd"
	if v.Faults.AccountingDisabled {
		storage = "accounting_storage/none"
	}
	fmt.Fprintf(c.stdout, "Configuration data as of %s\n", time.Now().Format("2006-01-02T15:04:05"))
	for _, line := range [][2]string{
		{"AccountingStorageType", storage},
		{"ClusterName", clusterName},
		{"JobRequeue", "1"},
		{"MaxArraySize", fmt.Sprint(v.Faults.MaxArraySize)},
		{"MaxJobCount", "10000"},
		{"MinJobAge", fmt.Sprintf("%d sec", int(v.MinJobAge.Seconds()))},
		{"SLURM_CONF", c.store.path("slurm.conf")},
		{"SLURM_VERSION", "22.05.8"},
	} {
		fmt.Fprintf(c.stdout, "%-23s = %s\n", line[0], line[1])
	}
	fmt.Fprintf(c.stdout, "\nSlurmctld(primary) at %s is UP\n", host)
	return nil
}

// requeue is of one task, or of all that an id names: those that can be are.
func (c *client) requeue(v *view) error {
	id := c.args[1]
	return v.each(id, func(j *Job, t *Task) error { return j.requeue(t, c.args[0] == "requeuehold", time.Now()) })
}

func (c *client) release(v *view) error {
	return v.each(c.args[1], func(_ *Job, t *Task) error {
		t.Held = false
		return nil
	})
}

// each does something to each task that an id names, and says so if it cannot be done to
// any of them.
func (v *view) each(id string, do func(*Job, *Task) error) error {
	j, tasks, err := v.find(id)
	if err != nil {
		return said(id, err)
	}
	var errs []error
	for _, t := range tasks {
		if err := do(j, t); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == len(tasks) {
		return said(id, errs[0])
	}
	v.save(j)
	return nil
}

// said is how scontrol says an error: of tasks and of jobs in different words.
func said(id string, err error) error {
	if strings.Contains(id, "_") {
		return fail("%s: %v", id, err)
	}
	return fail("%v for job %s", err, id)
}

// excludeNodes says where tasks that wait, or that were told to end and wait again, must
// not run. It replaces what was said before.
func (v *view) excludeNodes(id, nodes string) error {
	var list []string
	if nodes != "" {
		list = strings.Split(nodes, ",")
	}
	for _, name := range list {
		if _, err := v.node(name); err != nil {
			return said(id, errNode)
		}
	}
	return v.each(id, func(_ *Job, t *Task) error {
		if t.State != Pending && t.Ending != Requeued {
			return errStarted
		}
		t.Exclude = list
		return nil
	})
}

// scancel cancels what it knows and is silent about the rest.
func scancel(c *client) error {
	_, ids, err := parseOptions(c.args, option{long: "quiet", short: 'Q'})
	if err == nil && len(ids) == 0 {
		err = refuse("no job ids")
	}
	return c.act(err, func(v *view) error {
		for _, id := range ids {
			j, tasks, err := v.find(id)
			if errors.Is(err, errUnknown) {
				if id == "" || id[0] < '0' || id[0] > '9' {
					return fail("scancel: error: Invalid job id %s", id)
				}
				continue
			}
			for _, t := range tasks {
				t.cancel(time.Now())
			}
			v.save(j)
		}
		return nil
	})
}
