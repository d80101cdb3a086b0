// Package frames finds the pixels in the objects that detectors write in each event.
//
//	decoder := frames.NewDecoder(src, configs)
//	frame, err := decoder.Decode(frames.Object{
//		Contains: node.Contains, Offset: node.PayloadOffset(), Payload: payload,
//	})
//	...
//	pixels := frame.Uint16()    // of frame.Shape, row by row
//
// Package dataset runs over the events of a run and calls a Decoder for each detector.
//
// # Layout
//
// Pixels are little endian; shapes are those of psana's arrays:
//
//	type, version       configuration            pixels at      shape, type
//	EpixElement 1       Epix V1, 10K V1          32             rows, columns; uint16
//	EpixElement 2       Epix 100a                32             rows, columns; uint16
//	EpixElement 3       Epix 100a, 10ka          32             rows, columns; uint16
//	Epix10kaArray 1     Epix 10kaQuad, 10ka2M    4              4 or 16, 352, 384; uint16
//	JungfrauElement 1   Jungfrau                 12             modules, rows, columns; uint16
//	JungfrauElement 2   Jungfrau                 16 + 20/module modules, rows, columns; uint16
//	CspadElement 1, 2   CsPad V2 to V5           in blocks      32, 185, 388; int16
//	Cspad2x2Element 1   CsPad2x2                 32             185, 388, 2; int16
//	pnCCDframe 1        PNCCD                    in blocks      links, 512, 512; uint16
//	Frame 1             none                     16             height, width; uint8 up to 8 bits, uint16
//	PrincetonFrame 1, 2 Princeton                8, 12          rows, columns; uint16
//	FliFrame 1          Fli                      12             rows, columns; uint16
//	PimaxFrame 1        Pimax                    12             rows, columns; uint16
//	PixisFrame 1        Pixis                    12             rows, columns; uint16
//	AndorFrame 1        Andor                    12             rows, columns; uint16
//	Andor3dFrame 1      Andor3d                  8 + 4/sensor   sensors, rows, columns; uint16
//	ZylaFrame 1         Zyla, iStar              8              rows, columns; uint16
//	VimbaFrame 1        Vimba.Alvium             16             rows, columns; uint16
//	UxiFrame 1          Uxi                      16             frames, rows, columns; uint16
//	TimepixData 2       none                     12             height, width; uint16
//
// The offset is in bytes into the payload. Frame is what all cameras write that are not
// named above: opal, tm6740, orca, quartz, rayonix, fccd, streak, archon, controls camera.
//
// The cspad writes one block for each quad, in any order: 32 bytes (bits 24-25 of the
// second word are the number of the quad), the sections that are read, 4 bytes. A frame
// has all 32 sections, and zeros for those that are not read. The pnccd writes one block
// for each link: 16 bytes and the pixels. The pixels of an fccd960 are a value of 13 bits
// and a gain of two, which psana multiplies out. All other pixels are used where they
// lie.
//
// A payload may be compressed, as a list of blocks; see compress.go.
//
// # Guarantees
//
// Decoding is a function of the payload and the configuration. Nothing in a payload
// makes it panic or read beyond its end: one that is too short for its configuration,
// where psana reads on in what follows, is ErrBroken. A decoder keeps one buffer for
// pixels that it puts together and one for what it decompresses. Room is made only for
// what the configuration, or the head of a Frame, says, and 1 MiB more; never for more
// than 256 MiB.
//
// # Limits
//
// TimepixData V1, whose pixels psana brings into another order, acqiris and imp
// waveforms, and events of the xamps, fexamp, gotthard and epixS are not decoded.
package frames
