package dark_test

import (
	"bytes"
	"errors"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"

	"deployconstants/repo/ndarray"
	"deployconstants/stages/dark"

	"github.com/google/go-cmp/cmp"
)

// sequence is frames that can be gone through again.
func sequence(frames [][]uint16) iter.Seq2[[]uint16, error] {
	return func(yield func([]uint16, error) bool) {
		for _, frame := range frames {
			if !yield(frame, nil) {
				return
			}
		}
	}
}

func TestPixelStatus(t *testing.T) {
	type step struct {
		Title  string
		Med    any
		Used   any `json:"spr_used"`
		Lo, Hi any
		NLo    int `json:"n_lo"`
		NHi    int `json:"n_hi"`
	}
	eachCase(t, "s", func(t *testing.T, c darkCase) {
		source := c.Sources[0]
		frames := source.read(t, c, c.NEvents, nil)
		r, err := dark.PixelStatus(sequence(frames), dark.StatusParams{
			KeepAll: !strings.Contains(c.Params.Features, "1"),
			Mean:    strings.Contains(c.Params.Features, "2"), Spread: strings.Contains(c.Params.Features, "3"),
			Sigmas: c.Params.SnrMax, DataBits: uint16(c.Params.DataBits),
		})
		good := expect[[]int](t, c.Expected, "good_frames")
		if len(good) == 0 { // D16: the reference says nothing
			if !errors.Is(err, dark.ErrNoGoodFrames) || r == nil {
				t.Fatalf("no good frame: %v %v", r, err)
			}
		} else if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(r.Good, good) {
			t.Errorf("good frames are %v, want %v", r.Good, good)
		}
		for _, want := range expect[[]step](t, c.Expected, "steps") {
			got := map[byte]dark.Flagging{'1': r.Frames, '2': r.Means, '3': r.Spreads}[want.Title[len("Feat.")]]
			right := dark.Flagging{
				Median: number(want.Med), Spread: number(want.Used), Low: number(want.Lo), High: number(want.Hi),
				BelowLow: want.NLo, AboveHigh: want.NHi,
			}
			nans := cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) })
			if diff := cmp.Diff(right, got, nans); diff != "" {
				t.Errorf("%s (-want +got):\n%s", want.Title, diff)
			}
		}
		a := &ndarray.Array{Shape: source.Generator.Shape, DType: ndarray.Uint64}
		for _, v := range r.Status {
			a.Words = append(a.Words, uint64(v))
		}
		checkArray(t, c.arrays(t), expect[map[string]expectedArray](t, c.Expected, "arrays")["status"], "status", a)
		var out bytes.Buffer
		if err := a.WriteTable(&out, "%d"); err != nil {
			t.Fatal(err)
		}
		checkText(t, c.texts(t), expect[map[string]expectedText](t, c.Expected, "text")["status.dat"], "status.dat", out.Bytes())
	})
}

func TestPixelStatusRefuses(t *testing.T) {
	failure := errors.New("disk")
	one := []uint16{1, 2, 3}
	times := 0
	for name, c := range map[string]struct {
		frames iter.Seq2[[]uint16, error]
		want   error
	}{
		"nothing":       {sequence(nil), dark.ErrTooFewFrames},
		"empty frames":  {sequence([][]uint16{{}, {}}), dark.ErrShape},
		"other lengths": {sequence([][]uint16{one, one[:2]}), dark.ErrShape},
		"unreadable":    {func(yield func([]uint16, error) bool) { _ = yield(one, nil) && yield(nil, failure) }, failure},
		"other next time": {func(yield func([]uint16, error) bool) {
			for range 3 - times {
				if !yield(one, nil) {
					break
				}
			}
			times++
		}, dark.ErrShape},
	} {
		if _, err := dark.PixelStatus(c.frames, dark.StatusParams{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
