package repo

import (
	"fmt"
	"slices"
	"strings"

	"deployconstants/repo/ndarray"
)

// A CType is a calibration type as it is named in the repository: gain,
// common_mode, pedestals, ... Use ParseCType to check one that was typed.
type CType string

// The calibration types that the documented program names, and those of psana.
const (
	Gain        CType = "gain"         // deployed as pixel_gain
	RMS         CType = "rms"          // deployed as pixel_rms
	Status      CType = "status"       // deployed as pixel_status
	Pedestals   CType = "pedestals"    // ADU
	PixelStatus CType = "pixel_status" // bit word, 0 is good
	PixelRMS    CType = "pixel_rms"    // ADU
	PixelGain   CType = "pixel_gain"   // factor per pixel
	PixelMask   CType = "pixel_mask"   // 1 good, 0 bad
	PixelBkgd   CType = "pixel_bkgd"   // ADU
	CommonMode  CType = "common_mode"  // parameters of the correction algorithm
	Geometry    CType = "geometry"     // text, not an array
	PixelOffset CType = "pixel_offset" // ADU
	StatusData  CType = "status_data"  // bit word found from data
	StatusExtra CType = "status_extra" // all status_* of the repository merged

	// StatusMerged is the directory in which the repository has what is deployed as
	// StatusExtra. Nobody asks for it by this name.
	StatusMerged CType = "status_merged"
)

// psanaCTypes is in psana's order (PSCalib/GlobalUtils.py, calib_types).
var psanaCTypes = []struct {
	name  CType
	dtype ndarray.DType
}{
	{Pedestals, ndarray.Float32},
	{PixelStatus, ndarray.Uint16},
	{PixelRMS, ndarray.Float32},
	{PixelGain, ndarray.Float32},
	{PixelMask, ndarray.Uint8},
	{PixelBkgd, ndarray.Float32},
	{CommonMode, ndarray.Float64},
	{Geometry, ndarray.NoDType},
	{PixelOffset, ndarray.Float32},
	{StatusData, ndarray.Uint16},
	{StatusExtra, ndarray.Uint64},
}

// otherCTypes are the names in the repository that are deployed under another one.
var otherCTypes = map[CType]CType{Gain: PixelGain, RMS: PixelRMS, Status: PixelStatus, StatusMerged: StatusExtra}

// PsanaCTypes returns the calibration types that psana reads, in its order.
func PsanaCTypes() []CType {
	list := make([]CType, len(psanaCTypes))
	for i, c := range psanaCTypes {
		list[i] = c.name
	}
	return list
}

// CTypes returns every calibration type that can be asked for: the documented
// short names, then psana's in its order.
func CTypes() []CType { return append([]CType{Gain, RMS, Status}, PsanaCTypes()...) }

// StoredCTypes returns every calibration type of which the repository has directories
// of constants: as CTypes, but StatusMerged for StatusExtra.
func StoredCTypes() []CType {
	list := CTypes()
	list[slices.Index(list, StatusExtra)] = StatusMerged
	return list
}

// offsetDir has tables that are merged into pedestals, see package panels.
const offsetDir = "offset"

// UsesOf returns the calibration types, as they are deployed, for which the files of a
// directory in that of a detector or panel are used: their own, and that of what is
// merged of them. It is nil for a directory of which nothing is deployed.
func UsesOf(dir string) (uses []CType) {
	if slices.Contains(StoredCTypes(), CType(dir)) {
		uses = append(uses, CType(dir).Deployed())
	}
	if isStatusDir(dir) && !slices.Contains(uses, StatusExtra) {
		uses = append(uses, StatusExtra)
	}
	if dir == offsetDir {
		uses = append(uses, Pedestals)
	}
	return uses
}

// ParseCType checks the name of a calibration type. The error is ErrUnknownCType
// and lists the known ones.
func ParseCType(name string) (CType, error) {
	if known := CTypes(); !slices.Contains(known, CType(name)) {
		names := make([]string, len(known))
		for i, c := range known {
			names[i] = string(c)
		}
		return "", fmt.Errorf("%w: %q is none of %s", ErrUnknownCType, name, strings.Join(names, ", "))
	}
	return CType(name), nil
}

// Deployed returns the name of the type's directory in a calib directory: gain,
// rms and status become pixel_gain, pixel_rms and pixel_status, status_merged becomes
// status_extra, every other type keeps its name.
func (c CType) Deployed() CType {
	if deployed, other := otherCTypes[c]; other {
		return deployed
	}
	return c
}

// DType returns the element type as which psana reads the constants, and
// ndarray.NoDType where they are text (geometry) or the type is unknown.
func (c CType) DType() ndarray.DType {
	for _, known := range psanaCTypes {
		if known.name == c.Deployed() {
			return known.dtype
		}
	}
	return ndarray.NoDType
}
