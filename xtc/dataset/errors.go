package dataset

import (
	"errors"
	"fmt"
)

// Conditions that callers branch on. The errors that wrap them are one line and
// say what is there instead.
var (
	// ErrNoExperiment says that an experiment is neither in the experiment table
	// nor named as the ones outside it are.
	ErrNoExperiment = errors.New("experiment is not known")
	// ErrNoRoot says that a data root does not exist or is not mounted.
	ErrNoRoot = errors.New("data root is missing")
	// ErrEmptyRoot says that a data root is there, but has neither instruments nor
	// experiments: it is the mount point of something that is not mounted.
	ErrEmptyRoot = errors.New("data root is empty")
	// ErrNoDirectory says that the directory of a data set does not exist.
	ErrNoDirectory = errors.New("data set directory is missing")
	// ErrNoRun says that a data set names no run.
	ErrNoRun = errors.New("data set specifies no run")
	// ErrNoFiles says that none of the runs asked for has a file.
	ErrNoFiles = errors.New("no files")
	// ErrEmpty says that no file of a run holds a whole datagram.
	ErrEmpty = errors.New("no datagram in the files of the run")
	// ErrNoConfigure is the warning of a run that does not begin with Configure:
	// psana has no EventId then until the run begins.
	ErrNoConfigure = errors.New("the run does not begin with Configure")
	// ErrIncomplete is the warning of contents that nobody may look into: the
	// container says that its contribution is incomplete, or is no container.
	ErrIncomplete = errors.New("incomplete contribution: what it holds is not read")
	// ErrUnknownVersion is the warning of a configuration object of a version that
	// psana does not know, or compressed: it stores none.
	ErrUnknownVersion = errors.New("configuration object of a version that psana does not know")
	// ErrNoBeginRun is the warning of a run without a BeginRun transition: psana
	// then begins it, and takes its time, from the first calibration cycle or event.
	ErrNoBeginRun = errors.New("the run has no BeginRun transition")
	// ErrLate says that a run has not begun within the first thousand datagrams of a
	// stream. Real ones begin with the second or third, so that no more are read.
	ErrLate = errors.New("the run should have begun before")
	// ErrChanged is the warning of a file that was read to its end and was written
	// meanwhile.
	ErrChanged = errors.New("the file changed while it was read")
	// ErrNoEndRun is the warning of a run that ends without EndRun: it was cut off, or
	// its last chunk is missing.
	ErrNoEndRun = errors.New("the run has no EndRun transition")
	// ErrStreamEnds is the warning of a stream whose files end before the run that others
	// end: they were cut off, or the last chunk is missing, and events are lost.
	ErrStreamEnds = errors.New("a stream ends before the run")
	// ErrNoChunk is the warning of chunks that are missing before another one of their
	// stream: their events are lost.
	ErrNoChunk = errors.New("chunks are missing")
	// ErrSameClock is the warning of two events of a control stream that have one clock;
	// psana takes neither.
	ErrSameClock = errors.New("same clock")
	// ErrNoData says that an event has nothing of a detector.
	ErrNoData = errors.New("no data in the event")
	// ErrDamaged says that the data of a detector are damaged: psana does not store them.
	ErrDamaged = errors.New("damaged data")
	// ErrElsewhere says that a smalldata file has only the place of a detector's data in
	// the large file, and that this cannot be opened.
	ErrElsewhere = errors.New("the data are in the large file")
	// ErrUnknownDevice says that a detector's name has a device that LCLS-I does
	// not know.
	ErrUnknownDevice = errors.New("unknown device")
	// ErrNotInRun says that a run has no configuration of a detector.
	ErrNotInRun = errors.New("no such detector in the run")
)

// A SpecError reports a data set string that cannot be meant. It is a mistake of
// the caller, found before any path is made of the string.
type SpecError struct {
	Spec   string // the data set string
	Part   string // the part that is wrong, empty where it is the whole
	Reason string // what is wrong with it and what to write instead
}

// Error returns one line; what was typed is quoted.
func (e *SpecError) Error() string {
	if e.Part == "" {
		return fmt.Sprintf("data set %q: %s", e.Spec, e.Reason)
	}
	return fmt.Sprintf("data set %q: %q: %s", e.Spec, e.Part, e.Reason)
}

// A Warning is something about a run that did not keep it from being read.
type Warning struct {
	Path string // file, empty where it is about the run
	Err  error
}

// String returns one line.
func (w Warning) String() string {
	if w.Path == "" {
		return w.Err.Error()
	}
	return w.Path + ": " + w.Err.Error()
}
