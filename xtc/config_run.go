package xtc

// runDecoders decode the objects that only those need who read events. They are not in
// decoders, so that a scan for ids does not pay for them.
var runDecoders = map[TypeID]decoder{
	NewTypeID(TypeRunControlConfig, 1): {"ControlData.ConfigV1", (&controlLayout{head: 24, events: 0x3fffffff, name: 32}).decode},
	NewTypeID(TypeRunControlConfig, 2): {"ControlData.ConfigV2", (&controlLayout{head: 28, events: 0x3fffffff, labels: true, name: 32, text: 64}).decode},
	NewTypeID(TypeRunControlConfig, 3): {"ControlData.ConfigV3", (&controlLayout{head: 28, events: 0x1fffffff, l3t: true, labels: true, name: 32, text: 64}).decode},
	NewTypeID(TypeRunControlConfig, 4): {"ControlData.ConfigV4", (&controlLayout{head: 28, events: 0x1fffffff, l3t: true, labels: true, name: 128, text: 256}).decode},
	NewTypeID(TypePrincetonConfig, 1):  {"Princeton.ConfigV1", (&areaLayout{size: 24, bins: 16}).decode},
	NewTypeID(TypePrincetonConfig, 2):  {"Princeton.ConfigV2", (&areaLayout{size: 24, bins: 16}).decode},
	NewTypeID(TypePrincetonConfig, 3):  {"Princeton.ConfigV3", (&areaLayout{size: 24, bins: 16}).decode},
	NewTypeID(TypePrincetonConfig, 4):  {"Princeton.ConfigV4", (&areaLayout{size: 24, bins: 16}).decode},
	NewTypeID(TypePrincetonConfig, 5):  {"Princeton.ConfigV5", (&areaLayout{size: 56, bins: 16}).decode},
	NewTypeID(TypeFliConfig, 1):        {"Fli.ConfigV1", (&areaLayout{size: 40, bins: 16}).decode},
	NewTypeID(TypePimaxConfig, 1):      {"Pimax.ConfigV1", (&areaLayout{size: 76, bins: 16}).decode},
	NewTypeID(TypePixisConfig, 1):      {"Pixis.ConfigV1", (&areaLayout{size: 104, bins: 16}).decode},
	NewTypeID(TypeAndorConfig, 1):      {"Andor.ConfigV1", (&areaLayout{size: 44, bins: 16}).decode},
	NewTypeID(TypeAndorConfig, 2):      {"Andor.ConfigV2", (&areaLayout{size: 48, bins: 16}).decode},
	NewTypeID(TypeAndor3dConfig, 1):    {andor3dClass, (&areaLayout{size: 52, planes: 8, bins: 20}).decode},
	NewTypeID(TypeZylaConfig, 1):       {"Zyla.ConfigV1", (&areaLayout{size: 52, width: 12, bins: 28}).decode},
	NewTypeID(TypeIStarConfig, 1):      {"iStar.ConfigV1", (&areaLayout{size: 56, width: 16, bins: 32}).decode},
	NewTypeID(TypeAlviumConfig, 1):     {"Vimba.AlviumConfigV1", (&areaLayout{size: 464, width: 12}).decode},
	NewTypeID(TypeUxiConfig, 1):        {"Uxi.ConfigV1", (&areaLayout{size: 152, planes: 8}).decode},
	NewTypeID(TypeUxiConfig, 2):        {"Uxi.ConfigV2", (&areaLayout{size: 164, width: 12, planes: 20}).decode},
	NewTypeID(TypeUxiConfig, 3):        {"Uxi.ConfigV3", (&areaLayout{size: 168, width: 16, planes: 24}).decode},
}

// RunConfig decodes what Config does and, beyond that, the objects that only those need
// who read events: what the control level did (ControlConfig), and the size of the
// frames of cameras that are known by name alone (AreaConfig).
func (f *File) RunConfig(n *Node) (Config, error) {
	if d, ok := runDecoders[n.Contains]; ok && n.size > 0 {
		return d.decode(object{src: &f.win, class: d.class, off: n.PayloadOffset(), size: n.PayloadSize()})
	}
	return f.Config(n)
}
