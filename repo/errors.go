package repo

import "errors"

// Conditions that callers tell apart with errors.Is.
var (
	ErrNoRepository  = errors.New("no repository of constants")
	ErrUnknownType   = errors.New("unknown detector type")
	ErrNotDeployable = errors.New("detector type has no constants")
	ErrUnknownCType  = errors.New("unknown calibration type")
	ErrBadStamp      = errors.New("not a time stamp")
	ErrBadName       = errors.New("not usable in a file name") // a detector id, alias, experiment or run
	ErrAliasConflict = errors.New("alias files contradict each other")
	ErrAliasFile     = errors.New("alias file cannot be trusted") // a link, not regular, or with a second name
	ErrOutside       = errors.New("leads out of the repository")
	ErrNotRegular    = errors.New("not a regular file")
	ErrEmpty         = errors.New("constants file is empty")
	ErrBadText       = errors.New("not text")
	ErrBadShape      = errors.New("shape does not fit the detector")
	ErrExists        = errors.New("constants file exists already")
)
