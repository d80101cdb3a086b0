package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/xtc/ledger"
)

func TestExport(t *testing.T) {
	l := open(t, t.TempDir())
	old := sample("xpptut15", 260)
	old.Scanned--
	old.Files = nil
	commit(t, l, old)
	commit(t, l, sample("xpptut15", 260), ledger.Run{Experiment: "amo00001", Number: 1, Cause: "truncated"})
	for name, test := range map[string]struct {
		format ledger.Format
		filter ledger.Filter
		want   string
	}{
		"csv": {ledger.CSV, ledger.Filter{Types: []string{"opal1000"}},
			`experiment,instrument,dir,run,begin_run,configure_ns,begin_run_ns,source,alias,type,id,id_is_name,class,version,source_cause,cause,scanned_ns,files
xpptut15,XPP,/data/xpp/xpptut15/xtc,260,2014-05-15T12:13:20.123456789Z,1400155995123456789,1400156000123456789,,,,,false,,0,,,1700000000987654321,"[{""name"":""e665-r0260-s00-c00.xtc"",""size"":1234567,""mtime_ns"":1400156000123456790},{""name"":""smalldata/e665-r0260-s00-c00.smd.xtc"",""size"":89,""mtime_ns"":0}]"
xpptut15,XPP,/data/xpp/xpptut15/xtc,260,2014-05-15T12:13:20.123456789Z,1400155995123456789,1400156000123456789,XppEndstation.0:Opal1000.0,,opal1000,XppEndstation-0-Opal1000-0,true,Opal1k.ConfigV1,1,,,1700000000987654321,[]
`},
		"jsonl": {ledger.JSONL, ledger.Filter{Experiments: []string{"amo*"}},
			`{"experiment":"amo00001","instrument":"","dir":"","run":1,"cause":"truncated","files":[],"sources":[]}
`},
		"nothing": {ledger.JSONL, ledger.Filter{Experiments: []string{"cxi*"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := l.Export(t.Context(), &out, test.format, test.filter); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What is exported as parquet is a segment of current records.
func TestExportParquet(t *testing.T) {
	l := open(t, t.TempDir())
	commit(t, l, sample("xpptut15", 260), sample("xpptut15", 261))
	var out bytes.Buffer
	if err := l.Export(t.Context(), &out, ledger.Parquet, ledger.Filter{Sources: []string{"cspad"}}); err != nil {
		t.Fatal(err)
	}
	other := open(t, t.TempDir())
	plant(t, other.Dir(), out.Bytes())
	want := all(load(t, l))
	for i := range want {
		want[i].Sources = want[i].Sources[1:2]
	}
	if diff := cmp.Diff(want, all(load(t, other))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestExportErrors(t *testing.T) {
	l := open(t, t.TempDir())
	commit(t, l, sample("xpptut15", 260))
	full := errors.New("disk full")
	for _, format := range []ledger.Format{ledger.CSV, ledger.JSONL, ledger.Parquet} {
		if err := l.Export(t.Context(), failing{full}, format, ledger.Filter{}); !errors.Is(err, full) {
			t.Errorf("%s: error %v", format, err)
		}
	}
	if err := l.Export(t.Context(), failing{full}, "xml", ledger.Filter{}); !errors.Is(err, ledger.ErrFormat) {
		t.Errorf("xml: error %v", err)
	}
	if err := l.Export(t.Context(), failing{full}, ledger.CSV, ledger.Filter{Sources: []string{"["}}); err == nil || errors.Is(err, full) {
		t.Errorf("bad glob: error %v", err)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Export(stopped, &bytes.Buffer{}, ledger.CSV, ledger.Filter{}); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: error %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
