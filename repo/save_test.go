package repo_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deployconstants/internal/testenv"
	"deployconstants/repo"
	"deployconstants/repo/ndarray"

	"github.com/google/go-cmp/cmp"
)

// request is that of the documentation's example.
func request(t testing.TB) repo.Request {
	return repo.Request{
		Experiment: "xpptut15", Run: 260, RunStamp: 20160318190730,
		Panel: epix(t, epixID), CType: repo.Gain, Stamp: "20220901120000", DeployRun: "123",
	}
}

func TestFileName(t *testing.T) {
	for _, c := range []struct {
		name             string
		stamp, deployRun string
		ctype            repo.CType
		want             string
	}{
		{"S02", "", "", "gain", "gain/epix100a_0001_20160318190730_xpptut15_r0260_gain.txt"},
		{"S03", "", "123", "gain", "gain/epix100a_0001_20160318190730_xpptut15_r0123_gain.txt"},
		{"S05", "20220901120000", "123", "gain", "gain/epix100a_0001_20220901120000_xpptut15_r0123_gain.txt"},
		{"S06", "20220901120000", "0-end", "gain", "gain/epix100a_0001_20220901120000_xpptut15_r0260_gain.txt"},
		{"S07", "20220901120000", "0007", "gain", "gain/epix100a_0001_20220901120000_xpptut15_r0007_gain.txt"},
		{"S09", "20220901120000", "12345", "gain", "gain/epix100a_0001_20220901120000_xpptut15_r12345_gain.txt"},
		{"S14", "20220901120000", "", "pedestals", "pedestals/epix100a_0001_20220901120000_xpptut15_r0260_pedestals.txt"},
		{"short stamp", "2022", "", "gain", "gain/epix100a_0001_20220101000000_xpptut15_r0260_gain.txt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t, options())
			q := request(t)
			q.Stamp, q.DeployRun, q.CType = c.stamp, c.deployRun, c.ctype
			got, err := r.FileName(t.Context(), q)
			if want := filepath.Join(r.Dir(), "epix100a", epixID, c.want); err != nil || got != want {
				t.Errorf("%s, %v, want %s", got, err, want)
			}
			if _, err := os.Stat(filepath.Join(r.Dir(), "epix100a", epixID, "pedestals")); err == nil {
				t.Error("the directory of pedestals was made")
			}
		})
	}
}

// A bad request is refused before anything is made.
func TestRequestRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*repo.Request)
		want  error
	}{
		{"S10 run", func(q *repo.Request) { q.DeployRun = "abc" }, repo.ErrBadName},
		{"S11 range", func(q *repo.Request) { q.DeployRun = "10-20" }, repo.ErrBadName},
		{"negative run", func(q *repo.Request) { q.DeployRun = "-7" }, repo.ErrBadName},
		{"signed run", func(q *repo.Request) { q.DeployRun = "+7" }, repo.ErrBadName},
		{"no run", func(q *repo.Request) { q.DeployRun, q.Run = "", -1 }, repo.ErrBadName},
		{"S13 stamp", func(q *repo.Request) { q.Stamp = "not a time" }, repo.ErrBadStamp},
		{"no stamp", func(q *repo.Request) { q.Stamp, q.RunStamp = "", 0 }, repo.ErrBadStamp},
		{"experiment leaves", func(q *repo.Request) { q.Experiment = "../../x" }, repo.ErrBadName},
		{"experiment blank", func(q *repo.Request) { q.Experiment = "a b" }, repo.ErrBadName},
		{"no experiment", func(q *repo.Request) { q.Experiment = "" }, repo.ErrBadName},
		{"ctype leaves", func(q *repo.Request) { q.CType = "../gain" }, repo.ErrUnknownCType},
		{"id leaves", func(q *repo.Request) { q.Panel.ID = "../x" }, repo.ErrBadName},
		{"made-up type", func(q *repo.Request) { q.Panel.Type.Name = ".." }, repo.ErrUnknownType},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t, options())
			q := request(t)
			c.spoil(&q)
			if got, err := r.FileName(t.Context(), q); !errors.Is(err, c.want) {
				t.Errorf("%s, %v, want %v", got, err, c.want)
			}
			if names, err := os.ReadDir(r.Dir()); err != nil || len(names) != 0 {
				t.Errorf("made %v, %v", names, err)
			}
		})
	}
}

func TestSave(t *testing.T) {
	r := open(t, options())
	a, err := ndarray.Filled([]int{704, 768}, 0.061)
	if err != nil {
		t.Fatal(err)
	}
	q := request(t)
	path, err := r.Save(t.Context(), q, a, repo.SaveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	wantHeader := "\n# HOST        psanagpu105\n# WORK_DIR    /home/dubrovin\n# FILE_NAME   " + path +
		"\n# DATE_TIME   2022-06-09T12:19:26\n# UID         dubrovin\n# SHAPE       (704,768)\n# DATATYPE    float64\n" +
		"\n# DTYPE       float64\n# NDIM        2\n# DIM:0       704\n# DIM:1       768\n\n"
	header, _, _ := strings.Cut(read(t, path), "0.0610")
	if diff := cmp.Diff(wantHeader, header); diff != "" {
		t.Error(diff)
	}
	choice, err := r.Resolve(q.Panel, "0001", repo.Gain, 20221231000000)
	if err != nil || choice.Path != path {
		t.Errorf("choice %+v, %v, want the saved file", choice, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	a.Floats[0] = 1
	before := read(t, path)
	if _, err := r.Save(t.Context(), q, a, repo.SaveOptions{}); !errors.Is(err, repo.ErrExists) {
		t.Errorf("saved again: %v, want ErrExists", err)
	}
	if read(t, path) != before {
		t.Error("the file was changed all the same")
	}
	if _, err := r.Save(t.Context(), q, a, repo.SaveOptions{Replace: true}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 || read(t, path) == before {
		t.Errorf("replaced: mode %v, %v, or the content is the old one", info.Mode(), err)
	}
	q.CType = repo.Pedestals // S48: the directory is made
	if path, err = r.Save(t.Context(), q, a, repo.SaveOptions{Format: "%.1f"}); err != nil || !strings.Contains(path, "/pedestals/") {
		t.Errorf("pedestals: %s, %v", path, err)
	}
}

// Geometry is text and is kept to the byte; nothing else is text.
func TestSaveText(t *testing.T) {
	r := open(t, options())
	q := request(t)
	q.CType = repo.Geometry
	const text = "IP 0 EPIX100:V1 0 0 0 0 0 0 0 0 0 0\n"
	path, err := r.SaveText(t.Context(), q, []byte(text), repo.SaveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != text {
		t.Errorf("%q, %v, want %q", got, err, text)
	}
	if _, err := r.SaveText(t.Context(), q, []byte(text), repo.SaveOptions{}); !errors.Is(err, repo.ErrExists) {
		t.Errorf("the same again: %v, want ErrExists", err)
	}
	if _, err := r.SaveText(t.Context(), q, []byte(text+text), repo.SaveOptions{Replace: true}); err != nil {
		t.Error(err)
	}
	for want, bad := range map[error]string{repo.ErrEmpty: "", repo.ErrBadText: "IP\x00"} {
		if _, err := r.SaveText(t.Context(), q, []byte(bad), repo.SaveOptions{Replace: true}); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", bad, err, want)
		}
	}
	q.CType = repo.Gain
	if _, err := r.SaveText(t.Context(), q, []byte(text), repo.SaveOptions{}); !errors.Is(err, repo.ErrBadShape) {
		t.Errorf("gain as text: %v, want ErrBadShape", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != text+text {
		t.Errorf("in the end %q, %v", got, err)
	}
}

func TestSaveRefuses(t *testing.T) {
	ones := func(shape ...int) *ndarray.Array {
		a, err := ndarray.Filled(shape, 1)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	broken := ones(704, 768)
	broken.Floats[5] = math.NaN()
	for _, c := range []struct {
		name   string
		a      *ndarray.Array
		ctype  repo.CType
		format string
		want   error
	}{
		{"S44", ones(768, 704), repo.Gain, "", repo.ErrBadShape},
		{"S45", ones(1, 704, 768), repo.Gain, "", repo.ErrBadShape},
		{"pixels as common mode", ones(704, 768), repo.CommonMode, "", repo.ErrBadShape},
		{"too many parameters", ones(17), repo.CommonMode, "", repo.ErrBadShape},
		{"geometry", ones(704, 768), repo.Geometry, "", repo.ErrBadShape},
		{"format", ones(704, 768), repo.Gain, "%s", ndarray.ErrFormat},
		{"inconsistent", &ndarray.Array{Shape: []int{704, 768}, DType: ndarray.Float64}, repo.Gain, "", ndarray.ErrShape},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t, options())
			q := request(t)
			q.CType = c.ctype
			if path, err := r.Save(t.Context(), q, c.a, repo.SaveOptions{Format: c.format}); !errors.Is(err, c.want) {
				t.Errorf("%s, %v, want %v", path, err, c.want)
			}
			if names, err := os.ReadDir(r.Dir()); err != nil || len(names) != 0 {
				t.Errorf("made %v, %v", names, err)
			}
		})
	}
	r := open(t, options())
	if path, err := r.Save(t.Context(), request(t), broken, repo.SaveOptions{Format: "%d"}); !errors.Is(err, ndarray.ErrRange) {
		t.Errorf("nan with %%d: %s, %v, want ErrRange", path, err)
	}
	if files, err := filepath.Glob(filepath.Join(r.Dir(), "epix100a", epixID, "gain", "*")); err != nil || len(files) > 0 {
		t.Errorf("left %v, %v", files, err)
	}
	other := request(t)
	other.Panel = panel(t, "XppGon.0:Cspad.0", "XppGon-0-Cspad-0")
	if _, err := r.SaveEpix100a(t.Context(), other, ones(704, 768), ""); !errors.Is(err, repo.ErrBadShape) {
		t.Errorf("a cspad as epix100a: %v, want ErrBadShape", err)
	}
}

func TestShapes(t *testing.T) {
	for _, c := range []struct {
		device string
		ctype  repo.CType
		shape  []int
		ok     bool
	}{
		{"Cspad", repo.Pedestals, []int{32, 185, 388}, true},
		{"Cspad", repo.Pedestals, []int{5920, 388}, true}, // rows without dimensions
		{"Cspad", repo.Pedestals, []int{5919, 388}, false},
		{"Cspad", repo.CommonMode, []int{4}, true},
		{"Cspad", repo.CommonMode, []int{5}, false},
		{"Cspad2x2", repo.Gain, []int{185, 388, 2}, true},
		{"pnCCD", repo.Status, []int{4, 512, 512}, true},
		{"Epix100a", repo.CommonMode, []int{4}, true},
		{"Epix100a", repo.CommonMode, []int{16}, true},
		{"Epix10ka", repo.Gain, []int{7, 1, 352, 384}, true},
		{"Epix10ka2M", repo.Gain, []int{7, 16, 352, 384}, true},
		{"Epix10ka2M", repo.Gain, []int{7, 4, 352, 384}, false},
		{"Jungfrau", repo.Pedestals, []int{3, 8, 512, 1024}, true},
		{"Jungfrau", repo.Pedestals, []int{3, 512, 1024}, false},
		{"Jungfrau", repo.Pedestals, []int{3072, 1024}, true},
		{"Jungfrau", repo.Pedestals, []int{3073, 1024}, false},
		{"Opal1000", repo.Pedestals, []int{1024, 1024}, true},
		{"Opal1000", repo.Pedestals, []int{1024}, false},
		{"Epix", repo.Pedestals, []int{3}, true},
		{"Uxi", repo.Pedestals, []int{2, 1024, 512}, true},
		{"Epix100a", repo.Geometry, []int{704, 768}, false},
	} {
		detType, err := repo.TypeOfSource("X.0:" + c.device + ".0")
		if err != nil {
			t.Fatal(err)
		}
		if err := detType.CheckShape(c.ctype, c.shape); (err == nil) != c.ok || err != nil && !errors.Is(err, repo.ErrBadShape) {
			t.Errorf("%s %s %v: %v", c.device, c.ctype, c.shape, err)
		}
	}
}

// The bodies that the original's save_epix100a_ctype_in_repo wrote, by digest.
func TestSaveGolden(t *testing.T) {
	pixels := func(value func(i int) float64) *ndarray.Array {
		a := &ndarray.Array{Shape: []int{704, 768}, DType: ndarray.Float64, Floats: make([]float64, 704*768)}
		for i := range a.Floats {
			a.Floats[i] = value(i)
		}
		return a
	}
	integers := &ndarray.Array{Shape: []int{704, 768}, DType: ndarray.Int32, Integers: make([]int64, 704*768)}
	words := &ndarray.Array{Shape: []int{704, 768}, DType: ndarray.Uint64, Words: make([]uint64, 704*768)}
	for i := range integers.Integers {
		integers.Integers[i] = int64(i % 1000)
		words.Words[i] = 1<<63 + 1
	}
	single := pixels(func(i int) float64 { return float64(float32(float64(i) * 0.1)) })
	single.DType = ndarray.Float32
	flat := func(int) float64 { return 0.061 }
	ties := []float64{0.05, 0.15, 0.25, 0.35, 0.45, 0.125, 2.5, -0.05}
	odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1)}
	for name, c := range map[string]struct {
		a      *ndarray.Array
		format string
		ctype  repo.CType
	}{
		"S30_save_seed":        {pixels(flat), "%.4f", repo.Gain},
		"S34_save_default_fmt": {pixels(flat), "", repo.Gain},
		"S35_save_fmt_2f":      {pixels(flat), "%.2f", repo.Gain},
		"S36_save_fmt_6e":      {pixels(func(i int) float64 { return float64(i) / 7 }), "%.6e", repo.Gain},
		"S37_save_fmt_d":       {integers, "%d", repo.Gain},
		"S38_save_fmt_g":       {pixels(func(i int) float64 { return float64(i) * 1e-3 }), "%g", repo.Gain},
		"S39_save_float32":     {single, "%.4f", repo.Gain},
		"S40_save_rounding":    {pixels(func(i int) float64 { return ties[i%8] }), "%.1f", repo.Gain},
		"S41_save_nan_inf":     {pixels(func(i int) float64 { return odd[i%4] }), "%.4f", repo.Gain},
		"S42_save_fmt_width":   {pixels(flat), "%8.3f", repo.Gain},
		"S43_save_uint64":      {words, "%d", repo.Gain},
		"S47_save_common_mode": {pixels(flat), "%.4f", repo.CommonMode},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(testenv.Shared(t, "golden", name, "expected.s2209.json"))
			if err != nil {
				t.Fatal(err)
			}
			testenv.Case(t, "golden bodies of save")
			var expected struct {
				Changed map[string]struct {
					Body string `json:"body_sha256"`
				}
			}
			if err := json.Unmarshal(text, &expected); err != nil {
				t.Fatal(err)
			}
			r := open(t, options())
			q := request(t)
			q.CType = c.ctype
			path, err := r.SaveEpix100a(t.Context(), q, c.a, c.format)
			if err != nil {
				t.Fatal(err)
			}
			_, body, _ := strings.Cut(read(t, path), "# DIM:1       768\n\n")
			sum := sha256.Sum256([]byte(body))
			for name, file := range expected.Changed {
				if filepath.Base(name) == filepath.Base(path) && file.Body == hex.EncodeToString(sum[:]) {
					return
				}
			}
			t.Errorf("%s is not as in %v", filepath.Base(path), expected.Changed)
		})
	}
}
