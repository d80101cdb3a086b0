package ui

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Count writes a number of things: "1 file", "2 files", "0 directories". The
// last letters of the thing make its plural: y, s, x, ch and sh have their own.
func Count[N ~int | ~int64 | ~uint64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %s", n, plural(thing))
}

func plural(thing string) string {
	stem, y := strings.CutSuffix(thing, "y")
	switch {
	case y && stem != "" && !strings.ContainsRune("aeiou", rune(stem[len(stem)-1])):
		return stem + "ies"
	case strings.HasSuffix(thing, "s"), strings.HasSuffix(thing, "x"),
		strings.HasSuffix(thing, "ch"), strings.HasSuffix(thing, "sh"):
		return thing + "es"
	}
	return thing + "s"
}

// Bytes writes a size with binary units: "0 B", "1023 B", "1.0 KiB", "12.3 MiB".
func Bytes(n int64) string {
	if -1024 < n && n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, unit := float64(n), 0
	for units := "KMGTPE"; unit < len(units); {
		value /= 1024
		unit++
		if -1023.95 < value && value < 1023.95 {
			break
		}
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTPE"[unit-1])
}

// Duration writes a duration with its two greatest units, rounded to the nearest:
// "0s", "340ms", "1.5s", "59s", "12m05s", "3h07m", "2d04h".
func Duration(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "-", -max(d, -math.MaxInt64)
	}
	switch {
	case d == 0:
		return "0s"
	case d < 999500*time.Microsecond:
		return fmt.Sprintf("%s%dms", sign, d.Round(time.Millisecond)/time.Millisecond)
	case d < 9950*time.Millisecond:
		return fmt.Sprintf("%s%.1fs", sign, d.Seconds())
	case d < 59500*time.Millisecond:
		return fmt.Sprintf("%s%ds", sign, d.Round(time.Second)/time.Second)
	case d < time.Hour-500*time.Millisecond:
		return sign + twoUnits(d, time.Second, 60, "m", "s")
	case d < 24*time.Hour-30*time.Second:
		return sign + twoUnits(d, time.Minute, 60, "h", "m")
	}
	return sign + twoUnits(d, time.Hour, 24, "d", "h")
}

func twoUnits(d, small time.Duration, in time.Duration, great, name string) string {
	n := (d + small/2) / small
	if n < 0 {
		n = d / small // rounding overflowed
	}
	return fmt.Sprintf("%d%s%02d%s", n/in, great, n%in, name)
}

// Rate writes things a second in a few digits: "0.02", "3.4", "35", "12034".
func Rate(r float64) string {
	switch {
	case r < 0.995:
		return fmt.Sprintf("%.2f", r)
	case r < 99.95:
		return fmt.Sprintf("%.1f", r)
	}
	return fmt.Sprintf("%.0f", r)
}
