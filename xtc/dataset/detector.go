package dataset

import (
	"fmt"
	"regexp"
	"slices"

	"deployconstants/xtc"
)

// A Detector is a source of level Source with a device, and the configuration
// object that says most of it.
type Detector struct {
	Src    xtc.Src
	Source string     // "XcsEndstation.0:Epix100a.1"
	Alias  string     // empty where it has none
	Class  string     // "Epix.Config100aV2"
	Config xtc.Config // nil where the class is not decoded, or where Err is set
	Err    error      // why the object could not be decoded: a *xtc.FormatError
}

// ID returns what a constants repository knows the detector by: its hardware id, or
// its name in the form "XcsEndstation-0-Epix100a-1" where it has none; isName tells
// which. A detector whose configuration object is damaged has neither: the error is
// Err.
func (d Detector) ID() (id string, isName bool, err error) {
	if d.Err != nil {
		return "", false, fmt.Errorf("configuration object of %s: %w", d.Source, d.Err)
	}
	if id, ok := xtc.HardwareID(d.Config); ok {
		return id, false, nil
	}
	return xtc.SourceName(d.Source), true, nil
}

// classOrder is the order in which psana's Python looks for the object of a
// detector.
var classOrder = []string{
	"Epix.Config100aV2", "Epix.Config100aV1",
	"Epix.Config10ka2MV2", "Epix.Config10ka2MV1", "Epix.Config10kaQuadV2", "Epix.Config10kaQuadV1",
	"Epix.Config10kaV2", "Epix.Config10kaV1", "Epix.Config10KV1", "Epix.ConfigV1",
	"Jungfrau.ConfigV4", "Jungfrau.ConfigV3", "Jungfrau.ConfigV2", "Jungfrau.ConfigV1",
	"CsPad.ConfigV5", "CsPad.ConfigV4", "CsPad.ConfigV3", "CsPad.ConfigV2",
	"CsPad2x2.ConfigV2", "CsPad2x2.ConfigV1",
	"PNCCD.ConfigV2", "PNCCD.ConfigV1",
	"Rayonix.ConfigV2", "Rayonix.ConfigV1",
}

// frameFex configures what a camera's frames are searched for; the camera itself
// has an object of its own beside it.
const frameFex = "Camera.FrameFexConfigV1"

// rank orders classes by how much they say of a detector, best first.
func rank(class string) int {
	if at := slices.Index(classOrder, class); at >= 0 {
		return at
	}
	if class == frameFex {
		return len(classOrder) + 1
	}
	return len(classOrder)
}

// Detectors returns the detectors of the store in psana's order of sources. Where
// a source has several objects, psana's Python order of classes decides.
func (s *Store) Detectors() []Detector {
	detectors := make([]Detector, 0, len(s.objects))
	for _, o := range s.objects {
		if o.src.Level() != xtc.LevelSource || o.src.Device() == 0 {
			continue
		}
		detector := Detector{
			Src: o.src, Source: o.src.String(), Alias: s.aliases.of(o.src),
			Class: o.class, Config: o.config, Err: o.err,
		}
		last := len(detectors) - 1
		switch {
		case last < 0 || detectors[last].Src.Compare(o.src) != 0:
			detectors = append(detectors, detector)
		case rank(o.class) < rank(detectors[last].Class):
			detectors[last] = detector
		}
	}
	if len(detectors) == 0 {
		return nil
	}
	return detectors
}

var (
	fullName = regexp.MustCompile(`^\w+\.\d+:(\w+)\.\d+$`)
	detInfo  = regexp.MustCompile(`^DetInfo\((.*)\)$`)
)

// Find returns the detector that a user names, as psana.Detector does: by alias,
// or by the full name as psana spells it, "XcsEndstation.0:Epix100a.1", which may
// stand inside DetInfo(...). Parts, wildcards and other spellings are refused. The
// errors are ErrUnknownDevice and ErrNotInRun; they name the detectors of the run.
func (s *Store) Find(source string) (Detector, error) {
	name := source
	if src, ok := s.aliases.source(source); ok {
		name = src.String()
	} else if inside := detInfo.FindStringSubmatch(source); inside != nil {
		name = inside[1]
	}
	detectors := s.Detectors()
	at := slices.IndexFunc(detectors, func(d Detector) bool { return d.Source == name })
	if at >= 0 {
		return detectors[at], nil
	}
	if parts := fullName.FindStringSubmatch(name); parts != nil {
		if _, known := xtc.DeviceNumber(parts[1]); !known {
			return Detector{}, fmt.Errorf("%w %q in %q; %s", ErrUnknownDevice, parts[1], source, inRun(detectors))
		}
	}
	return Detector{}, fmt.Errorf("%w: %q; %s", ErrNotInRun, source, inRun(detectors))
}

// inRun names the detectors of a run with their aliases.
func inRun(detectors []Detector) string {
	if len(detectors) == 0 {
		return "the run has no detectors"
	}
	names := make([]string, len(detectors))
	for i, d := range detectors {
		names[i] = d.Source
		if d.Alias != "" {
			names[i] += " (" + d.Alias + ")"
		}
	}
	return "the run has " + some(names, 40)
}

// Match returns the detector that psana.Source means: by alias, else by the
// grammar of xtc.ParseSource, in which missing parts match anything. Of several
// that match the one with the first class of psana's Python order counts, then
// the first in psana's order. Nothing that matches is not an error, text that
// cannot be parsed is: that of xtc.ParseSource.
func (s *Store) Match(source string) (Detector, bool, error) {
	var matches func(Detector) bool
	if src, ok := s.aliases.source(source); ok {
		matches = func(d Detector) bool { return d.Src.Compare(src) == 0 }
	} else {
		match, err := xtc.ParseSource(source)
		if err != nil {
			return Detector{}, false, err
		}
		matches = func(d Detector) bool { return match.Matches(d.Src) }
	}
	var best *Detector
	detectors := s.Detectors()
	for i := range detectors {
		if matches(detectors[i]) && (best == nil || rank(detectors[i].Class) < rank(best.Class)) {
			best = &detectors[i]
		}
	}
	if best == nil {
		return Detector{}, false, nil
	}
	return *best, true, nil
}
