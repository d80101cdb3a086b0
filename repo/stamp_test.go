package repo_test

import (
	"errors"
	"testing"
	"time"

	"deployconstants/repo"
)

func TestParseStamp(t *testing.T) {
	for text, want := range map[string]string{
		"2016":           "20160101000000",
		"201603":         "20160301000000",
		"20160318":       "20160318000000",
		"2016031819":     "20160318190000",
		"201603181907":   "20160318190700",
		"20160318190730": "20160318190730",
		"20160229":       "20160229000000",
		"20160313023000": "20160313023000", // never on a clock in California, but a date
	} {
		if got, err := repo.ParseStamp(text); err != nil || got.String() != want {
			t.Errorf("%q: %v, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "-1", "201", "20160", "20149999999999", "99999999999999", "0000", "20150229",
		"201613", "2016031824", "201603181960", "20160318190760", "2019_0101_000000", " 2016", "2016 ", "+2016",
		"201603181907301", "2e13", "abcd", "２０１６"} {
		if got, err := repo.ParseStamp(text); !errors.Is(err, repo.ErrBadStamp) {
			t.Errorf("%q: %v, %v, want ErrBadStamp", text, got, err)
		}
	}
}

func TestStampRepeats(t *testing.T) {
	zone, err := repo.LoadZone("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		utc  string
		want bool
	}{
		{"2016-11-06T07:59:59Z", false}, // 00:59:59, summer time
		{"2016-11-06T08:00:00Z", true},  // 01:00:00, the first time
		{"2016-11-06T08:59:59.9Z", true},
		{"2016-11-06T09:00:00Z", true}, // 01:00:00 again
		{"2016-11-06T09:59:59.9Z", true},
		{"2016-11-06T10:00:00Z", false}, // 02:00:00
		{"2016-03-13T09:59:59Z", false}, // spring
		{"2016-03-13T10:00:00Z", false},
		{"2016-07-01T00:00:00Z", false},
	} {
		moment, err := time.Parse(time.RFC3339, c.utc)
		if err != nil {
			t.Fatal(err)
		}
		if got := repo.StampRepeats(moment, zone); got != c.want {
			t.Errorf("%s: %v, want %v", c.utc, got, c.want)
		}
		// The definition: another moment with the same stamp.
		stamp := repo.StampOf(moment, zone)
		twin := repo.StampOf(moment.Add(time.Hour), zone) == stamp || repo.StampOf(moment.Add(-time.Hour), zone) == stamp
		if twin != c.want {
			t.Errorf("%s: the test is wrong", c.utc)
		}
	}
	if repo.StampRepeats(time.Now(), time.UTC) {
		t.Error("UTC repeats an hour")
	}
}

func TestStampBounds(t *testing.T) {
	if got := repo.StampOf(time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC), time.UTC).String(); got != "99991231235959" {
		t.Errorf("year 12345: %s", got)
	}
	if got := repo.StampOf(time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), time.UTC).String(); got != "00000000000000" {
		t.Errorf("year -5: %s", got)
	}
}

func TestLoadZone(t *testing.T) {
	for _, name := range []string{"Local", "../etc/passwd", "No/Where"} {
		if zone, err := repo.LoadZone(name); err == nil {
			t.Errorf("%s: %v", name, zone)
		}
	}
	if zone, err := repo.LoadZone("Europe/Hamburg"); err == nil {
		t.Errorf("Europe/Hamburg: %v", zone)
	}
}
