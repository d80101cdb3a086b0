package scan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deployconstants/stages/scan"
	"deployconstants/xtc/ledger"
)

// manifest scans some experiments, none: all, and returns the lines of their events,
// and the result made of these.
func (r *room) manifest(known *ledger.Index, experiments ...string) (lines []byte, sum scan.Result) {
	r.Helper()
	o := r.options()
	o.Ledger, o.Filter = openLedger(r, filepath.Join(r.TempDir(), "ledger")), ledger.Filter{Experiments: experiments}
	result, err := scan.Scan(r.Context(), o, known, func(e scan.Event) {
		if !e.InManifest() {
			return
		}
		line, err := json.Marshal(e)
		must(r, err)
		var again scan.Event
		must(r, json.Unmarshal(line, &again))
		sum.Add(again)
		lines = append(append(lines, line...), '\n')
	})
	must(r, err)
	if diff := cmp.Diff(result.Counts, sum.Counts); diff != "" {
		r.Errorf("the lines do not add up (-result +sum):\n%s", diff)
	}
	if fmt.Sprint(result.Problems, result.Conflicts) != fmt.Sprint(sum.Problems, sum.Conflicts) {
		r.Errorf("lines tell\n%v %v, the result\n%v %v", sum.Problems, sum.Conflicts, result.Problems, result.Conflicts)
	}
	return lines, sum
}

// A scan that is split by experiments tells, put together, what one tells that is not.
func TestSplit(t *testing.T) {
	r := newRoom(t)
	names := []string{"cxiaa0117", "xppaa0017", "xppaa0117", "xppaa0217", "xppaa0317"}
	for _, name := range names {
		for number := 1; number <= 4; number++ {
			r.write(name, number)
		}
	}
	r.scan(r.options())
	known := load(t, r.l)
	must(t, os.RemoveAll(filepath.Dir(r.dir("xppaa0217")))) // the ledger knows it
	for number := 5; number <= 7; number++ {
		r.write("xppaa0117", number)
	}
	r.age(r.file("xppaa0117", 2, 0), 30*time.Minute) // changed
	must(t, os.Truncate(r.file("xppaa0117", 6, 0), 100))
	r.age(r.file("xppaa0117", 6, 0), time.Hour)
	r.age(r.file("xppaa0317", 3, 0), time.Second)
	must(t, os.Remove(r.file("xppaa0317", 1, 0)))
	must(t, os.Remove(r.file("xppaa0317", 1, 80)))

	whole, sum := r.manifest(known)
	var parts []byte
	var together scan.Result
	for _, shard := range [][]string{names[:2], names[2:4], names[4:]} {
		lines, part := r.manifest(known, shard...)
		parts = append(parts, lines...)
		for line := range bytes.Lines(lines) {
			var e scan.Event
			must(t, json.Unmarshal(line, &e))
			together.Add(e)
		}
		if part.Experiments == 0 {
			t.Errorf("nothing in %v", shard)
		}
	}
	if diff := cmp.Diff(string(whole), string(parts)); diff != "" {
		t.Errorf("manifest (-whole +parts):\n%s", diff)
	}
	if diff := cmp.Diff(sum.Counts, together.Counts); diff != "" {
		t.Errorf("counts (-whole +parts):\n%s", diff)
	}
	want := scan.Counts{Absent: 1, New: 3, Changed: 1, Damaged: 1, Pending: 1}
	got := scan.Counts{Absent: sum.Absent, New: sum.New, Changed: sum.Changed, Damaged: sum.Damaged, Pending: sum.Pending}
	if got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
}
