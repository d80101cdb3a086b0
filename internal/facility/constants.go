package facility

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Constants is an entry of a directory of constants in the repository.
type Constants struct {
	Path    string // below the repository
	Type    string // "epix100a"
	ID      string // "" for a default
	CType   string // as the repository has it: "gain"
	Name    string // of the entry
	Stamp   string // 14 digits; "" for a default
	Default bool
	Stray   bool   // a name that is no constants file's
	Link    string // target of a link, as it is written; "" for none
	Broken  bool   // a link that leads nowhere
	Bytes   []byte // what is read
}

// Sum is the digest of what is read.
func (c *Constants) Sum() Sum { return sha256.Sum256(c.Bytes) }

// instruments have a place for detectors each, as the data name it.
var instruments = []struct{ name, place string }{
	{"XPP", "XppGon.0"}, {"XCS", "XcsEndstation.0"}, {"CXI", "CxiDs1.0"}, {"MEC", "MecTargetChamber.0"}, {"MFX", "MfxEndstation.0"},
}

// firstStamp and lastStamp bound the constants; the runs begin a little earlier.
const (
	firstStamp = 2013
	lastStamp  = 2018
)

// dstStamps are stamps at changes of summer time: the first hour is repeated, the
// second does not occur.
var dstStamps = []string{"20161106013000", "20161106010000", "20170312030000", "20151101015959", "20160313015959"}

func (f *Facility) makeRepository() error {
	f.makePanels()
	for _, i := range instruments {
		f.named("cspad", "Cspad", "CsPad.ConfigV5", i.place+":Cspad.0")
		f.named("opal1000", "Opal1000", "Opal1k.ConfigV1", i.place+":Opal1000.0")
	}
	f.panels = append(f.panels, &panel{typ: "epix100a", device: "Epix100a", // that has directories but was in no run
		id: "0000000009-0000000009-0000000009-0000000009-0000000009-0000000009-0000000009"})
	numbers := map[string]int{}
	lines := map[string][]string{}
	for i, p := range f.panels {
		if p.typ == "epix100a" && i%7 == 6 || p.typ == "jungfrau" && f.chance(0.15) {
			continue // a panel that the repository does not know
		}
		numbers[p.typ]++
		p.alias, p.dir = fmt.Sprintf("%04d", numbers[p.typ]), true
		line := fmt.Sprintf("%s %s 2014-06-09T12:19:26", p.alias, p.id)
		if i%2 == 0 {
			line += fmt.Sprintf(" %10s r%04d %s dataman", "xppc0000", i, "XppGon.0:"+p.device+".1")
		}
		lines[p.typ] = append(lines[p.typ], line)
		if err := f.makePanelConstants(i, p); err != nil {
			return err
		}
	}
	for typ, list := range lines {
		name := "aliases.txt"
		if typ == "jungfrau" || typ == "cspad" {
			name = ".aliases.txt"
		}
		if err := os.WriteFile(filepath.Join(f.Repository(), typ, name), []byte(strings.Join(list, "\n")+"\n"), 0o664); err != nil {
			return err
		}
	}
	for _, d := range [...]struct{ typ, ctype string }{
		{"epix100a", "common_mode"}, {"epix100a", "geometry"}, {"cspad", "common_mode"}, {"cspad", "geometry"},
		{"jungfrau", "common_mode"}, {"opal1000", "pixel_gain"}, {"opal1000", "gain"}, {"opal1000", "pedestals"},
	} {
		c := f.newConstants(d.typ, d.ctype)
		c.Default, c.Name = true, d.typ+"_default_"+d.ctype+".txt"
		c.Path = filepath.Join(d.typ, "default", c.Name)
		if err := f.save(c); err != nil {
			return err
		}
	}
	if f.Options.Status {
		if err := f.addStatus(); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(f.Repository(), "epix100a", "default", "README"), []byte("not constants\n"), 0o664)
}

// ctypesOf are the calibration types that panels of a detector type have.
func ctypesOf(typ string) []string {
	switch typ {
	case "epix100a":
		return []string{"common_mode", "geometry"}
	case "jungfrau":
		return []string{"common_mode"}
	case "cspad":
		return []string{"common_mode", "geometry"}
	default:
		return []string{"pedestals", "pixel_gain", "gain", "rms", "pixel_status"}
	}
}

func (f *Facility) makePanelConstants(i int, p *panel) error {
	ctypes := ctypesOf(p.typ)
	if p.typ == "epix100a" && i%6 == 0 {
		ctypes = append(ctypes, "gain", "pixel_gain")
	}
	for _, ctype := range ctypes {
		if err := os.MkdirAll(filepath.Join(f.Repository(), p.typ, p.id, ctype), 0o775); err != nil {
			return err
		}
		if p.typ == "epix100a" && i%5 == 2 {
			continue // with directories, but the default serves it
		}
		var last *Constants
		for k := range f.random.IntN(4) {
			stamp := f.randomStamp()
			if f.chance(0.3) {
				stamp = pick(f, dstStamps)
			}
			c := f.specific(p, ctype, stamp)
			if k > 0 && f.chance(0.2) {
				c.Bytes = last.Bytes // constants that did not change
			}
			if err := f.save(c); err != nil {
				return err
			}
			if f.chance(0.15) { // of equal stamp, another experiment
				twin := f.specific(p, ctype, stamp)
				if twin.Path != c.Path {
					if err := f.save(twin); err != nil {
						return err
					}
				}
			}
			last = c
		}
		if last != nil && f.chance(0.2) {
			if err := f.saveLink(p, ctype, last); err != nil {
				return err
			}
		}
		if f.chance(0.2) {
			name := pick(f, []string{"notes.txt", p.typ + "_old_20150101000000_xppc0000_r0001_" + ctype + ".txt", p.typ + "_" + p.alias + "_2015_xppc0000_r0001_" + ctype + ".txt",
				p.typ + "_" + p.alias + "2_20150101000000_xppc0000_r0001_" + ctype + ".txt", "copy_" + p.typ + "_" + p.alias + "_20150101000000_x_r0001_" + ctype + ".txt"})
			c := f.newConstants(p.typ, ctype)
			c.ID, c.Name, c.Stray = p.id, name, true
			c.Path = filepath.Join(p.typ, p.id, ctype, name)
			if err := f.save(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// saveLink saves constants that are a link to older ones; now and then to nothing.
func (f *Facility) saveLink(p *panel, ctype string, to *Constants) error {
	c := f.specific(p, ctype, f.randomStamp())
	c.Link, c.Bytes = to.Name, to.Bytes
	if p.typ == "opal1000" && f.chance(0.2) {
		c.Link, c.Broken, c.Bytes = "gone.txt", true, nil
	}
	if f.find(c.Path) != nil {
		return nil
	}
	return f.save(c)
}

// randomStamp is a moment at which constants might have been made.
func (f *Facility) randomStamp() string {
	from := time.Date(firstStamp, 1, 1, 0, 0, 0, 0, time.UTC)
	days := 365 * (lastStamp - firstStamp)
	return from.AddDate(0, 0, f.random.IntN(days)).Add(time.Duration(f.random.IntN(86400)) * time.Second).Format("20060102150405")
}

// specific are new constants of a panel.
func (f *Facility) specific(p *panel, ctype, stamp string) *Constants {
	c := f.newConstants(p.typ, ctype)
	c.ID, c.Stamp = p.id, stamp
	ext := "txt"
	if f.chance(0.1) {
		ext = pick(f, []string{"dat", "data"})
	}
	c.Name = fmt.Sprintf("%s_%s_%s_%s_r%04d_%s.%s", p.typ, p.alias, stamp, pick(f, []string{"xppc0001", "cxic0002", "mecd15"}), f.random.IntN(400), ctype, ext)
	c.Path = filepath.Join(p.typ, p.id, ctype, c.Name)
	return c
}

// newConstants are constants with bytes like no others.
func (f *Facility) newConstants(typ, ctype string) *Constants {
	f.serial++
	return &Constants{Type: typ, CType: ctype, Bytes: f.content(typ, ctype, f.serial)}
}

// content makes constants that fit the detector type; only the epix100a's arrays
// need Options.RealShapes for that.
func (f *Facility) content(typ, ctype string, serial int) []byte {
	var b strings.Builder
	switch {
	case ctype == "common_mode" && typ == "cspad":
		fmt.Fprintf(&b, "1 25 %d 100\n", serial)
	case ctype == "common_mode":
		fmt.Fprintf(&b, "4 6 30 %d 0 0 0 0 0 0 0 0 0 0 0 0\n", serial)
	case ctype == "geometry":
		fmt.Fprintf(&b, "# constants %d\n\nIP            0 CAMERA        0         0        0 %8d        0         0         0      0.00000   0.00000   0.00000\n", serial, -100000-serial)
	default:
		rows, columns := 2, 3
		if typ == "epix100a" && f.Options.RealShapes {
			rows, columns = 704, 768
		}
		fmt.Fprintf(&b, "# %s %d\n# DTYPE       float32\n# NDIM        2\n# DIM:0       %d\n# DIM:1       %d\n\n", ctype, serial, rows, columns)
		row := strings.Repeat(" 1", columns)[1:] + "\n"
		if ctype == "pixel_status" {
			row = strings.Repeat(" 0", columns)[1:] + "\n"
		}
		b.WriteString(strings.Repeat(row, rows))
	}
	return []byte(b.String())
}

// save writes the constants and records them.
func (f *Facility) save(c *Constants) error {
	path := filepath.Join(f.Repository(), c.Path)
	if err := os.MkdirAll(filepath.Dir(path), 0o775); err != nil {
		return err
	}
	f.Constants = slices.DeleteFunc(f.Constants, func(old *Constants) bool { return old.Path == c.Path })
	f.Constants = append(f.Constants, c)
	if c.Link != "" {
		return os.Symlink(c.Link, path)
	}
	return os.WriteFile(path, c.Bytes, 0o664)
}

// find returns the constants at the path, nil for none.
func (f *Facility) find(path string) *Constants {
	for _, c := range f.Constants {
		if c.Path == path {
			return c
		}
	}
	return nil
}
