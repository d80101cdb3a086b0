package facility

import (
	"fmt"
	"strings"

	"deployconstants/xtc/xtctest"
)

// A panel is a piece of hardware, or a detector's name where the type has no ids.
type panel struct {
	typ    string
	device string // "Epix100a"
	id     string
	isName bool
	alias  string // "" where the repository has no record
	dir    bool   // the repository has a directory

	class  string
	fields map[string]any
	config []byte // instead of class and fields
}

// A detector is a place at the beamline with the panel that is in it.
type detector struct {
	source string
	alias  string
	panel  *panel
	absent float64 // share of the runs without it
}

// makePanels makes the pool of panels that experiments borrow from.
func (f *Facility) makePanels() {
	count := 6 + f.Options.Experiments/10
	for i := range count {
		p := f.epix(1000+i, 100*i, 1)
		f.panels = append(f.panels, p)
		if i%5 == 1 { // the same hardware with another firmware
			f.panels = append(f.panels, f.epix(2000+i, 100*i, 1))
		}
	}
	for i := range count / 2 {
		var modules []map[string]any
		var ids []string
		for m := range 1 + i%2 {
			version, firmware, serial := uint64(0x22), uint64(0x1409180+i), uint64(0xa0+16*i+m)
			modules = append(modules, map[string]any{"serialNumber": serial, "moduleVersion": version, "firmwareVersion": firmware})
			ids = append(ids, fmt.Sprintf("%x-%x-%x", version, firmware, serial))
		}
		list := make([]any, len(modules))
		for i, m := range modules {
			list[i] = m
		}
		f.panels = append(f.panels, &panel{
			typ: "jungfrau", device: "Jungfrau", id: strings.Join(ids, "_"), class: "Jungfrau.ConfigV3",
			fields: map[string]any{"numberOfModules": len(modules), "moduleConfig": list},
		})
	}
}

// epix is an epix100a whose first number is its firmware.
func (f *Facility) epix(firmware, serial, analog int) *panel {
	e := xtctest.Epix{
		Version:   uint32(firmware),
		CarrierID: [2]uint32{uint32(serial + 1), uint32(serial + 2)}, DigitalCardID: [2]uint32{uint32(serial + 3), uint32(serial + 4)},
		AnalogCardID: [2]uint32{uint32(analog), uint32(serial + 6)},
		AsicsPerRow:  2, AsicsPerColumn: 2, RowsPerAsic: 4, PixelsPerAsicRow: 4,
	}
	id := fmt.Sprintf("%010d-%010d-%010d-%010d-%010d-%010d-%010d", e.Version, e.CarrierID[0], e.CarrierID[1],
		e.DigitalCardID[0], e.DigitalCardID[1], e.AnalogCardID[0], e.AnalogCardID[1])
	return &panel{typ: "epix100a", device: "Epix100a", id: id, config: xtctest.Epix100aConfig(2, e)}
}

// named is the panel that stands for a source without hardware id. All
// experiments of an instrument share it.
func (f *Facility) named(typ, device, class, source string) *panel {
	id := strings.NewReplacer(":", "-", ".", "-").Replace(source)
	for _, p := range f.panels {
		if p.typ == typ && p.id == id {
			return p
		}
	}
	p := &panel{typ: typ, device: device, id: id, isName: true, class: class}
	f.panels = append(f.panels, p)
	return p
}

// panelsOf returns the panels of a type.
func (f *Facility) panelsOf(typ string) []*panel {
	var list []*panel
	for _, p := range f.panels {
		if p.typ == typ {
			list = append(list, p)
		}
	}
	return list
}
