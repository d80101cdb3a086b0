package repo

import (
	"fmt"
	"slices"
	"strings"
)

// A DetType is a detector type: the name of its directory in the repository and
// of its group in a calib directory. Values are comparable; the zero value is no
// type. The table is psana's (PSCalib/GlobalUtils.py, dic_det_name_to_calib_group).
type DetType struct {
	Name   string // directory in the repository, lower case: "epix100a"
	Device string // device name in the data: "Epix100a"
	Group  string // directory in a calib directory: "Epix100a::CalibV1"
}

// detTypes is sorted by Name.
var detTypes = []DetType{
	{"acqiris", "Acqiris", "Acqiris::CalibV1"},
	{"alvium", "Alvium", "Camera::CalibV1"},
	{"andor", "Andor", "Andor::CalibV1"},
	{"andor3d", "DualAndor", "Andor3d::CalibV1"},
	{"archon", "Archon", "Camera::CalibV1"},
	{"controlscamera", "ControlsCamera", "Camera::CalibV1"},
	{"cspad", "Cspad", "CsPad::CalibV1"},
	{"cspad2x2", "Cspad2x2", "CsPad2x2::CalibV1"},
	{"epix", "Epix", "Epix::CalibV1"},
	{"epix100a", "Epix100a", "Epix100a::CalibV1"},
	{"epix10k", "Epix10k", "Epix10ka::CalibV1"}, // the group of Epix10ka, as in psana
	{"epix10ka", "Epix10ka", "Epix10ka::CalibV1"},
	{"epix10ka2m", "Epix10ka2M", "Epix10ka2M::CalibV1"},
	{"epix10kaquad", "Epix10kaQuad", "Epix10kaQuad::CalibV1"},
	{"evr", "Evr", "EvrData::CalibV1"},
	{"fccd", "Fccd", "Camera::CalibV1"},
	{"fccd960", "Fccd960", "Camera::CalibV1"},
	{"fli", "Fli", "Fli::CalibV1"},
	{"imp", "Imp", "Imp::CalibV1"},
	{"istar", "iStar", "Camera::CalibV1"},
	{"jungfrau", "Jungfrau", "Jungfrau::CalibV1"},
	{"opal1000", "Opal1000", "Camera::CalibV1"},
	{"opal2000", "Opal2000", "Camera::CalibV1"},
	{"opal4000", "Opal4000", "Camera::CalibV1"},
	{"opal8000", "Opal8000", "Camera::CalibV1"},
	{"orcafl40", "OrcaFl40", "Camera::CalibV1"},
	{"pimax", "Pimax", "Pimax::CalibV1"},
	{"pixis", "Pixis", "Pixis::CalibV1"},
	{"pnccd", "pnCCD", "PNCCD::CalibV1"},
	{"princeton", "Princeton", "Princeton::CalibV1"},
	{"quartz4a150", "Quartz4A150", "Camera::CalibV1"},
	{"rayonix", "Rayonix", "Camera::CalibV1"},
	{"streak", "StreakC7700", "Camera::CalibV1"},
	{"timepix", "Timepix", "Timepix::CalibV1"},
	{"tm6740", "Tm6740", "Camera::CalibV1"},
	{"uxi", "Uxi", "Uxi::CalibV1"},
	{"zyla", "Zyla", "Camera::CalibV1"},
}

// Types returns the known detector types sorted by name. The caller owns the slice.
func Types() []DetType { return slices.Clone(detTypes) }

// TypeOfSource returns the type of a detector's full name such as
// "XcsEndstation.0:Epix100a.1". As in psana the device is matched with its case
// between ':' and '.'. The error is ErrUnknownType and lists the known devices.
func TypeOfSource(source string) (DetType, error) {
	_, device, _ := strings.Cut(source, ":")
	device, _, found := strings.Cut(device, ".")
	if found {
		for _, t := range detTypes {
			if t.Device == device {
				return t, nil
			}
		}
	}
	return DetType{}, fmt.Errorf("%w: %q has none of the devices %s", ErrUnknownType, source, deployableDevices())
}

// deployableDevices names the devices of which constants can be deployed.
func deployableDevices() string {
	devices := make([]string, 0, len(detTypes))
	for _, t := range detTypes {
		if t.Deployable() {
			devices = append(devices, t.Device)
		}
	}
	return strings.Join(devices, ", ")
}

// TypeNamed returns the type with the given directory name, such as "epix100a".
// The error is ErrUnknownType and lists the known names.
func TypeNamed(name string) (DetType, error) {
	i, found := slices.BinarySearchFunc(detTypes, name, func(t DetType, name string) int {
		return strings.Compare(t.Name, name)
	})
	if found {
		return detTypes[i], nil
	}
	names := make([]string, len(detTypes))
	for i, t := range detTypes {
		names[i] = t.Name
	}
	return DetType{}, fmt.Errorf("%w: %q is none of %s", ErrUnknownType, name, strings.Join(names, ", "))
}

// checkDeployable returns ErrNotDeployable with the devices that are.
func (t DetType) checkDeployable() error {
	if t.Deployable() {
		return nil
	}
	return fmt.Errorf("%w: %s is none of %s", ErrNotDeployable, t.Device, deployableDevices())
}

// Deployable reports whether constants of the type can be deployed. The event
// receiver (Evr) has a type in psana's table but is no area detector.
func (t DetType) Deployable() bool { return t.Name != "" && t.Name != "evr" }

// joinsPanels reports whether the original of 2022 knew a detector of the type by
// the id of its first panel alone.
func (t DetType) joinsPanels() bool { return t.Name == "epix10kaquad" || t.Name == "epix10ka2m" }
