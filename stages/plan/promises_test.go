package plan

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"deployconstants/jobs/planfile"
	"deployconstants/repo/calibdir"
)

// A shelf is a directory as psana sees it: contents by name.
type shelf map[string]string

func (s shelf) clone() shelf {
	c := shelf{}
	for name, content := range s {
		c[name] = content
	}
	return c
}

func (s shelf) names() []string {
	var names []string
	for name := range s {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// python and cxx are what psana reads for a run: name and content.
func (s shelf) python(t testing.TB, run int) (name, content string) {
	t.Helper()
	name, err := calibdir.Pick(s.names(), run)
	if err != nil {
		t.Fatal(err)
	}
	return name, s[name]
}

func (s shelf) cxx(run int) string { return s[calibdir.PickCxx(s.names(), run)] }

// aDirectory is random files and runs, as drawings.
func aDirectory(r *rand.Rand) (files, wants string) {
	runs := 12
	if r.IntN(4) == 0 {
		runs = 40
	}
	begin := func() int {
		if r.IntN(20) == 0 {
			return 9990 + r.IntN(10)
		}
		return r.IntN(runs)
	}
	seen := map[string]bool{}
	var words []string
	for range r.IntN(6) {
		b := begin()
		name := fmt.Sprintf("%d-end", b)
		switch r.IntN(6) {
		case 0, 1:
			name = fmt.Sprintf("%d-%d", b, min(b+r.IntN(8), calibdir.MaxRun))
		case 2:
			name = "0-end"
		case 3:
			name = []string{"+5-9", fmt.Sprintf("%d-9999", b), "0-9999", "7-5"}[r.IntN(4)]
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		mark := []string{"", "", "!", "?"}[r.IntN(4)]
		content := string(rune('a' + r.IntN(4)))
		switch {
		case mark == "!" || strings.HasPrefix(name, "+"):
			words = append(words, name+"=!x"+content)
		default:
			words = append(words, name+"="+content+mark)
		}
	}
	files = strings.Join(words, " ")
	words = nil
	content := "a"
	for run := range runs {
		if r.IntN(3) == 0 {
			continue
		}
		if r.IntN(3) == 0 {
			content = []string{"a", "b", "c", "-", "?"}[r.IntN(5)]
		}
		number := run
		if run > runs-3 && r.IntN(4) == 0 {
			number = 9995 + 3*run
		}
		words = append(words, fmt.Sprintf("%d:%s", number, content))
	}
	slices.SortFunc(words, func(a, b string) int { return cmp.Compare(numberOf(a), numberOf(b)) })
	return files, strings.Join(words, " ")
}

func numberOf(word string) (n int) {
	fmt.Sscanf(word, "%d", &n)
	return n
}

// TestPromises checks what the package promises, on random directories, with
// nothing but psana's finders: it knows no rule.
func TestPromises(t *testing.T) {
	changes, refusals := 0, 0
	for seed := range uint64(3_000) {
		r := rand.New(rand.NewPCG(seed, 7))
		files, wants := aDirectory(r)
		start := drawFiles(t, files)
		runs := drawWants(t, wants)
		d, err := decide(start, runs)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for range r.IntN(3) { // the content check and the file system refuse some
			if f := anyOf(r, d.files); f != nil && f.action().Publishes() {
				f.refuse(planfile.Held, "held")
				d.settle()
				refusals++
			}
		}
		fail := func(format string, args ...any) {
			t.Helper()
			plan, outcomes := drawn(d)
			t.Fatalf("seed %d\nfiles %s\nwants %s\nplan  %s\nruns  %s\n%s", seed, files, wants, plan, outcomes, fmt.Sprintf(format, args...))
		}
		before := shelf{}
		foreign := map[string]bool{}
		for _, word := range strings.Fields(files) {
			name, content, _ := strings.Cut(word, "=")
			before[name+".data"] = strings.TrimSuffix(strings.TrimPrefix(content, "!"), "?")
			foreign[name+".data"] = strings.HasPrefix(content, "!")
		}
		for _, f := range d.files {
			foreign[f.name] = foreign[f.name] || !f.ours // ties
		}

		// The two finders disagree about such names and runs: what one needs may hide
		// somebody else's file from the other.
		odd := strings.Contains(files, "+") || len(runs) > 0 && runs[len(runs)-1].run > calibdir.MaxRun

		now := before.clone()
		changed := make([]int, len(runs))
		for _, f := range d.files {
			if !f.action().Publishes() {
				continue
			}
			changes++
			if foreign[f.name] {
				fail("%s is somebody else's", f.name)
			}
			if _, exists := now[f.name]; exists != (f.action() == planfile.Replace) {
				fail("%s: action %s", f.name, f.action())
			}
			if target, err := calibdir.ParseRange(strings.TrimSuffix(f.name, ".data")); err != nil || target.FileName() != f.name {
				fail("%s cannot be published: %v", f.name, err)
			}
			last := now.clone()
			now[f.name] = contentOf(f.after)
			for run := range 60 { // every run, known or not, and the last names
				for _, x := range []int{run, 9980 + run} {
					was, _ := before.python(t, x)
					if is, _ := now.python(t, x); was != "" && foreign[was] && is != was {
						fail("run %d reads %s, somebody else's, today and %s after %s", x, was, is, f.name)
					}
				}
			}
			for i, w := range runs {
				_, pythonWas := last.python(t, w.run)
				_, pythonIs := now.python(t, w.run)
				if pythonIs != pythonWas {
					changed[i]++
				}
				if changed[i] > 1 {
					fail("run %d changes twice", w.run)
				}
				if w.need != needContent || d.runs[i].action == planfile.Overreach || odd && d.runs[i].action == planfile.Foreign {
					continue
				}
				if pythonIs != pythonWas && pythonIs != contentOf(w.sum) {
					fail("%s gives run %d %q", f.name, w.run, pythonIs)
				}
				if is, was := now.cxx(w.run), last.cxx(w.run); !odd && is != was && is != contentOf(w.sum) {
					fail("%s gives run %d %q in C++", f.name, w.run, is)
				}
			}
		}

		for i, w := range runs {
			v := d.runs[i]
			name, content := now.python(t, w.run)
			served := slices.Contains([]planfile.Action{planfile.Create, planfile.Replace, planfile.Adopt, planfile.Unchanged}, v.action)
			right := w.need == needContent && content == contentOf(w.sum)
			if served && !right {
				fail("run %d is reported as served and reads %q", w.run, content)
			}
			if nameOrNone(v.after) != name || nameOrNone(v.cxxAfter) != calibdir.PickCxx(now.names(), w.run) {
				fail("run %d picks %s, not %s", w.run, name, nameOrNone(v.after))
			}
			if w.need == needNone && v.action != planfile.Missing && v.action != planfile.Overreach && v.action != planfile.Foreign {
				fail("run %d, for which nothing is valid, is %s", w.run, v.action)
			}
			if v.action == "" || !served && v.reason == "" {
				fail("run %d has outcome %q for reason %q", w.run, v.action, v.reason)
			}
		}

		// Taken back in the opposite order every run changes once, too.
		for i := range changed {
			changed[i] = 0
		}
		for _, f := range slices.Backward(d.files) {
			if !f.action().Publishes() {
				continue
			}
			last := now.clone()
			if content, existed := before[f.name]; existed {
				now[f.name] = content
			} else {
				delete(now, f.name)
			}
			for i, w := range runs {
				_, was := last.python(t, w.run)
				if _, is := now.python(t, w.run); is != was {
					changed[i]++
				}
				if changed[i] > 1 {
					fail("undone, run %d changes twice", w.run)
				}
			}
		}

		idempotent(t, d, runs, fail)
	}
	if changes < 3000 || refusals < 300 {
		t.Errorf("only %d changes and %d refusals were tried", changes, refusals)
	}
}

// idempotent plans again what was carried out. What was refused is refused again.
func idempotent(t testing.TB, d *decision, runs []want, fail func(string, ...any)) {
	t.Helper()
	var after []*file
	refused := map[string]bool{}
	for _, f := range d.files {
		refused[f.name] = f.refused != ""
		if f.gone() {
			continue
		}
		again := &file{name: f.name, exists: true, regular: true, ours: f.ours, known: f.known, why: f.why, before: f.becomes()}
		again.known = f.known || f.action().Changes()
		after = append(after, again)
	}
	slices.SortFunc(after, func(a, b *file) int { return strings.Compare(a.name, b.name) })
	again, err := decide(after, runs)
	if err != nil {
		fail("%v", err)
	}
	for _, f := range again.files {
		if f.action().Publishes() && refused[f.name] {
			f.refuse(planfile.Held, "held")
		}
	}
	again.settle()
	for _, f := range again.files {
		if f.action().Changes() {
			plan, outcomes := drawn(again)
			fail("planned again it is\nplan  %s\nruns  %s", plan, outcomes)
		}
	}
}

func anyOf(r *rand.Rand, files []*file) *file {
	if len(files) == 0 {
		return nil
	}
	return files[r.IntN(len(files))]
}

func nameOrNone(f *file) string {
	if f == nil {
		return ""
	}
	return f.name
}
