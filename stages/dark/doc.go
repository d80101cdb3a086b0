// Package dark computes constants from dark frames: pedestals, rms and status of
// pixels, with psana's algorithms, to the bit.
//
//	p, err := dark.New(dark.Calibrun(), []int{704, 768}, ndarray.Uint16)
//	...
//	for ... {
//		err := p.Add(frame) // every event that has data
//		if err != nil || p.Full() {
//			break
//		}
//	}
//	r, err := p.Finish()
//	...
//	err = r.WriteText(w, dark.Average, dark.TextOptions{Dataset: "exp=xpptut15:run=260", ...})
//
// It reads no data and no files: frames are handed in, text is written to an
// io.Writer. Tables by gain are merged by package repo/panels. The algorithms, with
// the reference's programs, are in spec/dark.md:
//
//	detectors                       here                    reference
//	of a single gain                New                     calibrun, det_ndarr_raw_proc (section 3)
//	Jungfrau, by gain               NewJungfrau             jungfrau_dark_proc (section 5)
//	epix10ka, quad, 2M, by mode     NewEpix10ka             epix10ka_pedestals_calibration (6)
//	epix10ka, charge injection      NewPulses, FitInjection epix10ka_offset_calibration (7)
//	any panel, extra status         PixelStatus             det_pixel_status (8)
//
// # How a single gain dark is made
//
// The first frames, 50, are kept. From their quantiles each pixel gets a gate. Then
// they and all others are summed: what is within the gate for average and rms; what
// is outside of the range that counts, for the status. Limits of a good pixel are
// found from mean and standard deviation over all pixels.
//
//	status  1 noisy rms   4 high often   16 high mean   64 wrong gain bits (Jungfrau)
//	        2 quiet rms   8 low often    32 low mean
//
// # What differs from the reference, and what does not
//
// By the numbers of spec/dark.md section 14:
//
//	D1       fewer frames than First: the reference adds frames of zeros; repaired
//	D2       statistics and threshold count one frame less than there are; kept
//	D3, D10  which events -s and -n select; repaired, see CalibrunWindow
//	D4       less than three frames: ErrTooFewFrames, where the reference dies
//	D5       epix10ka: the last frame is not used; kept. A dead panel is marked, where it dies
//	D6       16 bit data fold with FoldingDataBits; DataBits tells better ones by detector type
//	D7       negative values count as high; kept
//	D8       pixels without a value in the gate have pedestal and rms 0; kept
//	D11      of several sources, the last one ends the loop; the caller asks it whether it is Full
//	D13      8 bit data, with which the reference dies, count as 16 bit data
//	D15      psana2's frame of zeros is not added
//	D16      PixelStatus without a good frame returns ErrNoGoodFrames beside the result
//
// # Guarantees
//
//   - Results are the reference's to the last bit, on every machine: sums are of
//     whole numbers, those over pixels in numpy's order, and no product is fused with
//     a sum. Lines of charge injection agree to 1e-9.
//   - They do not depend on the number of workers. Those that are at frames still when
//     the last one was added end with Finish, or Close.
//   - Memory does not grow with the number of frames, but for the first 500 of an
//     Epix10ka that are not to come twice, and for the pulsed pixels of Pulses.
//
// # Limits
//
// Detectors have at most 2^24 pixels, darks 2^24-1 frames. Features 6 and 11 of
// det_pixel_status are not here.
package dark
