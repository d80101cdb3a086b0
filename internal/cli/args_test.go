package cli

import (
	"slices"
	"testing"
)

// normalize is the one function of this package that is worth a test of its own
// beside those through Run: it has the argument grammar of the original.
func TestNormalize(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want []string // nil: an error
	}{
		{"glued", []string{"-expptut15", "-r260", "-Cgain"}, []string{"--exp=xpptut15", "--run=260", "--ctype=gain"}},
		{"next argument", []string{"-e", "xpptut15"}, []string{"--exp=xpptut15"}},
		{"equal sign", []string{"--det=X.0:Epix100a.1", "-c=./calib"}, []string{"--det=X.0:Epix100a.1", "--dircalib=./calib"}},
		{"equal sign in the value", []string{"-x", "exp=a:run=1"}, []string{"--dsname=exp=a:run=1"}},
		{"prefixes", []string{"--depl", "--dircal", "c", "--runr=5-end"}, []string{"--deploy", "--dircalib=c", "--runrange=5-end"}},
		{"exact before prefix", []string{"--run", "7", "--dsname", "a", "--dsnamex", "b"}, []string{"--run=7", "--dsname=a", "--dsnamex=b"}},
		{"documented before ours", []string{"--dsn", "a"}, []string{"--dsname=a"}},
		{"ours by prefix", []string{"--dr", "--gr", "ps-users"}, []string{"--dry-run", "--group=ps-users"}},
		{"switches in one", []string{"-Dn", "-DDr5"}, []string{"--deploy", "--dry-run", "--deploy", "--deploy", "--run=5"}},
		{"negative number", []string{"-t", "-1"}, []string{"--tstamp=-1"}},
		{"empty value", []string{"-C", ""}, []string{"--ctype="}},
		{"repeats stay in order", []string{"-r1", "-r2"}, []string{"--run=1", "--run=2"}},

		{"ambiguous", []string{"--d"}, nil},
		{"ambiguous of two", []string{"--dir", "x"}, nil},
		{"unknown long", []string{"--nosuch"}, nil},
		{"unknown short", []string{"-z"}, nil},
		{"unknown short behind a switch", []string{"-Dz"}, nil},
		{"positional", []string{"foo"}, nil},
		{"end of options", []string{"--"}, nil},
		{"lone minus", []string{"-"}, nil},
		{"no value", []string{"-e"}, nil},
		{"option as value", []string{"-e", "-r", "5"}, nil},
		{"switch with value", []string{"--deploy=yes"}, nil},
		{"empty name", []string{"--=x"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := options.normalize(c.args)
			if c.want == nil {
				if err == nil {
					t.Fatalf("want an error, got %q", got)
				}
				return
			}
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func FuzzNormalize(f *testing.F) {
	f.Add("-expptut15\x00-r260\x00--depl")
	f.Add("--\x00-\x00-t\x00-1")
	f.Fuzz(func(t *testing.T, joined string) {
		var args []string
		for len(joined) > 0 {
			i := min(len(joined), 1+int(joined[0])%8)
			args, joined = append(args, joined[:i]), joined[i:]
		}
		got, err := options.normalize(args)
		if err != nil {
			return
		}
		again, err := options.normalize(got)
		if err != nil || !slices.Equal(again, got) {
			t.Errorf("normal form %q changes to %q, %v", got, again, err)
		}
	})
}
