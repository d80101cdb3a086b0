package xtctest

import (
	"fmt"

	"deployconstants/xtc"
)

// DetInfo returns the source of a detector by its names. It panics on a name that is
// in no table, which is a mistake in the test.
func DetInfo(pid uint32, detector string, detID uint8, device string, devID uint8) xtc.Src {
	det, ok := xtc.DetectorNumber(detector)
	if !ok {
		panic(fmt.Sprintf("xtctest: no detector %q", detector))
	}
	dev, ok := xtc.DeviceNumber(device)
	if !ok {
		panic(fmt.Sprintf("xtctest: no device %q", device))
	}
	return xtc.DetInfo(pid, det, detID, dev, devID)
}

// ParseSource returns the source that a string like "XcsEndstation.0:Epix100a.1" or
// "EBeam" means, with that process id.
func ParseSource(text string, pid uint32) (xtc.Src, error) {
	match, err := xtc.ParseSource(text)
	if err != nil {
		return xtc.Src{}, err
	}
	if !match.Exact() {
		return xtc.Src{}, fmt.Errorf("source %q means several", text)
	}
	src := match.Src()
	src.Log |= pid & 0xffffff
	return src, nil
}

// Source is ParseSource for a text that the test wrote itself: it panics where that
// means no single source.
func Source(text string, pid uint32) xtc.Src {
	src, err := ParseSource(text, pid)
	if err != nil {
		panic("xtctest: " + err.Error())
	}
	return src
}

// ProcInfo returns the source of a process; ip is the address as in "172.21.20.84",
// first octet in the top byte.
func ProcInfo(level xtc.Level, ip, pid uint32) xtc.Src {
	return xtc.ProcInfo(level, [4]byte{byte(ip >> 24), byte(ip >> 16), byte(ip >> 8), byte(ip)}, pid)
}
