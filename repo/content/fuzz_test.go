package content_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"deployconstants/repo"
	"deployconstants/repo/content"
	"deployconstants/repo/ndarray"
)

// FuzzText: the stream accepts what ndarray.Read accepts, and finds the same
// elements in the same shape.
func FuzzText(f *testing.F) {
	for _, seed := range []string{
		"1 2\n3 4\n", "# DTYPE uint16\n# NDIM 3\n# DIM:0 1\n# DIM:1 2\n# DIM:2 2\n1 2\n3 4", "nan inf\n-inf +1",
		"1e400 1\n1 1", "1_0 1\n", "0x1p3 1\n", ".5 5.\n. 1", "+ 1\n", "1..2 1\n", "# DTYPE int8\n127 -128\n128 0",
		"# DTYPE uint64\n18446744073709551615 18446744073709551616\n", "# DTYPE int64\n9223372036854775807 9223372036854775808",
		"# DTYPE bool\n0 1\n1.5 2", "1 2 # DTYPE int8\n3.5 4", "# NDIM 3\n1 2\n", "# NDIM 3\n# DIM:0 0\n# DIM:1 1\n# DIM:2 1\n1",
		"# DTYPE float32\n0.1 16777217\n3.5e38 1", "123456789012345 1234567890123456\n-0.000000000000001 0.1234567890123456",
		"1\r\n2\r\n", "1\v2\f3", "#\n\n#DTYPE float\n 4 5 \n", "\x93NUMPY\x01\x00", npy("(2, 2)", 1, 2, 3, math.NaN()), npy("(0, 2)"),
	} {
		f.Add([]byte(seed))
	}
	anything := repo.DetType{Name: "epix"} // takes any shape
	limits := content.Limits{MaxElements: 1000, MaxChanged: 1e-9, MaxBytes: 1 << 16}
	f.Fuzz(func(t *testing.T, file []byte) {
		if len(file) > 1<<15 {
			t.Skip()
		}
		a, unread := ndarray.Read(bytes.NewReader(file), ndarray.Limits{MaxElements: 1000})
		if unread == nil && a.Len() == 0 {
			unread = ndarray.ErrNoData // an .npy file may be empty, constants may not
		}
		subject := content.Subject{Type: anything, CType: repo.StatusExtra}
		loose := content.Limits{MaxElements: 1000, MaxBytes: 1 << 16,
			ByCType: map[repo.CType]content.Limit{repo.StatusExtra: {Min: new(-math.MaxFloat64), Max: new(math.MaxFloat64)}}}
		err := loose.Check(t.Context(), subject, iotest.OneByteReader(bytes.NewReader(file)), nil)
		problem, is := errors.AsType[*content.Problem](err)
		if err != nil && !is {
			t.Fatalf("neither a problem nor nothing: %v", err)
		}
		refused := is && (problem.Kind == content.Unreadable || problem.Kind == content.TooLarge)
		if refused != (unread != nil) {
			t.Fatalf("ndarray says %v, content says %v", unread, err)
		}
		if is && strings.ContainsAny(problem.Message, "\n\r\x1b") {
			t.Fatalf("message of several lines: %q", problem.Message)
		}
		if unread != nil {
			return
		}
		finite := !slices.ContainsFunc(a.AsFloat64(), func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
		if finite == (is && problem.Kind == content.NotFinite) {
			t.Fatalf("elements %v: %v", a.AsFloat64(), err)
		}
		if !finite {
			return
		}
		// The same elements as an .npy file are found unchanged, and of the same shape.
		subject.CType = "unknown" // any number, compared as float64
		again := npy(pythonShape(a.Shape), a.AsFloat64()...)
		if err := limits.Check(t.Context(), subject, bytes.NewReader(file), strings.NewReader(again)); err != nil {
			t.Fatalf("elements %v: %v", a.AsFloat64(), err)
		}
	})
}

func pythonShape(shape []int) string {
	return strings.ReplaceAll(ndarray.ShapeString(shape), ",", ", ")
}

func FuzzGeometry(f *testing.F) {
	f.Add([]byte(fixtureGeometry))
	f.Add([]byte(" # x\n"))
	f.Add([]byte("\x00"))
	f.Add([]byte("a 0 b 0 1 2 3 4 5 6 7 8 inf"))
	f.Fuzz(func(t *testing.T, file []byte) {
		subject := content.Subject{Type: repo.DetType{Name: "epix"}, CType: repo.Geometry}
		err := content.Limits{MaxChanged: 1e-9}.Check(t.Context(), subject, bytes.NewReader(file), bytes.NewReader(file))
		problem, is := errors.AsType[*content.Problem](err)
		if err != nil && !is || is && problem.Kind == content.Changed {
			t.Fatal(err)
		}
		if is && strings.ContainsAny(problem.Message, "\n\r\x1b") {
			t.Fatalf("message of several lines: %q", problem.Message)
		}
	})
}
