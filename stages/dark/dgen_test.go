package dark_test

import "encoding/json"

// dgen generates frames as the cases of data/dark have them (spec/dark.md section
// 16): whole numbers modulo 2^64, the same on every machine.
type dgen struct {
	Seed   uint64
	Shape  []int
	DType  string
	Params dgenParams

	pixels []dgenPixel
}

type dgenParams struct {
	Base, GradR, GradC, PSpread                  int64
	SigQ                                         int64
	MaxVal                                       int64
	WDead, WSat, WHotRMS, WColdRMS               int64
	WHotAve, WColdAve, WFlHi, WFlLo              int64
	HotRMSMul, HotAve, ColdAve                   int64
	FlNum, FlDen, FlHiVal                        int64
	SpikeNum, SpikeDen, SpikeMin, SpikeSpan      int64
	GainBits, GBadPx, GBadNum, GBadDen, GBadBits int64
	CMAmp                                        int64
	Signed                                       int64
}

// UnmarshalJSON reads the parameters by their names in the cases.
func (p *dgenParams) UnmarshalJSON(text []byte) error {
	var values map[string]int64
	if err := json.Unmarshal(text, &values); err != nil {
		return err
	}
	*p = dgenParams{
		Base: values["base"], GradR: values["gradr"], GradC: values["gradc"], PSpread: values["pspread"],
		SigQ: values["sigq"], MaxVal: values["maxval"],
		WDead: values["w_dead"], WSat: values["w_sat"], WHotRMS: values["w_hotrms"], WColdRMS: values["w_coldrms"],
		WHotAve: values["w_hotave"], WColdAve: values["w_coldave"], WFlHi: values["w_flhi"], WFlLo: values["w_fllo"],
		HotRMSMul: values["hotrms_mul"], HotAve: values["hotave"], ColdAve: values["coldave"],
		FlNum: values["fl_num"], FlDen: values["fl_den"], FlHiVal: values["flhi_val"],
		SpikeNum: values["spike_num"], SpikeDen: values["spike_den"],
		SpikeMin: values["spike_min"], SpikeSpan: values["spike_span"],
		GainBits: values["gain_bits"], GBadPx: values["gbad_px"], GBadNum: values["gbad_num"],
		GBadDen: values["gbad_den"], GBadBits: values["gbad_bits"],
		CMAmp: values["cm_amp"], Signed: values["signed"],
	}
	return nil
}

func splitMix(x uint64) uint64 {
	z := x + 0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

func (g *dgen) key(tag, event uint64) uint64 {
	return splitMix(splitMix(splitMix(g.Seed)+tag) + event)
}

// Tags of what is drawn.
const (
	tagClass = iota + 1
	tagPedestal
	tagNoise
	tagSpike
	tagAmplitude
	tagFlicker
	tagGain
	tagCommonMode
)

// Classes of pixels; 0 is ordinary.
const (
	dead = iota + 1
	saturated
	hotRMS
	coldRMS
	hotAve
	coldAve
	flickerHigh
	flickerLow
)

// A dgenPixel is what does not change from event to event.
type dgenPixel struct {
	class    int
	pedestal int64
	q        int64 // width of the noise
	badGain  bool  // has other gain bits at times
}

func (g *dgen) size() int {
	size := 1
	for _, dim := range g.Shape {
		size *= dim
	}
	return size
}

// still returns the pixels, which it makes once.
func (g *dgen) still() []dgenPixel {
	if g.pixels != nil {
		return g.pixels
	}
	p := g.Params
	cols, rows := g.Shape[len(g.Shape)-1], 1
	if len(g.Shape) > 1 {
		rows = g.Shape[len(g.Shape)-2]
	}
	classes, pedestals, gains := g.key(tagClass, 0), g.key(tagPedestal, 0), g.key(tagGain, 0)
	g.pixels = make([]dgenPixel, g.size())
	for i := range g.pixels {
		k := int64(splitMix(classes+uint64(i)) % 10000)
		class := 0
		for j, weight := range [...]int64{p.WDead, p.WSat, p.WHotRMS, p.WColdRMS, p.WHotAve, p.WColdAve, p.WFlHi, p.WFlLo} {
			if k < weight {
				class = j + 1
				break
			}
			k -= weight
		}
		pedestal := p.Base + (int64(i/cols%rows)*p.GradR+int64(i%cols)*p.GradC)>>8
		if p.PSpread > 0 {
			pedestal += int64(splitMix(pedestals+uint64(i)) % uint64(p.PSpread))
		}
		q := p.SigQ
		switch class {
		case hotAve:
			pedestal += p.HotAve
		case coldAve:
			pedestal -= p.ColdAve
		case hotRMS:
			q *= p.HotRMSMul
		case coldRMS:
			q = 0
		}
		bad := int64(splitMix(gains+uint64(i))%10000) < p.GBadPx
		g.pixels[i] = dgenPixel{class, pedestal, q, bad}
	}
	return g.pixels
}

// frame returns the raw values of an event.
func (g *dgen) frame(event int) []uint16 {
	p, ev := g.Params, uint64(event)
	noises, spikes, amplitudes := g.key(tagNoise, ev), g.key(tagSpike, ev), g.key(tagAmplitude, ev)
	flickers, gains := g.key(tagFlicker, ev), g.key(tagGain, ev+1)
	below := func(key uint64, i int, den, num int64) bool {
		return num > 0 && int64(splitMix(key+uint64(i))%uint64(den)) < num
	}
	common := int64(0)
	if p.CMAmp > 0 {
		common = int64(g.key(tagCommonMode, ev)%uint64(2*p.CMAmp+1)) - p.CMAmp
	}
	least := int64(0)
	if p.Signed != 0 {
		least = -p.MaxVal - 1
	}
	frame := make([]uint16, g.size())
	for i, pixel := range g.still() {
		h := splitMix(noises + uint64(i))
		noise := int64(h&0xffff+h>>16&0xffff+h>>32&0xffff+h>>48) - 131070
		v := pixel.pedestal + (noise*pixel.q+1<<19)>>20 + common
		switch pixel.class {
		case 0:
			if below(spikes, i, p.SpikeDen, p.SpikeNum) {
				v += p.SpikeMin + int64(splitMix(amplitudes+uint64(i))%uint64(p.SpikeSpan))
			}
		case flickerHigh:
			if below(flickers, i, p.FlDen, p.FlNum) {
				v = p.FlHiVal
			}
		case flickerLow:
			if below(flickers, i, p.FlDen, p.FlNum) {
				v = 0
			}
		case dead:
			v = 0
		case saturated:
			v = p.MaxVal
		}
		v = min(max(v, least), p.MaxVal)
		if p.GainBits != 0 || p.GBadPx != 0 {
			gain := p.GainBits
			if pixel.badGain && below(gains, i, p.GBadDen, p.GBadNum) {
				gain = p.GBadBits
			}
			v |= gain << 14
		}
		frame[i] = uint16(v)
	}
	return frame
}
