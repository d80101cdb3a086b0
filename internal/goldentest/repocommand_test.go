package goldentest_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRepoName: the subcommand that prints where constants belong does what the
// library call of group S does.
func TestRepoName(t *testing.T) {
	for number, call := range libraryCalls {
		if call.array != nil {
			continue
		}
		t.Run(number, func(t *testing.T) {
			t.Parallel()
			c := caseNamed(t, number)
			want := libraryResult(t, c)
			f := newFacility(t, c)
			before := snapshot(t, f.root)
			out := f.command(t, append([]string{"repo", "name"}, call.options()...))
			if (out.status == exited) != (want.status[0] == exited) {
				t.Errorf("exit status %d, the library call's is %d", out.status, want.status[0])
			}
			if diff := cmp.Diff(want.changed, changes(before, snapshot(t, f.root))); diff != "" {
				t.Errorf("changed paths (-want +got):\n%s", diff)
			}
			for _, name := range want.names {
				if out.stdout != name+"\n" {
					t.Errorf("prints %q, want %q", out.stdout, name)
				}
			}
			if t.Failed() {
				t.Log(out)
			}
		})
	}
}

// TestRepoSave: the subcommand that saves an array from a .npy file writes what the
// library call writes; it replaces nothing without --force, and refuses a shape that
// the calibration type cannot have (row 24).
func TestRepoSave(t *testing.T) {
	for _, test := range []struct {
		number string
		force  bool
		status int
	}{
		{"S30", false, exited},
		{"S34", false, exited},
		{"S49", false, failed},
		{"S49", true, exited},
		{"S47", false, failed},
		{"S44", false, failed},
	} {
		t.Run(fmt.Sprintf("%s/force=%v", test.number, test.force), func(t *testing.T) {
			t.Parallel()
			c := caseNamed(t, test.number)
			call := libraryCalls[test.number]
			want := libraryResult(t, c).changed
			if test.status != exited {
				want = tree{}
			}
			f := newFacility(t, c)
			const file = "/home/dubrovin/array.npy"
			if err := os.WriteFile(f.at(file), call.npy(t), 0o644); err != nil {
				t.Fatal(err)
			}
			before := snapshot(t, f.root)
			argv := append([]string{"repo", "save"}, call.options()...)
			if call.format != "" {
				argv = append(argv, "--fmt", call.format)
			}
			if test.force {
				argv = append(argv, "--force")
			}
			out := f.command(t, append(argv, file))
			if out.status != test.status {
				t.Errorf("exit status %d, want %d", out.status, test.status)
			}
			changed := changes(before, snapshot(t, f.root))
			if test.status == exited {
				if diff := cmp.Diff(want, changed); diff != "" {
					t.Errorf("changed paths (-want +got):\n%s", diff)
				}
			}
			for p := range changed {
				if test.status != exited && strings.HasSuffix(p, ".txt") {
					t.Errorf("refused, but %s changed", p)
				}
			}
			if t.Failed() {
				t.Log(out)
			}
		})
	}
}

// libraryResult is what the library call of September 2022 gives, with the modes of
// June, which are those of the command.
func libraryResult(t testing.TB, c goldenCase) wanted {
	t.Helper()
	const era = "s2209"
	want := original(t, c, era)
	if d, differs := differenceOf(c, era); differs {
		want = d.apply(t, c, era, want)
	}
	for p, n := range want.changed {
		if n.Type == "dir" {
			n.Mode &= 0o777
			want.changed[p] = n
		}
	}
	return want
}

// options are the call's arguments as the options of `repo name` and `repo save`.
func (call libraryCall) options() []string {
	run := call.run
	if run == 0 {
		run = 260
	}
	options := []string{
		"-e", "xpptut15", "-r", strconv.Itoa(run),
		"-d", orElse(call.detector, "XcsEndstation.0:Epix100a.1"), "-C", orElse(call.ctype, "gain"),
	}
	if call.stamp != "" {
		options = append(options, "-t", call.stamp)
	}
	if call.deployRun != "" {
		options = append(options, "-R", call.deployRun)
	}
	return options
}

// npy is the call's array of float64 in numpy's file format, version 1.0.
func (call libraryCall) npy(t testing.TB) []byte {
	t.Helper()
	array, err := call.array()
	if err != nil {
		t.Fatal(err)
	}
	shape := strings.Trim(fmt.Sprint(array.Shape), "[]")
	header := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%s,), }", strings.ReplaceAll(shape, " ", ", "))
	const fixed, alignment = 10, 64
	header += strings.Repeat(" ", alignment-1-(fixed+len(header))%alignment) + "\n"
	var file bytes.Buffer
	file.WriteString("\x93NUMPY\x01\x00")
	for _, part := range []any{uint16(len(header)), []byte(header), array.Floats} {
		if err := binary.Write(&file, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	return file.Bytes()
}
