package geometry

import "errors"

// Conditions that callers tell apart with errors.Is.
var (
	ErrFormat   = errors.New("not a geometry that psana reads")
	ErrTooLarge = errors.New("too large for a geometry file")
	ErrNoFrame  = errors.New("no such frame in the geometry")
	ErrChildren = errors.New("not exactly one object lies in the frame")
	ErrSegment  = errors.New("not a segment with pixels")
	ErrTaken    = errors.New("the name is taken by another geometry file")
)
