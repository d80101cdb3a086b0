package xtc

// ControlConfig says what the control level does in a calibration cycle:
// ControlData.ConfigV1 to V4. It stands in Configure and again in every
// BeginCalibCycle.
type ControlConfig struct {
	Events        uint32 // of a cycle; counts where UsesEvents or UsesL3TEvents is set
	UsesEvents    bool
	UsesDuration  bool
	UsesL3TEvents bool // not told before ConfigV3
	Duration      Clock
	Controls      []PVControl
	Monitors      []PVMonitor
	Labels        []PVLabel // none in ConfigV1

	class string
}

// PVControl is a process variable that is set for the cycle.
type PVControl struct {
	Name  string
	Index uint32 // of an element; NoArray where the variable is no array
	Value float64
}

// PVMonitor is a process variable that must lie between two values.
type PVMonitor struct {
	Name      string
	Index     uint32 // of an element; NoArray where the variable is no array
	Low, High float64
}

// PVLabel is a named text. Dark runs of an epix10ka tell the gain mode of a cycle by
// one.
type PVLabel struct {
	Name, Value string
}

// NoArray is the Index of a process variable that is no array.
const NoArray = 0xffffffff

// controlLayout tells what a class has, and the sizes of its texts in bytes. The lists
// follow the head one after the other. Part of the wire format, do not change.
type controlLayout struct {
	head       int
	events     uint32 // mask of the number of events
	l3t        bool   // the bit above it: the number is of events that the L3 trigger accepts
	labels     bool
	name, text int // bytes of a name, and of the value of a label
}

func (l *controlLayout) decode(o object) (Config, error) {
	b, err := o.head(l.head, uint64(l.head))
	if err != nil {
		return nil, err
	}
	flags := b.u32(0)
	c := &ControlConfig{
		Events:        flags & l.events,
		UsesL3TEvents: l.l3t && flags>>29&1 != 0,
		UsesDuration:  flags>>30&1 != 0,
		UsesEvents:    flags>>31&1 != 0,
		Duration:      Clock{Nsec: b.u32(8), Sec: b.u32(12)},
		class:         o.class,
	}
	controls, monitors, labels := b.u32(16), b.u32(20), uint32(0)
	if l.labels {
		labels = b.u32(24)
	}
	off, size := int64(l.head), l.name+12
	c.Controls, err = readList(o, off, controls, size, func(r record) PVControl {
		return PVControl{Name: r.text(0, l.name), Index: r.u32(l.name), Value: r.f64(l.name + 4)}
	})
	if err != nil {
		return nil, err
	}
	off, size = off+int64(size)*int64(controls), l.name+20
	c.Monitors, err = readList(o, off, monitors, size, func(r record) PVMonitor {
		return PVMonitor{Name: r.text(0, l.name), Index: r.u32(l.name), Low: r.f64(l.name + 4), High: r.f64(l.name + 12)}
	})
	if err != nil {
		return nil, err
	}
	off, size = off+int64(size)*int64(monitors), l.name+l.text
	c.Labels, err = readList(o, off, labels, size, func(r record) PVLabel {
		return PVLabel{Name: r.text(0, l.name), Value: r.text(l.name, l.text)}
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Class returns the name of the class, "ControlData.ConfigV3".
func (c *ControlConfig) Class() string { return c.class }

// Shape returns nil.
func (c *ControlConfig) Shape() []int { return nil }

// Fields returns the contents in the order of the class.
func (c *ControlConfig) Fields() Fields {
	controls := make([]Fields, len(c.Controls))
	for i, v := range c.Controls {
		controls[i] = Fields{{"name", v.Name}, {"index", v.Index}, {"value", v.Value}}
	}
	monitors := make([]Fields, len(c.Monitors))
	for i, v := range c.Monitors {
		monitors[i] = Fields{{"name", v.Name}, {"index", v.Index}, {"loValue", v.Low}, {"hiValue", v.High}}
	}
	labels := make([]Fields, len(c.Labels))
	for i, v := range c.Labels {
		labels[i] = Fields{{"name", v.Name}, {"value", v.Value}}
	}
	return Fields{
		{"events", c.Events},
		{"uses_l3t_events", flag(c.UsesL3TEvents)},
		{"uses_duration", flag(c.UsesDuration)},
		{"uses_events", flag(c.UsesEvents)},
		{"duration", Fields{{"seconds", c.Duration.Sec}, {"nanoseconds", c.Duration.Nsec}}},
		{"pvControls", controls},
		{"pvMonitors", monitors},
		{"pvLabels", labels},
	}
}

// flag is how a bit is written.
func flag(set bool) uint8 {
	if set {
		return 1
	}
	return 0
}
