package xtctest

import (
	"encoding/json"
	"fmt"
	"math"

	"deployconstants/xtc"
)

// undecodedSize is the size given to the objects of classes that nobody decodes.
const undecodedSize = 128

// DetectorConfig returns the configuration object of that class ("Epix.Config100aV2")
// with these contents and its type id. Fields has the names of the class as psana's
// Python spells them; numbers may be of any integer type, float64 or json.Number, and
// what is not given gets a real detector's value or zero:
//
//	epix100a, epix10ka  version, carrierId0 and 1, digitalCardId0 and 1, analogCardId0 and 1
//	quad, 2M            elemCfg: a list of {carrierId0, carrierId1}; quad: {digitalCardId0,
//	                    digitalCardId1}, or a list of them
//	jungfrau            numberOfModules, numberOfRowsPerModule, numberOfColumnsPerModule,
//	                    gainMode, moduleConfig: a list of {serialNumber, moduleVersion, firmwareVersion}
//	cspad               quadMask, roiMask
//	rayonix             binning_f, binning_s, deviceID
//
// Other fields are ignored. Classes that are not decoded get an object of zeros.
func DetectorConfig(class string, fields map[string]any) (xtc.TypeID, []byte, error) {
	id, ok := xtc.ClassTypeID(class)
	if !ok {
		return 0, nil, fmt.Errorf("xtctest: no configuration class %q", class)
	}
	f := &fieldReader{fields: fields}
	object := f.object(id)
	if f.err != nil {
		return 0, nil, fmt.Errorf("xtctest: %s: %w", class, f.err)
	}
	return id, object, nil
}

func (f *fieldReader) object(id xtc.TypeID) []byte {
	version := id.Version()
	switch id.Type() {
	case xtc.TypeEpix100aConfig:
		return Epix100aConfig(version, f.epix())
	case xtc.TypeEpix10kaConfig:
		return Epix10kaConfig(version, f.epix())
	case xtc.TypeEpixConfig:
		return EpixConfigV1(f.epix())
	case xtc.TypeEpix10kConfig:
		return Epix10kConfig(f.epix())
	case xtc.TypeEpix10kaQuadConfig:
		return Epix10kaArrayConfig(version, f.array(1))
	case xtc.TypeEpix10ka2MConfig:
		return Epix10kaArrayConfig(version, f.array(4))
	case xtc.TypeJungfrauConfig:
		return JungfrauConfig(version, f.jungfrau())
	case xtc.TypeCspadConfig:
		return CspadConfig(version, uint32(f.number("quadMask", 0xf)), uint32(f.number("roiMask", 0xffffffff)))
	case xtc.TypeCspad2x2Config:
		return Cspad2x2Config(version, uint32(f.number("roiMask", 3)))
	case xtc.TypePnCCDconfig:
		return PnccdConfig(version, f.text("info"), f.text("timingFName"))
	case xtc.TypeRayonixConfig:
		return RayonixConfig(uint8(f.number("binning_f", 2)), uint8(f.number("binning_s", 2)), f.text("deviceID"))
	case xtc.TypeOpal1kConfig:
		return OpalConfig()
	case xtc.TypeAliasConfig:
		return AliasConfig()
	case xtc.TypePartitionConfig:
		return PartitionConfig(version, 0)
	case xtc.TypeEvrConfig:
		return EvrConfig(1, 1)
	}
	return make([]byte, undecodedSize)
}

// fieldReader takes values from named fields; the first error stays.
type fieldReader struct {
	fields map[string]any
	err    error
}

func (f *fieldReader) fail(name string, v any) {
	if f.err == nil {
		f.err = fmt.Errorf("field %s is %v (%T)", name, v, v)
	}
}

// number returns the field's value, or missing where there is none.
func (f *fieldReader) number(name string, missing uint64) uint64 {
	v, ok := f.fields[name]
	if !ok {
		return missing
	}
	switch v := v.(type) {
	case int:
		return uint64(v)
	case uint32:
		return uint64(v)
	case uint64:
		return v
	case float64:
		if v >= 0 && v == math.Trunc(v) && v < 1<<53 {
			return uint64(v)
		}
	case json.Number:
		var n uint64
		if _, err := fmt.Sscan(v.String(), &n); err == nil {
			return n
		}
	}
	f.fail(name, v)
	return missing
}

func (f *fieldReader) text(name string) string {
	v, ok := f.fields[name]
	if !ok {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		f.fail(name, v)
	}
	return s
}

// list returns the objects of a field that is a list of them, or one.
func (f *fieldReader) list(name string) []*fieldReader {
	var list []*fieldReader
	switch v := f.fields[name].(type) {
	case nil:
	case map[string]any:
		list = append(list, &fieldReader{fields: v})
	case []any:
		for _, element := range v {
			object, ok := element.(map[string]any)
			if !ok {
				f.fail(name, element)
				return nil
			}
			list = append(list, &fieldReader{fields: object})
		}
	default:
		f.fail(name, v)
	}
	return list
}

// merge keeps the first error of the elements of a list.
func (f *fieldReader) merge(list []*fieldReader) {
	for _, element := range list {
		if f.err == nil {
			f.err = element.err
		}
	}
}

func (f *fieldReader) pair(prefix string) [2]uint32 {
	return [2]uint32{uint32(f.number(prefix+"0", 0)), uint32(f.number(prefix+"1", 0))}
}

func (f *fieldReader) epix() Epix {
	return Epix{
		Version:       uint32(f.number("version", 0)),
		CarrierID:     f.pair("carrierId"),
		DigitalCardID: f.pair("digitalCardId"),
		AnalogCardID:  f.pair("analogCardId"),
	}
}

func (f *fieldReader) array(quads int) Epix10kaArray {
	a := Epix10kaArray{Quads: make([][2]uint32, quads)}
	list := f.list("quad")
	for i, quad := range list[:min(len(list), quads)] {
		a.Quads[i] = quad.pair("digitalCardId")
	}
	elements := f.list("elemCfg")
	for _, element := range elements {
		a.Elements = append(a.Elements, element.pair("carrierId"))
	}
	f.merge(list)
	f.merge(elements)
	return a
}

func (f *fieldReader) jungfrau() Jungfrau {
	j := Jungfrau{
		NumberOfModules: uint32(f.number("numberOfModules", 0)),
		Rows:            uint32(f.number("numberOfRowsPerModule", 0)),
		Columns:         uint32(f.number("numberOfColumnsPerModule", 0)),
		GainMode:        xtc.JungfrauGain(f.number("gainMode", 0)),
	}
	modules := f.list("moduleConfig")
	for _, m := range modules {
		j.Modules = append(j.Modules, JungfrauModule{
			SerialNumber:    m.number("serialNumber", 0),
			ModuleVersion:   m.number("moduleVersion", 0),
			FirmwareVersion: m.number("firmwareVersion", 0),
		})
	}
	f.merge(modules)
	return j
}
