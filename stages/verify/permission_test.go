package verify_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"deployconstants/jobs"
	"deployconstants/jobs/tx"
	"deployconstants/stages/verify"
)

func init() { children["reader"] = verifyAsReader }

// nobody is a user without rights.
const nobody = 65534

// verifyAsReader verifies as somebody who may not read everything: what is closed
// is unreadable, never missing, and the rest is verified.
func verifyAsReader(dir string) error {
	store, err := tx.Open(jobs.State{Dir: filepath.Join(dir, "state")})
	if err != nil {
		return err
	}
	d, err := store.Deployed(context.Background())
	if err != nil {
		return err
	}
	got := ""
	_, err = verify.Verify(context.Background(), verify.Options{Deployed: d}, func(f verify.Finding) error {
		got += fmt.Sprintln(f.Experiment, f.Range, f.Class)
		return nil
	})
	const want = "xpp00001 0-end ok\nxpp00001 5-end unreadable\nxpp00002 0-end unreadable\nxpp00003 0-end unreadable\n"
	if got != want {
		return errors.Join(err, fmt.Errorf("found\n%swant\n%s", got, want))
	}
	return err
}

func TestUnreadable(t *testing.T) {
	base, err := os.MkdirTemp("", "verify") // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	store, err := tx.Open(jobs.State{Dir: filepath.Join(base, "state")})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, dir: base, store: store}
	file, closed := s.place("xpp00001", "5-end"), s.place("xpp00002", "0-end")
	calib := s.place("xpp00003", "0-end")
	s.deploy("x", s.place("xpp00001", "0-end"), file, closed, calib)
	open := func(path string, entry fs.DirEntry, err error) error {
		mode := fs.FileMode(0o644)
		if err == nil && entry.IsDir() {
			mode = 0o755
		}
		return errors.Join(err, os.Chmod(path, mode))
	}
	if err := filepath.WalkDir(filepath.Join(base, "state"), open); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		os.Chmod(base, 0o755), os.Chmod(s.place("xpp00001", "0-end").Path(), 0o664),
		os.Chmod(file.Path(), 0), os.Chmod(closed.Directory(), 0), os.Chmod(calib.CalibDir, 0),
	); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := errors.Join(os.Chmod(calib.CalibDir, 0o755), os.Chmod(closed.Directory(), 0o755), os.RemoveAll(base))
		if err != nil {
			t.Error(err)
		}
	})
	runAsReader(t, base)
}

// runAsReader runs the child as a user without rights if the tests run as root, as
// the user itself otherwise.
func runAsReader(t *testing.T, base string) {
	t.Helper()
	cmd := children.Command(t, "reader", base)
	cmd.Dir = base
	if os.Getuid() == 0 {
		binary, err := os.ReadFile(cmd.Path)
		if err != nil {
			t.Fatal(err)
		}
		cmd.Path = filepath.Join(base, "test") // the test binary is where nobody else may go
		if err := os.WriteFile(cmd.Path, binary, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
}
