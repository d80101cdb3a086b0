package ledger_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/xtc/ledger"
)

func TestMerge(t *testing.T) {
	for name, test := range map[string]struct {
		change    func(read *ledger.Run) // what the second reading has
		want      func(old, read ledger.Run) ledger.Run
		conflicts []string
	}{
		"the same": {
			change: func(*ledger.Run) {},
			want:   func(_, read ledger.Run) ledger.Run { return read },
		},
		"other files": {
			change: func(read *ledger.Run) { read.Files = read.Files[1:] },
			want:   func(_, read ledger.Run) ledger.Run { return read },
		},
		"another id and a source more": {
			change: func(read *ledger.Run) {
				read.Sources[0].ID = "0001"
				read.Sources = append(read.Sources, ledger.Source{Name: "Z", Type: "opal1000", ID: "Z"})
			},
			want: func(_, read ledger.Run) ledger.Run { return read },
		},
		"lost source": {
			change: func(read *ledger.Run) { read.Sources = read.Sources[1:] },
			want: func(old, read ledger.Run) ledger.Run {
				read.Sources = old.Sources
				return read
			},
			conflicts: []string{"xpptut15 run 260: XppEndstation.0:Opal1000.0 is no longer in the files; the earlier record is kept"},
		},
		"lost id": {
			change: func(read *ledger.Run) { read.Sources[0].ID, read.Sources[0].Cause = "", "damaged" },
			want: func(old, read ledger.Run) ledger.Run {
				read.Sources = old.Sources
				return read
			},
			conflicts: []string{"xpptut15 run 260: XppEndstation.0:Opal1000.0 no longer has the id XppEndstation-0-Opal1000-0; the earlier record is kept"},
		},
		"moved time": {
			change: func(read *ledger.Run) {
				read.BeginRun++
				read.Sources[0].ID = "0001"
			},
			want: func(old, read ledger.Run) ledger.Run {
				read.BeginRun, read.Sources = old.BeginRun, old.Sources
				return read
			},
			conflicts: []string{"xpptut15 run 260: BeginRun moved from 2014-05-15T12:13:20.123456789Z to 2014-05-15T12:13:20.123456790Z; the earlier record is kept"},
		},
		"unreadable": {
			change: func(read *ledger.Run) {
				*read = ledger.Run{Experiment: read.Experiment, Number: read.Number, Scanned: read.Scanned, Files: read.Files, Cause: "truncated"}
			},
			want: func(old, read ledger.Run) ledger.Run {
				old.Scanned, old.Files, old.Cause = read.Scanned, read.Files, "truncated"
				return old
			},
		},
		"unknown time": {
			change: func(read *ledger.Run) { read.BeginRun, read.Configure = 0, 0 },
			want: func(old, read ledger.Run) ledger.Run {
				read.BeginRun, read.Configure = old.BeginRun, old.Configure
				return read
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			old, read := sample("xpptut15", 260), sample("xpptut15", 260)
			read.Scanned++
			test.change(&read)
			want := test.want(sample("xpptut15", 260), read)
			got, conflicts := ledger.Merge(old, read)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var lines []string
			for _, c := range conflicts {
				lines = append(lines, c.String())
			}
			if diff := cmp.Diff(test.conflicts, lines); diff != "" {
				t.Errorf("conflicts (-want +got):\n%s", diff)
			}
			if again, _ := ledger.Merge(got, got); !cmp.Equal(got, again) {
				t.Errorf("merged with itself (-want +got):\n%s", cmp.Diff(got, again))
			}
			if again, _ := ledger.Merge(got, read); !cmp.Equal(got, again) {
				t.Errorf("merged once more (-want +got):\n%s", cmp.Diff(got, again))
			}
			if diff := cmp.Diff(sample("xpptut15", 260), old); diff != "" {
				t.Errorf("the old record was changed (-want +got):\n%s", diff)
			}

			// A ledger does the same, whoever writes first.
			l := open(t, t.TempDir())
			commit(t, l, read)
			commit(t, l, old)
			x := load(t, l)
			if diff := cmp.Diff([]ledger.Run{want}, all(x)); diff != "" {
				t.Errorf("loaded (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(conflicts, x.Stats().Conflicts); diff != "" {
				t.Errorf("Stats (-want +got):\n%s", diff)
			}
		})
	}
}
