package calibdir_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"deployconstants/repo/calibdir"
)

// BenchmarkPick looks a run up in a directory of 100 files, listed once.
func BenchmarkPick(b *testing.B) {
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("%d-end.data", i*10))
	}
	listing, err := calibdir.List(names)
	must(b, err)
	b.ReportAllocs()
	run := 0
	for b.Loop() {
		run = (run + 7) % 1000
		if listing.Pick(run) == "" {
			b.Fatal("nothing for run", run)
		}
	}
}

// BenchmarkList reads the names of a directory of 100 files.
func BenchmarkList(b *testing.B) {
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("%d-end.data", i*10))
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := calibdir.List(names); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRedeploy replaces a file of 4 MB and records it: all fsyncs included.
func BenchmarkRedeploy(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "calib")
	calib := create(b, dir)
	target := gain(dir)
	texts := [2]string{strings.Repeat("0.06000 ", 1<<19), strings.Repeat("0.05000 ", 1<<19)}
	b.SetBytes(int64(len(texts[0])))
	b.ReportAllocs()
	turn := 0
	for b.Loop() {
		turn++
		_, err := calib.Install(b.Context(), target, strings.NewReader(texts[turn%2]), calibdir.InstallOptions{})
		must(b, err)
		must(b, calib.AppendHistory(b.Context(), target, record(target, "/")))
	}
}
