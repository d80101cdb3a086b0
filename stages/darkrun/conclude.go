package darkrun

import (
	"fmt"
	"strings"

	"deployconstants/internal/logx"
	"deployconstants/stages/dark"
)

// conclude logs what became of a dark, and puts it into the report. A dark that failed
// for want of frames says what its events had instead.
func (c *camera) conclude(d *Dark) {
	log := c.log
	if d.Gain != "" {
		log = log.WithField(logx.Gain, d.Gain)
	}
	if without := d.Without.String(); without != "" {
		log.Warnf("%d frames; of the other events looked at, %s", d.Frames, without)
	}
	for panel, limits := range d.RMS {
		of := ""
		if len(d.RMS) > 1 {
			of = fmt.Sprintf(" of panel %d", panel)
		}
		log.WithField(logx.Limits, limitsText(limits.Low, limits.High)).Infof("rms%s: mean %.3f, spread %.3f ADU", of, limits.Mean, limits.Std)
		limits = d.Average[panel]
		log.WithField(logx.Limits, limitsText(limits.Low, limits.High)).Infof("pedestals%s: mean %.3f, spread %.3f ADU", of, limits.Mean, limits.Std)
	}
	for _, panel := range d.Dead {
		log.Warnf("panel %d is dead: none of its pixels has an rms", panel)
	}
	if d.Jump != nil {
		log.WithField(logx.From, d.Previous).Infof("median of the distances from the pedestals before: %.2f ADU", *d.Jump)
	}
	if d.Pixels > 0 {
		var bits []string
		for i, name := range dark.StatusBits {
			if n := d.Bits[name]; n > 0 {
				bits = append(bits, fmt.Sprintf("%d %s (bit %d)", n, name, 1<<i))
			}
		}
		if len(bits) == 0 {
			bits = []string{"no bad ones"}
		}
		log.Infof("%d frames, statistics %d, threshold %d; %d of %d pixels are good (%.2f%%): %s", d.Frames, d.Statistics, d.Threshold,
			d.Good, d.Pixels, 100*(1-d.bad()), strings.Join(bits, ", "))
	}
	if d.err != nil {
		what := d.Source
		if d.Gain != "" {
			what += ", " + d.Gain
		} else if d.Step >= 0 {
			what += fmt.Sprintf(", cycle %d", d.Step)
		}
		if without := d.Without.String(); without != "" && d.Pixels == 0 {
			without = "; of the events looked at, " + without
			d.err = fmt.Errorf("run %d, %s: %w%s", d.Run, what, d.err, without)
		} else {
			d.err = fmt.Errorf("run %d, %s: %w", d.Run, what, d.err)
		}
		d.Error = d.err.Error()
	}
	c.out.Darks = append(c.out.Darks, *d)
}
