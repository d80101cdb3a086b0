package slurmcluster

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
)

const (
	clusterName  = "loopback"
	databaseName = "slurm_acct"
	databaseUser = "slurm"
)

// ports are the TCP ports of a cluster.
type ports struct {
	slurmctld, slurmdbd, mariadbd int
	nodes                         []int
}

// The ports lie below those that the system gives to clients, so that none is taken
// between the look and the daemon's start.
const portMin, portMax = 10000, 32000

// freePorts finds ports that nobody listens on. They are all open at once while it
// looks, so they differ.
func freePorts(nodes int) (ports, error) {
	var found []int
	for range 1000 {
		port := portMin + mathrand.IntN(portMax-portMin)
		listener, err := net.Listen("tcp4", fmt.Sprintf(":%d", port))
		if err != nil {
			continue
		}
		defer listener.Close()
		if found = append(found, port); len(found) == 3+nodes {
			return ports{found[0], found[1], found[2], found[3:]}, nil
		}
	}
	return ports{}, fmt.Errorf("no %d free TCP ports in %d to %d", 3+nodes, portMin, portMax)
}

// configure makes the folders and writes the configuration.
func (c *Cluster) configure() error {
	for _, folder := range []string{"etc", "log", "ctld", "munge", "tmp"} {
		if err := os.MkdirAll(filepath.Join(c.dir, folder), 0o755); err != nil {
			return err
		}
	}
	for _, node := range c.nodes {
		if err := os.MkdirAll(filepath.Join(c.dir, "spool."+node), 0o755); err != nil {
			return err
		}
	}
	type file struct {
		name, text string
		mode       fs.FileMode
	}
	files := []file{
		{"etc/slurm.conf", c.slurmConf(), 0o644},
		// The default kills slurmd where only cgroup2, or nothing, is mounted, though
		// nothing here uses cgroups.
		{"etc/cgroup.conf", "CgroupPlugin=cgroup/v1\n", 0o644},
	}
	if c.o.Accounting {
		files = append(files, file{"etc/slurmdbd.conf", c.slurmdbdConf(), 0o600}) // slurmdbd refuses another mode
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(c.dir, f.name), []byte(f.text), f.mode); err != nil {
			return err
		}
	}
	if !c.o.Munge {
		return nil
	}
	return c.makeKey()
}

// makeKey makes the secret of munge, unless the folder has one.
func (c *Cluster) makeKey() error {
	file, err := os.OpenFile(c.mungeKey(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	key := make([]byte, 128)
	_, _ = rand.Read(key) // never fails
	_, err = file.Write(key)
	return errors.Join(err, file.Close())
}

func (c *Cluster) mungeKey() string    { return filepath.Join(c.dir, "munge", "key") }
func (c *Cluster) mungeSocket() string { return filepath.Join(c.sockets, "munge") }
func (c *Cluster) mysqlSocket() string { return filepath.Join(c.sockets, "mysql") }

func (c *Cluster) slurmConf() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("ClusterName=%s", clusterName)
	line("SlurmctldHost=localhost(127.0.0.1)")
	line("SlurmctldPort=%d", c.ports.slurmctld)
	line("SlurmUser=%s", c.user)
	line("SlurmdUser=%s", c.user)
	// cred_expire is also how long a requeued job waits; 5 s is the shortest that is taken.
	if c.o.Munge {
		line("AuthType=auth/munge\nCredType=cred/munge\nAuthInfo=socket=%s,cred_expire=5", c.mungeSocket())
	} else {
		line("AuthType=auth/none\nCredType=cred/none\nAuthInfo=cred_expire=5")
	}
	line("CommunicationParameters=NoInAddrAny,NoCtldInAddrAny") // listen on loopback only
	line("StateSaveLocation=%s", filepath.Join(c.dir, "ctld"))
	line("SlurmdSpoolDir=%s", filepath.Join(c.dir, "spool.%n"))
	line("SlurmctldPidFile=%s", filepath.Join(c.dir, "log", "slurmctld.pid"))
	line("SlurmdPidFile=%s", filepath.Join(c.dir, "log", "slurmd.%n.pid"))
	line("SlurmctldLogFile=%s", filepath.Join(c.dir, "log", "slurmctld.log"))
	line("SlurmdLogFile=%s", filepath.Join(c.dir, "log", "slurmd.%n.log"))
	b.WriteString(`SlurmctldDebug=info
SlurmdDebug=info
MailProg=/bin/true
MpiDefault=none
SwitchType=switch/none
`)
	// No cgroups; many tasks on a node, and more CPUs than the machine has.
	b.WriteString(`ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=5
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=100
`)
	// Schedule at once, see failures soon.
	b.WriteString(`SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1,default_queue_depth=1000,nohold_on_prolog_fail
PriorityType=priority/basic
SlurmdTimeout=10
SlurmctldTimeout=10
MessageTimeout=10
BatchStartTimeout=10
UnkillableStepTimeout=50
KillWait=2
CompleteWait=0
InactiveLimit=0
OverTimeLimit=0
ReturnToService=2
JobRequeue=1
MaxArraySize=10001
MaxJobCount=50000
MinJobAge=300
`)
	if c.o.Accounting {
		line("AccountingStorageType=accounting_storage/slurmdbd")
		line("AccountingStorageHost=127.0.0.1")
		line("AccountingStoragePort=%d", c.ports.slurmdbd)
		line("AccountingStoragePass=%s", c.mungeSocket())
	} else {
		line("AccountingStorageType=accounting_storage/none")
	}
	line("JobCompType=jobcomp/none")
	for _, extra := range c.o.Extra {
		line("%s", extra)
	}
	for i, node := range c.nodes {
		line("NodeName=%s NodeHostname=localhost NodeAddr=127.0.0.1 Port=%d CPUs=%d RealMemory=%d TmpDisk=1000 State=UNKNOWN",
			node, c.ports.nodes[i], c.o.CPUs, c.o.Memory)
	}
	line("PartitionName=milano Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=10:00 State=UP")
	line("PartitionName=roma Nodes=ALL MaxTime=INFINITE DefaultTime=10:00 State=UP")
	return b.String()
}

func (c *Cluster) slurmdbdConf() string {
	return fmt.Sprintf(`AuthType=auth/munge
AuthInfo=socket=%s
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=%d
SlurmUser=%s
DebugLevel=info
LogFile=%s
PidFile=%s
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=%d
StorageUser=%s
StoragePass=%s
StorageLoc=%s
`, c.mungeSocket(), c.ports.slurmdbd, c.user, filepath.Join(c.dir, "log", "slurmdbd.log"), filepath.Join(c.dir, "log", "slurmdbd.pid"),
		c.ports.mariadbd, databaseUser, databaseUser, databaseName)
}
