package xtctest

import (
	"slices"

	"deployconstants/xtc"
)

// ControlConfig returns ControlData.ConfigV1 to V4 with these contents.
func ControlConfig(version uint16, c xtc.ControlConfig) []byte {
	head, name, text := 28, 32, 64
	switch version {
	case 1:
		head = 24
	case 4:
		name, text = 128, 256
	}
	p := make(payload, head)
	flags := c.Events
	for i, set := range []bool{c.UsesL3TEvents, c.UsesDuration, c.UsesEvents} {
		if set {
			flags |= 1 << (29 + i)
		}
	}
	p.put(0, flags, 0, c.Duration.Nsec, c.Duration.Sec, uint32(len(c.Controls)), uint32(len(c.Monitors)))
	for _, v := range c.Controls {
		one := make(payload, name+12)
		copy(one[:name], v.Name)
		one.put(name, v.Index)
		one.putFloat(name+4, v.Value)
		p = slices.Concat(p, one)
	}
	for _, v := range c.Monitors {
		one := make(payload, name+20)
		copy(one[:name], v.Name)
		one.put(name, v.Index)
		one.putFloat(name+4, v.Low)
		one.putFloat(name+12, v.High)
		p = slices.Concat(p, one)
	}
	if version == 1 {
		return p
	}
	p.put(24, uint32(len(c.Labels)))
	for _, v := range c.Labels {
		one := make(payload, name+text)
		copy(one[:name], v.Name)
		copy(one[name:], v.Value)
		p = slices.Concat(p, one)
	}
	return p
}

// AreaConfig returns the configuration object of a camera of that class
// ("Andor.ConfigV1") with frames of width x height pixels before binning. Planes are the
// sensors of an Andor3d and the frames of a Uxi. It panics on another class, which is a
// mistake in the test.
func AreaConfig(class string, width, height, binning, planes uint32) []byte {
	l, ok := areaConfigs[class]
	if !ok {
		panic("xtctest: no camera of class " + class)
	}
	c := make(payload, l.size)
	c.put(l.width, width, height)
	if l.bins != 0 {
		c.put(l.bins, binning, binning)
	}
	if l.planes != 0 {
		c.put(l.planes, planes)
	}
	return c
}

// areaConfigs tells sizes and offsets in bytes; 0 for a field that the class has not.
var areaConfigs = map[string]struct{ size, width, bins, planes int }{
	"Princeton.ConfigV1":   {40, 0, 16, 0},
	"Princeton.ConfigV5":   {56, 0, 16, 0},
	"Fli.ConfigV1":         {40, 0, 16, 0},
	"Pimax.ConfigV1":       {76, 0, 16, 0},
	"Pixis.ConfigV1":       {104, 0, 16, 0},
	"Andor.ConfigV1":       {44, 0, 16, 0},
	"Andor.ConfigV2":       {48, 0, 16, 0},
	"Andor3d.ConfigV1":     {52, 0, 20, 8},
	"Zyla.ConfigV1":        {52, 12, 28, 0},
	"iStar.ConfigV1":       {56, 16, 32, 0},
	"Vimba.AlviumConfigV1": {464, 12, 0, 0},
	"Uxi.ConfigV1":         {152, 0, 0, 8},
	"Uxi.ConfigV2":         {164, 12, 0, 20},
	"Uxi.ConfigV3":         {168, 16, 0, 24},
}

// SetPanel sets the pixels and ASICs of one panel in the configuration object of an
// epix10ka ("Epix.Config10kaV1"), a quad or a 2M.
func SetPanel(class string, config []byte, panel int, settings xtc.Epix10kaPanel) {
	c := payload(config)
	const size = 271532 // bytes of a panel of several
	asics := 12
	switch class {
	case "Epix.Config10kaV1":
		asics = 188
	case "Epix.Config10kaV2":
		asics = 520
	case "Epix.Config10kaQuadV1", "Epix.Config10kaQuadV2":
		asics += len(c) - (4-panel)*size
	default:
		asics += len(c) - (16-panel)*size
	}
	for i, set := range settings.Trbit {
		if set {
			c[asics+104*i+88] |= 1 << 4
		}
	}
	for i, word := range settings.Pixels {
		c.put16(asics+4*104+2*i, word)
	}
}
