package panels_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/repo"
	"deployconstants/repo/ndarray"
	"deployconstants/repo/panels"
)

const (
	at    repo.Stamp = 20180914120622
	early repo.Stamp = 20180801000000
	late  repo.Stamp = 20190101000000
)

var darkModes = []string{"FH", "FM", "FL", "AHL-H", "AML-M"}

// kind returns one of the kinds that a letter asks for.
func kind(t testing.TB, letter string) panels.Kind {
	t.Helper()
	kinds, err := panels.ByLetters(letter, panels.NominalFactors())
	if err != nil || len(kinds) != 1 {
		t.Fatalf("%s: %v, %v", letter, kinds, err)
	}
	return kinds[0]
}

func choose(t testing.TB, s panels.Store, k panels.Kind, at repo.Stamp, ids ...string) *panels.Recipe {
	t.Helper()
	recipe, err := s.Choose(ids, k, at)
	if err != nil {
		t.Fatal(err)
	}
	return recipe
}

func merge(t testing.TB, r *panels.Recipe) *panels.Merged {
	t.Helper()
	m, err := r.Merge(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestPedestals: tables are stacked by gain and panel; a low gain of an auto mode is
// its own table, else FL and the offset, else 0.
func TestPedestals(t *testing.T) {
	g := gains(t, t.TempDir(), panels.GainsOptions{Family: panels.Epix10ka})
	for panel, id := range []string{"A", "B", "C"} {
		for gain, mode := range darkModes {
			write(t, g.Dir(), id+"/"+name("epix10ka", "pedestals", "pedestals", mode, at), epix(fmt.Sprintf("%d.25", 100*panel+gain)))
		}
	}
	write(t, g.Dir(), "A/"+name("epix10ka", "pedestals", "pedestals", "AHL-L", early), epix("7"))
	write(t, g.Dir(), "B/"+name("epix10ka", "offset", "offsetph", "AHL", early), epix("0.001"))
	write(t, g.Dir(), "B/"+name("epix10ka", "offset", "offsetph", "AML", late), epix("5"))
	write(t, g.Dir(), "C/"+name("epix10ka", "offset", "offset", "AML", early), epix("5"))
	recipe := choose(t, g.Store(), kind(t, "p"), at, "A", "B", "C")
	if err := recipe.Check(); err != nil {
		t.Error(err)
	}
	m := merge(t, recipe)
	want := [][]float64{
		{0.25, 100.25, 200.25}, {1.25, 101.25, 201.25}, {2.25, 102.25, 202.25}, {3.25, 103.25, 203.25}, {4.25, 104.25, 204.25},
		{7, 102.25 + 0.001, 0}, {0, 0, 0},
	}
	if diff := cmp.Diff(want, firsts(m)); diff != "" {
		t.Error(diff)
	}
	if m.Array.DType != ndarray.Float64 || m.Shape() != "(7,3,352,384)" {
		t.Errorf("%v of shape %s", m.Array.DType, m.Shape())
	}
	for panel, dtype := range []ndarray.DType{ndarray.Float32, ndarray.Float64, ndarray.Float32} {
		one := m.Panel(panel)
		if err := one.Check(); err != nil || one.DType != dtype || !slices.Equal(one.Shape, []int{7, 1, 352, 384}) {
			t.Errorf("panel %d: %v %v, %v", panel, one.DType, one.Shape, err)
		}
		if one.Floats[0] != want[0][panel] || one.Floats[len(one.Floats)-1] != want[6][panel] {
			t.Errorf("panel %d: %v ... %v", panel, one.Floats[0], one.Floats[len(one.Floats)-1])
		}
	}
	var gaps []string
	for _, gap := range recipe.Gaps() {
		gaps = append(gaps, fmt.Sprintf("%d %s %v %v", gap.Panel, gap.Gain, gap.Value, gap.Expected))
	}
	if diff := cmp.Diff([]string{"0 AML-L 0 true", "1 AML-L 0 true", "2 AHL-L 0 true", "2 AML-L 0 true"}, gaps); diff != "" {
		t.Error(diff)
	}
	if len(m.Digests) != len(recipe.Inputs()) || len(m.Digests) != 3*5+2 {
		t.Errorf("%d digests of %d tables", len(m.Digests), len(recipe.Inputs()))
	}
}

// TestRounding: numbers are float32, whole ones too.
func TestRounding(t *testing.T) {
	g := gains(t, t.TempDir(), panels.GainsOptions{Family: panels.Jungfrau})
	for _, mode := range []string{"gm0-Normal", "gm1-FixedGain1", "gm2-FixedGain2"} {
		write(t, g.Dir(), "M/"+name("jungfrau", "dark_max", "dark_max", mode, at), flat(2, 3, "16777217"))
	}
	m := merge(t, choose(t, g.Store(), panels.JungfrauKinds()[4].OfSize(2, 3), at, "M"))
	if v, same := cell(m, 2, 0); m.Array.DType != ndarray.Float32 || v != 16777216 || !same {
		t.Errorf("2^24+1 is %v of type %v", v, m.Array.DType)
	}
}

// TestNewest: of every gain the newest table that is not too new; of several names
// of a gain the newest, and of equal stamps as psana has it; other names are nothing.
func TestNewest(t *testing.T) {
	g := gains(t, t.TempDir(), panels.GainsOptions{Family: panels.Jungfrau})
	table := func(mode string, stamp repo.Stamp, number string) {
		write(t, g.Dir(), "M/"+name("jungfrau", "pedestals", "pedestals", mode, stamp), jungfrau(number))
	}
	table("gm0-Normal", early, "1")
	table("gm0-HighGain0", at, "2")
	table("gm0-Normal", late, "3")
	table("gm1-FixedGain1", at, "4")
	table("gm1-ForcedGain1", at, "5")
	table("gm2-FixedGain2", early, "6")
	table("gm2-Normal", at, "7")      // a name of another gain
	table("gm2-FixedGain22", at, "8") // begins alike
	write(t, g.Dir(), "M/"+strings.Replace(name("jungfrau", "pedestals", "pedestals", "gm2-FixedGain2", early), "_r1021", "_r1022", 1), jungfrau("9"))
	write(t, g.Dir(), "M/pedestals/notes.txt", "x")
	recipe := choose(t, g.Store(), panels.JungfrauKinds()[0], at, "M")
	if diff := cmp.Diff([][]float64{{2}, {5}, {9}}, firsts(merge(t, recipe))); diff != "" {
		t.Error(diff)
	}
	newest, found := recipe.Newest()
	if !found || newest.Stamp != at || newest.Mode != "gm0-HighGain0" {
		t.Errorf("the newest is %+v", newest)
	}
	if recipe := choose(t, g.Store(), panels.JungfrauKinds()[0], early-1, "M"); len(recipe.Inputs()) != 0 || len(recipe.Gaps()) != 3 {
		t.Errorf("before all: %v", recipe.Inputs())
	} else if _, found := recipe.FileName(typeNamed(t, "jungfrau"), "0001"); found {
		t.Error("nothing has a name")
	}
}

// TestStoreNewest: the newest table of one mode, of any directory of a panel.
func TestStoreNewest(t *testing.T) {
	r := constants(t)
	for _, stamp := range []repo.Stamp{early, at, late} {
		write(t, r.Dir(), "epix10ka/P/"+name("epix10ka", "gain", "gainci", "AHL-H", stamp), "1")
	}
	again := strings.Replace(name("epix10ka", "gain", "gainci", "AHL-H", at), "_r1021", "_r1022", 1)
	write(t, r.Dir(), "epix10ka/P/"+again, "1")
	write(t, r.Dir(), "epix10ka/P/"+name("epix10ka", "gain", "gainci", "AHL-L", late), "1")
	write(t, r.Dir(), repo.Withdrawn("epix10ka/P/"+name("epix10ka", "gain", "gainci", "AML-M", early)), "1")
	store := panels.InConstants(r, typeNamed(t, "epix10ka"))
	for _, c := range []struct {
		id, mode string
		at       repo.Stamp
		want     string
	}{
		{"P", "AHL-H", early - 1, ""}, {"P", "AHL-H", early, name("epix10ka", "gain", "gainci", "AHL-H", early)}, {"P", "AHL-H", late - 1, again},
		{"P", "AHL-H", late, name("epix10ka", "gain", "gainci", "AHL-H", late)}, {"P", "AML-M", late, ""}, {"Q", "AHL-H", late, ""},
	} {
		if c.want != "" {
			c.want = r.Dir() + "/epix10ka/P/" + c.want
		}
		if got, err := store.Newest(c.id, "gain", "gainci", c.mode, c.at); err != nil || got != c.want {
			t.Errorf("%s of %s at %s: %q, %v, want %q", c.mode, c.id, c.at, got, err, c.want)
		}
	}
}

func TestBehindSwitch(t *testing.T) {
	if diff := cmp.Diff(map[string]string{"AHL-H": "AHL-L", "AML-M": "AML-L"}, panels.BehindSwitch()); diff != "" {
		t.Error(diff)
	}
}

// TestGaps: what is missing and should be there is named; what a dark never gives is
// not missed; fills are those of the original.
func TestGaps(t *testing.T) {
	dir := t.TempDir()
	epixGains := gains(t, filepath.Join(dir, "epix10k"), panels.GainsOptions{Family: panels.Epix10ka})
	jungfrauGains := gains(t, filepath.Join(dir, "jungfrau"), panels.GainsOptions{Family: panels.Jungfrau})
	write(t, epixGains.Dir(), "P/"+name("epix10ka", "rms", "rms", "FM", at), epix("3"))
	write(t, jungfrauGains.Dir(), "P/"+name("jungfrau", "rms", "rms", "gm1-ForcedGain1", at), jungfrau("3"))
	kinds, err := panels.ByLetters("spgr", panels.Factors{High: 1, Medium: 0.33333, Low: 0.01})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		store   panels.Store
		kind    panels.Kind
		want    []float64
		missing string // "": nothing
	}{
		{epixGains.Store(), kinds[0], []float64{0, 0, 0, 0, 0, 0, 0}, "gain FH, panel 0 (P) gain FM, panel 0 (P) gain FL, panel 0 (P) gain AHL-H, and 1 others"},
		{epixGains.Store(), kinds[1], []float64{0, 0, 0, 0, 0, 0, 0}, "gain FH"},
		{epixGains.Store(), kinds[2], []float64{1, float64(float32(0.33333)), float64(float32(0.01)), 1, float64(float32(0.33333)), float64(float32(0.01)), float64(float32(0.01))}, ""},
		{epixGains.Store(), kinds[3], []float64{1, 3, 1, 1, 1, 1, 1}, "gain FH, panel 0 (P) gain FL, panel 0 (P) gain AHL-H, panel 0 (P) gain AML-M"},
		{epixGains.Store(), kind(t, "c"), []float64{float64(float32(16.4)), float64(float32(5.466)), float64(float32(0.164)), float64(float32(16.4)), float64(float32(5.466)), float64(float32(0.164)), float64(float32(0.164))}, "gain FH"},
		{jungfrauGains.Store(), panels.JungfrauKinds()[1], []float64{1, 3, 1}, "gain gm0-Normal, panel 0 (P) gain gm2-ForcedGain2"},
		{jungfrauGains.Store(), panels.JungfrauKinds()[4], []float64{16383, 16383, 16383}, "gain gm0-Normal"},
	} {
		recipe := choose(t, c.store, c.kind, at, "P")
		m := merge(t, recipe)
		var got []float64
		for gain := range m.Array.Shape[0] {
			v, same := cell(m, gain, 0)
			if !same {
				t.Errorf("%s: gain %d is not the same everywhere", c.kind.CType, gain)
			}
			got = append(got, v)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.kind.CType, diff)
		}
		err := recipe.Check()
		if c.missing == "" && err != nil || c.missing != "" && (!errors.Is(err, panels.ErrIncomplete) || !strings.Contains(err.Error(), c.missing)) {
			t.Errorf("%s: %v, want %q", c.kind.CType, err, c.missing)
		}
	}
}

// TestPulsedGain: the median of a high or fixed gain becomes the nominal one, and a
// low gain keeps its ratio to the high one of its mode.
func TestPulsedGain(t *testing.T) {
	g := gains(t, t.TempDir(), panels.GainsOptions{Family: panels.Epix10ka})
	// Half of the pixels have twice the gain of the others, one more than half in AML-M.
	half := func(low, high string) string { return flat(176, 384, low) + flat(176, 384, high) }
	odd := strings.Replace(half("2", "4"), "4 4", "2 4", 1)
	for mode, text := range map[string]string{"AHL-H": half("2", "4"), "AML-M": odd, "AHL-L": epix("0.3"), "AML-L": epix("8")} {
		write(t, g.Dir(), "P/"+name("epix10ka", "gain", "gainci", mode, early), text)
	}
	write(t, g.Dir(), "P/"+name("epix10ka", "gain", "gainci", "FM", at), epix("10")) // measured, and newer
	recipe := choose(t, g.Store(), kind(t, "c"), at, "P")
	if err := recipe.Check(); err != nil {
		t.Fatal(err)
	}
	m := merge(t, recipe)
	want := []float64{2 * 16.40 / 3, 5.466, 0.164, 2 * 16.40 / 3, 5.466, 0.3 * 16.40 / 3, 8 * 5.466 / 2}
	for gain, v := range firsts(m) {
		if d := v[0]/want[gain] - 1; d > 1e-6 || d < -1e-6 {
			t.Errorf("gain %d is %v, want %v", gain, v[0], want[gain])
		}
	}
	if !strings.HasSuffix(recipe.Inputs()[0].Path, "_gainci_AHL-H.dat") {
		t.Errorf("FH is %s", recipe.Inputs()[0].Path)
	}

	// Without the high gain of the mode the low one has no scale.
	if err := os.Remove(filepath.Join(g.Dir(), "P", name("epix10ka", "gain", "gainci", "AHL-H", early))); err != nil {
		t.Fatal(err)
	}
	recipe = choose(t, g.Store(), kind(t, "c"), at, "P")
	if err := recipe.Check(); !errors.Is(err, panels.ErrIncomplete) || !strings.Contains(err.Error(), "gain FH, panel 0 (P) gain AHL-H, panel 0 (P) gain AHL-L") {
		t.Error(err)
	}
	write(t, g.Dir(), "P/"+name("epix10ka", "gain", "gainci", "AML-M", early), epix("0"))
	recipe = choose(t, g.Store(), kind(t, "c"), at, "P")
	if _, err := recipe.Merge(t.Context()); !errors.Is(err, panels.ErrTable) || !strings.Contains(err.Error(), "median is 0") {
		t.Error(err)
	}

	// Only those of some modes: no other table is looked at.
	recipe.Only("FM", "AHL-L")
	if m := merge(t, recipe); len(m.Digests) != 1 || len(recipe.Gaps()) != 6 || recipe.Gaps()[1].Gain != "FL" {
		t.Errorf("%d tables, without %v", len(m.Digests), recipe.Gaps())
	}
}

// TestBadTables: what is no table of one panel is an error that names the file.
func TestBadTables(t *testing.T) {
	g := gains(t, t.TempDir(), panels.GainsOptions{Family: panels.Epix10ka})
	outside := write(t, t.TempDir(), "outside.dat", epix("1"))
	file := filepath.Join(g.Dir(), "P", name("epix10ka", "gain", "gain", "FH", at))
	for what, c := range map[string]struct {
		lay  func() error
		want error
	}{
		"words":         {func() error { return os.WriteFile(file, []byte("a b\n"), 0o666) }, panels.ErrTable},
		"transposed":    {func() error { return os.WriteFile(file, []byte(flat(384, 352, "1")), 0o666) }, repo.ErrBadShape},
		"a row more":    {func() error { return os.WriteFile(file, []byte(flat(353, 384, "1")), 0o666) }, ndarray.ErrLimit},
		"a row less":    {func() error { return os.WriteFile(file, []byte(flat(351, 384, "1")), 0o666) }, panels.ErrTable},
		"all gains":     {func() error { return os.WriteFile(file, []byte(flat(7*352, 384, "1")), 0o666) }, panels.ErrTable},
		"ragged":        {func() error { return os.WriteFile(file, []byte("1 2\n3\n"), 0o666) }, panels.ErrTable},
		"comments":      {func() error { return os.WriteFile(file, []byte("# x\n"), 0o666) }, ndarray.ErrNoData},
		"empty":         {func() error { return os.WriteFile(file, nil, 0o666) }, repo.ErrEmpty},
		"directory":     {func() error { return os.Mkdir(file, 0o777) }, repo.ErrNotRegular},
		"leads out":     {func() error { return os.Symlink(outside, file) }, repo.ErrOutside},
		"leads nowhere": {func() error { return os.Symlink("nothing", file) }, fs.ErrNotExist},
	} {
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.RemoveAll(file), c.lay()); err != nil {
			t.Fatal(err)
		}
		_, err := choose(t, g.Store(), kind(t, "g"), at, "P").Merge(t.Context())
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), "_gain_FH.dat") {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
}

// TestSplit: the panels of a detector are those of its id, as many as its type has.
func TestSplit(t *testing.T) {
	ids := func(n int) string { return strings.TrimSuffix(strings.Repeat("x_", n), "_") }
	for _, c := range []struct {
		typ   string
		count int
		ok    bool
	}{
		{"epix10ka", 1, true}, {"epix10ka", 2, false}, {"epix10kaquad", 4, true}, {"epix10kaquad", 1, false},
		{"epix10ka2m", 16, true}, {"epix10ka2m", 15, false}, {"jungfrau", 1, true}, {"jungfrau", 8, true}, {"jungfrau", 9, false},
		{"epix100a", 1, false},
	} {
		got, err := panels.Split(repo.Panel{Type: typeNamed(t, c.typ), ID: ids(c.count)})
		if c.ok && (err != nil || len(got) != c.count) || !c.ok && !errors.Is(err, panels.ErrNotPanels) {
			t.Errorf("%d panels of %s: %v, %v", c.count, c.typ, got, err)
		}
	}
	for _, p := range []repo.Panel{
		{Type: typeNamed(t, "jungfrau"), ID: "CxiDs1-0-Jungfrau-0", Source: "CxiDs1.0:Jungfrau.0", IsName: true},
		{Type: typeNamed(t, "jungfrau"), ID: "a__b"}, {Type: typeNamed(t, "jungfrau")},
	} {
		if got, err := panels.Split(p); !errors.Is(err, panels.ErrNotPanels) {
			t.Errorf("%+v: %v, %v", p, got, err)
		}
	}
	all := []string{"a", "b", "c"}
	if got, err := panels.Subset(all, []int{2, 0, 2}); err != nil || !slices.Equal(got, []string{"a", "c"}) {
		t.Error(got, err)
	}
	for _, indices := range [][]int{{3}, {-1}, {0, 1, 2, 3}} {
		if _, err := panels.Subset(all, indices); !errors.Is(err, panels.ErrIndex) {
			t.Errorf("%v: %v", indices, err)
		}
	}
}

func TestByLetters(t *testing.T) {
	kinds, err := panels.ByLetters("ppsc", panels.NominalFactors())
	if err != nil || len(kinds) != 3 || kinds[2].CType != "gainci" || kinds[2].Deployed != "pixel_gain" {
		t.Errorf("%+v, %v", kinds, err)
	}
	for _, letters := range []string{"x", "pq", "gc"} {
		if _, err := panels.ByLetters(letters, panels.NominalFactors()); err == nil {
			t.Errorf("%s is taken", letters)
		}
	}
	for _, c := range []repo.CType{repo.Geometry, repo.CommonMode, repo.PixelMask, repo.StatusExtra} {
		if _, ok := panels.KindOf(typeNamed(t, "epix10ka"), c); ok {
			t.Errorf("%s is merged", c)
		}
	}
	if _, ok := panels.KindOf(typeNamed(t, "cspad"), repo.Pedestals); ok {
		t.Error("a cspad is merged")
	}
	if k, ok := panels.KindOf(typeNamed(t, "jungfrau"), repo.PixelRMS); !ok || k.CType != "pixel_rms" || k.Dir != "pixel_rms" || k.Deployed != "pixel_rms" {
		t.Errorf("%+v, %v", k, ok)
	}
}

// TestText: equal tables give equal bytes wherever and whenever they are merged; the
// file says what it was made of, and is read back as what was merged.
func TestText(t *testing.T) {
	var texts [][]byte
	typ := typeNamed(t, "epix10kaquad")
	for range 2 {
		r := constants(t)
		ids := []string{"A", "B", "C", "D"}
		for _, id := range ids {
			for _, mode := range darkModes {
				write(t, r.Dir(), "epix10kaquad/"+id+"/"+name("epix10kaquad", "pixel_rms", "pixel_rms", mode, at), epix("2.125"))
			}
		}
		k, _ := panels.KindOf(typ, repo.PixelRMS)
		recipe := choose(t, panels.InConstants(r, typ), k, late, ids...)
		file, found := recipe.FileName(typ, "0003")
		if !found || file.String() != "epix10kaquad_0003_20180914120622_mfxx32516_r1021_pixel_rms.txt" {
			t.Fatalf("%s, %v", file, found)
		}
		m := merge(t, recipe)
		text, err := recipe.Text(m, file)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ndarray.ReadText(bytes.NewReader(text), ndarray.ReadOptions{})
		if err != nil || back.DType != ndarray.Float32 || !slices.Equal(back.Shape, []int{7, 4, 352, 384}) || !slices.Equal(back.Floats, m.Array.Floats) {
			t.Errorf("read back as %v", err)
		}
		if err := typ.CheckShape(repo.PixelRMS, back.Shape); err != nil {
			t.Error(err)
		}
		for _, want := range []string{
			"# MERGED 20 tables of 4 panels\n",
			fmt.Sprintf("# TABLE %x epix10kaquad/A/pixel_rms/epix10kaquad_0007_20180914120622_mfxx32516_r1021_pixel_rms_FH.dat\n", m.Digests[recipe.Inputs()[0].Path]),
			"# FILLED panel 3 gain AML-L with 1\n",
			"# DATE_TIME   2018-09-14T12:06:22\n",
		} {
			if !bytes.Contains(text, []byte(want)) {
				t.Errorf("no line %q", want)
			}
		}
		path, err := r.Replace("epix10kaquad/epix10kaquad_0003/pixel_rms/"+file.String(), text)
		if err != nil {
			t.Fatal(err)
		}
		tables, is, err := r.MadeOf(path)
		if !is || err != nil || len(tables) != 20 || r.Dir()+"/"+tables[19] != recipe.Inputs()[19].Path {
			t.Errorf("a merge is %v of %v, %v", is, tables, err)
		}
		for _, text := range []string{"# M", "\n# MERGED 1 tables", "MERGED 1 tables\n", strings.Repeat("1 ", 100_000)} {
			other := write(t, r.Dir(), "epix10kaquad/x.txt", text)
			if tables, is, err := r.MadeOf(other); is || err != nil {
				t.Errorf("%.20q is %v of %v, %v", text, is, tables, err)
			}
		}
		gone := tables[3]
		if table, is, err := shelfOf(t, r, typ, k, ids).Withdrawn(path); is || err != nil {
			t.Errorf("%s is withdrawn, %v", table, err)
		}
		if _, err := r.Withdraw(t.Context(), gone, "bad"); err != nil {
			t.Fatal(err)
		}
		shelf := shelfOf(t, r, typ, k, ids)
		if table, is, err := shelf.Withdrawn(path); !is || table != gone || err != nil {
			t.Errorf("%s is withdrawn: %v, %v", table, is, err)
		}
		if err := shelf.At(late).Check(); !errors.Is(err, panels.ErrIncomplete) {
			t.Error(err)
		}
		texts = append(texts, text)
	}
	if !bytes.Equal(texts[0], texts[1]) {
		t.Error("the same tables gave two texts")
	}
}

// TestSuppose: a shelf tells what would be merged if tables came or went.
func TestSuppose(t *testing.T) {
	r := constants(t)
	typ := typeNamed(t, "epix10kaquad")
	k, _ := panels.KindOf(typ, repo.Pedestals)
	file := func(id string, stamp repo.Stamp) string {
		return "epix10kaquad/" + id + "/" + name("epix10kaquad", "pedestals", "pedestals", "FM", stamp)
	}
	const early, late, later = at - 5_000_000, at, at + 5_000_000
	write(t, r.Dir(), file("A", early), epix("1"))
	s := shelfOf(t, r, typ, k, []string{"A", "B"})
	chosen := func(s *panels.Shelf) (files []string) {
		for _, input := range s.At(late).Inputs() {
			mark := ""
			if input.Supposed {
				mark = "?"
			}
			files = append(files, strings.TrimPrefix(input.Path, r.Dir()+"/")+mark)
		}
		return files
	}
	for _, c := range []struct {
		file  string
		there bool
		want  []string
	}{
		{file("A", late), true, []string{file("A", late) + "?"}},
		{file("A", later), true, []string{file("A", early)}},
		{file("B", early), true, []string{file("A", early), file("B", early) + "?"}},
		{file("A", early), true, []string{file("A", early) + "?"}},
		{file("A", early), false, nil},
		{file("C", early), true, []string{file("A", early)}},
		{strings.Replace(file("B", early), "FM", "XX", 1), true, []string{file("A", early)}},
		{strings.Replace(file("B", early), "/pedestals/", "/pixel_rms/", 1), true, []string{file("A", early)}},
	} {
		supposed := s.Suppose(c.file, c.there)
		if got := chosen(supposed); !slices.Equal(got, c.want) {
			t.Errorf("%s there: %v: chosen %v, want %v", c.file, c.there, got, c.want)
		}
		if supposed.AnyWithdrawn() == c.there {
			t.Errorf("%s withdrawn: %v", c.file, c.there)
		}
	}
	if got := chosen(s); !slices.Equal(got, []string{file("A", early)}) || s.AnyWithdrawn() {
		t.Errorf("the shelf itself has changed: %v", got)
	}
	offset := "epix10kaquad/A/" + name("epix10kaquad", "offset", "offsetph", "AHL", early)
	fl := strings.Replace(file("A", early), "FM", "FL", 1)
	if got := chosen(s.Suppose(fl, true).Suppose(offset, true)); !slices.Equal(got, []string{file("A", early), fl + "?", offset + "?"}) {
		t.Errorf("with an offset: %v", got)
	}
}

func shelfOf(t *testing.T, r *repo.Repository, typ repo.DetType, k panels.Kind, ids []string) *panels.Shelf {
	t.Helper()
	shelf, err := panels.InConstants(r, typ).List(ids, k)
	if err != nil {
		t.Fatal(err)
	}
	return shelf
}

// TestNoPanel: a panel without directory has no constants, and no defaults either.
func TestNoPanel(t *testing.T) {
	g := gains(t, t.TempDir(), panels.GainsOptions{Family: panels.Epix10ka})
	write(t, g.Dir(), "A/gain/x", "")
	write(t, g.Dir(), "B", "a file")
	for _, id := range []string{"B", "C"} {
		_, err := g.Store().Choose([]string{"A", id}, kind(t, "g"), at)
		if !errors.Is(err, panels.ErrNoPanel) || !strings.Contains(err.Error(), "panel 1: ") || !strings.Contains(err.Error(), g.Dir()+"/"+id) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// TestGainsAliases: a repository has the aliases of its own file, else of the
// standard one, else starts its own.
func TestGainsAliases(t *testing.T) {
	typ := typeNamed(t, "epix10kaquad")
	dir := t.TempDir()
	own, copied, standard := filepath.Join(dir, "own"), filepath.Join(dir, "copied"), filepath.Join(dir, "standard")
	write(t, own, ".aliases.txt", "0003 A x\n")
	write(t, standard, ".aliases.txt", "0007 A x\n")
	alias := func(at, standard string) string {
		g := gains(t, at, panels.GainsOptions{Family: panels.Epix10ka, Standard: standard})
		known, err := g.LookupAlias(typ, "A")
		if err != nil {
			t.Error(err)
		}
		got, err := g.Alias(t.Context(), typ, "A")
		if err != nil || known != "" && known != got {
			t.Errorf("%s: looked up as %q, then %q, %v", at, known, got, err)
		}
		return got
	}
	if got := []string{alias(own, standard), alias(copied, standard), alias(copied, filepath.Join(dir, "nowhere"))}; !slices.Equal(got, []string{"0003", "0007", "0001"}) {
		t.Errorf("aliases %v", got)
	}
	if text, err := os.ReadFile(filepath.Join(copied, ".aliases.txt")); err != nil || string(text) != "0001 A 2024-12-01T12:00:00 dubrovin\n" {
		t.Errorf("%q, %v", text, err)
	}
}

// TestEpix10ka2M: sixteen panels, of which each is found where it belongs.
func TestEpix10ka2M(t *testing.T) {
	r := constants(t)
	typ := typeNamed(t, "epix10ka2m")
	var ids []string
	for i := range 16 {
		ids = append(ids, fmt.Sprintf("P%02d", i))
		write(t, r.Dir(), "epix10ka2m/"+ids[i]+"/"+name("epix10ka2m", "pedestals", "pedestals", "AML-M", at), epix(fmt.Sprint(1000+i)))
	}
	k, _ := panels.KindOf(typ, repo.Pedestals)
	m := merge(t, choose(t, panels.InConstants(r, typ), k, at, ids...))
	if m.Shape() != "(7,16,352,384)" {
		t.Error(m.Shape())
	}
	for panel := range 16 {
		if v, same := cell(m, 4, panel); v != float64(1000+panel) || !same {
			t.Errorf("panel %d: %v", panel, v)
		}
		if v, same := cell(m, 3, panel); v != 0 || !same {
			t.Errorf("panel %d: gap %v", panel, v)
		}
	}
}

// FuzzTable: whatever a table holds, it is refused with an error that names it, or
// has the numbers of one panel.
func FuzzTable(f *testing.F) {
	f.Add([]byte("1 2\n3 4\n"))
	f.Add([]byte("# DTYPE float32\n# NDIM 4\n# DIM:0 7\n\n1"))
	f.Add([]byte(epix("1")))
	f.Add([]byte(strings.Replace(epix("1"), "1", "nan", 1)))
	g := gains(f, f.TempDir(), panels.GainsOptions{Family: panels.Epix10ka})
	k := kind(f, "s")
	file := "P/" + name("epix10ka", "status", "status", "FH", at)
	f.Fuzz(func(t *testing.T, text []byte) {
		path := write(t, g.Dir(), file, string(text))
		m, err := choose(t, g.Store(), k, at, "P").Merge(t.Context())
		if err != nil {
			if !strings.Contains(err.Error(), path) || !errors.Is(err, panels.ErrTable) && !errors.Is(err, repo.ErrEmpty) {
				t.Error(err)
			}
			return
		}
		if err := m.Array.Check(); err != nil {
			t.Error(err)
		}
		var out bytes.Buffer
		if err := m.Panel(0).WriteText(&out, ndarray.TextOptions{Format: k.Format}); err != nil && !errors.Is(err, ndarray.ErrRange) {
			t.Error(err)
		}
	})
}

// FuzzMadeOf: whatever a file holds, it is a merge only if it begins like one, and its
// tables are those that it names in lines of comments.
func FuzzMadeOf(f *testing.F) {
	f.Add([]byte("# MERGED 1 tables of 1 panels\n# TABLE 00ff a/b c.dat\n# FILLED x\n\n# TABLE 1 no\n"))
	f.Add([]byte("# MERGED \n# TABLE"))
	f.Add([]byte("# MERGED " + strings.Repeat("x", 70_000)))
	r := constants(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		path := write(t, r.Dir(), "epix10ka/P/pedestals/x.txt", string(text))
		tables, merged, err := r.MadeOf(path)
		if err != nil && !errors.Is(err, repo.ErrEmpty) {
			t.Error(err)
		}
		if merged && !bytes.HasPrefix(text, []byte("# MERGED")) || !merged && len(tables) > 0 {
			t.Errorf("merged %v of %q", merged, tables)
		}
		for _, table := range tables {
			if !bytes.Contains(text, []byte("TABLE ")) || strings.Contains(table, "\n") {
				t.Errorf("made of %q", table)
			}
		}
	})
}
