package slurm

import (
	"path/filepath"
	"slices"
	"strings"
)

// kept are the variables of the caller that commands and tasks get.
var kept = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR",
	"SLURM_CONF", "SLURM_CLUSTERS", // which cluster
}

// environment returns what the commands get of the caller's environment: kept, the
// locale, and export. sbatch hands it on to the tasks.
func environment(env, export []string) []string {
	var out []string
	for _, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		if slices.Contains(kept, name) || strings.HasPrefix(name, "LC_") || slices.Contains(export, name) && !reserved(name) {
			out = append(out, entry)
		}
	}
	return out
}

// reserved reports whether the variable would change what a command of Slurm does:
// SBATCH_PARTITION overrides the script.
func reserved(name string) bool {
	for _, prefix := range []string{"SLURM_", "SBATCH_", "SQUEUE_", "SACCT_", "SCANCEL_", "SCONTROL_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// valueOf returns the last value of the variable, as programs see it.
func valueOf(env []string, name string) string {
	for _, entry := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// searchPath returns the absolute directories of PATH: what lies in the working
// directory is not Slurm's.
func searchPath(env []string) []string {
	return slices.DeleteFunc(filepath.SplitList(valueOf(env, "PATH")), func(dir string) bool { return !filepath.IsAbs(dir) })
}
