package calibdir_test

import (
	"errors"
	"strings"
	"testing"

	"deployconstants/repo/calibdir"
)

func TestParseRange(t *testing.T) {
	good := map[string]struct {
		want calibdir.Range
		file string
	}{
		"0-end":           {calibdir.Range{End: calibdir.RunEnd}, "0-end.data"},
		"5-end":           {calibdir.Range{Begin: 5, End: calibdir.RunEnd}, "5-end.data"},
		"10-20":           {calibdir.Range{Begin: 10, End: 20}, "10-20.data"},
		"7-7":             {calibdir.Range{Begin: 7, End: 7}, "7-7.data"},
		"0010-0020":       {calibdir.Range{Begin: 10, End: 20}, "10-20.data"},
		"0-0":             {calibdir.Range{}, "0-0.data"},
		"000000000-end":   {calibdir.Range{End: calibdir.RunEnd}, "0-end.data"},
		"9999-9999":       {calibdir.Range{Begin: 9999, End: 9999}, "9999-9999.data"},
		"9999-end":        {calibdir.Range{Begin: 9999, End: calibdir.RunEnd}, "9999-end.data"},
		"0-0000000009999": {calibdir.Range{End: 9999}, "0-9999.data"},
	}
	for text, test := range good {
		got, err := calibdir.ParseRange(text)
		if err != nil || got != test.want || got.FileName() != test.file {
			t.Errorf("%q: got %v, %v; want %v", text, got, err, test.want)
		}
	}
	bad := []string{
		"", "7", "20-10", "abc", "10-20.data", "99999-end", "0-10000", // golden cases D04-D07, D09, D10
		"1-2; touch x", "../../x", // D11, D12
		"-", "-5", "5-", "-5-end", "0-END", "0-end ", " 0-end", "+1-5", "1-+5", "1--5", "1-2-3", "end-5", "end",
		"0x1-5", "1_0-20", "٥-end", "5-²", "0-end\x00", "0-end\n", "99999999999999999999999-end", "0–end",
	}
	for _, text := range bad {
		if got, err := calibdir.ParseRange(text); !errors.Is(err, calibdir.ErrRange) || got != (calibdir.Range{}) {
			t.Errorf("%q: got %v, %v; want ErrRange", text, got, err)
		}
	}
	if _, err := calibdir.ParseRange("7"); !strings.Contains(err.Error(), "7-7") {
		t.Errorf("no hint for a single run: %v", err)
	}
}

func TestRangeCheck(t *testing.T) {
	for _, r := range []calibdir.Range{{Begin: -1, End: 5}, {Begin: 10000, End: calibdir.RunEnd}, {Begin: 5, End: 4}, {Begin: 5, End: 10000}, {Begin: 5, End: -1}} {
		if err := r.Check(); !errors.Is(err, calibdir.ErrRange) {
			t.Errorf("%d to %d: got %v, want ErrRange", r.Begin, r.End, err)
		}
	}
}

func FuzzParseRange(f *testing.F) {
	for _, seed := range []string{"0-end", "0010-0020", "7", "", "-", "1-2-3", "5-²", "9999-end", "10000-end", "-5-end"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := calibdir.ParseRange(text)
		if err != nil {
			if !errors.Is(err, calibdir.ErrRange) || r != (calibdir.Range{}) {
				t.Fatalf("%q: %v, %v", text, r, err)
			}
			return
		}
		if err := r.Check(); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		again, err := calibdir.ParseRange(r.String())
		if err != nil || again != r {
			t.Fatalf("%q: %v comes back as %v, %v", text, r, again, err)
		}
		// What is deployed for a range is what psana reads for its first run.
		if name, err := calibdir.Pick([]string{r.FileName()}, r.Begin); err != nil || name != r.FileName() {
			t.Fatalf("%q: psana picks %q, %v", text, name, err)
		}
	})
}
