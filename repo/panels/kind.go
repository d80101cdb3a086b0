package panels

import (
	"fmt"
	"slices"
	"strings"

	"deployconstants/repo"
)

// A Kind is a type of constants that is merged from tables.
type Kind struct {
	CType    string // in names of tables
	Dir      string // of the tables, in that of the panel
	Deployed string // calibration type of the whole detector
	Format   string // of an element, as printf has it

	rows, columns int
	slots         []slot // by gain
	derive        derivation
}

// Gains returns the names of the gains in the order of the first dimension of the
// merged constants; of a gain that several modes share, the mode that counts more.
func (k Kind) Gains() []string {
	names := make([]string, len(k.slots))
	for i, s := range k.slots {
		names[i] = s.modes[len(s.modes)-1]
	}
	return names
}

// Elements returns how many numbers the merged constants of some panels have.
func (k Kind) Elements(panels int) int64 {
	return int64(len(k.slots)) * int64(panels) * int64(k.rows) * int64(k.columns)
}

// A slot is how one gain of a kind is found.
type slot struct {
	modes    []string // of tables that serve; of equal stamps the later counts
	fill     float64  // what stands in for a missing table
	expected bool     // no dark gives this table: it may be filled without being asked
}

// A derivation is what becomes of tables besides being stacked.
type derivation uint8

const (
	asTheyAre  derivation = iota
	plusOffset            // the low gains of auto modes are those of FL plus an offset
	scaled                // to a nominal gain at the median
)

// Indices of an epix10ka's gains (Detector/UtilsEpix10kaCalib.py, GAIN_MODES).
const (
	fh = iota
	fm
	fl
	ahlH
	amlM
	ahlL
	amlL
)

// beforeSwitch are the gains of auto modes before the switch, by those behind it.
var beforeSwitch = map[int]int{ahlL: ahlH, amlL: amlM}

// BehindSwitch returns the modes of an epix10ka behind the switch of auto modes, by those
// before it.
func BehindSwitch() map[string]string {
	modes, all := repo.GainModes(Epix10ka.String()), map[string]string{}
	for behind, before := range beforeSwitch {
		all[modes[before][0]] = modes[behind][0]
	}
	return all
}

// Factors are the nominal gains of an epix10ka, ADU/keV.
type Factors struct{ High, Medium, Low float64 }

// NominalFactors are those of the original.
func NominalFactors() Factors { return Factors{High: 16.40, Medium: 5.466, Low: 0.164} }

// of returns the factor of every gain.
func (f Factors) of() [7]float64 {
	return [...]float64{fh: f.High, fm: f.Medium, fl: f.Low, ahlH: f.High, amlM: f.Medium, ahlL: f.Low, amlL: f.Low}
}

// A Family is what detectors of the same panels have in common.
type Family uint8

// The families.
const (
	NoFamily Family = iota // constants are not merged from those of panels
	Epix10ka               // Epix10ka, Epix10kaQuad, Epix10ka2M
	Jungfrau
)

// FamilyOf returns the family of a detector type.
func FamilyOf(t repo.DetType) Family {
	switch t.Name {
	case "epix10ka", "epix10kaquad", "epix10ka2m":
		return Epix10ka
	case "jungfrau":
		return Jungfrau
	}
	return NoFamily
}

// String returns with what names of tables begin in the repositories of gains.
func (f Family) String() string {
	switch f {
	case Epix10ka:
		return "epix10ka"
	case Jungfrau:
		return "jungfrau"
	}
	return "none"
}

// Letters are the kinds of an epix10ka by the letter that asks for them.
const Letters = "prsgc"

// ByLetters returns the kinds that the letters ask for, in the order of the letters
// and once each: p pedestals, r rms, s status, g gain, c gain of charge injection.
// Gains without a table are nominal. The error names the letters.
func ByLetters(letters string, f Factors) ([]Kind, error) {
	var kinds []Kind
	for _, letter := range letters {
		var k Kind
		switch letter {
		case 'p':
			k = pedestals(Epix10ka, "pedestals")
		case 'r':
			k = noise(Epix10ka, "rms")
		case 's':
			k = status(Epix10ka, "status")
		case 'g':
			k = gain(Epix10ka, "gain", f)
			for i := range k.slots {
				k.slots[i].expected = true // it is the factors that were asked for
			}
		case 'c':
			k = pulsedGain(f)
		default:
			return nil, fmt.Errorf("%q is none of the letters %s", letter, Letters)
		}
		if !slices.ContainsFunc(kinds, func(other Kind) bool { return other.CType == k.CType }) {
			kinds = append(kinds, k)
		}
	}
	if slices.ContainsFunc(kinds, func(k Kind) bool { return k.CType == "gain" }) && strings.Contains(letters, "c") {
		return nil, fmt.Errorf("%q asks for two sorts of gain: g and c exclude each other", letters)
	}
	return kinds, nil
}

// JungfrauKinds returns all kinds of a Jungfrau's panels.
func JungfrauKinds() []Kind {
	return []Kind{
		pedestals(Jungfrau, "pedestals"), noise(Jungfrau, "rms"), status(Jungfrau, "status"),
		plain(Jungfrau, "dark_min", "%6i", 0), plain(Jungfrau, "dark_max", "%6i", 16383),
	}
}

// KindOf returns the kind that is a calibration type of the documented repository,
// where tables are named as it is, and false if that is not merged.
func KindOf(t repo.DetType, c repo.CType) (Kind, bool) {
	f := FamilyOf(t)
	if f == NoFamily {
		return Kind{}, false
	}
	switch c.Deployed() {
	case repo.Pedestals:
		return pedestals(f, string(c)), true
	case repo.PixelRMS:
		return noise(f, string(c)), true
	case repo.PixelStatus:
		return status(f, string(c)), true
	case repo.PixelGain:
		return gain(f, string(c), NominalFactors()), true
	}
	return Kind{}, false
}

// plain is a kind whose tables are only stacked.
func plain(f Family, ctype, format string, fill float64) Kind {
	k := Kind{CType: ctype, Dir: ctype, Deployed: string(repo.CType(ctype).Deployed()), Format: format, rows: 352, columns: 384}
	if f == Jungfrau {
		k.rows, k.columns = 512, 1024
	}
	for _, modes := range repo.GainModes(f.String()) {
		k.slots = append(k.slots, slot{modes: modes, fill: fill})
	}
	return k
}

// unmeasured: darks of an epix10ka do not reach the low gains of auto modes.
func (k Kind) unmeasured(f Family) Kind {
	if f == Epix10ka {
		k.slots[ahlL].expected, k.slots[amlL].expected = true, true
	}
	return k
}

func pedestals(f Family, ctype string) Kind {
	k := plain(f, ctype, "%.3f", 0).unmeasured(f)
	if f == Epix10ka {
		k.derive = plusOffset
	}
	return k
}

func noise(f Family, ctype string) Kind { return plain(f, ctype, "%.3f", 1).unmeasured(f) }

func status(f Family, ctype string) Kind { return plain(f, ctype, "%4i", 0).unmeasured(f) }

func gain(f Family, ctype string, nominal Factors) Kind {
	k := plain(f, ctype, "%.6f", 1)
	if f == Epix10ka {
		for i, factor := range nominal.of() {
			k.slots[i].fill = factor
		}
	}
	return k
}

// pulsedGain is the gain from charge injection. Only auto modes are measured; fixed
// ones are those of the same amplification.
func pulsedGain(f Factors) Kind {
	k := gain(Epix10ka, "gainci", f)
	k.Dir, k.Deployed, k.derive = "gain", string(repo.PixelGain), scaled
	for fixed, auto := range map[int]int{fh: ahlH, fm: amlM, fl: amlL} {
		k.slots[fixed].modes = append(slices.Clone(k.slots[auto].modes), k.slots[fixed].modes...)
	}
	return k
}
