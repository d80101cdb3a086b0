package darkrun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"deployconstants/internal/logx"
	"deployconstants/repo"
	"deployconstants/repo/ndarray"
	"deployconstants/stages/dark"
)

// defaultMaxBad is the fraction of bad pixels that no dark has that is of any use.
const defaultMaxBad = 0.5

// describe takes over limits and counts, of a result for each panel or of one for all.
func (d *Dark) describe(results ...*dark.Result) {
	for panel, r := range results {
		d.Frames, d.Statistics, d.Threshold = r.Frames, r.Statistics, r.Threshold
		d.RMS, d.Average = append(d.RMS, Limits(r.RMSLimits)), append(d.Average, Limits(r.AverageLimits))
		bits, good := r.StatusCounts()
		d.Good += good
		d.Pixels += len(r.Status)
		for i, n := range bits {
			d.Bits[dark.StatusBits[i]] += n
		}
		if r.Dead {
			d.Dead = append(d.Dead, panel)
		}
	}
}

// judge decides whether constants may be saved, and from when they are valid.
func (c *camera) judge(m *Made) (stamp repo.Stamp, err error) {
	stamp = c.pass.stamp
	if c.Stamp != "" {
		if stamp, err = repo.ParseStamp(c.Stamp); err != nil {
			return 0, err
		}
	}
	if stamp == 0 {
		return 0, fmt.Errorf("%w: the time of run %d is unknown, since its files have no BeginRun; give the time from which the constants are valid with -t", ErrNoDark, m.Run)
	}
	m.Stamp = stamp.String()
	limit := c.MaxBad
	if limit == 0 {
		limit = defaultMaxBad
	}
	if bad := m.bad(); bad > limit {
		return 0, fmt.Errorf("%w: %d of %d pixels are bad (%.1f%%), more than the fraction %g; look at the plots, and raise --max-bad if they are right",
			ErrHeldBack, m.Pixels-m.Good, m.Pixels, 100*bad, limit)
	}
	return stamp, nil
}

// compare finds how far the pedestals are from those of the dark before, and holds the
// dark back if that is too far. What cannot be compared is told, and is no reason; lost
// is why the dark before was not found.
func (c *camera) compare(ctx context.Context, d *Dark, pedestals []float64, previous []string, lost error) error {
	if lost != nil {
		c.log.WithError(lost).Warn("the dark before cannot be compared with")
		return nil
	}
	if len(previous) == 0 {
		return nil
	}
	d.Previous = previous[0]
	size := len(pedestals) / len(previous)
	distances := make([]float64, 0, len(pedestals))
	for i, path := range previous {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		before, err := c.readConstants(path, size)
		if err != nil {
			c.log.WithField(logx.Path, path).WithError(err).Warn("the dark before cannot be compared with")
			return nil
		}
		for k, v := range before {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				distances = append(distances, math.Abs(pedestals[i*size+k]-v))
			}
		}
	}
	if len(distances) == 0 {
		c.log.WithField(logx.Path, d.Previous).Warn("the dark before has no finite pedestal to compare with")
		return nil
	}
	jump := median(distances)
	d.Jump = &jump
	if c.MaxJump > 0 && jump > c.MaxJump {
		return fmt.Errorf("%w: the median of the distances of pedestals from those in %s is %.1f ADU, more than %g; look at both, and raise --max-jump if the dark is right",
			ErrHeldBack, d.Previous, jump, c.MaxJump)
	}
	return nil
}

func (c *camera) readConstants(path string, size int) (values []float64, err error) {
	file, err := c.Repository.OpenConstants(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	a, err := ndarray.Read(io.Reader(file), ndarray.Limits{MaxElements: size})
	if err == nil && a.Len() != size {
		err = fmt.Errorf("%w: %d elements, want %d", repo.ErrBadShape, a.Len(), size)
	}
	if err != nil {
		return nil, err
	}
	return a.AsFloat64(), nil
}

// median sorts the values, of which there must be some.
func median(values []float64) float64 {
	n := len(values)
	slices.Sort(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// previous returns the pedestals of the newest dark of the detector that is older than
// the stamp; none where there is none.
func (c *camera) previous(stamp repo.Stamp) ([]string, error) {
	alias, found, err := c.Repository.LookupAlias(c.panel)
	if err != nil || !found {
		return nil, err
	}
	index, err := c.Repository.Index(c.panel, alias, repo.Pedestals)
	if err != nil || stamp == 0 {
		return nil, err
	}
	entry, found := index.At(stamp - 1)
	if !found {
		return nil, nil
	}
	dir, err := c.Repository.DetectorDir(c.panel, alias)
	if err != nil {
		return nil, err
	}
	return []string{c.Repository.Dir() + "/" + dir + "/" + string(repo.Pedestals) + "/" + entry.Name}, nil
}
