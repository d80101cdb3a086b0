package ndarray

import "errors"

// Conditions that callers tell apart with errors.Is.
var (
	ErrDType  = errors.New("unknown or unsupported element type")
	ErrShape  = errors.New("shape and data do not fit")
	ErrFormat = errors.New("unsupported number format")
	ErrSyntax = errors.New("not an array in this format")
	ErrRange  = errors.New("number out of range")
	ErrLimit  = errors.New("array is larger than allowed")
	ErrNoData = errors.New("no numbers")
)
