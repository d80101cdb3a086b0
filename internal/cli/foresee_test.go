package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"deployconstants/repo"
	"deployconstants/stages/resolve"
	"deployconstants/xtc/ledger"
)

// TestForeseeFor: a question about one file is no reason to look at what is merged of
// other detectors and calibration types.
func TestForeseeFor(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "epix100a"), 0o755); err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(dir, repo.Options{Group: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	snapshot, err := resolve.Load(t.Context(), r, resolve.Options{})
	if err != nil {
		t.Fatal(err)
	}
	asked := ""
	at := resolution{snapshot: snapshot, foresee: func(runs ledger.Filter, ctypes []string) foresee {
		asked = fmt.Sprint(runs.Types, ctypes)
		return nil
	}}
	for _, c := range []struct {
		change resolve.Change
		ctypes []string
		want   string
	}{
		{resolve.Change{Path: "epix100a/1-2/gain/x.txt"}, nil, "[epix100a] [pixel_gain]"},
		{resolve.Change{Path: "epix100a/1-2/status_data/x.txt"}, nil, "[epix100a] [status_data status_extra]"},
		{resolve.Change{Path: "epix100a/1-2/status_data/x.txt"}, []string{"status_data"}, "[epix100a] [status_data]"},
		{resolve.Change{Type: "epix100a", ID: "1-2"}, nil, "[epix100a] []"},
		{resolve.Change{Path: "nothing"}, nil, "[] []"},
	} {
		if at.foreseeFor(c.change, c.ctypes); asked != c.want {
			t.Errorf("%+v: %s, want %s", c.change, asked, c.want)
		}
	}
}
