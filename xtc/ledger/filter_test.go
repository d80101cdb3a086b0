package ledger_test

import (
	"testing"
	"time"

	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
)

func TestFilter(t *testing.T) {
	begin := time.Unix(1400000000, 0)
	for name, test := range map[string]struct {
		filter ledger.Filter
		want   bool // for a run 260 of XPP xpptut15 with XppGon.0:Cspad.0, alias front, type cspad
	}{
		"everything":        {ledger.Filter{}, true},
		"instrument":        {ledger.Filter{Instruments: []string{"amo", "xpp"}}, true},
		"other instrument":  {ledger.Filter{Instruments: []string{"CXI"}}, false},
		"experiment":        {ledger.Filter{Experiments: []string{"xpptut*"}}, true},
		"other case":        {ledger.Filter{Experiments: []string{"XPPtut*"}}, false},
		"bad glob":          {ledger.Filter{Experiments: []string{"[x"}}, false},
		"run":               {ledger.Filter{Runs: dataset.Ranges{{First: 1, Last: 300}}}, true},
		"other run":         {ledger.Filter{Runs: dataset.Ranges{{First: 1, Last: 259}}}, false},
		"since":             {ledger.Filter{Since: begin}, true},
		"since later":       {ledger.Filter{Since: begin.Add(1)}, false},
		"until":             {ledger.Filter{Until: begin}, false},
		"until later":       {ledger.Filter{Until: begin.Add(1)}, true},
		"source":            {ledger.Filter{Sources: []string{"*Cspad.?"}}, true},
		"alias":             {ledger.Filter{Sources: []string{"fr*"}}, true},
		"other source":      {ledger.Filter{Sources: []string{"*Opal*"}}, false},
		"type":              {ledger.Filter{Types: []string{"epix100a", "CsPad"}}, true},
		"part of a type":    {ledger.Filter{Types: []string{"csp"}}, false},
		"source, not type":  {ledger.Filter{Sources: []string{"*"}, Types: []string{"epix100a"}}, false},
		"both of them hold": {ledger.Filter{Instruments: []string{"XPP"}, Types: []string{"cspad"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got := test.filter.MatchExperiment("XPP", "xpptut15") && test.filter.MatchRun(260, begin) &&
				test.filter.MatchSource("XppGon.0:Cspad.0", "front", "cspad")
			if got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
	if !(ledger.Filter{Since: begin, Until: begin.Add(1)}).MatchRun(1, time.Time{}) {
		t.Error("a run of unknown time is ruled out by a period")
	}
	if (ledger.Filter{Sources: []string{""}}).MatchSource("x", "", "") {
		t.Error("a missing alias matches")
	}
}

func TestFilterCheck(t *testing.T) {
	now := time.Unix(1400000000, 0)
	for name, test := range map[string]struct {
		filter ledger.Filter
		want   string
	}{
		"zero":   {ledger.Filter{}, ""},
		"good":   {ledger.Filter{Experiments: []string{"xpp*"}, Since: now, Until: now.Add(1)}, ""},
		"glob":   {ledger.Filter{Sources: []string{"[x"}}, `pattern "[x": syntax error in pattern; write one like xpp* or *Epix100a.[12]`},
		"period": {ledger.Filter{Since: now, Until: now}, "no time is since 2014-05-13T16:53:20Z and before 2014-05-13T16:53:20Z"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := test.filter.Check(); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
