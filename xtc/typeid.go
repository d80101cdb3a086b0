package xtc

import "fmt"

// TypeID is the `contains` word of an Xtc: what its payload is. Bits 0-15 are the
// type, bits 16-30 its version, bit 31 says that the payload is compressed.
type TypeID uint32

// compressedBit of a TypeID. Part of the wire format, do not change.
const compressedBit = 1 << 31

// NewTypeID returns the word for an uncompressed payload of that type and version
// (0-32767).
func NewTypeID(t Type, version uint16) TypeID {
	return TypeID(uint32(version)<<16|uint32(t)) &^ compressedBit
}

// Type returns the type without its version.
func (id TypeID) Type() Type { return Type(id) }

// Version returns the version of the type, whether the payload is compressed or not.
func (id TypeID) Version() uint16 { return uint16(id>>16) & 0x7fff }

// RawVersion returns the upper half of the word as it is: 32768 and more for a
// compressed payload. psana compares this number, and therefore accepts compressed
// data but no compressed configuration.
func (id TypeID) RawVersion() uint16 { return uint16(id >> 16) }

// Compressed reports whether the payload is compressed.
func (id TypeID) Compressed() bool { return id&compressedBit != 0 }

// String returns "Epix100aConfig V2", with " compressed" where that is so.
func (id TypeID) String() string {
	text := fmt.Sprintf("%s V%d", id.Type(), id.Version())
	if id.Compressed() {
		text += " compressed"
	}
	return text
}

// Type is the type number of an Xtc. A number beyond the table is legal: its
// contents are unknown.
type Type uint16

// The types. Part of the wire format, do not change.
const (
	TypeAny Type = iota
	TypeXtc
	TypeFrame
	TypeAcqWaveform
	TypeAcqConfig
	TypeTwoDGaussian
	TypeOpal1kConfig
	TypeFrameFexConfig
	TypeEvrConfig
	TypeTM6740Config
	TypeRunControlConfig
	TypePnCCDframe
	TypePnCCDconfig
	TypeEpics
	TypeFEEGasDetEnergy
	TypeEBeamBld
	TypePhaseCavity
	TypePrincetonFrame
	TypePrincetonConfig
	TypeEvrData
	TypeFrameFccdConfig
	TypeFccdConfig
	TypeIpimbData
	TypeIpimbConfig
	TypeEncoderData
	TypeEncoderConfig
	TypeEvrIOConfig
	TypePrincetonInfo
	TypeCspadElement
	TypeCspadConfig
	TypeIpmFexConfig
	TypeIpmFex
	TypeDiodeFexConfig
	TypeDiodeFex
	TypePimImageConfig
	TypeSharedIpimb
	TypeAcqTDCConfig
	TypeAcqTDCData
	TypeIndex
	TypeXampsConfig
	TypeXampsElement
	TypeCspad2x2Element
	TypeSharedPIM
	TypeCspad2x2Config
	TypeFexampConfig
	TypeFexampElement
	TypeGsc16aiConfig
	TypeGsc16aiData
	TypePhasicsConfig
	TypeTimepixConfig
	TypeTimepixData
	TypeCspadCompressedElement
	TypeOceanOpticsConfig
	TypeOceanOpticsData
	TypeEpicsConfig
	TypeFliConfig
	TypeFliFrame
	TypeQuartzConfig
	TypeReserved1
	TypeReserved2
	TypeAndorConfig
	TypeAndorFrame
	TypeUsdUsbData
	TypeUsdUsbConfig
	TypeGMD
	TypeSharedAcqADC
	TypeOrcaConfig
	TypeImpData
	TypeImpConfig
	TypeAliasConfig
	TypeL3TConfig
	TypeL3TData
	TypeSpectrometer
	TypeRayonixConfig
	TypeEpixConfig
	TypeEpixElement
	TypeEpixSamplerConfig
	TypeEpixSamplerElement
	TypeEvsConfig
	TypePartitionConfig
	TypePimaxConfig
	TypePimaxFrame
	TypeArraychar
	TypeEpix10kConfig
	TypeEpix100aConfig
	TypeGenericPgpConfig
	TypeTimeToolConfig
	TypeTimeToolData
	TypeEpixSConfig
	TypeSmlDataConfig
	TypeSmlDataOrigDgramOffset
	TypeSmlDataProxy
	TypeArrayUInt16
	TypeGotthardConfig
	TypeAnalogInput
	TypeSmlData
	TypeAndor3dConfig
	TypeAndor3dFrame
	TypeBeamMonitorBldData
	TypeGeneric1DConfig
	TypeGeneric1DData
	TypeUsdUsbFexConfig
	TypeUsdUsbFexData
	TypeEOrbits
	TypeSharedUsdUsb
	TypeControlsCameraConfig
	TypeArchonConfig
	TypeJungfrauConfig
	TypeJungfrauElement
	TypeQuadAdcConfig
	TypeZylaConfig
	TypeZylaFrame
	TypeEpix10kaConfig
	TypePixisConfig
	TypePixisFrame
	TypeUxiConfig
	TypeUxiFrame
	TypeEpix10ka2MConfig
	TypeEpix10kaArray
	TypeStreakConfig
	TypeEpix10kaQuadConfig
	TypeIStarConfig
	TypeAlviumConfig
	TypeVimbaFrame
)

var typeNames = [...]string{
	"Any", "Xtc", "Frame", "AcqWaveform", "AcqConfig", "TwoDGaussian", "Opal1kConfig", "FrameFexConfig",
	"EvrConfig", "TM6740Config", "RunControlConfig", "pnCCDframe", "pnCCDconfig", "Epics", "FEEGasDetEnergy",
	"EBeamBld", "PhaseCavity", "PrincetonFrame", "PrincetonConfig", "EvrData", "FrameFccdConfig",
	"FccdConfig", "IpimbData", "IpimbConfig", "EncoderData", "EncoderConfig", "EvrIOConfig", "PrincetonInfo",
	"CspadElement", "CspadConfig", "IpmFexConfig", "IpmFex", "DiodeFexConfig", "DiodeFex", "PimImageConfig",
	"SharedIpimb", "AcqTDCConfig", "AcqTDCData", "Index", "XampsConfig", "XampsElement", "Cspad2x2Element",
	"SharedPIM", "Cspad2x2Config", "FexampConfig", "FexampElement", "Gsc16aiConfig", "Gsc16aiData",
	"PhasicsConfig", "TimepixConfig", "TimepixData", "CspadCompressedElement", "OceanOpticsConfig",
	"OceanOpticsData", "EpicsConfig", "FliConfig", "FliFrame", "QuartzConfig", "Reserved1", "Reserved2",
	"AndorConfig", "AndorFrame", "UsdUsbData", "UsdUsbConfig", "GMD", "SharedAcqADC", "OrcaConfig", "ImpData",
	"ImpConfig", "AliasConfig", "L3TConfig", "L3TData", "Spectrometer", "RayonixConfig", "EpixConfig",
	"EpixElement", "EpixSamplerConfig", "EpixSamplerElement", "EvsConfig", "PartitionConfig", "PimaxConfig",
	"PimaxFrame", "Arraychar", "Epix10kConfig", "Epix100aConfig", "GenericPgpConfig", "TimeToolConfig",
	"TimeToolData", "EpixSConfig", "SmlDataConfig", "SmlDataOrigDgramOffset", "SmlDataProxy", "ArrayUInt16",
	"GotthardConfig", "AnalogInput", "SmlData", "Andor3dConfig", "Andor3dFrame", "BeamMonitorBldData",
	"Generic1DConfig", "Generic1DData", "UsdUsbFexConfig", "UsdUsbFexData", "EOrbits", "SharedUsdUsb",
	"ControlsCameraConfig", "ArchonConfig", "JungfrauConfig", "JungfrauElement", "QuadAdcConfig",
	"ZylaConfig", "ZylaFrame", "Epix10kaConfig", "PixisConfig", "PixisFrame", "UxiConfig", "UxiFrame",
	"Epix10ka2MConfig", "Epix10kaArray", "StreakConfig", "Epix10kaQuadConfig", "iStarConfig", "AlviumConfig",
	"VimbaFrame",
}

// String returns the name as in the format's own library ("Epix100aConfig"),
// "-Invalid-" where there is none.
func (t Type) String() string { return nameAt(typeNames[:], uint32(t)) }
