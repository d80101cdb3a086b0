package ui_test

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/ui"
)

func exampleTable() *ui.Table {
	t := ui.NewTable("experiment", "range", "runs", "size", "left", "reason")
	t.Row("xpptut15", "0-end", 40, "1.5 MiB", "12m05s", "new")
	t.Row("cxi", "12-end", -3, "12 B", "", "hides\n\x1b[2J foreign\u202efile")
	t.Row("amo86615", "-", 12345, "-", "5s")
	t.Row("x", "1-9", 0.5, "99%", "3h07m", "", "dropped")
	return t
}

const wholeTable = `experiment  range    runs     size    left  reason
xpptut15    0-end      40  1.5 MiB  12m05s  new
cxi         12-end     -3     12 B          hides\n\x1b[2J foreign\u202efile
amo86615    -       12345        -      5s
x           1-9       0.5      99%   3h07m
`

func TestTable(t *testing.T) {
	var b strings.Builder
	if err := exampleTable().Write(&b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wholeTable, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestTableWidth(t *testing.T) {
	const want = `experiment  range    runs     …
xpptut15    0-end      40  1.5…
cxi         12-end     -3     …
amo86615    -       12345     …
x           1-9       0.5     …
`
	var b strings.Builder
	if err := exampleTable().WriteWidth(&b, 31); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
	for columns := 1; columns < 80; columns++ {
		b.Reset()
		if err := exampleTable().WriteWidth(&b, columns); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > columns {
				t.Errorf("%d columns in %d: %q", n, columns, line)
			}
		}
	}
}

func TestTableOfNothing(t *testing.T) {
	var b strings.Builder
	table := ui.NewTable("a", "b")
	if err := table.Write(&b); err != nil || b.String() != "a  b\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
	if err := table.Write(broken{}); err == nil {
		t.Error("an error of the writer is lost")
	}
}

func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "",
		"plain äß 日本 \ufffd":   "plain äß 日本 \ufffd",
		"a\nb\r\tc":            `a\nb\r\tc`,
		"\x1b]0;x\x07\x7f\x9b": `\x1b]0;x\x07\x7f\x9b`,
		"\u009b\u202e\u2028":   `\u009b\u202e\u2028`,
		"\U000e0001":           `\U000e0001`,
		"\xff\ufffd":           "\\xff\ufffd",
	} {
		if got := ui.Escape(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("a\x1bb\xff\u202e")
	f.Fuzz(func(t *testing.T, text string) {
		got := ui.Escape(text)
		if again := ui.Escape(got); again != got || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\t\x1b\x00\x7f") {
			t.Errorf("%q: %q, again %q", text, got, again)
		}
	})
}

func TestCount(t *testing.T) {
	for _, c := range []struct {
		n           int
		thing, want string
	}{
		{0, "file", "0 files"}, {1, "file", "1 file"}, {2, "directory", "2 directories"}, {2, "day", "2 days"},
		{3, "class", "3 classes"}, {1, "batch", "1 batch"}, {2, "batch", "2 batches"}, {2, "y", "2 ys"},
	} {
		if got := ui.Count(c.n, c.thing); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 1 << 20: "1.0 MiB", 3 << 40: "3.0 TiB",
		math.MaxInt64: "8.0 EiB", -1: "-1 B", -2048: "-2.0 KiB", math.MinInt64: "-8.0 EiB",
	} {
		if got := ui.Bytes(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Microsecond: "0ms", 340 * time.Millisecond: "340ms", 999600 * time.Microsecond: "1.0s", 1540 * time.Millisecond: "1.5s",
		9960 * time.Millisecond: "10s", 59 * time.Second: "59s", 59600 * time.Millisecond: "1m00s", 725 * time.Second: "12m05s",
		time.Hour - time.Second: "59m59s", time.Hour - time.Millisecond: "1h00m", 3*time.Hour + 7*time.Minute: "3h07m",
		24*time.Hour - time.Second: "1d00h", 52 * time.Hour: "2d04h", -time.Second: "-1.0s",
		math.MaxInt64: "106751d23h", math.MinInt64: "-106751d23h",
	} {
		if got := ui.Duration(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestRate(t *testing.T) {
	for r, want := range map[float64]string{0.024: "0.02", 0.996: "1.0", 3.44: "3.4", 99.96: "100", 12034.4: "12034"} {
		if got := ui.Rate(r); got != want {
			t.Errorf("%g: %q, want %q", r, got, want)
		}
	}
}
