package repo_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"deployconstants/repo"
)

// stamps makes names of n constants files, one a day.
func stamps(n int) []string {
	names := make([]string, n)
	day := time.Date(2010, 1, 1, 12, 0, 0, 0, time.UTC)
	for i := range names {
		names[i] = fmt.Sprintf("epix100a_0001_%s_xpptut15_r%04d_gain.txt", repo.StampOf(day.AddDate(0, 0, i), time.UTC), i)
	}
	return names
}

// BenchmarkResolve is a decision in a directory of 1,000 stamps.
func BenchmarkResolve(b *testing.B) {
	detType, err := repo.TypeNamed("epix100a")
	if err != nil {
		b.Fatal(err)
	}
	index := repo.NewIndex(stamps(1000), detType, "0001", repo.Gain)
	random := rand.New(rand.NewPCG(1, 2))
	moments := make([]repo.Stamp, 1<<12)
	for i := range moments {
		moments[i] = repo.StampOf(time.Unix(1262304000+random.Int64N(4*365*86400), 0), time.UTC)
	}
	b.ReportAllocs()
	missed, i := 0, 0
	for b.Loop() {
		if _, found := index.At(moments[i&(len(moments)-1)]); !found {
			missed++
		}
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mdecisions/s")
	if missed == b.N {
		b.Error("nothing was found")
	}
}

// BenchmarkIndex reads a directory of 1,000 stamps.
func BenchmarkIndex(b *testing.B) {
	r := open(b, options())
	p := epix(b, epixID)
	if err := r.MakeTree(p); err != nil {
		b.Fatal(err)
	}
	for _, name := range stamps(1000) {
		if err := os.WriteFile(filepath.Join(r.Dir(), gainDir, name), []byte("1\n"), 0o666); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Index(p, "0001", repo.Gain); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAlias allocates in a repository of many, each allocation made durable.
func BenchmarkAlias(b *testing.B) {
	for _, noLocks := range []bool{false, true} {
		b.Run(fmt.Sprintf("noLocks=%v", noLocks), func(b *testing.B) {
			o := options()
			o.NoLocks = noLocks
			r := open(b, o)
			if err := r.MakeTree(epix(b, epixID)); err != nil {
				b.Fatal(err)
			}
			i := 0
			for b.Loop() {
				if _, err := r.Alias(b.Context(), epix(b, fmt.Sprintf("ID%d", i)), repo.Origin{Run: -1}); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}
