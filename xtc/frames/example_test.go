package frames_test

import (
	"fmt"

	"deployconstants/xtc"
	"deployconstants/xtc/frames"
	"deployconstants/xtc/xtctest"
)

// A camera's frame needs no configuration object.
func ExampleDecoder() {
	src := xtctest.Source("XppEndstation.0:Opal1000.1", 0)
	payload := xtctest.CameraFrame(4, 2, 12, []uint16{1, 2, 3, 4, 5, 6, 7, 8})

	decoder := frames.NewDecoder(src, nil)
	frame, err := decoder.Decode(frames.Object{Contains: xtc.NewTypeID(xtc.TypeFrame, 1), Payload: payload})
	fmt.Println(frame.DType, frame.Shape, frame.Uint16(), err)

	_, err = decoder.Decode(frames.Object{Contains: xtc.NewTypeID(xtc.TypeFrame, 1), Payload: payload[:30]})
	fmt.Println(err)
	// Output:
	// uint16 [2 4] [1 2 3 4 5 6 7 8] <nil>
	// offset 0x0: Camera.FrameV1: needs 32 bytes of payload and has 30: broken frame
}
