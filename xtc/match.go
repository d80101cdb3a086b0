package xtc

import (
	"fmt"
	"strconv"
	"strings"
)

// anyByte stands for "whatever it is" in the phy word of a SourceMatch; a number 255 in
// a source string therefore is a wildcard too, as in psana.
const anyByte = 0xff

// SourceMatch says which sources a source string means.
type SourceMatch struct {
	level  Level
	phy    uint32 // of the source, with anyByte in the places of wildcards
	kind   matchKind
	anyPhy bool // every source of the level
}

type matchKind uint8

const (
	matchAnything matchKind = iota
	matchDetector
	matchBld
	matchProcess
)

// SourceError says that a source string cannot be parsed.
type SourceError struct {
	Text   string // the source string
	Reason string
}

// Error returns what is wrong and what would be right.
func (e *SourceError) Error() string {
	return fmt.Sprintf("source %q: %s; write it like XcsEndstation.0:Epix100a.1", e.Text, e.Reason)
}

// ParseSource parses a source string as psana.Source does, aliases excluded:
//
//	""                                anything
//	XcsEndstation.0:Epix100a.1        a detector; DetInfo(...) around it may be written
//	XcsEndstation-0|Epix100a-1        the same
//	XcsEndstation, :Epix100a.3, *     wildcards for what is missing or "*"
//	EBeam, BldInfo(EBeam)             a beam-line data source
//	ProcInfo(172.21.20.84)            a process on that host
//
// Blanks around the text are ignored, names are case sensitive, numbers are taken
// modulo 256 with 255 as a wildcard. The error is a *SourceError.
func ParseSource(text string) (SourceMatch, error) {
	trimmed := strings.TrimSpace(text)
	inner, form := unwrapSource(trimmed)
	var m SourceMatch
	var reason string
	switch form {
	case "ProcInfo":
		m, reason = parseProcess(inner)
	case "BldInfo":
		m, reason = parseBld(inner)
	case "DetInfo":
		m, reason = parseDetector(inner)
	default:
		if trimmed == "" {
			return SourceMatch{}, nil
		}
		if m, reason = parseBld(trimmed); reason != "" {
			m, reason = parseDetector(trimmed)
		}
	}
	if reason != "" {
		return SourceMatch{}, &SourceError{Text: text, Reason: reason}
	}
	return m, nil
}

// unwrapSource splits "DetInfo(x)" into x and "DetInfo"; form is empty for a bare
// text.
func unwrapSource(text string) (inner, form string) {
	for _, form := range []string{"DetInfo", "BldInfo", "ProcInfo"} {
		if rest, ok := strings.CutPrefix(text, form+"("); ok {
			if inner, ok := strings.CutSuffix(rest, ")"); ok {
				return inner, form
			}
		}
	}
	return text, ""
}

func parseProcess(text string) (m SourceMatch, reason string) {
	m = SourceMatch{kind: matchProcess, level: LevelSegment}
	if text == "" {
		m.anyPhy = true
		return m, ""
	}
	parts := strings.Split(text, ".")
	if len(parts) != 4 {
		return m, "a process is given by its IPv4 address alone"
	}
	for _, part := range parts {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return m, fmt.Sprintf("%q is no part of an IPv4 address", part)
		}
		m.phy = m.phy<<8 | uint32(n)
	}
	return m, ""
}

func parseBld(text string) (m SourceMatch, reason string) {
	m = SourceMatch{kind: matchBld, level: LevelReporter}
	if text == "" {
		m.anyPhy = true
		return m, ""
	}
	n, ok := BldNumber(text)
	if !ok {
		return m, fmt.Sprintf("%q is no beam-line data source", text)
	}
	m.phy = n
	return m, ""
}

func parseDetector(text string) (m SourceMatch, reason string) {
	detector, device, separator := text, "", "."
	if before, after, ok := strings.Cut(text, ":"); ok {
		detector, device = before, after
	} else if before, after, ok := strings.Cut(text, "|"); ok {
		detector, device, separator = before, after, "-"
	}
	phy, reason := parseHalf(detector, separator, "detector", DetectorNumber)
	if reason != "" {
		return m, reason
	}
	low, reason := parseHalf(device, separator, "device", DeviceNumber)
	if reason != "" {
		return m, reason
	}
	return SourceMatch{kind: matchDetector, level: LevelSource, phy: phy<<16 | low}, ""
}

// parseHalf parses "XcsEndstation.0" to the two bytes of the phy word.
func parseHalf(text, separator, what string, number func(string) (uint8, bool)) (half uint32, reason string) {
	name, id, _ := strings.Cut(text, separator)
	n, i := uint8(anyByte), uint8(anyByte)
	if name != "" && name != "*" {
		var ok bool
		if n, ok = number(name); !ok {
			return 0, fmt.Sprintf("%q is no %s", name, what)
		}
	}
	if id != "" && id != "*" {
		v, err := strconv.ParseInt(id, 10, 32)
		if err != nil {
			return 0, fmt.Sprintf("%q is no number of a %s", id, what)
		}
		i = uint8(v)
	}
	return uint32(n)<<8 | uint32(i), ""
}

// Exact reports whether the string means one source.
func (m SourceMatch) Exact() bool {
	switch m.kind {
	case matchDetector:
		for shift := 0; shift < 32; shift += 8 {
			if uint8(m.phy>>shift) == anyByte {
				return false
			}
		}
		return true
	case matchBld, matchProcess:
		return !m.anyPhy
	}
	return false
}

// Matches reports whether the source is one that the string means. The process id does
// not count, nor does the level of a process.
func (m SourceMatch) Matches(s Src) bool {
	switch m.kind {
	case matchDetector:
		if s.Level() != LevelSource {
			return false
		}
		for shift := 0; shift < 32; shift += 8 {
			if want := uint8(m.phy >> shift); want != anyByte && want != uint8(s.Phy>>shift) {
				return false
			}
		}
		return true
	case matchBld:
		return s.Level() == LevelReporter && (m.anyPhy || m.phy == s.Phy)
	case matchProcess:
		return s.Level() != LevelSource && s.Level() != LevelReporter && (m.anyPhy || m.phy == s.Phy)
	}
	return true
}

// Src returns the source that an exact string means, with process id 0, and for a
// process with level Segment; 0xff stands for each wildcard of a detector.
func (m SourceMatch) Src() Src { return Src{Log: uint32(m.level) << 24, Phy: m.phy} }

// String returns psana's spelling: "DetInfo(*.*:Epix100a.3)", "BldInfo(EBeam)", "" for
// anything.
func (m SourceMatch) String() string {
	switch m.kind {
	case matchDetector:
		name := func(n uint8, name func(uint8) string) string {
			if n == anyByte {
				return "*"
			}
			return name(n)
		}
		number := func(n uint8) string { return name(n, func(n uint8) string { return strconv.Itoa(int(n)) }) }
		s := m.Src()
		return fmt.Sprintf("DetInfo(%s.%s:%s.%s)",
			name(s.Detector(), DetectorName), number(s.DetID()), name(s.Device(), DeviceName), number(s.DevID()))
	case matchBld:
		if m.anyPhy {
			return "BldInfo(*)"
		}
		return "BldInfo(" + m.Src().String() + ")"
	case matchProcess:
		if m.anyPhy {
			return "ProcInfo(*)"
		}
		return m.Src().String()
	}
	return ""
}
