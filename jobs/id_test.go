package jobs_test

import (
	"slices"
	"testing"
	"time"

	"deployconstants/jobs"
)

// Ids are told from anything else, and sort by time.
func TestID(t *testing.T) {
	at := time.Date(2026, 11, 26, 2, 15, 0, 0, time.FixedZone("PST", -8*3600))
	first, second := jobs.NewID(at), jobs.NewID(at.Add(time.Second))
	if !slices.IsSorted([]string{first, second}) || jobs.SecondOf(first) != "20261126T101500Z" || first == jobs.NewID(at) {
		t.Errorf("%s, %s", first, second)
	}
	for id, want := range map[string]bool{
		first: true, "": false, "20261126T021500Z": false, "20261126T021500Z-7f3a09c": false, "20261126T021500Z-7F3A09C1": false,
		"20269926T021500Z-7f3a09c1": false, "20261126T021500Z-7f3a09c1/": false, "../20261126T021500Z-7f3a09": false,
	} {
		if jobs.IsID(id) != want {
			t.Errorf("%q", id)
		}
	}
}
