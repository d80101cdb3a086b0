package slurmcluster

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// A need is a program, or a plugin of Slurm, and the Debian package that has it.
type need struct{ name, of string }

var (
	programs = []need{
		{"slurmctld", "slurmctld"}, {"slurmd", "slurmd"},
		{"sbatch", "slurm-client"}, {"squeue", "slurm-client"}, {"sinfo", "slurm-client"},
		{"scancel", "slurm-client"}, {"scontrol", "slurm-client"},
	}
	plugins = []need{{"select_cons_tres", "slurm-wlm-basic-plugins"}, {"auth_none", "slurm-wlm-basic-plugins"}}

	mungePrograms = []need{{"munged", "munge"}, {"munge", "munge"}}
	fullPrograms  = []need{
		{"slurmdbd", "slurmdbd"}, {"sacct", "slurm-client"}, {"sacctmgr", "slurm-client"},
		{"mariadbd", "mariadb-server-core"}, {"mariadb-install-db", "mariadb-server-core"}, {"mariadb", "mariadb-client-core"},
	}
	fullPlugins = []need{{"accounting_storage_mysql", "slurm-wlm-mysql-plugin"}}
)

// pluginFolders are where distributions keep Slurm's plugins.
var pluginFolders = []string{"/usr/lib/*/slurm-wlm", "/usr/lib/*/slurm", "/usr/lib64/slurm", "/usr/lib/slurm", "/usr/local/lib/slurm"}

// sbin is searched after PATH, which has it for administrators only.
var sbin = []string{"/usr/local/sbin", "/usr/sbin", "/sbin"}

// Missing returns what a cluster with these options needs and this machine lacks,
// each with the Debian package that has it; nil if it can be started.
func Missing(o Options) []string {
	wanted, loaded := programs, plugins
	if o.Munge || o.Accounting {
		wanted = append(wanted[:len(wanted):len(wanted)], mungePrograms...)
	}
	if o.Accounting {
		wanted = append(wanted[:len(wanted):len(wanted)], fullPrograms...)
		loaded = append(loaded[:len(loaded):len(loaded)], fullPlugins...)
	}
	var lacking []string
	for _, n := range wanted {
		if _, err := lookUp(n.name); err != nil {
			lacking = append(lacking, fmt.Sprintf("%s (package %s)", n.name, n.of))
		}
	}
	for _, n := range loaded {
		if !hasPlugin(n.name) {
			lacking = append(lacking, fmt.Sprintf("plugin %s (package %s)", n.name, n.of))
		}
	}
	return lacking
}

func lookUp(program string) (string, error) {
	path, err := exec.LookPath(program)
	for i := 0; err != nil && i < len(sbin); i++ {
		if there, inSbin := exec.LookPath(filepath.Join(sbin[i], program)); inSbin == nil {
			return there, nil
		}
	}
	return path, err
}

func hasPlugin(name string) bool {
	for _, folder := range pluginFolders {
		// the patterns are well formed: Glob has no other error
		if found, _ := filepath.Glob(filepath.Join(folder, name+".so")); len(found) > 0 {
			return true
		}
	}
	return false
}

// searchPath is the PATH that the daemons get.
func searchPath(own string) string {
	return strings.TrimPrefix(strings.Join(append([]string{own}, append(sbin, "/usr/local/bin", "/usr/bin", "/bin")...), ":"), ":")
}
