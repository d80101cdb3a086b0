// Package darkrun makes constants of dark runs: it reads runs once, gives each event
// to the darks of all chosen detectors, and saves what becomes of them in the
// repository of constants.
//
//	report, err := darkrun.Run(ctx, darkrun.Options{
//		Catalog: catalog, Repository: repository, Dataset: spec,
//		Detectors: []string{"XcsEndstation.0:Epix100a.1"}, Zone: zone,
//	}, log)
//	for _, made := range report.Darks {
//		... // made.Files, or made.Error
//	}
//
// The arithmetic is that of package dark. Which it is, decides the detector's type:
//
//	type                              a dark is made of      reference
//	jungfrau                          each calibration cycle jungfrau_dark_proc
//	epix10ka, epix10kaquad, -2m       each calibration cycle epix10ka_pedestals_calibration
//	any other with pixels             the run                calibrun
//
// Where event codes are asked for, the cycles of a run in which a Jungfrau has the same gain
// mode are one dark.
//
// With Options.Injection a run of an epix10ka is one of charge injection: 103 cycles, as of
// epix10ka_offset_calibration. Those behind the five darks give an Injection for each
// automatic mode.
//
// # What is saved
//
//	<type>/<id>/<ctype>/<type>_<alias>_<stamp>_<experiment>_r<run>_<ctype>.txt
//	    pedestals, pixel_rms, pixel_status, as calibrun writes them, with its comments
//	<type>/<id>/geometry/<type>_<alias>_<stamp>_<experiment>_r<run>_geometry.txt
//	    of a rayonix, where Options.Geometry asks for it
//	<type>/<id>/status_dark/<type>_<alias>_<stamp>_<experiment>_r<run>_status_dark.dat
//	    where features are asked for: rows of numbers, as det_pixel_status writes them
//	<type>/<panel id>/<ctype>/<type>_<alias>_<stamp>_<experiment>_r<run>_<ctype>_<gain mode>.dat
//	    of a Jungfrau pedestals, pixel_rms, pixel_status, dark_min, dark_max, of an epix10ka
//	    the first three: rows of numbers, as the original tools write them; and pedestals of
//	    AHL-L and AML-L, where the panel has tables of charge injection, offset and gainci
//	<type>/<panel id>/gain/..._gainci_<gain mode>.dat, <type>/<panel id>/offset/..._offset_<gain mode>.dat
//	    of charge injection; and with InjectionOptions.Gains gain/..._gain_<gain mode>.dat
//
// The stamp is the run's time, or Options.Stamp. A file whose numbers are there already
// stays as it is; one with other numbers is replaced only if Options.Replace is set, and
// one that was withdrawn is not made anew.
//
// # What is held back
//
// A dark is not saved where more than Options.MaxBad of its pixels are bad, or where the
// median of the distances of its pedestals from those of the previous dark of the
// repository is more than Options.MaxJump. The error is ErrHeldBack; plots are drawn all
// the same. Deploy judges the content of what it deploys, merged or not, by its limits, and
// by what it would replace.
//
// # Guarantees and limits
//
// Each detector, and each cycle, succeeds or fails for itself: what went wrong is in the
// Report beside what was made. Events without data of a detector are counted by reason,
// never made up. Of a run whose files break off, the events before are used, and
// RunReport.Error says so.
//
// Memory does not grow with the number of events but for the first 500 frames of an
// epix10ka's cycle, which take little more than a byte a pixel. Features need the frames
// three times: the run is read so often again, for detectors of two dimensions and one
// gain. Of charge injection the pulsed pixels of a cycle are in memory, see dark.Pulses,
// and 80 bytes for every pixel.
package darkrun
