package apply_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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
func (w *world) copyAll(b *testing.B, out string, replace bool) {
	b.Helper()
	err := pipeline.Run(b.Context(), pipeline.Options{},
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

// benchRounds is how often each is measured in turn; the medians count.
const benchRounds = 5

// timed runs what is measured when nothing waits to be written any more, so that
// nobody pays for another's files.
func (w *world) timed(b *testing.B, do func()) time.Duration {
	b.Helper()
	dir, err := os.Open(w.dir)
	must(b, err)
	must(b, unix.Syncfs(int(dir.Fd())))
	must(b, dir.Close())
	begin := time.Now()
	do()
	return time.Since(begin)
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// Ours and the bare calls take turns over the same files, with as many streams; who
// is first changes from round to round.
func BenchmarkApply(b *testing.B) {
	for _, replace := range []bool{false, true} {
		b.Run(fmt.Sprintf("replace=%v", replace), func(b *testing.B) {
			w, total := benchWorld(b, 100, replace)
			o := w.options(b)
			o.Pipeline.Workers = 0 // as many as by default, for both
			var ofBare, undoOfApply, perSecond []float64
			b.SetBytes(total * benchRounds)
			for b.Loop() {
				for round := range benchRounds {
					copies := filepath.Join(w.dir, "copies")
					var bare, own, undo time.Duration
					copying := func() {
						must(b, os.MkdirAll(copies, 0o755))
						bare = w.timed(b, func() { w.copyAll(b, copies, replace) })
						must(b, os.RemoveAll(copies))
					}
					if round%2 == 0 {
						copying()
					}
					w.refresh(b, replace)
					plan, id := w.plan(b), ""
					own = w.timed(b, func() {
						result, err := apply.Apply(b.Context(), o, plan)
						if err != nil || result.Counts[apply.Done] != len(w.items) {
							b.Fatalf("%+v, %v", result, err)
						}
						id = result.ID
					})
					undo = w.timed(b, func() {
						result, err := apply.Undo(b.Context(), o, id, apply.UndoOptions{})
						if err != nil || result.Counts[apply.Undone] != len(w.items) {
							b.Fatalf("%+v, %v", result, err)
						}
					})
					if round%2 == 1 {
						copying()
					}
					must(b, os.RemoveAll(o.State.Objects())) // the next round keeps them again
					ofBare = append(ofBare, bare.Seconds()/own.Seconds())
					undoOfApply = append(undoOfApply, own.Seconds()/undo.Seconds())
					perSecond = append(perSecond, float64(len(w.items))/own.Seconds())
				}
			}
			b.ReportMetric(median(ofBare), "of-cp+fsync")
			b.ReportMetric(median(undoOfApply), "undo-of-apply")
			b.ReportMetric(median(perSecond), "files/s")
		})
	}
}

// refresh has the plan see the files as they are now: an undo gave them new inodes.
func (w *world) refresh(b *testing.B, replace bool) {
	b.Helper()
	if !replace {
		return
	}
	items := w.items
	w.items = nil
	for _, item := range items {
		w.file(b, item.Action, item.Experiment, item.CType, item.Range, item.Constants)
	}
}
