package settings

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Slurm is how jobs are submitted. Where a text is empty the cluster decides.
//
//	setting             default   meaning
//	slurm.partition     ""        partition, "milano"
//	slurm.account       ""        account, "lcls:data"
//	slurm.reservation   ""        reservation
//	slurm.qos           ""        quality of service, "preemptable"
//	slurm.constraint    ""        features that nodes must have
//	slurm.exclude       []        nodes that are never used
//	slurm.time          "30m"     limit of one task, whole minutes
//	slurm.memory        "2G"      of one task, as sbatch --mem has it
//	slurm.cpus          2         of one task
//	slurm.nice          0         priority given away
//	slurm.signal        "2m"      so long before its limit a task is told to stop
//	slurm.requeue       true      tasks of nodes that fail, or are preempted, start again
//	slurm.export        []        environment variables that tasks are to have
//	slurm.tasks         200       array tasks of one step, at most
//	slurm.throttle      0         tasks of one step that run at a time; 0: any number
//	slurm.shard         "1m"      so long should one task work
type Slurm struct {
	Partition, Account, Reservation, QOS, Constraint string

	Exclude  []string
	Time     time.Duration
	Memory   string
	CPUs     int
	Nice     int
	Signal   time.Duration
	Requeue  bool
	Export   []string
	Tasks    int
	Throttle int
	Shard    time.Duration
}

func defaultSlurm() Slurm {
	return Slurm{
		Time: 30 * time.Minute, Memory: "2G", CPUs: 2, Signal: 2 * time.Minute, Requeue: true,
		Tasks: 200, Shard: time.Minute,
	}
}

// slurm mirrors the table of the settings file.
type slurm struct {
	Partition   *string   `toml:"partition"`
	Account     *string   `toml:"account"`
	Reservation *string   `toml:"reservation"`
	QOS         *string   `toml:"qos"`
	Constraint  *string   `toml:"constraint"`
	Exclude     *[]string `toml:"exclude"`
	Time        *string   `toml:"time"`
	Memory      *string   `toml:"memory"`
	CPUs        *int      `toml:"cpus"`
	Nice        *int      `toml:"nice"`
	Signal      *string   `toml:"signal"`
	Requeue     *bool     `toml:"requeue"`
	Export      *[]string `toml:"export"`
	Tasks       *int      `toml:"tasks"`
	Throttle    *int      `toml:"throttle"`
	Shard       *string   `toml:"shard"`
}

func (s *Slurm) apply(in slurm) error {
	set(&s.Partition, in.Partition)
	set(&s.Account, in.Account)
	set(&s.Reservation, in.Reservation)
	set(&s.QOS, in.QOS)
	set(&s.Constraint, in.Constraint)
	set(&s.Exclude, in.Exclude)
	set(&s.Memory, in.Memory)
	set(&s.CPUs, in.CPUs)
	set(&s.Nice, in.Nice)
	set(&s.Requeue, in.Requeue)
	set(&s.Export, in.Export)
	set(&s.Tasks, in.Tasks)
	set(&s.Throttle, in.Throttle)
	return errors.Join(
		setDuration(&s.Time, "slurm.time", in.Time),
		setDuration(&s.Signal, "slurm.signal", in.Signal),
		setDuration(&s.Shard, "slurm.shard", in.Shard),
		s.Check(),
	)
}

// MaxTasks is the most array tasks that one step may have: the most that any Slurm
// takes in one array, and more than a scheduler should be asked for.
const MaxTasks = 100_000

var (
	plainWord    = regexp.MustCompile(`^[A-Za-z0-9_.:@,/+-]*$`)
	features     = regexp.MustCompile(`^[A-Za-z0-9_.:@,|&*()\[\]+-]*$`)
	memorySize   = regexp.MustCompile(`^([1-9][0-9]{0,11}[KMGTkmgt]?)?$`)
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// Check returns an error that says which setting is wrong, and what it can be.
func (s *Slurm) Check() error {
	for _, text := range []struct {
		key, value string
		pattern    *regexp.Regexp
	}{
		{"partition", s.Partition, plainWord}, {"account", s.Account, plainWord}, {"reservation", s.Reservation, plainWord},
		{"qos", s.QOS, plainWord}, {"constraint", s.Constraint, features}, {"memory", s.Memory, memorySize},
	} {
		if !text.pattern.MatchString(text.value) {
			return fmt.Errorf("slurm.%s is %q, which sbatch does not take", text.key, text.value)
		}
	}
	for _, node := range s.Exclude {
		if node == "" || !features.MatchString(node) {
			return fmt.Errorf("slurm.exclude has %q, which names no nodes", node)
		}
	}
	for _, variable := range s.Export {
		if !variableName.MatchString(variable) {
			return fmt.Errorf("slurm.export has %q, which is no name of an environment variable", variable)
		}
	}
	switch {
	case s.Time < time.Minute:
		return fmt.Errorf("slurm.time is %s; a limit is a minute or more", s.Time)
	case s.Signal >= s.Time:
		return fmt.Errorf("slurm.signal is %s; it must be shorter than slurm.time, %s", s.Signal, s.Time)
	case s.CPUs < 1 || s.CPUs > 1024:
		return fmt.Errorf("slurm.cpus is %d; it is 1 to 1024", s.CPUs)
	case s.Nice < 0:
		return fmt.Errorf("slurm.nice is %d; it is 0 or more", s.Nice)
	case s.Tasks < 1 || s.Tasks > MaxTasks:
		return fmt.Errorf("slurm.tasks is %d; it is 1 to %d", s.Tasks, MaxTasks)
	case s.Throttle < 0:
		return fmt.Errorf("slurm.throttle is %d; it is 0 or more", s.Throttle)
	case slices.Contains([]time.Duration{s.Signal, s.Shard}, 0):
		return errors.New("slurm.signal and slurm.shard are durations above zero")
	}
	return nil
}

func (s Slurm) entries() []Entry {
	return []Entry{
		{Key: "slurm.partition", Value: strconv.Quote(s.Partition)},
		{Key: "slurm.account", Value: strconv.Quote(s.Account)},
		{Key: "slurm.reservation", Value: strconv.Quote(s.Reservation)},
		{Key: "slurm.qos", Value: strconv.Quote(s.QOS)},
		{Key: "slurm.constraint", Value: strconv.Quote(s.Constraint)},
		{Key: "slurm.exclude", Value: list(s.Exclude)},
		{Key: "slurm.time", Value: strconv.Quote(s.Time.String())},
		{Key: "slurm.memory", Value: strconv.Quote(s.Memory)},
		{Key: "slurm.cpus", Value: strconv.Itoa(s.CPUs)},
		{Key: "slurm.nice", Value: strconv.Itoa(s.Nice)},
		{Key: "slurm.signal", Value: strconv.Quote(s.Signal.String())},
		{Key: "slurm.requeue", Value: strconv.FormatBool(s.Requeue)},
		{Key: "slurm.export", Value: list(s.Export)},
		{Key: "slurm.tasks", Value: strconv.Itoa(s.Tasks)},
		{Key: "slurm.throttle", Value: strconv.Itoa(s.Throttle)},
		{Key: "slurm.shard", Value: strconv.Quote(s.Shard.String())},
	}
}
