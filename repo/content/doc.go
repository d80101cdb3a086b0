// Package content judges constants before they are published to a calib
// directory: what psana could not read, would ignore because of its shape, or
// cannot be true of a detector is held back.
//
//	var limits content.Limits // the defaults
//	subject := content.Subject{Type: detType, CType: repo.PixelGain}
//	err := limits.Check(ctx, subject, constants, deployed)
//	if problem, held := errors.AsType[*content.Problem](err); held {
//		... // problem.Kind, problem.Message
//	}
//
// # What is judged, in this order
//
//	kind        array                                    geometry
//	too-large   more bytes or elements than allowed      more bytes
//	unreadable  no text array and no .npy                no lines of 13 fields, or no object
//	shape       psana would ignore it (DetType.CheckShape)
//	not-finite  NaN or infinite, as psana reads it       a position or angle is
//	range       outside of the ctype's range, a
//	            fraction in a bit word, a gain of 0 only
//	bad         too many words of status have a bit
//	changed     too many elements differ from what       too many objects differ
//	            is deployed
//
// Of several problems the first in this table is told, with the number of
// elements at fault and the place of the first of them.
//
// # Ranges
//
// They are meant to catch wrong files, not unusual detectors: no constants that a
// detector of LCLS can have may fail. The settings can narrow or widen them.
//
//	ctype         range            why not narrower
//	pedestals     +-2^16           raw data have at most 16 bits; averages may be negative after subtraction
//	pixel_rms     0 ... 2^16       of 16 bit data; 0 is a dead pixel
//	pixel_gain    +-10^6, not all 0  Jungfrau's lower gains are negative, 0 marks bad pixels, units differ by type
//	pixel_offset  +-2^20           offsets between gain ranges exceed 16 bits
//	pixel_bkgd    +-2^24           may be the sum of some hundred images
//	pixel_mask    0 ... 255        psana's uint8; not only 0 and 1 is in use
//	pixel_status  0 ... 65535      psana's uint16, whole numbers
//	status_data   0 ... 65535      psana's uint16, whole numbers
//	status_extra  0 ... 2^64-1     psana's uint64, whole numbers
//	common_mode   +-10^6           algorithm, thresholds in ADU, counts of pixels
//
// How many pixels may have a status bit is not limited unless the settings do
// (max_bad): a detector may be half dark on purpose. Nor is how many elements may have
// changed: new pedestals differ everywhere. Deployed constants that psana could not use
// themselves are no yardstick: replacing them is a repair.
//
// # Guarantees and limits
//
// Text is judged as a stream, in memory that does not grow with the file (but for
// a single line, at most 16 MiB of it); an .npy file is held as an array of at most
// Limits.MaxElements. Text is accepted where ndarray.ReadText accepts it, longest
// lines apart; a fuzz test compares the two. Elements are compared as float64, so
// words of status_extra beyond 2^53 that differ in their lowest bits count as equal.
//
// The single command judges nothing: it deploys what it is told to.
package content
