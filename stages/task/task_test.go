package task_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deployconstants/stages/task"
	"deployconstants/xtc/dataset"
)

// Messages of one cause count as one, whatever they name.
func TestCause(t *testing.T) {
	for _, same := range [][]string{
		{"open /cds/data/xpp/a.data: permission denied", "open /sdf/b: permission denied"},
		{`skipped: "7-end.data" has appeared in the directory since the plan`, `skipped: "0-end.data" has appeared in the directory since the plan`},
		{
			"the file changed since the plan: its digest is " + strings.Repeat("a", 64) + ", was " + strings.Repeat("b", 64),
			"the file changed since the plan: its digest is " + strings.Repeat("c", 64) + ", was " + strings.Repeat("d", 64),
		},
		{"0-end.data of the same directory comes first", "12-34.data of the same directory comes first"},
	} {
		if first, second := task.Cause(same[0]), task.Cause(same[1]); first != second {
			t.Errorf("%q and %q", first, second)
		}
	}
	if task.Cause("open /a: permission denied") == task.Cause("open /a: no such file") {
		t.Error("two causes count as one")
	}
	if got := task.Cause(strings.Repeat("long ", 100) + "\n\x1b"); len(got) > 210 || strings.ContainsAny(got, "\n") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

func TestNumbers(t *testing.T) {
	for want, list := range map[string][]int{"": nil, "3": {3}, "1-3,7": {1, 2, 3, 7}, "1,3,5-6": {1, 3, 5, 6}} {
		if got := task.Numbers(list); got != want {
			t.Errorf("%v: %q, want %q", list, got, want)
		}
	}
}

// A node that sees everything may work; what it lacks is said, all of it, and that it is
// the node.
func TestView(t *testing.T) {
	root, empty, shared := t.TempDir(), t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "xpp"), 0o755); err != nil {
		t.Fatal(err)
	}
	good := task.View{Roots: []string{root}, Repository: root, Writable: []string{shared, filepath.Join(shared, "calib")}, Shared: shared, Now: time.Now}
	if err := good.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(shared); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	for name, test := range map[string]struct {
		change func(v *task.View)
		want   error
		text   string
	}{
		"no root":       {func(v *task.View) { v.Roots = []string{root, filepath.Join(root, "none")} }, dataset.ErrNoRoot, "is it mounted?"},
		"empty root":    {func(v *task.View) { v.Roots = []string{empty} }, dataset.ErrEmptyRoot, "is it mounted?"},
		"no repository": {func(v *task.View) { v.Repository = filepath.Join(root, "none") }, os.ErrNotExist, "the repository cannot be read"},
		"clock ahead":   {func(v *task.View) { v.Now = func() time.Time { return time.Now().Add(time.Hour) } }, nil, "the clock of this node is 1h0m0s from"},
		"clock behind":  {func(v *task.View) { v.Now = func() time.Time { return time.Now().Add(-time.Hour) } }, nil, "the clock of this node"},
		"before":        {func(v *task.View) { v.Since = time.Now().Add(time.Hour) }, nil, "before the job was submitted"},
		"no job":        {func(v *task.View) { v.Shared = filepath.Join(root, "none") }, os.ErrNotExist, "job's directory"},
	} {
		v := good
		test.change(&v)
		err := v.Check(t.Context())
		var node *task.NodeError
		if !errors.As(err, &node) || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
	v := good
	v.Roots, v.Repository = []string{empty}, filepath.Join(root, "none")
	if err := v.Check(t.Context()); !errors.Is(err, dataset.ErrEmptyRoot) || !strings.Contains(err.Error(), "repository") {
		t.Errorf("two things at once: %v", err)
	}
}
