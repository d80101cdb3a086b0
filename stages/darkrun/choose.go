package darkrun

import (
	"fmt"
	"slices"
	"strings"

	"deployconstants/internal/logx"
	"deployconstants/repo"
	"deployconstants/repo/panels"
	"deployconstants/stages"
	"deployconstants/stages/dark"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/frames"
)

// choose makes the makers of the detectors that were asked for, each detector once.
func (p *pass) choose(events *dataset.Events) {
	store := events.Store()
	seen := map[string]bool{}
	for _, name := range p.Detectors {
		found, err := find(store, name)
		if err != nil {
			p.refuse(name, err)
			continue
		}
		for _, d := range found {
			if seen[d.Source] {
				continue
			}
			seen[d.Source] = true
			p.add(events, d)
		}
	}
}

// find returns the detectors that a name means: one, or all of a type.
func find(store *dataset.Store, name string) ([]dataset.Detector, error) {
	one, err := store.Find(name)
	if err == nil {
		return []dataset.Detector{one}, nil
	}
	var all []dataset.Detector
	for _, d := range store.Detectors() {
		t, typeErr := repo.TypeOfSource(d.Source)
		if typeErr == nil && (strings.EqualFold(t.Name, name) || strings.EqualFold(t.Device, name)) {
			all = append(all, d)
		}
	}
	if len(all) == 0 {
		return nil, err
	}
	return all, nil
}

// refuse reports a dark that cannot be made.
func (p *pass) refuse(source string, err error) {
	d := p.emptyDark(source)
	d.fail(fmt.Errorf("run %d: %w", d.Run, err))
	p.out.Darks = append(p.out.Darks, *d)
}

// emptyDark is of the whole run, until it is known better.
func (p *pass) emptyDark(source string) *Dark {
	return &Dark{
		Made: p.empty(source), Step: -1, RMS: []Limits{}, Average: []Limits{}, Bits: map[string]int{},
	}
}

func (p *pass) empty(source string) Made {
	return Made{Run: p.report.Run, Source: source, Shape: []int{}, Files: []File{}}
}

func (p *pass) add(events *dataset.Events, d dataset.Detector) {
	panel, err := stages.PanelOf(d)
	if err != nil {
		p.refuse(d.Source, fmt.Errorf("%s: %w", d.Source, err))
		return
	}
	if (p.ZeroPedestals || p.Geometry) && panel.Type.Name != rayonixType {
		p.refuse(d.Source, fmt.Errorf("%s: %w: --zeropeds and --deploygeo are for a rayonix only; process this one without them", d.Source, ErrNoDark))
		return
	}
	c := &camera{
		pass: p, detector: d, panel: panel, index: events.Select(d.Src),
		log: p.log.WithFields(map[string]any{logx.Source: d.Source, logx.ID: panel.ID}),
	}
	family := panels.FamilyOf(panel.Type)
	switch {
	case p.Injection != nil:
		m, err := newInjection(c)
		if err != nil {
			p.refuse(d.Source, fmt.Errorf("%s: %w", d.Source, err))
			return
		}
		p.makers = append(p.makers, m)
	case family == panels.Jungfrau:
		p.makers = append(p.makers, &jungfrau{camera: c, params: p.Params.of(panel.Type.Name, dark.Default(), p.Workers)})
	case family == panels.Epix10ka:
		p.makers = append(p.makers, &epix10ka{camera: c})
	default:
		p.makers = append(p.makers, newSingle(c))
	}
}

// A camera is a detector whose darks are made.
type camera struct {
	*pass
	detector dataset.Detector
	panel    repo.Panel
	index    int   // of Events.Select
	chosen   []int // panels that count, in ascending order; nil: all
	log      logger

	first  frames.Frame // of the dark, without pixels: what the others must be like
	signed []int16      // pixels of a cspad2x2, section by section
	parts  []uint16     // pixels of the chosen panels

	// switched, where it is set, takes the averages of the panels in place of deriving the
	// pedestals behind the switch of a mode from tables that are there already.
	switched func(mode string, panels []*dark.Result)
}

// part returns the shape and the pixels of the chosen panels of a frame, valid until the
// next call: of all panels where it has not those that were chosen.
func (c *camera) part(f frames.Frame) ([]int, []uint16) {
	if c.chosen == nil || len(f.Shape) < 3 || c.chosen[len(c.chosen)-1] >= f.Shape[0] {
		return f.Shape, f.Uint16()
	}
	shape := slices.Clone(f.Shape)
	shape[0] = len(c.chosen)
	size := shape[1] * shape[2]
	c.parts = c.parts[:0]
	for _, panel := range c.chosen {
		c.parts = append(c.parts, f.Uint16()[panel*size:(panel+1)*size]...)
	}
	return shape, c.parts
}

// newDark begins the report of a dark.
func (c *camera) newDark(step int, gain string) *Dark {
	c.first = frames.Frame{}
	d := c.emptyDark(c.detector.Source)
	d.Type, d.ID, d.Step, d.Gain = c.panel.Type.Name, c.panel.ID, step, gain
	return d
}

// panels returns the detector's panels, of which there are n. A single one may be known by
// a name in place of an id, though nothing is merged of its tables.
func (c *camera) panels(n int) ([]repo.Panel, error) {
	ids := []string{c.panel.ID}
	if n > 1 || c.chosen != nil {
		var err error
		if ids, err = panels.Split(c.panel); err != nil {
			return nil, fmt.Errorf("%w: tables of panels need an id for each: %w", ErrNoDark, err)
		}
	}
	if c.chosen != nil {
		var err error
		if ids, err = panels.Subset(ids, c.chosen); err != nil {
			return nil, err
		}
	}
	if len(ids) != n {
		return nil, fmt.Errorf("%w: %d panels have the id %s: tables of panels need one for each", ErrNoDark, n, c.panel.ID)
	}
	all := make([]repo.Panel, n)
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			return nil, fmt.Errorf("%w: two panels have the id %s", ErrNoDark, id)
		}
		all[i] = repo.Panel{Type: c.panel.Type, ID: id, Source: c.panel.Source, IsName: c.panel.IsName}
	}
	return all, nil
}
