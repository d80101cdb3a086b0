// Package xtc reads the raw data files of LCLS-I: datagrams, the tree of objects in
// each, and the configuration objects that tell which detector wrote them.
//
//	f, err := xtc.Open("e665-r0260-s00-c00.xtc")
//	...
//	defer f.Close()
//	for d, err := range f.Dgrams() {
//		...
//		for n, err := range f.Nodes(d) {
//			...
//			config, err := f.Config(n)   // errors.Is(err, xtc.ErrNotConfig) for most nodes
//			id, ok := xtc.HardwareID(config)
//		}
//	}
//
// # Layout
//
// A file is a sequence of datagrams, back to back, without header, index, checksum or
// magic number. Everything is little endian. A datagram begins with 40 bytes:
//
//	offset  type  meaning
//	0       u32   clock, nanoseconds
//	4       u32   clock, seconds since 1970-01-01 UTC
//	8       u32   bits 0-23 ticks of 119 MHz, 24-27 transition, 28-29 sequence type, 31 extended
//	12      u32   bits 0-16 fiducials, 17-31 events since Configure
//	16      u32   env: the run number in BeginRun
//	20      20 B  Xtc header of the root
//
// An Xtc is a header of 20 bytes and its payload; of type TypeXtc, its payload is a
// list of Xtcs that fills it:
//
//	offset  type  meaning
//	0       u32   damage: flags in bits 0-23, the detector's own byte in 24-31
//	4       u32   source: bits 0-23 process id, 24-31 level
//	8       u32   source: detector, data source or IPv4 address, as the level says
//	12      u32   bits 0-15 type, 16-30 its version, 31 compressed
//	16      u32   extent in bytes, this header included
//
// The next datagram begins where the root ends.
//
// # Guarantees
//
// Nothing in a file makes the package panic, loop or allocate more than a small
// amount: extents are checked against what holds them, size, depth and number are
// limited by Limits, lists of a configuration object by a constant, and no payload is
// read that was not asked for. What is wrong is a *FormatError with its offset. A torn
// last datagram, trailing bytes and a tail of zeros are told apart (ErrTornDgram,
// ErrTrailingBytes, ErrZeroTail).
//
// Where a file is broken inside a datagram the package does what psana does, so that
// both see the same detectors: an extent below a header ends its container, an extent
// beyond its container is cut to it, the children of a container whose contribution is
// incomplete are skipped, and configuration objects are used whatever their damage.
// Where psana reads beyond the payload of a short configuration object, or crashes, an
// error wrapping ErrConfig is returned instead. A table in the tests lists each case.
//
// File reads by position, 4 KiB at a time at most, and never the body of a large object:
// the ids of an epix100a and the clock of BeginRun behind its 1.08 MB configuration
// object take two reads; those of an epix10ka2M, with 4.3 MB, some twenty, most of them
// of eight bytes. Reader gives the same results from a stream. Who reads events loads
// large parts of a file with Load.
//
// # Limits
//
// Pixels and compressed payloads are not decoded here: see package frames. Files are not
// written; see xtctest.
// A file may be written to while it is read: File.Changed tells.
package xtc
