package darkrun

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"deployconstants/internal/logx"
	"deployconstants/repo/ndarray"
	"deployconstants/stages/dark"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/frames"
)

// statusDark is what det_pixel_status calls the status of darks. Directories with
// status_ in their names are merged as status_extra (package repo).
const statusDark = "status_dark"

// saveFeatures finds the status bits of det_pixel_status and saves them.
func (s *single) saveFeatures(ctx context.Context, d *Dark) error {
	f := s.Features
	if !f.wanted() {
		return nil
	}
	if len(d.Shape) != 2 {
		return fmt.Errorf("%w: features are those of a detector of two dimensions, and this one has %s", dark.ErrShape, ndarray.ShapeString(d.Shape))
	}
	r, err := dark.PixelStatus(s.frames(ctx, d.Shape), dark.StatusParams{
		KeepAll: !f.Frames, Mean: f.Mean, Spread: f.Spread, Sigmas: f.Sigmas, DataBits: s.params.DataBits,
	})
	if err != nil {
		return fmt.Errorf("features: %w", err)
	}
	for _, one := range []struct {
		wanted bool
		name   string
		flags  dark.Flagging
	}{{f.Frames, "1, medians of frames", r.Frames}, {f.Mean, "2, means of pixels", r.Means}, {f.Spread, "3, spreads of pixels", r.Spreads}} {
		if one.wanted {
			s.log.WithField(logx.Limits, limitsText(one.flags.Low, one.flags.High)).Infof(
				"feature %s: median %.3f, spread %.3f, %d at or below the limit, %d at or above", one.name,
				one.flags.Median, one.flags.Spread, one.flags.BelowLow, one.flags.AboveHigh)
		}
	}
	words := make([]uint64, len(r.Status))
	for i, bits := range r.Status {
		words[i] = uint64(bits)
	}
	array := &ndarray.Array{Shape: d.Shape, DType: ndarray.Uint64, Words: words}
	file := File{CType: statusDark, Outcome: NotSaved}
	if !s.DryRun {
		var text bytes.Buffer
		if err := array.WriteTable(&text, "%d"); err != nil {
			return err
		}
		alias, err := s.register(ctx, s.panel, d.Run)
		if err != nil {
			return err
		}
		dir, err := s.Repository.DetectorDir(s.panel, alias)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%s_%s_%s_%s_r%04d_%s.dat", s.panel.Type.Name, alias, d.Stamp, s.Experiment, d.Run, statusDark)
		if file, err = s.save(file, fmt.Sprintf("%s/%s/%s/%s", s.Repository.Dir(), dir, statusDark, name), text.Bytes()); err != nil {
			return err
		}
	}
	d.Files = append(d.Files, file)
	return nil
}

// frames reads the run anew, and gives the frames of the window; at most as many as a dark
// takes.
func (s *single) frames(ctx context.Context, shape []int) iter.Seq2[[]uint16, error] {
	return func(yield func([]uint16, error) bool) {
		events, err := dataset.OpenEvents(ctx, s.files, dataset.Options{})
		if err != nil {
			yield(nil, err)
			return
		}
		defer events.Close() // it was read before, by the dark
		if s.Codes != nil {
			events.SelectCodes()
		}
		index, number, given := events.Select(s.detector.Src), 0, 0
		var wide []uint16
		for given < s.params.Frames {
			event, err := events.Next(ctx)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				if ctx.Err() == nil {
					return // the files break off, as they did for the dark
				}
				yield(nil, context.Cause(ctx))
				return
			}
			if event.Transition != xtc.TransitionL1Accept {
				continue
			}
			action := s.window.At(number)
			number++
			if action == dark.Stop {
				return
			}
			frame, err := event.Frame(index)
			if action == dark.Skip || !s.wants(event) || err != nil || !slices.Equal(frame.Shape, shape) {
				continue
			}
			pixels := frame.Uint16()
			if frame.DType == frames.Uint8 {
				wide = wide[:0]
				for _, v := range frame.Data {
					wide = append(wide, uint16(v))
				}
				pixels = wide
			}
			given++
			if !yield(pixels, nil) {
				return
			}
		}
	}
}

func limitsText(low, high float64) string { return fmt.Sprintf("%.3f to %.3f", low, high) }
