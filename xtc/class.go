package xtc

import (
	"fmt"
	"maps"
	"strings"
)

// configClass names the classes of one type of configuration object: prefix and the
// versions first to last.
type configClass struct {
	prefix      string
	first, last uint16
}

// configClasses are the configuration classes that psana stores (its dispatch of type
// ids to classes), whether they are decoded here or not. Epix.ConfigSV1 is a class of
// the format that psana's dispatch has forgotten; it is here so that an epixS has a
// name.
var configClasses = map[Type]configClass{
	TypeAcqConfig:            {"Acqiris.ConfigV", 1, 1},
	TypeAcqTDCConfig:         {"Acqiris.TdcConfigV", 1, 1},
	TypeAliasConfig:          {"Alias.ConfigV", 1, 1},
	TypeAlviumConfig:         {"Vimba.AlviumConfigV", 1, 1},
	TypeAndor3dConfig:        {"Andor3d.ConfigV", 1, 1},
	TypeAndorConfig:          {"Andor.ConfigV", 1, 2},
	TypeArchonConfig:         {"Archon.ConfigV", 1, 4},
	TypeRunControlConfig:     {"ControlData.ConfigV", 1, 4},
	TypeControlsCameraConfig: {"Camera.ControlsCameraConfigV", 1, 1},
	TypeCspad2x2Config:       {"CsPad2x2.ConfigV", 1, 2},
	TypeCspadConfig:          {"CsPad.ConfigV", 1, 5},
	TypeDiodeFexConfig:       {"Lusi.DiodeFexConfigV", 1, 2},
	TypeEncoderConfig:        {"Encoder.ConfigV", 1, 2},
	TypeEpicsConfig:          {"Epics.ConfigV", 1, 1},
	TypeEpix100aConfig:       {"Epix.Config100aV", 1, 2},
	TypeEpix10ka2MConfig:     {"Epix.Config10ka2MV", 1, 2},
	TypeEpix10kaConfig:       {"Epix.Config10kaV", 1, 2},
	TypeEpix10kaQuadConfig:   {"Epix.Config10kaQuadV", 1, 2},
	TypeEpix10kConfig:        {"Epix.Config10KV", 1, 1},
	TypeEpixConfig:           {"Epix.ConfigV", 1, 1},
	TypeEpixSamplerConfig:    {"EpixSampler.ConfigV", 1, 1},
	TypeEpixSConfig:          {"Epix.ConfigSV", 1, 1},
	TypeEvrConfig:            {"EvrData.ConfigV", 1, 7},
	TypeEvrIOConfig:          {"EvrData.IOConfigV", 1, 2},
	TypeEvsConfig:            {"EvrData.SrcConfigV", 1, 1},
	TypeFccdConfig:           {"FCCD.FccdConfigV", 1, 2},
	TypeFliConfig:            {"Fli.ConfigV", 1, 1},
	TypeFrameFccdConfig:      {"Camera.FrameFccdConfigV", 1, 1},
	TypeFrameFexConfig:       {"Camera.FrameFexConfigV", 1, 1},
	TypeGenericPgpConfig:     {"GenericPgp.ConfigV", 1, 1},
	TypeGeneric1DConfig:      {"Generic1D.ConfigV", 0, 0},
	TypeGotthardConfig:       {"Gotthard.ConfigV", 1, 1},
	TypeGsc16aiConfig:        {"Gsc16ai.ConfigV", 1, 1},
	TypeImpConfig:            {"Imp.ConfigV", 1, 1},
	TypeIpimbConfig:          {"Ipimb.ConfigV", 1, 2},
	TypeIpmFexConfig:         {"Lusi.IpmFexConfigV", 1, 2},
	TypeIStarConfig:          {"iStar.ConfigV", 1, 1},
	TypeJungfrauConfig:       {"Jungfrau.ConfigV", 1, 4},
	TypeL3TConfig:            {"L3T.ConfigV", 1, 1},
	TypeOceanOpticsConfig:    {"OceanOptics.ConfigV", 1, 2},
	TypeOpal1kConfig:         {"Opal1k.ConfigV", 1, 1},
	TypeOrcaConfig:           {"Orca.ConfigV", 1, 1},
	TypePartitionConfig:      {"Partition.ConfigV", 1, 2},
	TypePimImageConfig:       {"Lusi.PimImageConfigV", 1, 1},
	TypePimaxConfig:          {"Pimax.ConfigV", 1, 1},
	TypePixisConfig:          {"Pixis.ConfigV", 1, 1},
	TypePnCCDconfig:          {"PNCCD.ConfigV", 1, 2},
	TypePrincetonConfig:      {"Princeton.ConfigV", 1, 5},
	TypeQuartzConfig:         {"Quartz.ConfigV", 1, 2},
	TypeRayonixConfig:        {"Rayonix.ConfigV", 1, 2},
	TypeSmlDataConfig:        {"SmlData.ConfigV", 1, 1},
	TypeStreakConfig:         {"Streak.ConfigV", 1, 1},
	TypeTM6740Config:         {"Pulnix.TM6740ConfigV", 1, 2},
	TypeTimeToolConfig:       {"TimeTool.ConfigV", 1, 3},
	TypeTimepixConfig:        {"Timepix.ConfigV", 1, 3},
	TypeUsdUsbConfig:         {"UsdUsb.ConfigV", 1, 1},
	TypeUsdUsbFexConfig:      {"UsdUsb.FexConfigV", 1, 1},
	TypeUxiConfig:            {"Uxi.ConfigV", 1, 3},
	TypeZylaConfig:           {"Zyla.ConfigV", 1, 1},
}

// embeddedConfigs are the configuration objects inside beam-line data, which psana
// stores as well.
var embeddedConfigs = map[TypeID][]string{
	NewTypeID(TypeSharedIpimb, 0):  {"Ipimb.ConfigV1"},
	NewTypeID(TypeSharedIpimb, 1):  {"Ipimb.ConfigV2"},
	NewTypeID(TypeSharedPIM, 1):    {"Pulnix.TM6740ConfigV2", "Lusi.PimImageConfigV1"},
	NewTypeID(TypeSharedUsdUsb, 1): {"UsdUsb.ConfigV1", "UsdUsb.FexConfigV1"},
}

// classesByID has the classes of each type: scans ask for those of every node.
var classesByID = func() map[TypeID][]string {
	all := maps.Clone(embeddedConfigs)
	// The one type that has version 0 and its class version 1.
	all[NewTypeID(TypeQuadAdcConfig, 0)] = []string{"QuadAdc.ConfigV1"}
	for t, c := range configClasses {
		for version := c.first; version <= c.last; version++ {
			all[NewTypeID(t, version)] = []string{fmt.Sprintf("%s%d", c.prefix, version)}
		}
	}
	return all
}()

// ConfigClasses returns the configuration classes that psana stores for an object of
// that type, "Epix.Config100aV2": beam-line data can bring two, other data bring none,
// nor do versions that psana does not know, a compressed object among them. The list is
// not the caller's to change.
func ConfigClasses(id TypeID) []string { return classesByID[id] }

// IsConfig reports whether objects of the type are configuration objects, whatever
// their version.
func (t Type) IsConfig() bool {
	_, known := configClasses[t]
	return known
}

// PsanaClass returns psana's C++ spelling of a class, "Psana::Epix::Config100aV2" for
// "Epix.Config100aV2".
func PsanaClass(class string) string { return "Psana::" + strings.ReplaceAll(class, ".", "::") }

// ClassTypeID returns the type id of the configuration class of that name,
// "Epix.Config100aV2".
func ClassTypeID(class string) (id TypeID, ok bool) {
	for id, classes := range classesByID {
		if _, embedded := embeddedConfigs[id]; !embedded && classes[0] == class {
			return id, true
		}
	}
	return 0, false
}
