package dataset_test

import (
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/testenv"
	"deployconstants/xtc/dataset"
)

// sharedLines returns the lines of a shared text file, without comments.
func sharedLines(t testing.TB, elem ...string) []string {
	t.Helper()
	text, err := os.ReadFile(testenv.Shared(t, elem...))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\n"); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestFileNameVectors runs the unit-test vectors of psana's own XtcFileName.
func TestFileNameVectors(t *testing.T) {
	for _, line := range sharedLines(t, "real", "text", "xtc_filename_vectors.tsv") {
		fields := strings.Split(line, "\t")
		t.Run(fields[0], func(t *testing.T) {
			testenv.Case(t, "real/filename_vectors")
			number := func(i int) int {
				n, err := strconv.Atoi(fields[i])
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			want := dataset.FileName{
				Path: fields[0], Small: fields[1] == "true", Prefix: fields[2],
				Run: number(3), Stream: number(4), Chunk: number(5),
			}
			if diff := cmp.Diff(want, dataset.ParseFileName(fields[0])); diff != "" {
				t.Errorf("(-psana +ours):\n%s", diff)
			}
		})
	}
}

// fileNameRule is the rule of file names, written another way.
var fileNameRule = regexp.MustCompile(`^([^.]{2,})-r(\d+)-s(\d+)-c(\d+)(\.|$)`)

func TestRealFileNames(t *testing.T) {
	experiments, err := dataset.LoadExperiments(testenv.Shared(t, "real", "expdb", "experiment-db.dat"))
	if err != nil {
		t.Fatal(err)
	}
	rows := experiments.All()
	lastNumber := rows[len(rows)-1].Number
	// A path that says the experiment twice: by its directory and by its number.
	twice := regexp.MustCompile(`/psdm/(\w{3})/(\w+)/xtc/(?:smalldata/)?e\d+-[^/]*\.xtc$`)
	for _, list := range []string{"xtcnames.uniq", "psdmpaths.uniq"} {
		for _, name := range sharedLines(t, "real", "text", list) {
			if !strings.Contains(path.Base(name), ".xtc") {
				continue
			}
			t.Run(name, func(t *testing.T) {
				testenv.Case(t, "real/"+strings.TrimSuffix(list, ".uniq"))
				got := dataset.ParseFileName(name)
				want := dataset.FileName{Path: name, Small: strings.HasSuffix(name, ".smd.xtc")}
				if parts := fileNameRule.FindStringSubmatch(path.Base(name)); parts != nil {
					want.Prefix = parts[1]
					want.Run, _ = strconv.Atoi(parts[2])
					want.Stream, _ = strconv.Atoi(parts[3])
					want.Chunk, _ = strconv.Atoi(parts[4])
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				parts := twice.FindStringSubmatch(name)
				if parts == nil {
					return
				}
				number, _ := got.ExperimentNumber()
				row, ok := experiments.ByNumber(number)
				if newer := number > lastNumber; newer == ok {
					t.Errorf("experiment %d of a table up to %d is found: %v", number, lastNumber, ok)
				}
				if ok && (row.Name != parts[2] || !strings.EqualFold(row.Instrument, parts[1])) {
					t.Errorf("experiment %d is %+v, the directory says %s/%s", number, row, parts[1], parts[2])
				}
			})
		}
	}
}

func TestExperimentNumber(t *testing.T) {
	for name, want := range map[string]int{
		"e665-r0260-s00-c00.xtc":                 665,
		"/data/e665-r0260-s00-c00.smd.xtc":       665,
		"e0-r0003-s00-c00.xtc":                   0,
		"xpptut15-r0260-s00-c00.xtc":             -1,
		"cxif5315-e545-r0169-s00-c00.xtc":        -1,
		"e665x-r0260-s00-c00.xtc":                -1,
		"e-r0260-s00-c00.xtc":                    -1,
		"e665-r0260-s00-c00.xtc.inprogress":      -1,
		"e99999999999-r0260-s00-c00.xtc":         -1,
		"ee665-r0260-s00-c00.xtc":                -1,
		"e+65-r0260-s00-c00.xtc":                 -1,
		"e665-r99999999999999999999-s00-c00.xtc": -1,
	} {
		number, ok := dataset.ParseFileName(name).ExperimentNumber()
		if ok != (want >= 0) || ok && number != want {
			t.Errorf("%s: number %d, %v; want %d", name, number, ok, want)
		}
	}
}

func FuzzParseFileName(f *testing.F) {
	for _, seed := range []string{"/d/e665-r0260-s00-c00.xtc", "xpptut15-r1-s80-c1.smd.xtc", "-r1-s1-c1", "e-1-r2-s3-c4", "a-r1-s2-c3-r4-s5-c6"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := dataset.ParseFileName(name)
		if got.Path != name || got.Run < 0 || got.Stream < 0 || got.Chunk < 0 {
			t.Errorf("parsed as %+v", got)
		}
		if got.Prefix == "" && (got.Run != 0 || got.Stream != 0 || got.Chunk != 0) {
			t.Errorf("numbers without a prefix: %+v", got)
		}
		if got.Prefix != "" && !strings.HasPrefix(path.Base(name), got.Prefix+"-r") {
			t.Errorf("prefix %q is not that of the name", got.Prefix)
		}
	})
}
