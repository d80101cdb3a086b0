package xtc_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/xtc"
)

// fieldOffsets are the classes of which no reference file has an object: the offsets of
// their fields as the format's C++ structures have them (spec section 2), in bytes.
var fieldOffsets = []struct {
	id      xtc.TypeID
	size    int            // bytes, more than any of these objects needs
	sizes   map[int]uint32 // by offset, fields that say how large the object is
	offsets map[string]int // by field, words of 32 bits
	halves  map[string]int // by field, words of 16 bits
}{
	{
		xtc.NewTypeID(xtc.TypeEpixConfig, 1), 1000,
		map[int]uint32{84: 2, 88: 1, 92: 3, 96: 4, 100: 5},
		map[string]int{
			"version": 0, "digitalCardId0": 68, "digitalCardId1": 72, "analogCardId0": 76, "analogCardId1": 80,
			"lastRowExclusions": 84, "numberOfAsicsPerRow": 88, "numberOfAsicsPerColumn": 92,
			"numberOfRowsPerAsic": 96, "numberOfPixelsPerAsicRow": 100,
		}, nil,
	},
	{
		xtc.NewTypeID(xtc.TypeEpix10kConfig, 1), 1000,
		map[int]uint32{92: 2, 96: 1, 100: 3, 104: 4, 108: 5},
		map[string]int{
			"version": 0, "digitalCardId0": 76, "digitalCardId1": 80, "analogCardId0": 84, "analogCardId1": 88,
			"lastRowExclusions": 92, "numberOfAsicsPerRow": 96, "numberOfAsicsPerColumn": 100,
			"numberOfRowsPerAsic": 104, "numberOfPixelsPerAsicRow": 108,
		}, nil,
	},
	{
		xtc.NewTypeID(xtc.TypeEpix10kaConfig, 2), 2000,
		map[int]uint32{128: 1, 132: 3, 136: 4, 140: 2, 144: 5, 148: 6, 152: 7},
		map[string]int{
			"version": 0, "digitalCardId0": 104, "digitalCardId1": 108, "analogCardId0": 112, "analogCardId1": 116,
			"carrierId0": 120, "carrierId1": 124, "numberOfAsicsPerRow": 128, "numberOfAsicsPerColumn": 132,
			"numberOfRowsPerAsic": 136, "numberOfReadableRowsPerAsic": 140, "numberOfPixelsPerAsicRow": 144,
			"calibrationRowCountPerASIC": 148, "environmentalRowCountPerASIC": 152,
		}, nil,
	},
	{
		xtc.NewTypeID(xtc.TypeCspadConfig, 1), 287804, nil,
		map[string]int{"concentratorVersion": 0, "asicMask": 36, "quadMask": 40}, nil,
	},
	{
		xtc.NewTypeID(xtc.TypeCspadConfig, 2), 287808, nil,
		map[string]int{"concentratorVersion": 0, "asicMask": 36, "quadMask": 40, "roiMasks": 44}, nil,
	},
	{
		xtc.NewTypeID(xtc.TypePnCCDconfig, 1), 8, nil,
		map[string]int{"numLinks": 0, "payloadSizePerLink": 4}, nil,
	},
	{
		xtc.NewTypeID(xtc.TypeOpal1kConfig, 1), 12, nil,
		map[string]int{"outputOptions": 4, "defectPixelCount": 8},
		map[string]int{"blackLevel": 0, "gain": 2},
	},
}

func TestFieldOffsets(t *testing.T) {
	for _, test := range fieldOffsets {
		payload := make([]byte, test.size)
		for off := range test.size / 4 {
			binary.LittleEndian.PutUint32(payload[4*off:], uint32(0x10001*4*off+0x20001)) // all different
		}
		for off, size := range test.sizes {
			binary.LittleEndian.PutUint32(payload[off:], size)
		}
		c, err := configOf(t, test.id, payload)
		if err != nil {
			t.Errorf("%s: %v", test.id, err)
			continue
		}
		want, got := map[string]string{}, map[string]string{}
		for name, off := range test.offsets {
			want[name] = fmt.Sprint(binary.LittleEndian.Uint32(payload[off:]))
		}
		for name, off := range test.halves {
			want[name] = fmt.Sprint(binary.LittleEndian.Uint16(payload[off:]))
		}
		for _, f := range c.Fields() {
			if _, ok := want[f.Name]; ok {
				got[f.Name] = fmt.Sprint(f.Value)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s -want +got\n%s", c.Class(), diff)
		}
	}
}

// Partition.ConfigV2, of which no reference file has an object either, word by word.
func TestPartitionV2(t *testing.T) {
	var payload []byte
	for _, word := range []uint32{3, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32} {
		payload = binary.LittleEndian.AppendUint32(payload, word)
	}
	c, err := configOf(t, xtc.NewTypeID(xtc.TypePartitionConfig, 2), payload)
	if err != nil {
		t.Fatal(err)
	}
	p := c.(*xtc.PartitionConfig)
	if diff := cmp.Diff([]uint32{10, 11, 12}, p.BldMask); diff != "" {
		t.Errorf("mask -want +got\n%s", diff)
	}
	want := []xtc.PartitionSource{{Src: xtc.Src{Log: 20, Phy: 21}, Group: 22}, {Src: xtc.Src{Log: 30, Phy: 31}, Group: 32}}
	if diff := cmp.Diff(want, p.Sources); diff != "" {
		t.Errorf("sources -want +got\n%s", diff)
	}
}
