package xtctest

import "deployconstants/xtc"

// JungfrauModule identifies one module.
type JungfrauModule struct {
	SerialNumber, ModuleVersion, FirmwareVersion uint64
}

// Jungfrau is what a jungfrau's configuration object tells.
type Jungfrau struct {
	NumberOfModules uint32 // 0: len(Modules)
	Modules         []JungfrauModule
	Rows, Columns   uint32 // of a module; 0: 512 x 1024
	GainMode        xtc.JungfrauGain
}

// JungfrauConfig returns Jungfrau.ConfigV1 to V4. Versions 1 and 2 have no room for
// the modules.
func JungfrauConfig(version uint16, j Jungfrau) []byte {
	size := map[uint16]int{1: 36, 2: 60, 3: 252, 4: 828}[version]
	c := make(payload, size)
	if j.NumberOfModules == 0 {
		j.NumberOfModules = uint32(len(j.Modules))
	}
	if j.Rows == 0 {
		j.Rows, j.Columns = 512, 1024
	}
	c.put(0, j.NumberOfModules, j.Rows, j.Columns, 200)
	c.put16(16, uint16(j.GainMode))
	c.put16(18, 1)
	c.putFloat(20, 0.000238)
	c.putFloat(28, 0.00001)
	for i, m := range j.Modules {
		if off := 60 + 24*i; off+24 <= size {
			c.put64(off, m.SerialNumber)
			c.put64(off+8, m.ModuleVersion)
			c.put64(off+16, m.FirmwareVersion)
		}
	}
	return c
}

// CspadConfig returns CsPad.ConfigV1 to V5. roiMask is not in V1.
func CspadConfig(version uint16, quadMask, roiMask uint32) []byte {
	size := map[uint16]int{1: 287804, 2: 287808, 3: 287844, 4: 287892, 5: 287928}[version]
	masks := map[uint16]int{1: 36, 2: 36, 3: 72, 4: 72, 5: 76}[version]
	c := make(payload, size)
	c.put(0, 0xc0000127)
	c.put(masks, 0xf, quadMask)
	if version > 1 {
		c.put(masks+8, roiMask)
	}
	return c
}

// Cspad2x2Config returns CsPad2x2.ConfigV1 or V2.
func Cspad2x2Config(version uint16, roiMask uint32) []byte {
	size, masks := 71996, 36
	if version > 1 {
		size, masks = 72008, 40
	}
	c := make(payload, size)
	c.put(masks, 0xf, roiMask)
	return c
}

// PnccdConfig returns PNCCD.ConfigV1 or V2 for the four links of a real detector.
func PnccdConfig(version uint16, info, timingFile string) []byte {
	const payloadSizePerLink = 16 + 512*512*2
	if version == 1 {
		c := make(payload, 8)
		c.put(0, 4, payloadSizePerLink)
		return c
	}
	c := make(payload, 544)
	c.put(0, 4, payloadSizePerLink, 1024, 1024, 512, 512, 4, 0x50a0)
	copy(c[32:287], info)
	copy(c[288:543], timingFile)
	return c
}

// RayonixConfig returns Rayonix.ConfigV1 or V2; they have the same layout.
func RayonixConfig(binningFast, binningSlow uint8, deviceID string) []byte {
	c := make(payload, 60)
	c[0], c[1] = binningFast, binningSlow
	c.put16(2, 0xffff)
	copy(c[20:59], deviceID)
	return c
}

// OpalConfig returns Opal1k.ConfigV1.
func OpalConfig() []byte {
	c := make(payload, 12)
	c.put(0, 32|100<<16)
	return c
}
