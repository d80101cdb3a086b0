package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/jobs/planfile"
	"deployconstants/repo/digest"
)

// A drawing is a directory and its runs in a few words:
//
//	files  "0-end=a 10-20=!b 5-end=c?"   bytes a; ! foreign; ? ours, but no transaction knows it; link: not regular
//	wants  "1:a 2:- 3:x"                 run 1 needs a, 2 nothing, of 3 it is unknown (written 3:?)
//	plan   "create 30-end=b, ..."        in the order of publication
//	runs   "1:create 2:missing"          outcomes
func drawFiles(t testing.TB, text string) []*file {
	t.Helper()
	var files []*file
	for _, word := range strings.Fields(text) {
		name, content, ok := strings.Cut(word, "=")
		if !ok {
			t.Fatalf("file %q", word)
		}
		f := &file{name: name + ".data", exists: true, regular: true, ours: true, known: true}
		if rest, foreign := strings.CutPrefix(content, "!"); foreign {
			f.ours, f.known, f.why, content = false, false, "foreign", rest
		}
		if rest, adopted := strings.CutSuffix(content, "?"); adopted {
			f.known, content = false, rest
		}
		f.before = sumOf(content)
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b *file) int { return strings.Compare(a.name, b.name) })
	return files
}

func drawWants(t testing.TB, text string) []want {
	t.Helper()
	var wants []want
	for _, word := range strings.Fields(text) {
		var w want
		var content string
		if _, err := fmt.Sscanf(strings.Replace(word, ":", " ", 1), "%d %s", &w.run, &content); err != nil {
			t.Fatalf("want %q: %v", word, err)
		}
		switch content {
		case "-":
			w.need = needNone
		case "?":
			w.need, w.reason = needUnknown, "no time"
		default:
			w.need, w.sum = needContent, sumOf(content)
		}
		wants = append(wants, w)
	}
	return wants
}

func sumOf(content string) (sum digest.Sum) {
	copy(sum[:], content)
	return sum
}

func contentOf(sum digest.Sum) string { return strings.TrimRight(string(sum[:]), "\x00") }

// drawn is the plan and the runs of a decision as a drawing has them.
func drawn(d *decision) (plan, runs string) {
	var files, outcomes []string
	for _, f := range d.files {
		word := string(f.action()) + " " + strings.TrimSuffix(f.name, ".data")
		if f.needed() {
			word += "=" + contentOf(f.after)
		}
		files = append(files, word)
	}
	for i, v := range d.runs {
		outcomes = append(outcomes, fmt.Sprintf("%d:%s", d.wants[i].run, v.action))
	}
	return strings.Join(files, ", "), strings.Join(outcomes, " ")
}

func TestDecide(t *testing.T) {
	for _, test := range []struct{ name, files, wants, plan, runs string }{
		{"first file is 0-end", "", "5:a 6:a", "create 0-end=a", "5:create 6:create"},
		{"one file for each change", "", "5:a 7:b 9:b 12:a",
			"create 12-end=a, create 7-end=b, create 0-end=a", "5:create 7:create 9:create 12:create"},
		{"none, then content", "", "5:- 7:a", "create 7-end=a", "5:missing 7:create"},
		{"content, then none", "", "5:a 7:- 9:a", "create 0-end=a", "5:create 7:overreach 9:create"},
		{"nothing at all", "", "5:- 7:-", "", "5:missing 7:missing"},
		{"unknown runs do not count", "", "3:? 5:a 6:? 7:b", "create 7-end=b, create 0-end=a", "3:unknown 5:create 6:unknown 7:create"},
		{"none is not known by an unknown run", "", "3:- 5:? 7:a", "create 7-end=a", "3:missing 5:unknown 7:create"},

		{"right already", "0-end=a 7-end=b", "5:a 7:b", "unchanged 7-end=b, unchanged 0-end=a", "5:unchanged 7:unchanged"},
		{"right already, but not known to be ours", "0-end=a?", "5:a", "adopt 0-end=a", "5:adopt"},
		{"wrong bytes at the right begin", "0-end=x 7-end=b", "5:a 7:b", "unchanged 7-end=b, replace 0-end=a", "5:replace 7:unchanged"},
		{"wrong bytes, not known to be ours", "0-end=x?", "5:a", "replace 0-end=a", "5:replace"},
		{"superfluous change point", "0-end=a 7-end=b", "5:a 8:a", "replace 7-end=a, unchanged 0-end=a", "5:unchanged 8:replace"},
		{"change point that no known run reads", "0-end=a 7-end=b", "5:a", "unchanged 7-end, unchanged 0-end=a", "5:unchanged"},
		{"our 0-9 and a gap", "0-9=a", "5:a 12:b", "create 12-end=b, unchanged 0-9=a", "5:unchanged 12:create"},
		{"our 0-9, and the first known run behind it", "0-9=a", "12:b", "unchanged 0-9, create 0-end=b", "12:create"},
		{"ours nested", "0-end=a 10-20=b", "5:a 15:b 25:c", "create 25-end=c, unchanged 10-20=b, unchanged 0-end=a",
			"5:unchanged 15:unchanged 25:create"},
		{"the nested one is for other constants", "10-20=b", "12:a 15:c 18:c",
			"create 15-end=c, replace 10-20=a", "12:replace 15:create 18:create"},
		{"ours, for which nothing is valid", "0-end=a", "5:-", "unchanged 0-end", "5:overreach"},
		{"overreach before, content behind", "0-end=x", "5:- 7:a", "create 7-end=a, unchanged 0-end", "5:overreach 7:create"},

		{"kept for an unknown run", "0-end=x", "5:? 7:a 9:z", "create 9-end=z, create 7-end=a, unchanged 0-end",
			"5:unknown 7:create 9:create"},
		{"kept for an unknown run, right for the next", "0-end=a?", "5:? 7:a", "adopt 0-end=a", "5:unknown 7:adopt"},
		{"an unknown run behind cannot be helped", "0-end=x", "5:a 7:?", "replace 0-end=a", "5:replace 7:unknown"},

		{"foreign 0-end", "0-end=!x", "5:a 7:b", "foreign 0-end", "5:foreign 7:foreign"},
		{"foreign 0-9: the first run behind it gets its own", "0-9=!x", "5:a 12:a", "create 12-end=a, foreign 0-9", "5:foreign 12:create"},
		{"foreign at 0, unknown to the runs", "0-9=!x", "12:a 14:b", "create 14-end=b, create 12-end=a, foreign 0-9", "12:create 14:create"},
		{"foreign nested", "0-end=a 10-20=!x", "5:a 15:b 25:b",
			"create 25-end=b, foreign 10-20, unchanged 0-end=a", "5:unchanged 15:foreign 25:create"},
		{"a change before a nested foreign file", "0-end=a 10-20=!x", "5:a 8:b 15:b 25:b",
			"foreign 10-20, create 8-end=b, unchanged 0-end=a", "5:unchanged 8:create 15:foreign 25:create"},
		{"ours would hide a foreign file behind, so it ends before", "10-50=!x 20-30=a", "22:a 26:b 60:c",
			"create 60-end=c, create 26-30=b, unchanged 20-30=a, foreign 10-50", "22:unchanged 26:create 60:create"},
		{"what one run loses it gets again", "10-50=!x 20-30=b", "22:a 26:b",
			"create 26-30=b, replace 20-30=a, foreign 10-50", "22:replace 26:create"},
		{"foreign before, ours behind from 0", "3-5=!x", "4:a 8:a", "create 8-end=a, foreign 3-5", "4:foreign 8:create"},
		{"unknown run that reads a foreign file", "3-5=!x", "4:? 8:a", "create 8-end=a, foreign 3-5", "4:foreign 8:create"},
		{"same runs, other names", "05-9=!a 5-9=a", "6:b", "foreign 5-9, foreign 05-9", "6:foreign"},
		{"5-9999 and 5-end", "5-9999=a 5-end=a", "6:b", "foreign 5-end, foreign 5-9999", "6:foreign"},
		{"equal begins, the narrower is read", "5-9=a 5-end=b", "6:a 12:b", "unchanged 5-9=a, unchanged 5-end=b", "6:unchanged 12:unchanged"},

		{"runs above 9999", "", "5:a 12000:a", "create 0-end=a", "5:create 12000:create"},
		{"a change above 9999", "", "5:a 12000:b 12001:a", "create 0-end=a", "5:create 12000:overreach 12001:create"},
		{"first run above 9999", "", "12000:a", "create 0-end=a", "12000:create"},
		{"none before a run above 9999", "", "5:- 12000:a", "", "5:missing 12000:overreach"},
		{"the last begin", "", "5:a 9999:b", "create 9999-end=b, create 0-end=a", "5:create 9999:create"},
		{"the C++ finder has no 9999", "0-9999=a", "5:a 12000:a", "unchanged 0-9999=a", "5:unchanged 12000:unchanged"},
		{"ours would hide a foreign file from the C++ finder alone", "0-end=!x 1-9999=a", "5:a 7:b 12000:b",
			"create 7-9999=b, unchanged 1-9999=a, foreign 0-end", "5:unchanged 7:create 12000:create"},
		{"the C++ finder reads a signed name", "0-end=a +5-9=!x", "4:a 6:a", "unchanged 0-end=a, foreign +5-9", "4:unchanged 6:unchanged"},
		{"names that psana skips", "0-end=a abc=!x 7=!x", "4:a", "unchanged 0-end=a", "4:unchanged"},
		{"a file without runs", "20-10=a", "4:b", "unchanged 20-10, create 0-end=b", "4:create"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := decide(drawFiles(t, test.files), drawWants(t, test.wants))
			if err != nil {
				t.Fatal(err)
			}
			plan, runs := drawn(d)
			if diff := cmp.Diff([]string{test.plan, test.runs}, []string{plan, runs}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecideBlockedNames(t *testing.T) {
	for _, name := range []string{"1-x", "0-END", "10000-end", "0-10000", "10-20.data", "²-5"} {
		if _, err := decide(drawFiles(t, "0-end=a "+name+"=!x"), drawWants(t, "5:a")); err == nil {
			t.Errorf("%s: psana raises, but the directory is not blocked", name)
		}
	}
}

// TestRefusedChange takes changes out: none of those that are left may give a run
// constants that are not its own.
func TestRefusedChange(t *testing.T) {
	for _, test := range []struct{ name, files, wants, refuse, plan, runs string }{
		{"the new one is held, the old stays", "0-end=a", "5:a 7:b", "7-end", "held 7-end=b, unchanged 0-end=a", "5:unchanged 7:held"},
		{"what lies below is held with it", "0-end=x", "5:a 7:b", "7-end", "held 7-end=b, held 0-end=a", "5:held 7:held"},
		{"what was right stays right", "0-end=b", "5:a 7:b", "7-end", "held 7-end=b, held 0-end=a", "5:held 7:unchanged"},
		{"what lies above is published", "0-end=x", "5:a 7:b 9:c", "7-end", "create 9-end=c, held 7-end=b, held 0-end=a",
			"5:held 7:held 9:create"},
		{"a replacement is held", "0-end=a? 7-end=x", "5:a 7:b", "7-end", "held 7-end=b, adopt 0-end=a", "5:adopt 7:held"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := decide(drawFiles(t, test.files), drawWants(t, test.wants))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range d.files {
				if f.name == test.refuse+".data" {
					f.refuse(planfile.Held, "held")
				}
			}
			d.settle()
			plan, runs := drawn(d)
			if diff := cmp.Diff([]string{test.plan, test.runs}, []string{plan, runs}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestRefusedOverreach: the runs that nothing is valid for are told of as they are
// when the file that they would read is not made, and each thing is told once.
func TestRefusedOverreach(t *testing.T) {
	const above = "the constants change, but begins above 9999 are never written"
	for _, test := range []struct{ name, files, wants, refuse, runs, reason string }{
		{"no file, no overreach", "", "5:a 7:-", "0-end", "5:held 7:missing", "the repository has nothing that is valid"},
		{"of two files the other", "0-5=a 9-end=b", "5:x 7:y 8:- 9:b", "7-end", "5:held 7:held 8:missing 9:unchanged", "the repository has nothing that is valid"},
		{"told once", "0-end=b", "5:a 7:c 10005:b", "0-end", "5:held 7:create 10005:overreach", above + "; today they read what is right"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := decide(drawFiles(t, test.files), drawWants(t, test.wants))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range d.files {
				if f.name == test.refuse+".data" {
					f.refuse(planfile.Held, "held")
				}
			}
			d.settle()
			_, runs := drawn(d)
			reason := ""
			for _, v := range d.runs {
				if v.action == planfile.Missing || v.action == planfile.Overreach {
					reason = v.reason
				}
			}
			if diff := cmp.Diff([]string{test.runs, test.reason}, []string{runs, reason}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// BenchmarkDecide is a directory of 1000 runs and two files in which all is right.
func BenchmarkDecide(b *testing.B) {
	var wants strings.Builder
	for run := range 1000 {
		fmt.Fprintf(&wants, "%d:%c ", run, 'a'+run/500)
	}
	runs := drawWants(b, wants.String())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decide(drawFiles(b, "0-end=a 500-end=b"), runs); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(runs)), "ns/run")
}
