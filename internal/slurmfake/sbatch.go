package slurmfake

import (
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"
)

const submissionFailed = "sbatch: error: Batch job submission failed: "

// sbatch puts a job into the queue and prints its id.
func sbatch(c *client) error {
	j, err := c.readJob()
	return c.act(err, func(v *view) error {
		if v.Faults.LoseRequests > 0 {
			v.Faults.LoseRequests--
			v.touch()
			return partial{timedOut}
		}
		if err := v.admit(j); err != nil {
			return err
		}
		if err := v.submit(c.store, j, time.Now()); err != nil {
			return err
		}
		if v.Faults.LoseReplies > 0 {
			v.Faults.LoseReplies--
			return partial{timedOut}
		}
		fmt.Fprintln(c.stdout, j.ID)
		return nil
	})
}

var timedOut = failure{1, submissionFailed + "Socket timed out on send/recv operation"}

// readJob understands the command line and the script.
func (c *client) readJob() (*Job, error) {
	found, rest, err := parseOptions(c.args, option{long: "parsable"})
	if err != nil {
		return nil, err
	}
	if err := requires(found, "parsable"); err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, refuse("arguments %q: the script comes on standard input", rest)
	}
	for name := range c.env {
		if strings.HasPrefix(name, "SBATCH_") {
			return nil, refuse("%s is set, which overrides the script", name)
		}
	}
	script, err := io.ReadAll(io.LimitReader(c.stdin, scriptMax+1))
	if err != nil {
		return nil, err
	}
	if len(script) > scriptMax {
		return nil, refuse("the script is longer than %d MiB", scriptMax>>20)
	}
	options, err := parseScript(string(script))
	if err != nil {
		return nil, err
	}
	me, err := user.Current()
	if err != nil {
		return nil, err
	}
	j := &Job{Name: options["job-name"], User: me.Username, Options: options, Script: string(script), Dir: c.dir, Env: c.environ}
	if j.Name == "" {
		j.Name = "sbatch" // that of a script on standard input
	}
	return j, nil
}

// admit refuses a job as Slurm does.
func (v *view) admit(j *Job) error {
	known := func(list []string, option string) bool {
		value, asked := j.Options[option]
		return !asked || list == nil || slices.Contains(list, value)
	}
	tasks := j.count()
	switch {
	case !known(v.Faults.Partitions, "partition"):
		return fail("sbatch: error: invalid partition specified: %s\n%sInvalid partition name specified", j.Options["partition"], submissionFailed)
	case !known(v.Faults.Accounts, "account"):
		return fail("%sInvalid account or account/partition combination specified", submissionFailed)
	case !known(v.Faults.QOS, "qos"):
		return fail("%sInvalid qos specification", submissionFailed)
	case tasks > v.Faults.MaxArraySize:
		return fail("%sInvalid job array specification", submissionFailed)
	case v.Faults.MaxSubmit > 0 && v.queued()+tasks > v.Faults.MaxSubmit:
		return fail("sbatch: error: AssocMaxSubmitJobLimit\n%sJob violates accounting/QOS policy (job submit limit, user's size and/or time limits)", submissionFailed)
	}
	for _, name := range j.excluded() {
		if _, err := v.node(name); err != nil {
			return fail("%sInvalid node name specified", submissionFailed)
		}
	}
	return nil
}

func (j *Job) excluded() []string {
	if j.Options["exclude"] == "" {
		return nil
	}
	return strings.Split(j.Options["exclude"], ",")
}

// count returns how many tasks the job has.
func (j *Job) count() int {
	array, isArray := j.Options["array"]
	if !isArray {
		return 1
	}
	_, last, _ := strings.Cut(array, "-")
	last, _, _ = strings.Cut(last, "%")
	n, err := strconv.Atoi(last)
	if err != nil { // of none that was understood
		return 0
	}
	return n + 1
}

// queued counts tasks that wait or run.
func (v *view) queued() (n int) {
	for _, j := range v.jobs {
		for _, t := range j.Tasks {
			if !final(t.State) {
				n++
			}
		}
	}
	return n
}

// submit puts the job into the queue.
func (v *view) submit(s store, j *Job, now time.Time) error {
	j.ID = v.NextID
	v.NextID++
	for i := range j.count() {
		t := &Task{Index: i, Exclude: j.excluded()}
		t.Attempt = Attempt{State: Pending, Reason: "None", Submit: now.Truncate(time.Second), Queued: now}
		if _, isArray := j.Options["array"]; !isArray {
			t.Index, t.Raw = -1, j.ID
		}
		j.Tasks = append(j.Tasks, t)
	}
	v.jobs = append(v.jobs, j)
	v.save(j)
	return os.WriteFile(s.jobFile(j.ID, ".sh"), []byte(j.Script), 0o700)
}
