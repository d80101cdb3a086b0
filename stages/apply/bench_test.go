package apply_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"deployconstants/jobs/planfile"
	"deployconstants/pipeline"
	"deployconstants/stages/apply"
)

// benchSizes are those of constants: 64 KiB of a small detector to 3.8 MB.
var benchSizes = []int{64 << 10, 64 << 10, 256 << 10, 64 << 10, 3_800_000}

// benchWorld has experiments with a file for each size; with replace, there are
// older ones.
func benchWorld(b *testing.B, experiments int, replace bool) (*world, int64) {
	b.Helper()
	w := newWorld(b, b.TempDir())
	var total int64
	var news []*planfile.Constants
	for i, size := range benchSizes {
		text := bytes.Repeat(fmt.Appendf(nil, "%d 1.00%d 0.997 \n", i, i), size/16)
		news = append(news, w.constants(b, fmt.Sprintf("new%d", i), string(text)))
	}
	old := string(bytes.Repeat([]byte("1 1.001 0.995 \n"), (256<<10)/15))
	for e := range experiments {
		name := fmt.Sprintf("xpp%04d", e)
		w.experiment(b, name)
		for i, c := range news {
			runs, action := fmt.Sprintf("%d-end", i), planfile.Create
			if replace {
				w.deploy(b, name, "pixel_gain", runs, fmt.Sprintf("%d %s", e, old), 0o664)
				action = planfile.Replace
			}
			w.file(b, action, name, "pixel_gain", runs, c)
			total += c.Size
		}
	}
	return w, total
}

// copyAll copies and syncs each file as `cp` and fsync do, in as many streams;
// with replace, the old file too.
func (w *world) copyAll(b *testing.B, workers int, replace bool) {
	b.Helper()
	out := filepath.Join(w.dir, "copies")
	must(b, os.MkdirAll(out, 0o755))
	err := pipeline.Run(b.Context(), pipeline.Options{Workers: workers},
		func(_ context.Context, emit func(int) error) error {
			for i := range w.items {
				if err := emit(i); err != nil {
					return err
				}
			}
			return nil
		},
		func(_ context.Context, i int) (struct{}, error) {
			item := w.items[i]
			if replace {
				old := filepath.Join(w.folder(item.Experiment, item.CType), item.Range+".data")
				if err := copySynced(old, filepath.Join(out, fmt.Sprintf("%d.old", i))); err != nil {
					return struct{}{}, err
				}
			}
			return struct{}{}, copySynced(item.Constants.Path, filepath.Join(out, fmt.Sprint(i)))
		},
		func(r pipeline.Result[int, struct{}]) error { return r.Err })
	must(b, err)
	must(b, os.RemoveAll(out))
}

func copySynced(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	if err := out.Sync(); err != nil {
		return err
	}
	return out.Close()
}

func BenchmarkApply(b *testing.B) {
	for _, replace := range []bool{false, true} {
		for _, workers := range []int{2, 4} {
			b.Run(fmt.Sprintf("replace=%v/workers=%d", replace, workers), func(b *testing.B) {
				w, total := benchWorld(b, 400, replace)
				o := w.options(b)
				o.Pipeline.Workers = workers
				var bare, own, undo time.Duration
				b.SetBytes(total)
				for b.Loop() {
					begin := time.Now()
					w.copyAll(b, workers, replace)
					bare += time.Since(begin)
					plan := w.plan(b)
					begin = time.Now()
					result, err := apply.Apply(b.Context(), o, plan)
					own += time.Since(begin)
					if err != nil || result.Counts[apply.Done] != len(w.items) {
						b.Fatalf("%+v, %v", result, err)
					}
					begin = time.Now()
					_, err = apply.Undo(b.Context(), o, result.ID, apply.UndoOptions{})
					undo += time.Since(begin)
					must(b, err)
				}
				b.ReportMetric(bare.Seconds()/own.Seconds(), "of-cp+fsync")
				b.ReportMetric(own.Seconds()/undo.Seconds(), "undo-of-apply")
				b.ReportMetric(float64(len(w.items))*float64(b.N)/own.Seconds(), "files/s")
			})
		}
	}
}
