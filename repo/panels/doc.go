// Package panels merges the constants of detectors of many panels, Epix10ka and
// Jungfrau, from those of each panel in each gain.
//
//	store := panels.InConstants(repository, panel.Type)
//	ids, err := panels.Split(panel)
//	...
//	kind, ok := panels.KindOf(panel.Type, repo.Pedestals)
//	...
//	shelf, err := store.List(ids, kind) // names alone are looked at
//	...
//	recipe := shelf.At(stamp) // which tables
//	...
//	err = recipe.Check() // is there one for every panel and gain?
//	...
//	merged, err := recipe.Merge(ctx)
//	text, err := recipe.Text(merged, name)
//
// # Where tables are
//
// A table is the constants of one panel in one gain mode: rows of numbers without a
// header. (A header does no harm.)
//
//	<repository>/<type>/<panel id>/<ctype>/<type>_<alias>_<stamp>_<experiment>_r<run>_<ctype>_<mode>.dat   documented repository
//	<gains>/<panel id>/<ctype>/<family>_<alias>_<stamp>_<experiment>_r<run>_<ctype>_<mode>.dat            repository of gains
//
// The repositories of gains are those of the original's tools, one for the Epix10ka,
// quads and 2Ms included, and one for the Jungfrau, with the alias file .aliases.txt
// or .aliases_jungfrau.txt (spec: Detector/UtilsEpix10kaCalib.py, UtilsJungfrauCalib.py).
//
// # What is merged
//
// The same as by epix10ka_deploy_constants and jungfrau_deploy_constants:
//
//	first index          0             1               2               3      4      5      6
//	Epix10ka modes       FH            FM              FL              AHL-H  AML-M  AHL-L  AML-L
//	Jungfrau modes       gm0-HighGain0 gm1-FixedGain1  gm2-FixedGain2
//	                     gm0-Normal    gm1-ForcedGain1 gm2-ForcedGain2
//
// Of every panel and gain the newest table that is not newer than the moment counts,
// of equal stamps that of the mode in the lower line, of one mode that with the
// greatest name. The alias in the name may be any: the directory tells whose it is.
//
//	tables      type of all   format  without a table
//	pedestals   pedestals     %.3f    0; AHL-L and AML-L: FL + offset/..._offsetph_AHL, _AML, if those are there
//	rms         pixel_rms     %.3f    1
//	status      pixel_status  %4i     0
//	gain        pixel_gain    %.6f    nominal: 16.4, 5.466, 0.164 ADU/keV unless told otherwise; Jungfrau: 1
//	gainci      pixel_gain    %.6f    nominal; FH, FM, FL: those of AHL-H, AML-M, AML-L
//	dark_min    dark_min      %6i     0
//	dark_max    dark_max      %6i     16383
//
// Tables of gainci lie in the directory gain. They are scaled so that the median of
// a high or fixed gain is the nominal one; a low gain of an auto mode is scaled as
// the high one of that mode.
//
// The result has the shape (gains, panels, rows, columns), with 352 x 384 pixels a
// panel of an Epix10ka and 512 x 1024 of a Jungfrau. Numbers are rounded to float32;
// where an offset was added the sums are doubles, and so is the type of the array.
//
// # Guarantees
//
// What is chosen depends on the names in the repository alone, and the bytes of Text
// on the tables alone. A default is never silent: Gaps names every one, and Check
// refuses those that nobody asked for.
//
// # Limits
//
// A merge has all of its array in memory, and the text of it while that is written:
// 120 and up to 150 MB for an Epix10ka2M. Content is not judged: what is no finite number
// is refused only where the format is one of integers.
package panels
