package repo

import (
	"slices"
	"strconv"
	"strings"
)

// gainModes are, by detector type, the names of gain modes for each index of the
// first dimension of constants. Several modes of one index are told apart by name
// only; of two files with one stamp the later in the list counts, as in psana's
// tools.
var gainModes = map[string][][]string{
	"epix10ka":     epix10kaModes,
	"epix10kaquad": epix10kaModes,
	"epix10ka2m":   epix10kaModes,
	"jungfrau": {
		{"gm0-HighGain0", "gm0-Normal"},
		{"gm1-FixedGain1", "gm1-ForcedGain1"},
		{"gm2-FixedGain2", "gm2-ForcedGain2"},
	},
}

var epix10kaModes = [][]string{{"FH"}, {"FM"}, {"FL"}, {"AHL-H"}, {"AML-M"}, {"AHL-L"}, {"AML-L"}}

// GainModes returns the names of the gain modes of a detector type for each index of
// the first dimension of its constants, as names of tables have them; nil for types
// with one gain. The slices must not be changed.
func GainModes(detType string) [][]string { return gainModes[detType] }

// A Table is the name of a file with constants of one panel in one gain mode, of
// which, with others, those of the detector are merged:
//
//	<dettype>_<alias>_<14 digits>_<experiment>_r<run, %04d>_<ctype>_<mode>.dat
type Table struct {
	Name
	Mode string // of GainModes
}

// String returns the file's name.
func (t Table) String() string {
	return strings.TrimSuffix(t.Name.String(), ".txt") + "_" + t.Mode + ".dat"
}

// ParseTable takes the name of a table apart, which must be for that type, whatever
// the alias, that ctype, and one of the modes. Its extension may be any of those of
// constants.
func ParseTable(file, detType, ctype string, modes ...string) (Table, bool) {
	stem, ok := cutExtension(file)
	if !ok {
		return Table{}, false
	}
	rest, ok := cutField(stem, detType)
	if !ok {
		return Table{}, false
	}
	alias, rest, _ := strings.Cut(rest, "_")
	stamp, ok := cutStamp(rest)
	if !ok || !isAlias([]byte(alias)) {
		return Table{}, false
	}
	rest = rest[15:]
	for _, mode := range modes {
		origin, ok := strings.CutSuffix(rest, "_"+ctype+"_"+mode)
		if !ok || !isOrigin(origin) {
			continue
		}
		i := strings.LastIndex(origin, "_r")
		run, err := strconv.Atoi(origin[i+2:])
		return Table{Name{detType, alias, stamp, origin[:i], run, ctype}, mode}, err == nil
	}
	return Table{}, false
}

// tableDirs are the directories of a panel that have tables only.
var tableDirs = []string{"offset", "dark_min", "dark_max"}

// tableIn takes the name of a table apart that belongs into a directory of a panel:
// of what the directory is called after, in gain those of charge injection besides,
// and in offset those of the offsets between the gains of auto modes.
func (t DetType) tableIn(dir, name string) (Table, bool) {
	modes := slices.Concat(gainModes[t.Name]...)
	ctypes := []string{dir}
	switch dir {
	case string(Gain):
		ctypes = append(ctypes, "gainci")
	case "offset":
		ctypes, modes = []string{"offset", "offsetph"}, append(modes, "AHL", "AML")
	}
	for _, ctype := range ctypes {
		if table, ok := ParseTable(name, t.Name, ctype, modes...); ok {
			return table, true
		}
	}
	return Table{}, false
}

// isTable reports whether a name is that of a table, which is no constants of a
// whole detector and no stray name either.
func (p pattern) isTable(name string) bool {
	modes, several := gainModes[p.detType]
	if !several {
		return false
	}
	_, ok := ParseTable(name, p.detType, p.ctype, slices.Concat(modes...)...)
	return ok
}
