package xtcdump

import (
	"errors"

	"deployconstants/xtc"
)

// nodeFields returns what JSON says about a node.
func nodeFields(f *xtc.File, n *xtc.Node) xtc.Fields {
	fields := xtc.Fields{
		{Name: "depth", Value: n.Depth},
		{Name: "offset", Value: n.Offset},
		{Name: "level", Value: n.Src.Level().String()},
		{Name: "log", Value: hexWord(n.Src.Log)},
		{Name: "phy", Value: hexWord(n.Src.Phy)},
		{Name: "src", Value: n.Src.String()},
		{Name: "type", Value: n.Contains.Type().String()},
		{Name: "typeid", Value: uint16(n.Contains.Type())},
		{Name: "version", Value: n.Contains.RawVersion()},
		{Name: "contains", Value: hexWord(n.Contains)},
		{Name: "compressed", Value: n.Contains.Compressed()},
		{Name: "damage", Value: hexWord(n.Damage)},
		{Name: "extent", Value: n.Extent},
		{Name: "sizeofPayload", Value: int64(n.Extent) - xtc.XtcHeaderSize},
	}
	if n.Src.Level() == xtc.LevelSource {
		fields = append(fields,
			xtc.Field{Name: "pid", Value: n.Src.ProcessID()},
			xtc.Field{Name: "detector", Value: n.Src.Detector()},
			xtc.Field{Name: "detId", Value: n.Src.DetID()},
			xtc.Field{Name: "device", Value: n.Src.Device()},
			xtc.Field{Name: "devId", Value: n.Src.DevID()},
			xtc.Field{Name: "pdsname", Value: n.Src.PdsName()})
	}
	if n.IsContainer() {
		fields = append(fields,
			xtc.Field{Name: "container", Value: true},
			xtc.Field{Name: "children_skipped", Value: n.ChildrenSkipped})
	}
	config, err := f.Config(n)
	switch {
	case n.Err != nil:
		fields = append(fields, xtc.Field{Name: "error", Value: n.Err.Error()})
	case err != nil && !errors.Is(err, xtc.ErrNotConfig):
		fields = append(fields, xtc.Field{Name: "error", Value: err.Error()})
	}
	if err != nil {
		return fields
	}
	return append(fields, configFields(n.Src, config)...)
}

// configFields returns what JSON says about the configuration object of a source. The
// reference output of this shape has nothing for the opal, and so has this.
func configFields(src xtc.Src, c xtc.Config) xtc.Fields {
	switch c := c.(type) {
	case *xtc.AliasConfig:
		return c.Fields()
	case *xtc.PartitionConfig:
		return xtc.Fields{{Name: "partition", Value: c.Fields()}}
	case *xtc.SmlDataConfig:
		return c.Fields()
	case *xtc.SmlDataOrigDgramOffset:
		return xtc.Fields{{Name: "origDgramOffset", Value: c.Fields()}}
	case *xtc.SmlDataProxy:
		return xtc.Fields{{Name: "proxy", Value: c.Fields()}}
	case *xtc.OpalConfig:
		return nil
	}
	fields := xtc.Fields{{Name: "config", Value: append(xtc.Fields{{Name: "class", Value: c.Class()}}, c.Fields()...)}}
	id, ok := xtc.HardwareID(c)
	if !ok {
		name := xtc.SourceName(src.String())
		return append(fields,
			xtc.Field{Name: "psana_id", Value: nil},
			xtc.Field{Name: "psana_detector_id_or_name", Value: name})
	}
	fields = append(fields, xtc.Field{Name: "psana_id", Value: id})
	switch c.(type) {
	case *xtc.JungfrauConfig, *xtc.Epix10kaArrayConfig:
		fields = append(fields, xtc.Field{Name: "psana_panel_ids", Value: xtc.PanelIDs(c)})
	}
	return append(fields, xtc.Field{Name: "psana_detector_id_or_name", Value: id})
}
