// Command demo makes a small facility in a temporary folder and runs
// deploy_constants on it as a data manager would, showing each command, what it
// prints, and what is deployed in the end.
package main

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	program := flag.String("program", "bin/deploy_constants", "the deploy_constants to run")
	keep := flag.Bool("keep", false, "keep the facility")
	flag.Parse()
	if err := run(*program, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "demo: error:", err)
		os.Exit(1)
	}
}

func run(program string, keep bool) error {
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
	d := demo{facility: facility{dir}, program: program}
	files, err := d.facility.make()
	if err != nil {
		return err
	}
	fmt.Printf("A demo facility in %s: %d XTC files, experiments at 4 instruments.\n", dir, files)
	return d.show()
}

// demo runs commands at the facility.
type demo struct {
	facility facility
	program  string
}

func (d demo) show() error {
	fmt.Println("\nA repository with defaults, and two gain files of one panel, valid from 2010 and from 2017:")
	if err := d.populate(); err != nil {
		return err
	}
	for _, step := range []struct {
		says string
		args []string
	}{
		{"What is in a run:", []string{"xtc", "ids", "exp=xpptut15:run=260"}},
		{"The repository:", []string{"repo", "ls"}},
		{"Two runs a year apart get the constants of their time:", []string{"-l", "WARNING", "-e", "xpptut15", "-r", "260", "-d", "XcsEndstation.0:Epix100a.1", "-C", "gain", "-D", "-R", "0-260"}},
		{"", []string{"-l", "WARNING", "-e", "xpptut15", "-r261", "-d", "epix_1", "-D", "--runrange=261-end"}},
		{"No file for this panel, so the default; with the log that is also kept in the repository:", []string{"-e", "xpptut15", "-r", "260", "-d", "XcsEndstation.0:Epix100a.1", "-C", "common_mode", "-D"}},
		{"Other instruments:", []string{"-l", "WARNING", "-e", "cxig0715", "-r", "86", "-d", "CxiDs1.0:Cspad.0", "-C", "common_mode", "-D"}},
		{"", []string{"-l", "WARNING", "-e", "mecj5515", "-r", "102", "-d", "MecTargetChamber.0:Cspad2x2.3", "-C", "common_mode", "-D"}},
		{"", []string{"-l", "WARNING", "-e", "amob5114", "-r", "403", "-d", "Camp.0:pnCCD.1", "-C", "common_mode", "-D"}},
		{"Is the repository in order?", []string{"repo", "check"}},
	} {
		if step.says != "" {
			fmt.Printf("\n%s\n", step.says)
		}
		if err := d.command(step.args...); err != nil {
			return err
		}
	}
	return d.deployed()
}

// populate fills the repository with the documented library calls, as commands.
func (d demo) populate() error {
	if err := d.command("repo", "init", "epix100a", "cspad", "cspad2x2", "pnccd"); err != nil {
		return err
	}
	for _, c := range []struct{ detType, text string }{
		{"epix100a", "4 6 30 30\n"}, {"cspad", "1 25 25 100\n"}, {"cspad2x2", "1 25 25 100\n"}, {"pnccd", "3 350 350 128\n"},
	} {
		path := filepath.Join(d.facility.repository(), c.detType, "default", c.detType+"_default_common_mode.txt")
		if err := os.WriteFile(path, []byte(c.text), 0o664); err != nil {
			return err
		}
	}
	for _, c := range []struct {
		stamp string
		gain  float64
	}{{"20100101000000", 0.060}, {"20170101000000", 0.061}} {
		path := filepath.Join(d.facility.dir, "gain.npy")
		if err := os.WriteFile(path, npy(704, 768, c.gain), 0o664); err != nil {
			return err
		}
		if err := d.command("repo", "save", "-e", "xpptut15", "-r", "260", "-d", "XcsEndstation.0:Epix100a.1",
			"-C", "gain", "-t", c.stamp, path); err != nil {
			return err
		}
	}
	return nil
}

// command runs deploy_constants and shows it as typed, with what it prints.
func (d demo) command(args ...string) error {
	fmt.Printf("$ deploy_constants %s\n", d.short(strings.Join(args, " ")))
	var out bytes.Buffer
	cmd := exec.Command(d.program, args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = d.facility.environment(), d.facility.dir, &out, &out
	err := cmd.Run()
	for line := range strings.Lines(d.short(out.String())) {
		fmt.Printf("  %s", line)
	}
	return err
}

// deployed shows the calib directories: every file, and the records of each folder.
func (d demo) deployed() error {
	fmt.Println("\nDeployed, and recorded in HISTORY beside it:")
	return filepath.WalkDir(d.facility.data(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) == ".xtc" {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		fmt.Printf("  %v %8d  %s\n", info.Mode(), info.Size(), d.short(path))
		if entry.Name() != "HISTORY" {
			return nil
		}
		records, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for line := range strings.Lines(d.short(string(records))) {
			fmt.Printf("    %s", line)
		}
		return nil
	})
}

// short writes the folders of the demonstration as the variables that hold them.
func (d demo) short(text string) string {
	return strings.NewReplacer(
		d.facility.data(), "$SIT_PSDM_DATA", d.facility.root(), "$SIT_ROOT", d.facility.dir, "$DEMO",
	).Replace(text)
}

// npy is a NumPy file, version 1.0, of a float64 array of one value.
func npy(rows, columns int, value float64) []byte {
	header := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d), }", rows, columns)
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	b = append(b, header...)
	for range rows * columns {
		b, _ = binary.Append(b, binary.LittleEndian, value)
	}
	return b
}
