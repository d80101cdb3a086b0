package apply_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/testenv"
	"deployconstants/jobs/planfile"
	"deployconstants/stages/apply"
)

// A transaction of a dead process is gone on with by its own plan, though targets and
// constants moved meanwhile: what moved is left alone, and then planned anew.
func TestResumeMoved(t *testing.T) {
	moves := map[string]func(t *testing.T, w *world){
		"nothing": func(*testing.T, *world) {},
		"target changed": func(t *testing.T, w *world) {
			w.deploy(t, "xpp002", "pixel_gain", "0-end", "by hand\n", 0o604)
		},
		"target removed": func(t *testing.T, w *world) {
			must(t, os.Remove(filepath.Join(w.folder("xpp002", "pixel_gain"), "0-end.data")))
		},
		"constants changed": func(t *testing.T, w *world) { w.constants(t, "later", "latest gain\n") },
		"calib removed":     func(t *testing.T, w *world) { must(t, os.RemoveAll(w.calib("xpp001"))) },
	}
	for name, move := range moves {
		t.Run(name, func(t *testing.T) {
			for k := int64(8); k < 80; k += 6 {
				w := smallWorld(t, testenv.Memory(t))
				o := w.options(t)
				dead := &faulty{System: atomicfile.Host, failAt: k, stops: true}
				first, _ := apply.Apply(t.Context(), dead.on(o), w.plan(t))
				if first.Complete {
					break
				}
				w.bury(t)
				move(t, w)
				resumed, err := apply.Resume(t.Context(), o, first.ID)
				if err != nil || !resumed.Complete || resumed.Counts[apply.Failed] > 0 {
					t.Fatalf("operation %d, resume: %+v, %v", k, resumed, err)
				}
				second := w.again(t, o)
				for _, item := range w.items {
					path := filepath.Join(w.folder(item.Experiment, item.CType), item.Range+".data")
					if text, err := os.ReadFile(path); err != nil || digest(string(text)) != item.Constants.SHA256 {
						t.Errorf("operation %d: %s: %q, %v", k, path, text, err)
					}
				}
				w.noTemporaries(t)
				for _, id := range []string{second.ID, first.ID} {
					if undone, err := apply.Undo(t.Context(), o, id, apply.UndoOptions{}); err != nil || !undone.Complete {
						t.Errorf("operation %d, undo: %+v, %v", k, undone, err)
					}
				}
				if t.Failed() {
					t.FailNow()
				}
			}
		})
	}
}

// again plans what the first plan wanted, from what is there now, and carries it out.
func (w *world) again(t *testing.T, o apply.Options) apply.Result {
	t.Helper()
	items := w.items
	w.items = nil
	for _, item := range items {
		now, err := os.ReadFile(filepath.Join(w.folder(item.Experiment, item.CType), item.Range+".data"))
		wanted, readErr := os.ReadFile(item.Constants.Path)
		must(t, readErr)
		constants := *item.Constants
		constants.SHA256, constants.Size = digest(string(wanted)), int64(len(wanted))
		action := planfile.Replace
		switch {
		case err != nil:
			action = planfile.Create
		case bytes.Equal(now, wanted):
			action = planfile.Adopt
		}
		w.file(t, action, item.Experiment, item.CType, item.Range, &constants)
	}
	result, err := apply.Apply(t.Context(), o, w.plan(t))
	if err != nil || !result.Complete || result.Counts[apply.Skipped]+result.Counts[apply.Failed] > 0 {
		t.Fatalf("%+v, %v", result, err)
	}
	return result
}

// A replaced file keeps its access control list, and an undo restores it.
func TestAccessControlLists(t *testing.T) {
	const list = "system.posix_acl_access"
	w := smallWorld(t, testenv.Memory(t))
	path := filepath.Join(w.folder("xpp002", "pixel_gain"), "0-end.data")
	// Version 2; owner rw-, user 65534 r--, group r--, mask r--, others ---.
	acl := []byte{
		2, 0, 0, 0,
		0x01, 0, 6, 0, 255, 255, 255, 255,
		0x02, 0, 4, 0, 254, 255, 0, 0,
		0x04, 0, 4, 0, 255, 255, 255, 255,
		0x10, 0, 4, 0, 255, 255, 255, 255,
		0x20, 0, 0, 0, 255, 255, 255, 255,
	}
	err := unix.Setxattr(path, list, acl, 0)
	if errors.Is(err, unix.ENOTSUP) {
		testenv.Skip(t, "no access control lists here: %v", err)
	}
	must(t, err)
	o := w.options(t)
	check := func(when string) {
		t.Helper()
		got := make([]byte, 256)
		n, err := unix.Getxattr(path, list, got)
		if diff := cmp.Diff(acl, got[:max(n, 0)]); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", when, err, diff)
		}
	}
	done, err := apply.Apply(t.Context(), o, w.plan(t))
	if err != nil || done.Counts[apply.Done] != 4 {
		t.Fatalf("%+v, %v", done, err)
	}
	check("after apply")
	must(t, unix.Removexattr(path, list))
	_, err = apply.Undo(t.Context(), o, done.ID, apply.UndoOptions{})
	must(t, err)
	check("after undo")
}
