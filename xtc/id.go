package xtc

import (
	"strconv"
	"strings"
)

// HardwareID returns the hardware id of a detector, by which the constants repository
// knows it; the ids of several panels are joined by "_". ok is false where the
// detector has none and goes by its name: every class but epix100a, epix10ka and
// jungfrau since ConfigV3.
//
//	epix100a, epix10ka           version-carrier0-carrier1-digital0-digital1-analog0-analog1
//	epix10ka quad and 2M, panel  classversion-carrier0-carrier1-digital0-digital1-0-0
//	jungfrau, module             moduleversion-firmwareversion-serialnumber
//
// The epix numbers are decimal with at least ten digits. Those of the jungfrau are
// lower-case hexadecimal without leading zeros, and zero is the empty text. (UtilsEpix,
// UtilsEpix10ka2M and UtilsJungfrau of the Detector package.)
func HardwareID(c Config) (id string, ok bool) {
	if c, ok := c.(*EpixConfig); ok { // the most frequent one needs no list
		return c.hardwareID(), c.layout.hasID
	}
	ids := PanelIDs(c)
	return strings.Join(ids, "_"), len(ids) > 0
}

// PanelIDs returns the hardware ids of a detector's panels, in order; nil where it
// has none. A detector of one piece has one.
func PanelIDs(c Config) []string {
	switch c := c.(type) {
	case *EpixConfig:
		return c.panelIDs()
	case *Epix10kaArrayConfig:
		return c.panelIDs()
	case *JungfrauConfig:
		return c.panelIDs()
	}
	return nil
}

func (c *EpixConfig) panelIDs() []string {
	if !c.layout.hasID {
		return nil
	}
	return []string{c.hardwareID()}
}

// hardwareID returns "" for a class without ids.
func (c *EpixConfig) hardwareID() string {
	if !c.layout.hasID {
		return ""
	}
	return epixID(c.Version, c.CarrierID, c.DigitalCardID, c.AnalogCardID)
}

func (c *Epix10kaArrayConfig) panelIDs() []string {
	ids := make([]string, len(c.Elements))
	for i, element := range c.Elements {
		quad := c.Quads[i/elementsPerQuad]
		ids[i] = epixID(c.ClassVersion, element.CarrierID, quad.DigitalCardID, [2]uint32{})
	}
	return ids
}

func (c *JungfrauConfig) panelIDs() []string {
	var ids []string
	for _, m := range c.Modules {
		ids = append(ids, hexDigits(m.ModuleVersion)+"-"+hexDigits(m.FirmwareVersion)+"-"+hexDigits(m.SerialNumber))
	}
	return ids
}

// epixDigits is the least number of digits of a number in an epix id.
const epixDigits = 10

func epixID(version uint32, carrier, digital, analog [2]uint32) string {
	var buf [7*epixDigits + 6]byte
	id := appendPadded(buf[:0], version)
	for _, n := range []uint32{carrier[0], carrier[1], digital[0], digital[1], analog[0], analog[1]} {
		id = appendPadded(append(id, '-'), n)
	}
	return string(id)
}

// appendPadded appends n with leading zeros: every 32-bit number fits in ten digits.
func appendPadded(b []byte, n uint32) []byte {
	var digits [epixDigits]byte
	for i := epixDigits - 1; i >= 0; i-- {
		digits[i] = '0' + byte(n%10)
		n /= 10
	}
	return append(b, digits[:]...)
}

// hexDigits returns n in hexadecimal, nothing for zero.
func hexDigits(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 16)
}
