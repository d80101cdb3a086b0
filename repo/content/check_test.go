package content_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"deployconstants/repo"
	"deployconstants/repo/content"
)

// table is text of rows with the same cell everywhere.
func table(rows, columns int, cell string) string {
	row := strings.TrimSuffix(strings.Repeat(cell+" ", columns), " ") + "\n"
	return strings.Repeat(row, rows)
}

// with replaces the first cell of a text that is on its own line n (from 0).
func with(text string, line int, from, to string) string {
	lines := strings.SplitAfter(text, "\n")
	lines[line] = strings.Replace(lines[line], from, to, 1)
	return strings.Join(lines, "")
}

func typeNamed(tb testing.TB, name string) repo.DetType {
	t, err := repo.TypeNamed(name)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

const fixtureGeometry = `# TITLE      epix100a
#-------

IP          0   CAMERA      0    0  0  -100000    0  0 0   0.00000  0.00000  0.00000
CAMERA      0   EPIX100:V1  0    0  0  0         90  0 0   0.0  0 -1e-3
`

// maxBad are limits of the fraction of bad pixels.
func maxBad(fraction float64) content.Limits {
	return content.Limits{ByCType: map[repo.CType]content.Limit{repo.PixelStatus: {MaxBad: &fraction}}}
}

func TestCheck(t *testing.T) {
	epix := table(704, 768, "1")
	status := table(704, 768, "0")
	cases := []struct {
		name     string
		detType  string
		ctype    repo.CType
		text     string
		deployed string // "-": none
		limits   content.Limits
		want     content.Problem // Kind "": none
	}{
		{"gain", "epix100a", repo.Gain, epix, "-", content.Limits{}, content.Problem{}},
		{"header", "epix100a", repo.PixelStatus, "# DTYPE uint16\n# NDIM 2\n# DIM:0 704\n# DIM:1 768\n\n" + status, "-", content.Limits{}, content.Problem{}},
		{"modules stacked", "jungfrau", repo.PixelGain, table(3*512, 1024, "-1.39"), "-", content.Limits{}, content.Problem{}},
		{"common mode", "epix100a", repo.CommonMode, "4 6 30 30", "-", content.Limits{}, content.Problem{}},
		{"camera", "opal1000", repo.Pedestals, table(8, 9, "-3.5"), "-", content.Limits{}, content.Problem{}},
		{"fraction 0 in status", "epix100a", repo.Status, table(704, 768, "2.0000"), "-", content.Limits{}, content.Problem{}},
		{"64 bits", "opal1000", repo.StatusExtra, "# DTYPE uint64\n18446744073709551615 0\n1 2", "-", content.Limits{}, content.Problem{}},
		{"dead pixels", "epix100a", repo.Gain, with(epix, 3, "1", "0"), "-", content.Limits{}, content.Problem{}},

		{"empty", "epix100a", repo.Gain, "", "-", content.Limits{}, content.Problem{Kind: content.Unreadable, Element: -1,
			Message: "not an array that psana reads: no numbers; repair or withdraw the file in the repository"}},
		{"html", "epix100a", repo.Gain, "<html>\n", "-", content.Limits{}, content.Problem{Kind: content.Unreadable, Element: -1,
			Message: `not an array that psana reads: line 1: "<html>" is no number: not an array in this format; repair or withdraw the file in the repository`}},
		{"ragged", "epix100a", repo.Gain, "1 2 3\n4 5\n", "-", content.Limits{}, content.Problem{Kind: content.Unreadable, Element: -1,
			Message: "not an array that psana reads: line 2: 2 numbers where the lines above have 3: shape and data do not fit; repair or withdraw the file in the repository"}},
		{"negative for unsigned", "opal1000", repo.PixelStatus, "# DTYPE uint16\n1 2\n-3 4\n", "-", content.Limits{}, content.Problem{Kind: content.Unreadable, Element: -1,
			Message: `not an array that psana reads: line 3: "-3" is no uint16: number out of range; repair or withdraw the file in the repository`}},
		{"too many bytes", "epix100a", repo.Gain, epix, "-", content.Limits{MaxBytes: 1000}, content.Problem{Kind: content.TooLarge, Element: -1,
			Message: "more than 1000 bytes; repair or withdraw the file in the repository"}},
		{"too many elements", "epix100a", repo.Gain, epix, "-", content.Limits{MaxElements: 1000}, content.Problem{Kind: content.TooLarge, Element: -1,
			Message: "not an array that psana reads: array is larger than allowed: more than 1000 elements; repair or withdraw the file in the repository"}},
		{"shape", "epix100a", repo.Gain, table(703, 768, "1"), "-", content.Limits{}, content.Problem{Kind: content.Shape, Element: -1, Count: 703 * 768,
			Message: "shape does not fit the detector: Epix100a pixel_gain is (703,768), want (704,768); repair or withdraw the file in the repository"}},
		{"nan", "epix100a", repo.Gain, with(with(epix, 3, "1", "nan"), 5, "1", "-inf"), "-", content.Limits{}, content.Problem{Kind: content.NotFinite, Element: 3 * 768, Count: 2,
			Message: "2 of 540672 elements are not finite, the first is element (3,0): NaN; repair or withdraw the file in the repository"}},
		{"beyond float32", "epix100a", repo.Gain, with(epix, 3, "1", "1e39"), "-", content.Limits{}, content.Problem{Kind: content.NotFinite, Element: 3 * 768, Count: 1,
			Message: "1 of 540672 elements are not finite, the first is element (3,0): 1e+39; repair or withdraw the file in the repository"}},
		{"range", "epix100a", repo.RMS, with(epix, 703, "1 1 ", "1 -1 "), "-", content.Limits{}, content.Problem{Kind: content.Range, Element: 703*768 + 1, Count: 1,
			Message: "1 of 540672 elements are outside of the range 0 to 65536, the first is element (703,1): -1; repair or withdraw the file in the repository, or change content.pixel_rms in the settings"}},
		{"fraction in status", "epix100a", repo.Status, with(status, 0, "0", "0.5"), "-", content.Limits{}, content.Problem{Kind: content.Range, Element: 0, Count: 1,
			Message: "1 of 540672 elements are no whole numbers of the range 0 to 65535, the first is element (0,0): 0.5; repair or withdraw the file in the repository, or change content.pixel_status in the settings"}},
		{"all gains 0", "epix100a", repo.Gain, status, "-", content.Limits{}, content.Problem{Kind: content.Range, Element: 0, Count: 704 * 768,
			Message: "all 540672 elements of pixel_gain are 0; repair or withdraw the file in the repository"}},
		{"own range", "epix100a", repo.Gain, epix, "-", content.Limits{ByCType: map[repo.CType]content.Limit{repo.PixelGain: {Max: new(0.5)}}},
			content.Problem{Kind: content.Range, Element: 0, Count: 704 * 768,
				Message: "540672 of 540672 elements are outside of the range -1e+06 to 0.5, the first is element (0,0): 1; repair or withdraw the file in the repository, or change content.pixel_gain in the settings"}},

		{"bad, no limit", "opal1000", repo.Status, "1 2\n3 4", "-", content.Limits{}, content.Problem{}},
		{"bad at the limit", "opal1000", repo.Status, "0 2\n0 4", "-", maxBad(0.5), content.Problem{}},
		{"bad", "opal1000", repo.PixelStatus, "0 2\n3 4", "-", maxBad(0.5), content.Problem{Kind: content.Bad, Element: 1, Count: 3,
			Message: "3 of 4 pixels are bad, more than the fraction 0.5, the first is element (0,1): 2; repair or withdraw the file in the repository, or change content.pixel_status.max_bad in the settings"}},
		{"bad is of words", "opal1000", repo.Pedestals, "1 2\n3 4", "-", content.Limits{ByCType: map[repo.CType]content.Limit{repo.Pedestals: {MaxBad: new(0.5)}}}, content.Problem{}},

		{"changed, no limit", "opal1000", repo.Gain, table(2, 2, "1"), table(2, 2, "2"), content.Limits{}, content.Problem{}},
		{"changed at the limit", "opal1000", repo.Gain, "1 1\n1 1", "1 1\n1 2", content.Limits{MaxChanged: 0.25}, content.Problem{}},
		{"changed", "opal1000", repo.Gain, "1 1\n1 1", "1 1\n2 2", content.Limits{MaxChanged: 0.25}, content.Problem{Kind: content.Changed, Element: 2, Count: 2,
			Message: "2 of 4 elements differ from what is deployed, more than the fraction 0.25, the first is element (1,0); look at both, then raise content.pixel_gain.max_changed in the settings"}},
		{"changed, own", "opal1000", repo.Gain, "1 1\n1 1", "2 2\n2 2", content.Limits{MaxChanged: 0.25, ByCType: map[repo.CType]content.Limit{repo.PixelGain: {MaxChanged: new(0.0)}}}, content.Problem{}},
		{"written otherwise", "opal1000", repo.Gain, "1 1\n1 0.1", "1.0 1\n1 1.00000000001e-1", content.Limits{MaxChanged: 0.01}, content.Problem{}},
		{"more before", "opal1000", repo.Gain, "1 1\n1 1", "1 1\n1 1\n1 1", content.Limits{MaxChanged: 0.5}, content.Problem{Kind: content.Changed, Element: 0, Count: 4,
			Message: "4 of 4 elements differ from what is deployed, more than the fraction 0.5, the first is element (0,0); look at both, then raise content.pixel_gain.max_changed in the settings"}},
		{"more now", "opal1000", repo.Gain, "1 1\n1 1\n1 1", "1 1\n1 1", content.Limits{MaxChanged: 0.5}, content.Problem{Kind: content.Changed, Element: 0, Count: 6,
			Message: "6 of 6 elements differ from what is deployed, more than the fraction 0.5, the first is element (0,0); look at both, then raise content.pixel_gain.max_changed in the settings"}},
		{"deployed unreadable", "opal1000", repo.Gain, "1 1\n1 1", "1 1\n1 x", content.Limits{MaxChanged: 0.1}, content.Problem{}},
		{"deployed empty", "opal1000", repo.Gain, "1 1\n1 1", "", content.Limits{MaxChanged: 0.1}, content.Problem{}},
		{"deployed of no use", "epix100a", repo.Gain, epix, "2 2\n2 2", content.Limits{MaxChanged: 0.1}, content.Problem{}},

		{"geometry", "epix100a", repo.Geometry, fixtureGeometry, "-", content.Limits{}, content.Problem{}},
		{"geometry empty", "epix100a", repo.Geometry, "# only a comment\n", "-", content.Limits{}, content.Problem{Kind: content.Unreadable, Element: -1,
			Message: "geometry without an object; repair or withdraw the file in the repository"}},
		{"geometry of an array", "epix100a", repo.Geometry, "1 2 3\n", "-", content.Limits{}, content.Problem{Kind: content.Unreadable, Element: -1,
			Message: "geometry: line 1 has 3 fields, want 13; repair or withdraw the file in the repository"}},
		{"geometry index", "epix100a", repo.Geometry, strings.Replace(fixtureGeometry, "CAMERA      0", "CAMERA      \x1b", 1), "-", content.Limits{}, content.Problem{Kind: content.Unreadable, Element: -1,
			Message: `geometry: line 4 has the index "\x1b", want a whole number; repair or withdraw the file in the repository`}},
		{"geometry nan", "epix100a", repo.Geometry, strings.Replace(fixtureGeometry, "90", "nan", 1), "-", content.Limits{}, content.Problem{Kind: content.NotFinite, Element: 1, Count: 1,
			Message: `1 of 2 objects have a position or angle that is not finite, the first is object "EPIX100:V1" index 0; repair or withdraw the file in the repository`}},
		{"geometry changed", "epix100a", repo.Geometry, fixtureGeometry, strings.Replace(fixtureGeometry, "90", "270", 1), content.Limits{MaxChanged: 0.4}, content.Problem{Kind: content.Changed, Element: 1, Count: 1,
			Message: `1 of 2 objects differ from what is deployed, more than the fraction 0.4, the first is object "EPIX100:V1" index 0; look at both, then raise content.geometry.max_changed in the settings`}},
		{"geometry binary", "epix100a", repo.Geometry, "a\x00b", "-", content.Limits{}, content.Problem{Kind: content.Unreadable, Element: -1,
			Message: "geometry: line 1 is not text; repair or withdraw the file in the repository"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var deployed io.Reader
			if c.deployed != "-" {
				deployed = strings.NewReader(c.deployed)
			}
			subject := content.Subject{Type: typeNamed(t, c.detType), CType: c.ctype}
			err := c.limits.Check(t.Context(), subject, iotest.HalfReader(strings.NewReader(c.text)), deployed)
			var got content.Problem
			if problem, is := errors.AsType[*content.Problem](err); is {
				got = *problem
			} else if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// npy is a version 1 file of float64, little endian.
func npy(shape string, values ...float64) string {
	header := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': %s, }", shape)
	header += strings.Repeat(" ", 117-len(header)) + "\n"
	var b bytes.Buffer
	b.WriteString("\x93NUMPY\x01\x00\x76\x00" + header)
	for _, v := range values {
		word := math.Float64bits(v)
		for range 8 {
			b.WriteByte(byte(word))
			word >>= 8
		}
	}
	return b.String()
}

func TestNPY(t *testing.T) {
	subject := content.Subject{Type: typeNamed(t, "opal1000"), CType: repo.RMS}
	for _, c := range []struct {
		name, file string
		want       content.Kind
	}{
		{"good", npy("(2, 2)", 1, 2, 3, 4), ""},
		{"range", npy("(2, 2)", 1, 2, 3, -4), content.Range},
		{"shape", npy("(4,)", 1, 2, 3, 4), content.Shape},
		{"cut", npy("(2, 2)", 1, 2, 3), content.Unreadable},
		{"cut in the header", npy("(2, 2)", 1)[:20], content.Unreadable},
		{"empty", npy("(0, 2)"), content.Unreadable},
		{"large", npy("(2, 2000000000)", 1), content.TooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := content.Limits{}.Check(t.Context(), subject, strings.NewReader(c.file), nil)
			var got content.Kind
			if problem, is := errors.AsType[*content.Problem](err); is {
				got = problem.Kind
			} else if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("%q, want %q: %v", got, c.want, err)
			}
		})
	}
}

// TestReaderFails: what reading met with is no verdict about the constants.
func TestReaderFails(t *testing.T) {
	broken := errors.New("stale file handle")
	limits := content.Limits{MaxChanged: 0.5}
	for name, text := range map[string]string{"text": "1 2\n3 4\n", "npy": npy("(2, 2)", 1, 2, 3, 4)} {
		for at := range len(text) {
			cut := func() io.Reader { return io.MultiReader(strings.NewReader(text[:at]), iotest.ErrReader(broken)) }
			subject := content.Subject{Type: typeNamed(t, "opal1000"), CType: repo.Gain}
			if err := limits.Check(t.Context(), subject, cut(), nil); !errors.Is(err, broken) {
				t.Fatalf("%s cut at %d: %v", name, at, err)
			}
			if err := limits.Check(t.Context(), subject, strings.NewReader(text), cut()); !errors.Is(err, broken) {
				t.Fatalf("deployed %s cut at %d: %v", name, at, err)
			}
		}
	}
}

func TestCancelled(t *testing.T) {
	cause := errors.New("terminated")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	for _, ctype := range []repo.CType{repo.Gain, repo.Geometry} {
		err := content.Limits{}.Check(ctx, content.Subject{CType: ctype}, strings.NewReader("1 2\n"), nil)
		if !errors.Is(err, cause) {
			t.Errorf("%s: %v", ctype, err)
		}
	}
}

// repeated is a reader of the same text over and over.
type repeated struct {
	text  string
	at    int
	times int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.times == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.text[r.at:])
	if r.at += n; r.at == len(r.text) {
		r.at = 0
		r.times--
	}
	return n, nil
}

// TestMemory: text is judged and compared in memory that does not grow with it.
func TestMemory(t *testing.T) {
	row := table(1, 1024, "-1.39")
	subject := content.Subject{Type: typeNamed(t, "jungfrau"), CType: repo.Gain}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := content.Limits{MaxChanged: 0.1}.Check(t.Context(), subject,
		&repeated{text: row, times: 3 * 512}, &repeated{text: row, times: 3 * 512})
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("%d bytes allocated for %d of text", grown, 2*3*512*len(row))
	}
}

// TestDefaultsAllow: constants as detectors of every type have them are never held.
func TestDefaultsAllow(t *testing.T) {
	cells := map[repo.CType][]string{
		repo.Pedestals:   {"0", "-12.5", "16383", "65535.0"},
		repo.PixelStatus: {"0", "1", "255", "65535"},
		repo.PixelRMS:    {"0", "1.5", "9999"},
		repo.PixelGain:   {"41.5", "-1.39", "-0.11", "0.0610", "16.40", "1250.0"},
		repo.PixelMask:   {"0", "1"},
		repo.PixelBkgd:   {"0", "120000.5", "-7"},
		repo.PixelOffset: {"0", "-11000", "70000"},
		repo.StatusData:  {"0", "1023"},
		repo.StatusExtra: {"0", "18446744073709551615"},
	}
	for _, detType := range repo.Types() {
		for ctype, values := range cells {
			shape := detType.Shape(ctype)
			if len(shape) < 2 {
				continue
			}
			columns := shape[len(shape)-1]
			if columns == 0 {
				columns = 3
			}
			rows := 1
			for _, dim := range shape[:len(shape)-1] {
				rows *= max(dim, 2)
			}
			if rows*columns > 1<<20 {
				continue // the same rule in a larger file
			}
			text := table(rows, columns, values[0])
			for i, value := range values {
				text = with(text, i%rows, values[0], value)
			}
			err := content.Limits{}.Check(t.Context(), content.Subject{Type: detType, CType: ctype}, strings.NewReader(text), nil)
			if err != nil {
				t.Errorf("%s %s: %v", detType.Name, ctype, err)
			}
		}
	}
}

func TestFingerprint(t *testing.T) {
	base := content.Limits{}.Fingerprint()
	same := []content.Limits{
		{MaxElements: 1 << 26, MaxBytes: 1 << 30},
		{ByCType: map[repo.CType]content.Limit{repo.PixelRMS: {Min: new(0.0)}, repo.PixelGain: {}}},
	}
	for i, l := range same {
		if l.Fingerprint() != base {
			t.Errorf("same %d differs", i)
		}
	}
	seen := map[string]int{base: -1}
	for i, l := range []content.Limits{
		{MaxChanged: 0.1},
		{MaxElements: 5},
		{MaxBytes: 5},
		{ByCType: map[repo.CType]content.Limit{repo.PixelRMS: {Min: new(1.0)}}},
		{ByCType: map[repo.CType]content.Limit{repo.PixelRMS: {Max: new(1.0)}}},
		{ByCType: map[repo.CType]content.Limit{repo.PixelRMS: {MaxChanged: new(0.1)}}},
		maxBad(0.1),
	} {
		if other, is := seen[l.Fingerprint()]; is {
			t.Errorf("%d is as %d", i, other)
		}
		seen[l.Fingerprint()] = i
	}
}

func TestCompares(t *testing.T) {
	l := content.Limits{ByCType: map[repo.CType]content.Limit{repo.PixelRMS: {MaxChanged: new(0.1)}}}
	if !l.Compares(repo.RMS) || l.Compares(repo.Gain) {
		t.Error("limits of a ctype are not found under its short name, or those of another are")
	}
	unread := iotest.ErrReader(errors.New("was read"))
	subject := content.Subject{Type: typeNamed(t, "opal1000"), CType: repo.Gain}
	if err := l.Check(t.Context(), subject, strings.NewReader("1 2\n3 4"), unread); err != nil {
		t.Error(err)
	}
}
