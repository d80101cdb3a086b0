package darkrun

import (
	"fmt"
	"math/bits"
	"strings"

	"deployconstants/internal/logx"
	"deployconstants/internal/plot"
	"deployconstants/stages/dark"
)

// draw makes the page of plots of a dark. That it cannot is no reason to fail.
func (c *camera) draw(d *Dark, results []*dark.Result) {
	if c.Publish == nil {
		return
	}
	c.publish(&d.Made, "dark", c.page(d, results))
}

// publish puts a page of plots under the name of what was made.
func (c *camera) publish(m *Made, what string, page plot.Page) {
	name := fmt.Sprintf("%s_r%04d_%s", c.Experiment, m.Run, strings.NewReplacer(":", "-", ".", "-").Replace(m.Source))
	if m.Gain != "" {
		name += "_" + m.Gain
	}
	path, err := c.Publish(name+"_"+what, page)
	if err != nil {
		c.log.WithError(err).Warn("no plots")
		return
	}
	m.Plots = append(m.Plots, path)
	c.log.WithField(logx.Path, path).Info("plots")
}

// several is the class of pixels with more than one status bit; those with one have its
// number, from 1.
const several = len(dark.StatusBits) + 1

// page shows images, distributions and status of all panels together.
func (c *camera) page(d *Dark, results []*dark.Result) plot.Page {
	var averages, rms []float64
	var classes []uint8
	counts := make([]int, several+1)
	for _, r := range results {
		averages, rms = append(averages, r.Averages...), append(rms, r.RMS...)
		for _, status := range r.Status {
			class := bits.Len8(status)
			if bits.OnesCount8(status) > 1 {
				class = several
			}
			counts[class]++
			classes = append(classes, uint8(class))
		}
	}
	shape := d.Shape
	key := make([]string, len(counts))
	for class, n := range counts {
		what := "good"
		switch {
		case class == several:
			what = "several bits"
		case class > 0:
			what = fmt.Sprintf("%s (bit %d)", dark.StatusBits[class-1], 1<<(class-1))
		}
		key[class] = fmt.Sprintf("%8d  %s", n, what)
	}
	var rmsMarks, averageMarks []plot.Mark
	if len(results) == 1 {
		rmsMarks = marks(results[0].RMSLimits)
		averageMarks = marks(results[0].AverageLimits)
	}
	title := fmt.Sprintf("dark of %s, experiment %s, run %d", d.Source, c.Experiment, d.Run)
	if d.Gain != "" {
		title += ", " + d.Gain
	}
	return plot.Page{
		Title: title,
		Notes: []string{
			fmt.Sprintf("%d frames; run of %s; %d of %d pixels are good (%.2f%%)", d.Frames, c.began.In(c.Zone).Format("2006-01-02 15:04:05 MST"), d.Good, d.Pixels, 100*(1-d.bad())),
		},
		Charts: [][]plot.Chart{{
			plot.NewImage("pedestals", "ADU", shape, averages),
			plot.NewImage("rms", "ADU", shape, rms),
			plot.Map{Title: "status", Shape: shape, Classes: classes},
		}, {
			plot.NewHistogram("distribution of pedestals", "ADU", averages, averageMarks...),
			plot.NewHistogram("distribution of rms", "ADU", rms, rmsMarks...),
			plot.Key{Title: "pixels by status", Entries: key},
		}},
	}
}

// marks are the limits of good pixels.
func marks(l dark.Limits) []plot.Mark {
	return []plot.Mark{{At: l.Low, Text: "lower limit"}, {At: l.High, Text: "upper limit"}}
}
