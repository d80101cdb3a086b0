package frames

import (
	"encoding/binary"

	"deployconstants/xtc"
)

// classes are the objects with pixels, by type and version. The offsets of pixels are
// part of the wire format, do not change.
var classes = map[xtc.TypeID]class{
	xtc.NewTypeID(xtc.TypeEpixElement, 1):     plain("Epix.ElementV1", 32, "Epix.ConfigV1", "Epix.Config10KV1"),
	xtc.NewTypeID(xtc.TypeEpixElement, 2):     plain("Epix.ElementV2", 32, "Epix.Config100aV1", "Epix.Config100aV2"),
	xtc.NewTypeID(xtc.TypeEpixElement, 3):     plain("Epix.ElementV3", 32, "Epix.Config100aV1", "Epix.Config100aV2", "Epix.Config10kaV1", "Epix.Config10kaV2"),
	xtc.NewTypeID(xtc.TypeEpix10kaArray, 1):   plain("Epix.ArrayV1", 4, "Epix.Config10ka2MV1", "Epix.Config10kaQuadV1", "Epix.Config10ka2MV2", "Epix.Config10kaQuadV2"),
	xtc.NewTypeID(xtc.TypeJungfrauElement, 1): plain("Jungfrau.ElementV1", 12, jungfrauConfigs...),
	xtc.NewTypeID(xtc.TypeJungfrauElement, 2): planes("Jungfrau.ElementV2", 16, 20, jungfrauConfigs...),
	xtc.NewTypeID(xtc.TypePrincetonFrame, 1):  plain("Princeton.FrameV1", 8, princetonConfigs...),
	xtc.NewTypeID(xtc.TypePrincetonFrame, 2):  plain("Princeton.FrameV2", 12, princetonConfigs...),
	xtc.NewTypeID(xtc.TypeFliFrame, 1):        plain("Fli.FrameV1", 12, "Fli.ConfigV1"),
	xtc.NewTypeID(xtc.TypePimaxFrame, 1):      plain("Pimax.FrameV1", 12, "Pimax.ConfigV1"),
	xtc.NewTypeID(xtc.TypePixisFrame, 1):      plain("Pixis.FrameV1", 12, "Pixis.ConfigV1"),
	xtc.NewTypeID(xtc.TypeAndorFrame, 1):      plain("Andor.FrameV1", 12, "Andor.ConfigV1", "Andor.ConfigV2"),
	xtc.NewTypeID(xtc.TypeAndor3dFrame, 1):    planes("Andor3d.FrameV1", 8, 4, "Andor3d.ConfigV1"),
	xtc.NewTypeID(xtc.TypeZylaFrame, 1):       plain("Zyla.FrameV1", 8, "Zyla.ConfigV1", "iStar.ConfigV1"),
	xtc.NewTypeID(xtc.TypeVimbaFrame, 1):      plain("Vimba.FrameV1", 16, "Vimba.AlviumConfigV1"),
	xtc.NewTypeID(xtc.TypeUxiFrame, 1):        plain("Uxi.FrameV1", 16, "Uxi.ConfigV1", "Uxi.ConfigV2", "Uxi.ConfigV3"),
	xtc.NewTypeID(xtc.TypeCspad2x2Element, 1): signed(plain("CsPad2x2.ElementV1", 32, "CsPad2x2.ConfigV1", "CsPad2x2.ConfigV2")),
	xtc.NewTypeID(xtc.TypeCspadElement, 1):    cspad("CsPad.DataV1", (*cspadReading).allSections),
	xtc.NewTypeID(xtc.TypeCspadElement, 2):    cspad("CsPad.DataV2", (*cspadReading).maskedSections),
	xtc.NewTypeID(xtc.TypePnCCDframe, 1):      {name: "PNCCD.FramesV1", configs: []string{"PNCCD.ConfigV1", "PNCCD.ConfigV2"}, size: pnccdSize, frame: pnccdFrame},
	xtc.NewTypeID(xtc.TypeFrame, 1):           {name: "Camera.FrameV1", size: cameraSize, frame: cameraFrame},
	xtc.NewTypeID(xtc.TypeTimepixData, 2):     {name: "Timepix.DataV2", size: timepixSize, frame: timepixFrame},
}

var (
	jungfrauConfigs  = []string{"Jungfrau.ConfigV1", "Jungfrau.ConfigV2", "Jungfrau.ConfigV3", "Jungfrau.ConfigV4"}
	princetonConfigs = []string{"Princeton.ConfigV1", "Princeton.ConfigV2", "Princeton.ConfigV3", "Princeton.ConfigV4", "Princeton.ConfigV5"}
)

// plain is a class of unsigned pixels in one piece at off, of the shape that the
// configuration says.
func plain(name string, off int, configs ...string) class { return planes(name, off, 0, configs...) }

// planes is a class whose head has, behind its first off bytes, so many bytes for each
// plane of its frames.
func planes(name string, off, each int, configs ...string) class {
	at := func(shape []int) uint64 { return uint64(off) + bytesOf(each, shape[0]) }
	return class{
		name:    name,
		configs: configs,
		size: func(r *reading) (uint64, error) {
			shape := r.config.Shape()
			return at(shape) + bytesOf(Uint16.Size(), shape...), nil
		},
		frame: func(r *reading) (Frame, error) {
			shape := r.config.Shape()
			head := at(shape)
			if err := r.need(head); err != nil {
				return Frame{}, err
			}
			return r.inPlace(int(head), Uint16, shape...)
		},
	}
}

// signed is that class with signed pixels.
func signed(c class) class {
	unsigned := c.frame
	c.frame = func(r *reading) (Frame, error) {
		f, err := unsigned(r)
		f.DType = Int16
		return f, err
	}
	return c
}

// cspad2x2Sections is the number of sections of a small cspad, the last index of its
// pixels.
const cspad2x2Sections = 2

// Part of the wire format, do not change.
const (
	cameraHead  = 16 // bytes: width, height, depth, offset
	timepixHead = 12 // bytes
)

// cameraShape reads the head of a camera's frame.
func cameraShape(r *reading) (rows, columns int, t DType, err error) {
	if err := r.need(cameraHead); err != nil {
		return 0, 0, 0, err
	}
	t = Uint16
	if binary.LittleEndian.Uint32(r.payload[8:]) <= 8 { // bits of a pixel
		t = Uint8
	}
	columns = int(binary.LittleEndian.Uint32(r.payload[0:]))
	rows = int(binary.LittleEndian.Uint32(r.payload[4:]))
	return rows, columns, t, nil
}

func cameraSize(r *reading) (uint64, error) {
	rows, columns, t, err := cameraShape(r)
	return cameraHead + bytesOf(t.Size(), rows, columns), err
}

func cameraFrame(r *reading) (Frame, error) {
	rows, columns, t, err := cameraShape(r)
	if err != nil {
		return Frame{}, err
	}
	f, err := r.inPlace(cameraHead, t, rows, columns)
	if err == nil && t == Uint16 && r.decoder.src.Level() == xtc.LevelSource && r.decoder.src.Device() == deviceFccd960 {
		return fccd960(r.decoder, f), nil
	}
	return f, err
}

// deviceFccd960 is the number of the device whose pixels carry a gain.
const deviceFccd960 = 33

// fccd960Shift tells by how many bits the value is shifted for each gain; psana makes
// pixels of the gain that does not exist zero (PyDetectorAccess.py).
var fccd960Shift = [4]struct {
	shift uint8
	mask  uint16
}{{0, 0x1fff}, {2, 0x1fff}, {0, 0}, {3, 0x1fff}}

func fccd960(d *Decoder, raw Frame) Frame {
	f := d.assemble(Uint16, raw.Shape...)
	for i := 0; i < len(raw.Data); i += 2 {
		word := binary.LittleEndian.Uint16(raw.Data[i:])
		gain := fccd960Shift[word>>13&3]
		binary.LittleEndian.PutUint16(f.Data[i:], word&gain.mask<<gain.shift)
	}
	return f
}

// timepixShape reads the head of a timepix's frame.
func timepixShape(r *reading) (rows, columns int, err error) {
	if err := r.need(timepixHead); err != nil {
		return 0, 0, err
	}
	return int(binary.LittleEndian.Uint16(r.payload[2:])), int(binary.LittleEndian.Uint16(r.payload[0:])), nil
}

func timepixSize(r *reading) (uint64, error) {
	rows, columns, err := timepixShape(r)
	return timepixHead + bytesOf(Uint16.Size(), rows, columns), err
}

func timepixFrame(r *reading) (Frame, error) {
	rows, columns, err := timepixShape(r)
	if err != nil {
		return Frame{}, err
	}
	return r.inPlace(timepixHead, Uint16, rows, columns)
}
