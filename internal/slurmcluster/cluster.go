package slurmcluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options say what cluster is started. The zero value is the light profile.
type Options struct {
	// Dir is where the cluster's files are; it is made if absent. Empty: a new temporary
	// folder, which Stop and Kill remove. A cluster that was stopped goes on when it is
	// started in the same folder.
	Dir        string
	Nodes      int       // default 3
	CPUs       int       // of each node, however many the machine has; default 4
	Memory     int       // of each node, MB; default 4000
	Accounting bool      // slurmdbd with a database: sacct works; includes Munge
	Munge      bool      // authenticate with munge instead of not at all
	Extra      []string  // lines of slurm.conf, after the built-in ones: the last of a setting counts
	Log        io.Writer // one line an event; default none

	// Wrap has, by node, a program and its first arguments, which starts the slurmd
	// there: it is called with slurmd and its arguments behind them, and is to become
	// it. So a node, and what runs there, can see another world: other mounts.
	Wrap map[string][]string
}

// applyDefaults fills in three nodes of four CPUs: enough to lose one and go on, and
// to have tasks side by side on a node.
func (o *Options) applyDefaults() {
	if o.Nodes == 0 {
		o.Nodes = 3
	}
	if o.CPUs == 0 {
		o.CPUs = 4
	}
	if o.Memory == 0 {
		o.Memory = 4000
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	o.Munge = o.Munge || o.Accounting
}

// A Cluster is a Slurm cluster that runs. Its methods are safe for concurrent use.
type Cluster struct {
	o         Options
	dir       string
	temporary bool   // dir is removed at the end
	sockets   string // a temporary folder with a short name; empty: no munge, no sockets
	user      string
	nodes     []string
	ports     ports

	munged, mariadbd, slurmdbd, slurmctld *daemon
	slurmd                                map[string]*daemon

	logging sync.Mutex
}

// Limits for what takes well below a second on an idle machine, but may be on one that
// has two cores and six workers.
const (
	startLimit = 60 * time.Second
	stopLimit  = 15 * time.Second
)

// Start starts a cluster and returns when all its nodes are idle. If that fails nothing
// is left of it, and the error has the end of the daemon's log. What jobs of an earlier
// cluster in the same folder left is ended first.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	o.applyDefaults()
	if o.Nodes < 1 || o.Nodes > 500 || o.CPUs < 1 || o.Memory < 1 {
		return nil, fmt.Errorf("start a cluster of %d nodes with %d CPUs and %d MB: 1 to 500 nodes that have some", o.Nodes, o.CPUs, o.Memory)
	}
	if lacking := Missing(o); lacking != nil {
		return nil, fmt.Errorf("start a cluster: this machine lacks %s", strings.Join(lacking, ", "))
	}
	c := &Cluster{o: o, dir: o.Dir}
	err := c.prepare()
	if err == nil {
		err = c.startAll(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, c.Kill())
	}
	return c, nil
}

// prepare makes everything but processes.
func (c *Cluster) prepare() (err error) {
	me, err := user.Current()
	if err != nil {
		return err
	}
	c.user = me.Username
	if c.dir == "" {
		if c.dir, err = os.MkdirTemp("", "slurm-"); err != nil {
			return err
		}
		c.temporary = true
	}
	if c.dir, err = filepath.Abs(c.dir); err != nil {
		return err
	}
	if strings.ContainsAny(c.dir, " \t\n#=,%\"'\\") {
		return fmt.Errorf("folder %q: slurm.conf cannot name it", c.dir)
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return err
	}
	if c.temporary { // MkdirTemp's are their user's only; jobs of others look at slurm.conf
		if err := os.Chmod(c.dir, 0o755); err != nil {
			return err
		}
	}
	if c.o.Munge {
		if err := c.makeSockets(); err != nil {
			return err
		}
	}
	for i := range c.o.Nodes {
		c.nodes = append(c.nodes, "n"+strconv.Itoa(i+1))
	}
	if c.ports, err = freePorts(c.o.Nodes); err != nil {
		return err
	}
	c.makeDaemons()
	return c.configure()
}

// makeSockets makes the folder of munge's and the database's sockets.
func (c *Cluster) makeSockets() (err error) {
	if c.sockets, err = os.MkdirTemp("", "slurm-"); err != nil {
		return err
	}
	const longest = 107 // bytes in sockaddr_un, see unix(7)
	if name := c.mungeSocket(); len(name) > longest {
		return fmt.Errorf("socket %s: its name is longer than %d bytes; set TMPDIR to a shorter folder", name, longest)
	}
	return os.Chmod(c.sockets, 0o711)
}

func (c *Cluster) makeDaemons() {
	with := func(name string, args ...string) *daemon {
		return &daemon{name: name, args: args, dir: c.dir, env: c.daemonEnv()}
	}
	c.munged = with("munged", "munged", "--foreground", "--force", "--num-threads=4", "--key-file="+c.mungeKey(), "--socket="+c.mungeSocket(),
		"--pid-file="+filepath.Join(c.sockets, "munge.pid"), "--log-file="+filepath.Join(c.dir, "log", "munged.log"),
		"--seed-file="+filepath.Join(c.dir, "munge", "seed"))
	c.mariadbd = with("mariadbd", "mariadbd", "--no-defaults", "--user="+c.user, "--datadir="+filepath.Join(c.dir, "mysql"),
		"--socket="+c.mysqlSocket(), "--pid-file="+filepath.Join(c.sockets, "mysql.pid"), "--bind-address=127.0.0.1",
		"--port="+strconv.Itoa(c.ports.mariadbd), "--tmpdir="+c.temporaryTables(), "--skip-log-bin", "--skip-name-resolve", "--max-allowed-packet=16M",
		"--innodb-buffer-pool-size=64M", "--innodb-log-file-size=32M", "--innodb-lock-wait-timeout=900",
		"--innodb-flush-log-at-trx-commit=0") // a database that may be lost need not wait for the disk
	c.slurmdbd = with("slurmdbd", "slurmdbd", "-D") // finds slurmdbd.conf beside SLURM_CONF
	c.slurmctld = with("slurmctld", "slurmctld", "-D", "-f", c.Conf())
	c.slurmd = map[string]*daemon{}
	for _, node := range c.nodes {
		c.slurmd[node] = with("slurmd."+node, append(slices.Clone(c.o.Wrap[node]), "slurmd", "-D", "-N", node, "-f", c.Conf())...)
	}
}

// daemonEnv is what daemons see of this process's environment: nothing of a job that
// it may be part of.
func (c *Cluster) daemonEnv() []string {
	return []string{"SLURM_CONF=" + c.Conf(), "PATH=" + searchPath(os.Getenv("PATH")), "HOME=" + os.Getenv("HOME"), "TZ=" + os.Getenv("TZ"), "LC_ALL=C"}
}

// Conf returns the path of slurm.conf.
func (c *Cluster) Conf() string { return filepath.Join(c.dir, "etc", "slurm.conf") }

// Env returns the variables, "SLURM_CONF=...", by which Slurm's programs find the
// cluster; to be appended to an environment.
func (c *Cluster) Env() []string { return []string{"SLURM_CONF=" + c.Conf()} }

// Nodes returns the names of the nodes.
func (c *Cluster) Nodes() []string { return slices.Clone(c.nodes) }

// Command returns a command that runs one of Slurm's programs on the cluster. Its
// environment is this process's, without what is Slurm's, and Env.
func (c *Cluster) Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	if path, err := lookUp(program); err == nil { // else the command says so when it is run
		program = path
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(variable string) bool {
		for _, prefix := range []string{"SLURM_", "SBATCH_", "SQUEUE_", "SACCT_", "SCANCEL_", "SINFO_"} {
			if strings.HasPrefix(variable, prefix) {
				return true
			}
		}
		return false
	}), c.Env()...)
	return cmd
}

// run runs a client for so long at most, and returns its standard output. Its error
// has what it said.
func (c *Cluster) run(ctx context.Context, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	cmd := c.Command(ctx, program, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, strings.TrimSpace(errs.String()+out.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// works makes a condition of a client that must succeed.
func (c *Cluster) works(program string, args ...string) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		_, err := c.run(ctx, program, args...)
		return err == nil, nil
	}
}

// listens makes a condition of a port that must be listened on.
func listens(port int) func(context.Context) (bool, error) {
	var dialer net.Dialer
	return func(ctx context.Context) (bool, error) {
		conn, err := dialer.DialContext(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return false, nil
		}
		return true, conn.Close()
	}
}

// startAll starts the daemons in the order in which they need each other.
func (c *Cluster) startAll(ctx context.Context) error {
	begin := time.Now()
	if err := c.endJobs(ctx); err != nil {
		return err
	}
	if c.o.Munge {
		if err := c.startMunge(ctx); err != nil {
			return err
		}
	}
	if c.o.Accounting {
		if err := c.startDatabase(ctx); err != nil {
			return err
		}
		if err := c.StartAccounting(ctx); err != nil {
			return err
		}
		if err := c.addCluster(ctx); err != nil {
			return err
		}
	}
	if err := c.StartController(ctx); err != nil {
		return err
	}
	for _, node := range c.nodes {
		if err := c.slurmd[node].start(); err != nil {
			return err
		}
	}
	if err := c.awaitNodes(ctx, c.nodes...); err != nil {
		return err
	}
	c.logf("cluster of %d nodes is up after %.2f s: SLURM_CONF=%s", len(c.nodes), time.Since(begin).Seconds(), c.Conf())
	return nil
}

func (c *Cluster) startMunge(ctx context.Context) error {
	if err := c.munged.start(); err != nil {
		return err
	}
	return c.munged.await(ctx, startLimit, "answer to munge", c.works("munge", "-n", "-S", c.mungeSocket()))
}

// startDatabase starts mariadbd, with a new database the first time.
func (c *Cluster) startDatabase(ctx context.Context) error {
	data := filepath.Join(c.dir, "mysql")
	if _, err := os.Stat(filepath.Join(data, "mysql")); err != nil {
		if err := os.MkdirAll(data, 0o755); err != nil {
			return err
		}
		if _, err := c.run(ctx, "mariadb-install-db", "--no-defaults", "--user="+c.user, "--datadir="+data,
			"--tmpdir="+c.temporaryTables(), "--auth-root-authentication-method=normal", "--skip-test-db"); err != nil {
			return err
		}
	}
	if err := c.mariadbd.start(); err != nil {
		return err
	}
	if err := c.mariadbd.await(ctx, startLimit, "answer to a query", c.works("mariadb", c.query("select 1")...)); err != nil {
		return err
	}
	_, err := c.run(ctx, "mariadb", c.query(fmt.Sprintf("create database if not exists %[1]s;"+
		" create user if not exists %[2]s@'127.0.0.1' identified by '%[2]s'; grant all on %[1]s.* to %[2]s@'127.0.0.1'", databaseName, databaseUser))...)
	return err
}

// temporaryTables is a folder of this database's own: mariadbd removes, when it starts,
// the temporary tables that it finds, in /tmp those of another cluster.
func (c *Cluster) temporaryTables() string { return filepath.Join(c.dir, "tmp") }

func (c *Cluster) query(statement string) []string {
	return []string{"--no-defaults", "--socket=" + c.mysqlSocket(), "--user=root", "--execute=" + statement}
}

// addCluster makes the cluster known to slurmdbd, which slurmctld wants. On a busy
// machine sacctmgr has failed with "Unspecified error" on a slurmdbd that had answered.
func (c *Cluster) addCluster(ctx context.Context) error {
	return c.slurmdbd.await(ctx, startLimit, "know the cluster", func(ctx context.Context) (bool, error) {
		known, err := c.run(ctx, "sacctmgr", "-nP", "list", "cluster", clusterName, "format=cluster")
		if err == nil && known == "" {
			_, _ = c.run(ctx, "sacctmgr", "-iQ", "add", "cluster", clusterName) // the next look tells
		}
		return err == nil && known != "", nil
	})
}

// awaitNodes waits until the nodes have registered and may run jobs. A state with a
// mark behind it, "idle*", is that of a node that does not answer.
func (c *Cluster) awaitNodes(ctx context.Context, nodes ...string) error {
	return c.slurmctld.await(ctx, startLimit, "nodes up", func(ctx context.Context) (bool, error) {
		for _, node := range nodes {
			if c.slurmd[node].pid() == 0 {
				return false, fmt.Errorf("slurmd of %s: %w%s", node, errEnded, c.slurmd[node].tail())
			}
		}
		out, err := c.run(ctx, "sinfo", "-h", "-N", "-p", "milano", "-o", "%N %t")
		if err != nil {
			return false, nil
		}
		up := map[string]bool{}
		for line := range strings.Lines(out) {
			node, state, _ := strings.Cut(strings.TrimSpace(line), " ")
			up[node] = slices.Contains([]string{"idle", "mix", "alloc", "comp"}, state)
		}
		return !slices.ContainsFunc(nodes, func(node string) bool { return !up[node] }), nil
	})
}

// WaitIdle waits until no job is pending, running, or about to end. A job that can
// never start keeps it waiting until ctx ends. Accounting may lag behind by seconds.
func (c *Cluster) WaitIdle(ctx context.Context) error {
	var queue string
	err := poll(ctx, 24*time.Hour, "empty queue", func(ctx context.Context) (bool, error) {
		out, err := c.run(ctx, "squeue", "-h", "-r", "-o", "%i %T %r")
		if err == nil {
			queue = out
		}
		return err == nil && out == "", nil
	})
	if err != nil {
		return fmt.Errorf("%w; in the queue: %s", err, strings.ReplaceAll(queue, "\n", "; "))
	}
	return nil
}

// Stop cancels all jobs, ends the daemons and what jobs left, and looks whether
// anything is left; ctx bounds the patience, not the ending. A cluster that is stopped
// or killed already is no error.
func (c *Cluster) Stop(ctx context.Context) error {
	begin := time.Now()
	_ = c.slurmctld.signal(syscall.SIGCONT) // does not run: nothing to cancel
	var errs []error
	if c.slurmctld.pid() != 0 {
		c.cancelJobs(ctx)
		// what outlived KILL; then slurmds tell that it ended, and would for 9 s if slurmctld
		// were gone
		errs = append(errs, c.endJobs(context.WithoutCancel(ctx)))
		c.drain(ctx)
	}
	errs = append(errs, c.slurmctld.stop(ctx, stopLimit))
	for _, node := range c.nodes {
		errs = append(errs, c.slurmd[node].stop(ctx, stopLimit))
	}
	errs = append(errs, c.endJobs(context.WithoutCancel(ctx)))
	for _, d := range []*daemon{c.slurmdbd, c.mariadbd, c.munged} {
		errs = append(errs, d.stop(ctx, stopLimit))
	}
	err := errors.Join(append(errs, c.remove())...)
	c.logf("cluster is down after %.2f s", time.Since(begin).Seconds())
	return err
}

// cancelJobs cancels all jobs and gives them a while to end by themselves. Whatever
// remains is killed afterwards, so nothing here is an error.
func (c *Cluster) cancelJobs(ctx context.Context) {
	out, err := c.run(ctx, "squeue", "-h", "-o", "%F")
	if err != nil || out == "" {
		return
	}
	if _, err := c.run(ctx, "scancel", append([]string{"--quiet"}, strings.Fields(out)...)...); err == nil {
		c.drain(ctx)
	}
}

// drain waits a while for an empty queue: KillWait and a second. Jobs of a node that
// was killed stay in it for longer.
func (c *Cluster) drain(ctx context.Context) {
	_ = poll(ctx, 3*time.Second, "empty queue", func(ctx context.Context) (bool, error) {
		out, err := c.run(ctx, "squeue", "-h")
		return err != nil || out == "", nil
	})
}

// Kill kills everything at once. A cluster in a folder of the caller's recovers at the
// next Start there, and runs again what ran.
func (c *Cluster) Kill() error {
	for _, d := range c.daemons() {
		d.end()
	}
	return errors.Join(c.endJobs(context.Background()), c.remove())
}

// daemons returns all of them that have been made.
func (c *Cluster) daemons() []*daemon {
	if c.slurmctld == nil {
		return nil
	}
	list := []*daemon{c.slurmctld}
	for _, node := range c.nodes {
		list = append(list, c.slurmd[node])
	}
	return append(list, c.slurmdbd, c.mariadbd, c.munged)
}

func (c *Cluster) remove() (err error) {
	if c.sockets != "" {
		err = os.RemoveAll(c.sockets)
	}
	if c.temporary {
		err = errors.Join(err, os.RemoveAll(c.dir))
	}
	return err
}

func (c *Cluster) logf(format string, args ...any) {
	c.logging.Lock()
	defer c.logging.Unlock()
	fmt.Fprintf(c.o.Log, "slurmcluster: "+format+"\n", args...)
}
