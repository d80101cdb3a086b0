package xtc

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Src names the source of an Xtc: a detector, a beam-line data source or a process.
//
//	log  bits 24-31 level, bits 0-23 process id
//	phy  level Source: detector<<24 | detector id<<16 | device<<8 | device id
//	     level Reporter: number of the beam-line data source
//	     other levels: IPv4 address, first octet in the top byte
type Src struct {
	Log uint32
	Phy uint32
}

// NoSrc is the word pair that stands for no source.
var NoSrc = Src{Log: 0xffffffff, Phy: 0xffffffff}

// DetInfo returns the source of a detector.
func DetInfo(pid uint32, detector, detID, device, devID uint8) Src {
	return Src{
		Log: uint32(LevelSource)<<24 | pid&0xffffff,
		Phy: uint32(detector)<<24 | uint32(detID)<<16 | uint32(device)<<8 | uint32(devID),
	}
}

// BldInfo returns the source of beam-line data source n.
func BldInfo(pid, n uint32) Src {
	return Src{Log: uint32(LevelReporter)<<24 | pid&0xffffff, Phy: n}
}

// ProcInfo returns the source of a process on the host of that IPv4 address.
func ProcInfo(level Level, ip [4]byte, pid uint32) Src {
	return Src{
		Log: uint32(level)<<24 | pid&0xffffff,
		Phy: uint32(ip[0])<<24 | uint32(ip[1])<<16 | uint32(ip[2])<<8 | uint32(ip[3]),
	}
}

// Level returns the kind of source.
func (s Src) Level() Level { return Level(s.Log >> 24) }

// ProcessID returns the 24-bit id of the process that made the Xtc.
func (s Src) ProcessID() uint32 { return s.Log & 0xffffff }

// Detector returns the detector number of a source of level Source.
func (s Src) Detector() uint8 { return uint8(s.Phy >> 24) }

// DetID returns the detector id of a source of level Source.
func (s Src) DetID() uint8 { return uint8(s.Phy >> 16) }

// Device returns the device number of a source of level Source.
func (s Src) Device() uint8 { return uint8(s.Phy >> 8) }

// DevID returns the device id of a source of level Source.
func (s Src) DevID() uint8 { return uint8(s.Phy) }

// String returns psana's spelling: "XcsEndstation.0:Epix100a.1" for a detector, the
// bare name of a beam-line data source, "ProcInfo(172.21.20.84, pid=9223)" else.
func (s Src) String() string {
	switch s.Level() {
	case LevelSource:
		return DetectorName(s.Detector()) + "." + strconv.Itoa(int(s.DetID())) +
			":" + DeviceName(s.Device()) + "." + strconv.Itoa(int(s.DevID()))
	case LevelReporter:
		return BldName(s.Phy)
	default:
		return fmt.Sprintf("ProcInfo(%d.%d.%d.%d, pid=%d)",
			byte(s.Phy>>24), byte(s.Phy>>16), byte(s.Phy>>8), byte(s.Phy), s.ProcessID())
	}
}

// PdsName returns the spelling of the format's own library for a detector,
// "XcsEndstation-0|Epix100a-1", and that of String for all others.
func (s Src) PdsName() string {
	if s.Level() != LevelSource {
		return s.String()
	}
	return fmt.Sprintf("%s-%d|%s-%d", DetectorName(s.Detector()), s.DetID(), DeviceName(s.Device()), s.DevID())
}

// Compare orders sources as psana does: by level, then by phy as a signed number.
// The process id does not count: 0 means the same source (PSEvt EventKey.cpp).
func (s Src) Compare(t Src) int {
	return cmp.Or(cmp.Compare(s.Level(), t.Level()), cmp.Compare(int32(s.Phy), int32(t.Phy)))
}

// SourceName turns the spelling of a detector into the form that names it where it
// has no hardware id: "XcsEndstation-0-Epix100a-1".
func SourceName(source string) string { return dashes.Replace(source) }

var dashes = strings.NewReplacer(":", "-", ".", "-")
