package testenv

import (
	"bytes"
	"testing"
)

// SameLines reports texts that are not the same, with the first line that differs.
func SameLines(t testing.TB, name string, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	lines, right := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range min(len(lines), len(right)) {
		if !bytes.Equal(lines[i], right[i]) {
			t.Errorf("%s, line %d:\n got %.200s\nwant %.200s", name, i+1, lines[i], right[i])
			return
		}
	}
	t.Errorf("%s: %d lines, want %d", name, len(lines), len(right))
}
