// Command demo makes a facility of a few hundred experiments in a temporary folder
// and runs deploy_constants on it as a data manager would, showing each command,
// what it prints, and how it exits.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"deployconstants/internal/facility"
)

func main() {
	program := flag.String("program", "bin/deploy_constants", "the deploy_constants to run")
	experiments := flag.Int("experiments", 300, "experiments of the facility")
	keep := flag.Bool("keep", false, "keep the facility")
	slurm := flag.Bool("slurm", false, "show jobs on a Slurm cluster that is started on this machine")
	flag.Parse()
	if err := run(*program, *experiments, *keep, *slurm); err != nil {
		fmt.Fprintln(os.Stderr, "demo: error:", err)
		os.Exit(1)
	}
}

func run(program string, experiments int, keep, slurm bool) error {
	program, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "deploy_constants-demo-")
	if err != nil {
		return err
	}
	if !keep {
		defer os.RemoveAll(dir)
	}
	const runs, streams = 8, 4
	made, err := facility.Make(filepath.Join(dir, "facility"), facility.Options{
		Seed: 1, Experiments: experiments, Runs: runs, Streams: streams, RealShapes: true,
	})
	if err != nil {
		return err
	}
	d := demo{Facility: made, program: program, settings: filepath.Join(dir, "site.toml")}
	if err := os.WriteFile(d.settings, []byte(made.Settings()), 0o644); err != nil {
		return err
	}
	fmt.Printf("A demo facility in %s: %d experiments of %d runs in %d streams,\n"+
		"with panels that were swapped, hand-made files, and damage, as facilities have them.\n", dir, experiments, runs, streams)
	if slurm {
		return d.showSlurm()
	}
	return d.show()
}

// demo runs commands at the facility.
type demo struct {
	*facility.Facility
	program  string
	settings string
	env      []string // besides the usual
}

// A step is one command of the demonstration.
type step struct {
	says   string
	args   []string
	status int // with which it exits
	lines  int // shown of what it prints, from the end; 0: all
}

func (d demo) show() error {
	const plan = "backfill.plan.jsonl.zst"
	if err := d.commands(
		step{"Read the headers of all runs, once and for all:", []string{"scan"}, 0, 1},
		step{"What would have to change, and why? Nothing is changed yet:", []string{"plan", "-o", plan}, 0, 6},
		step{"Carry it out, one experiment first, then one in a hundred, then all:",
			[]string{"apply", "--waves", "1,1%,100%", plan}, 0, 0},
		step{"Is everything as it was deployed?", []string{"verify"}, 0, 0},
	); err != nil {
		return err
	}
	deployed, err := d.pick()
	if err != nil {
		return err
	}
	if err := d.commands(
		step{"Why does this run get these constants?",
			[]string{"explain", "-e", deployed.experiment, "-r", deployed.run, "-d", deployed.source, "-C", deployed.ctype}, 0, 0},
		step{"Who would change if these constants were withdrawn?", []string{"affected", "--withdraw", deployed.constants}, 0, 1},
	); err != nil {
		return err
	}
	fmt.Printf("\nSomebody edits %s by hand.\n", d.short(deployed.path))
	if err := appendLine(deployed.path, "# better\n"); err != nil {
		return err
	}
	if err := d.commands(
		step{"It is found, and left alone:", []string{"verify"}, 5, 0},
		step{"", []string{"plan", "-a", "-e", deployed.experiment, "-d", deployed.source, "-C", deployed.ctype}, 0, 0},
		step{"The backfill is taken back, to the byte, but for what was edited since:", []string{"undo", deployed.transaction}, 3, 0},
		step{"That, too, if it must be:", []string{"undo", "--force", "-e", deployed.experiment, deployed.transaction}, 0, 0},
		step{"What happened so far:", []string{"history"}, 0, 0},
		step{"The same in one go, as cron does it every night:", []string{"sweep", "-D", "--quiet"}, 0, 1},
		step{"The next night nothing has changed, and nothing is printed:", []string{"sweep", "-D", "--quiet"}, 0, 0},
	); err != nil {
		return err
	}
	if err := d.commands(step{"One experiment, run, detector and type at a time, as documented:", []string{
		"-l", "WARNING", "-e", deployed.experiment, "-r", deployed.run, "-d", deployed.source, "-C", deployed.ctype,
		"-D", "-c", filepath.Join(filepath.Dir(d.settings), "calib-of-"+deployed.experiment),
	}, 0, 0}); err != nil {
		return err
	}
	if err := writeDark(d.Roots()[0]); err != nil {
		return err
	}
	fmt.Printf("\nA new experiment takes %d dark frames of an epix100a.\n", darkFrames)
	return d.commands(step{"Pedestals, rms and status of its pixels, made, drawn and deployed:", []string{
		"dark", "-l", "WARNING", "-e", darkExperiment, "-r", "1", "-d", "epix100a", "-D",
		"-c", filepath.Join(filepath.Dir(d.settings), "calib-of-"+darkExperiment),
	}, 0, 0})
}

func (d demo) commands(steps ...step) error {
	for _, s := range steps {
		if s.says != "" {
			fmt.Printf("\n%s\n", s.says)
		}
		out, err := d.command(s.args...)
		if status := exitStatus(err); status != s.status {
			return fmt.Errorf("deploy_constants %s: exit status %d, want %d: %s", strings.Join(s.args, " "), status, s.status, out)
		}
		lines := strings.SplitAfter(strings.TrimSuffix(out, "\n")+"\n", "\n")
		lines = lines[:len(lines)-1]
		if out == "" {
			lines = nil
		}
		if s.lines > 0 && len(lines) > s.lines {
			fmt.Printf("  ... (%d lines)\n", len(lines)-s.lines)
			lines = lines[len(lines)-s.lines:]
		}
		for _, line := range lines {
			fmt.Print("  ", line)
		}
		if s.status != 0 {
			fmt.Printf("  (exit status %d)\n", s.status)
		}
	}
	return nil
}

// command runs deploy_constants, shows it as typed, and returns what it prints.
func (d demo) command(args ...string) (string, error) {
	fmt.Printf("$ deploy_constants %s\n", d.short(strings.Join(args, " ")))
	var out bytes.Buffer
	cmd := exec.Command(d.program, args...)
	cmd.Env = d.environment()
	cmd.Dir, cmd.Stdout, cmd.Stderr = filepath.Dir(d.settings), &out, &out
	err := cmd.Run()
	return d.short(out.String()), err
}

func exitStatus(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

func appendLine(path, line string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(line)
	return errors.Join(err, file.Close())
}

// short writes the folders of the demonstration as the names that stand for them.
func (d demo) short(text string) string {
	return strings.NewReplacer(d.Repository(), "$REPOSITORY", d.Roots()[0], "$DATA", filepath.Dir(d.settings), "$DEMO").Replace(text)
}
