package darkrun

import (
	"fmt"
	"slices"
	"strings"

	"deployconstants/internal/logx"
	"deployconstants/repo"
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
	*p.darks = append(*p.darks, *d)
}

// emptyDark is of the whole run, until it is known better.
func (p *pass) emptyDark(source string) *Dark {
	return &Dark{
		Run: p.report.Run, Source: source, Step: -1,
		Shape: []int{}, RMS: []Limits{}, Average: []Limits{}, Bits: map[string]int{}, Files: []File{},
	}
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
	switch panel.Type.Name {
	case "jungfrau":
		p.makers = append(p.makers, &jungfrau{camera: c, params: p.Params.of(panel.Type.Name, dark.Default(), p.Workers)})
	case "epix10ka", "epix10kaquad", "epix10ka2m":
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
	index    int // of Events.Select
	log      logger

	first  frames.Frame // of the dark, without pixels: what the others must be like
	signed []int16      // pixels of a cspad2x2, section by section
}

// newDark begins the report of a dark.
func (c *camera) newDark(step int, gain string) *Dark {
	c.first = frames.Frame{}
	d := c.emptyDark(c.detector.Source)
	d.Type, d.ID, d.Step, d.Gain = c.panel.Type.Name, c.panel.ID, step, gain
	return d
}

// panels returns the ids of the detector's panels, of which there are n.
func (c *camera) panels(n int) ([]repo.Panel, error) {
	ids := []string{c.panel.ID}
	if n > 1 {
		ids = strings.Split(c.panel.ID, "_")
	}
	if len(ids) != n || n > 1 && c.panel.IsName {
		return nil, fmt.Errorf("%w: %d panels have the id %s: tables of panels need one for each", ErrNoDark, n, c.panel.ID)
	}
	panels := make([]repo.Panel, n)
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			return nil, fmt.Errorf("%w: two panels have the id %s", ErrNoDark, id)
		}
		panels[i] = repo.Panel{Type: c.panel.Type, ID: id, Source: c.panel.Source, IsName: c.panel.IsName}
	}
	return panels, nil
}
