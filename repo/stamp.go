package repo

import (
	"fmt"
	"strconv"
	"time"
	_ "time/tzdata" // stamps must not depend on what the host has installed
)

// DefaultZone names the time zone of the facility in which stamps are rendered.
const DefaultZone = "America/Los_Angeles"

// LoadZone returns the time zone of that IANA name; zone data are compiled in.
// The host's own zone ("Local") is refused: stamps would then depend on where
// the program runs. An empty name is DefaultZone.
func LoadZone(name string) (*time.Location, error) {
	switch name {
	case "":
		name = DefaultZone
	case "Local":
		return nil, fmt.Errorf("time zone %q depends on the host: name one such as %s", name, DefaultZone)
	}
	return time.LoadLocation(name)
}

// A Stamp is a moment as the decimal number YYYYmmddHHMMSS, local time of the
// facility, to the second. Stamps compare as numbers. In the hour that is
// repeated when summer time ends, two moments an hour apart have one stamp.
type Stamp uint64

// maxStamp is the last stamp of 14 digits that is a date.
const maxStamp Stamp = 99991231235959

// StampOf renders t in the zone, seconds rounded down. Before the year 0 the
// result is 0, after 9999 the last second of that year.
func StampOf(t time.Time, zone *time.Location) Stamp {
	t = t.In(zone)
	year, month, day := t.Date()
	switch {
	case year < 0:
		return 0
	case year > 9999:
		return maxStamp
	}
	hour, minute, second := t.Clock()
	date := (uint64(year)*100+uint64(month))*100 + uint64(day)
	return Stamp(((date*100+uint64(hour))*100+uint64(minute))*100 + uint64(second))
}

// StampRepeats reports whether another moment of the zone has the stamp of t:
// the hour before and the hour after summer time ends.
func StampRepeats(t time.Time, zone *time.Location) bool {
	t = t.In(zone)
	_, offset := t.Zone()
	start, end := t.ZoneBounds()
	if !end.IsZero() {
		_, after := end.Zone()
		if back := time.Duration(offset-after) * time.Second; back > 0 && end.Sub(t) <= back {
			return true
		}
	}
	if start.IsZero() {
		return false
	}
	_, before := start.Add(-time.Second).Zone()
	back := time.Duration(before-offset) * time.Second
	return back > 0 && t.Sub(start) < back
}

// ParseStamp reads a stamp as typed with -t: 4, 6, 8, 10, 12 or 14 digits that
// form a real date, shorter ones standing for their earliest second ("2016" is
// 20160101000000). The error is ErrBadStamp.
func ParseStamp(text string) (Stamp, error) {
	const earliest = "00000101000000"
	ok := len(text) >= 4 && len(text) <= 14 && len(text)%2 == 0
	for i := 0; ok && i < len(text); i++ {
		ok = text[i] >= '0' && text[i] <= '9'
	}
	if ok {
		full := text + earliest[len(text):]
		if _, err := time.Parse("20060102150405", full); err == nil && full >= "0001" {
			value, err := strconv.ParseUint(full, 10, 64)
			return Stamp(value), err
		}
	}
	return 0, fmt.Errorf("%w: %q (want YYYY[mm[dd[HH[MM[SS]]]]] in digits, a real date)", ErrBadStamp, text)
}

// String returns the 14 digits.
func (s Stamp) String() string { return fmt.Sprintf("%014d", uint64(s)) }
