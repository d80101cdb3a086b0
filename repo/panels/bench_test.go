package panels_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deployconstants/repo"
	"deployconstants/repo/panels"
)

// BenchmarkMerge merges the pedestals of a quad: 20 tables of 1.2 MB, whose bytes are
// what is counted. The tables are in the page cache.
func BenchmarkMerge(b *testing.B) {
	recipe, _ := quadOfPedestals(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := recipe.Merge(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkText renders them: 31 MB of text.
func BenchmarkText(b *testing.B) {
	recipe, typ := quadOfPedestals(b)
	m, err := recipe.Merge(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	name, _ := recipe.FileName(typ, "0001")
	b.ReportAllocs()
	for b.Loop() {
		text, err := recipe.Text(m, name)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(text)))
	}
}

func quadOfPedestals(b *testing.B) (*panels.Recipe, repo.DetType) {
	b.Helper()
	r := constants(b)
	typ := typeNamed(b, "epix10kaquad")
	var row strings.Builder
	for col := range 384 {
		fmt.Fprintf(&row, "%.3f ", 2900+1.37*float64(col))
	}
	text := strings.Repeat(strings.TrimSuffix(row.String(), " ")+"\n", 352)
	ids := []string{"A", "B", "C", "D"}
	for _, id := range ids {
		for _, mode := range darkModes {
			write(b, r.Dir(), "epix10kaquad/"+id+"/"+name("epix10kaquad", "pedestals", "pedestals", mode, at), text)
		}
	}
	k, _ := panels.KindOf(typ, repo.Pedestals)
	recipe := choose(b, panels.InConstants(r, typ), k, at, ids...)
	var size int64
	for _, input := range recipe.Inputs() {
		info, err := os.Stat(filepath.Clean(input.Path))
		if err != nil {
			b.Fatal(err)
		}
		size += info.Size()
	}
	b.SetBytes(size)
	return recipe, typ
}
