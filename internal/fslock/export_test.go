package fslock

// IsUnsupported is tested directly: no file system without locks can be had at will.
var IsUnsupported = isUnsupported
