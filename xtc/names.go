package xtc

// invalid is what the format's own library prints for a number that is in none of
// its tables.
const invalid = "-Invalid-"

// detectorNames is indexed by the detector number of a Src. The text differs from
// the C enumeration for 1-7 (Detector names of pdsdata's DetInfo).
//
// Part of the wire format, do not change.
var detectorNames = [...]string{
	"NoDetector", "AmoIMS", "AmoGD", "AmoETOF", "AmoITOF", "AmoMBES", "AmoVMI", "AmoBPS", "Camp", "EpicsArch",
	"BldEb", "SxrBeamline", "SxrEndstation", "XppSb1Ipm", "XppSb1Pim", "XppMonPim", "XppSb2Ipm", "XppSb3Ipm",
	"XppSb3Pim", "XppSb4Pim", "XppGon", "XppLas", "XppEndstation", "AmoEndstation", "CxiEndstation",
	"XcsEndstation", "MecEndstation", "CxiDg1", "CxiDg2", "CxiDg3", "CxiDg4", "CxiKb1", "CxiDs1", "CxiDs2",
	"CxiDsu", "CxiSc1", "CxiDsd", "XcsBeamline", "CxiSc2", "MecXuvSpectrometer", "MecXrtsForw", "MecXrtsBack",
	"MecFdi", "MecTimeTool", "MecTargetChamber", "FeeHxSpectrometer", "XrayTransportDiagnostic", "Lamp",
	"MfxEndstation", "MfxDg1", "MfxDg2", "XrtDiag", "DetLab",
}

// deviceNames is indexed by the device number of a Src.
//
// Part of the wire format, do not change.
var deviceNames = [...]string{
	"NoDevice", "Evr", "Acqiris", "Opal1000", "Tm6740", "pnCCD", "Princeton", "Fccd", "Ipimb", "Encoder",
	"Cspad", "AcqTDC", "Xamps", "Cspad2x2", "Fexamp", "Gsc16ai", "Phasics", "Timepix", "Opal2000", "Opal4000",
	"OceanOptics", "Opal1600", "Opal8000", "Fli", "Quartz4A150", "Andor", "USDUSB", "OrcaFl40", "Imp", "Epix",
	"Rayonix", "EpixSampler", "Pimax", "Fccd960", "Epix10k", "Epix100a", "EpixS", "Gotthard", "DualAndor",
	"Wave8", "LeCroy", "ControlsCamera", "Archon", "Jungfrau", "Zyla", "Epix10ka", "Pixis", "Uxi",
	"Epix10ka2M", "StreakC7700", "Epix10kaQuad", "JungfrauSegment", "JungfrauSegmentM2", "JungfrauSegmentM3",
	"JungfrauSegmentM4", "iStar", "QuadAdc", "Alvium",
}

// bldNames is indexed by the number of a beam-line data source, the phy word of a
// Src of level Reporter.
//
// Part of the wire format, do not change.
var bldNames = [...]string{
	"EBeam", "PhaseCavity", "FEEGasDetEnergy", "NH2-SB1-IPM-01", "XCS-IPM-01", "XCS-DIO-01", "XCS-IPM-02",
	"XCS-DIO-02", "XCS-IPM-03", "XCS-DIO-03", "XCS-IPM-03m", "XCS-DIO-03m", "XCS-YAG-1", "XCS-YAG-2",
	"XCS-YAG-3m", "XCS-YAG-3", "XCS-YAG-mono", "XCS-IPM-mono", "XCS-DIO-mono", "XCS-DEC-mono",
	"MEC-LAS-EM-01", "MEC-TCTR-PIP-01", "MEC-TCTR-DI-01", "MEC-XT2-IPM-02", "MEC-XT2-IPM-03",
	"MEC-HXM-IPM-01", "GMD", "CxiDg1_Imb01", "CxiDg2_Imb01", "CxiDg2_Imb02", "CxiDg3_Imb01", "CxiDg1_Pim",
	"CxiDg2_Pim", "CxiDg3_Pim", "XppMon_Pim0", "XppMon_Pim1", "XppSb2_Ipm", "XppSb3_Ipm", "XppSb3_Pim",
	"XppSb4_Pim", "XppEnds_Ipm0", "XppEnds_Ipm1", "MEC-XT2-PIM-02", "MEC-XT2-PIM-03", "CxiDg3_Spec",
	"NH2-SB1-IPM-02", "FEE-SPEC0", "SXR-SPEC0", "XPP-SPEC0", "XCS-USR-IPM-01", "XCS-USR-IPM-02",
	"XCS-USR-IPM-03", "XCS-USR-IPM-04", "XCS-IPM-04", "XCS-DIO-04", "XCS-IPM-05", "XCS-DIO-05", "XCS-IPM-gon",
	"XCS-IPM-ladm", "XPP-AIN-01", "XCS-AIN-01", "AMO-AIN-01", "MFX-BEAMMON-01", "EOrbits", "MfxDg1_Pim",
	"MfxDg2_Pim", "SXR-AIN-01", "HX2-SB1-BMMON", "XRT-USB-ENCODER-01", "XPP-USB-ENCODER-01",
	"XPP-USB-ENCODER-02", "XCS-USB-ENCODER-01", "CXI-USB-ENCODER-01", "XCS-SND-DIO", "MFX-USR-DIO",
	"XPP-SB2-BMMON", "XPP-SB3-BMMON", "HFX-DG2-BMMON", "XCS-SB1-BMMON", "XCS-SB2-BMMON", "CXI-DG2-BMMON",
	"CXI-DG3-BMMON", "MFX-DG1-BMMON", "MFX-DG2-BMMON", "MFX-AIN-01", "MEC-AIN-01", "FEE-AIN-01",
	"MEC-XT2-BMMON-02", "MEC-XT2-BMMON-03", "XPP-USR-DIO", "XPP-ALC-DIO", "XCS-USR-DIO", "CXI-USR-DIO",
	"MEC-USR-DIO", "MFX-USB-ENCODER-01", "HXX-DG1-BMMON-01",
}

// oldDetectorNames are earlier spellings that psana still accepts in a source
// string.
var oldDetectorNames = map[string]uint8{
	"AmoIms":    1,
	"amoIMS":    1,
	"AmoPem":    2,
	"amoGD":     2,
	"AmoGasdet": 2,
	"AmoETof":   3,
	"amoETOF":   3,
	"AmoITof":   4,
	"amoITOF":   4,
	"AmoMbs":    5,
	"amoMBES":   5,
	"AmoMbes":   5,
	"AmoIis":    6,
	"amoVMI":    6,
	"AmoVMI":    6,
	"AmoVmi":    6,
	"AmoBps":    7,
	"amoBPS":    7,
	"epicsArch": 9,
}

// oldDeviceNames are earlier spellings that psana still accepts in a source string.
var oldDeviceNames = map[string]uint8{
	"TM6740": 4,
}

// DetectorName returns the name of detector number n, "-Invalid-" where there is
// none.
func DetectorName(n uint8) string { return nameAt(detectorNames[:], uint32(n)) }

// DeviceName returns the name of device number n, "-Invalid-" where there is none.
func DeviceName(n uint8) string { return nameAt(deviceNames[:], uint32(n)) }

// BldName returns the name of beam-line data source n, "-Invalid-" where there is
// none.
func BldName(n uint32) string { return nameAt(bldNames[:], n) }

// DetectorNumber returns the number of the detector of that name; case counts, and
// the earlier spellings that psana accepts are known.
func DetectorNumber(name string) (uint8, bool) {
	return numberOf(detectorNames[:], oldDetectorNames, name)
}

// DeviceNumber returns the number of the device of that name; case counts, and the
// earlier spellings that psana accepts are known.
func DeviceNumber(name string) (uint8, bool) {
	return numberOf(deviceNames[:], oldDeviceNames, name)
}

// BldNumber returns the number of the beam-line data source of that name.
func BldNumber(name string) (uint32, bool) {
	n, ok := numberOf(bldNames[:], nil, name)
	return uint32(n), ok
}

func nameAt(names []string, n uint32) string {
	if n >= uint32(len(names)) {
		return invalid
	}
	return names[n]
}

func numberOf(names []string, old map[string]uint8, name string) (uint8, bool) {
	for i, known := range names {
		if known == name {
			return uint8(i), true
		}
	}
	n, ok := old[name]
	return n, ok
}
