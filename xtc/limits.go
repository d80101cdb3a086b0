package xtc

// Limits bound what a file can make a reader do. A zero field means its
// default, which stands behind it.
type Limits struct {
	MaxDgram uint32 // bytes of one datagram, header included; 256 MiB
	MaxDepth int    // levels of nested containers below the root; 10,000
	MaxNodes int    // nodes of one datagram; 100,000
}

// applyDefaults fills in the zero fields.
func (l *Limits) applyDefaults() {
	if l.MaxDgram == 0 {
		l.MaxDgram = 256 << 20 // psana's own limit
	}
	if l.MaxDepth == 0 {
		l.MaxDepth = 10_000 // data acquisition nests four deep; a level costs 8 bytes here
	}
	if l.MaxNodes == 0 {
		l.MaxNodes = 100_000 // the largest real datagrams hold some hundreds
	}
}
