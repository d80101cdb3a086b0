package dataset

import (
	"encoding/binary"
	"errors"

	"deployconstants/xtc"
)

// Layout of EvrData.DataV3 and DataV4: the number of entries, and of each the two words
// of its time and its code. Part of the wire format, do not change.
const (
	evrFirstEntry = 4  // bytes into the payload
	evrEntrySize  = 12 // bytes
	evrCode       = 8  // bytes into an entry
)

// codes are those of the event receivers in an event.
type codes struct {
	wanted bool
	found  bool // an event receiver has data
	list   []int
	buffer []byte
}

// SelectCodes asks for the event codes of the events to come.
func (e *Events) SelectCodes() { e.codes.wanted = true }

// Codes returns the event codes that the event receivers have in the event, in the order
// of the files, valid until the next call of Next. ok is false where no event receiver
// has data that psana would store, and where SelectCodes has not asked for them.
func (e *Event) Codes() (codes []int, ok bool) {
	if e.Transition != xtc.TransitionL1Accept {
		return nil, false
	}
	return e.events.codes.list, e.events.codes.found
}

func (c *codes) reset() { c.found, c.list = false, c.list[:0] }

// take adds the codes of a node, if it is an event receiver's. Data that are damaged, or
// hold less than they say, are none.
func (c *codes) take(file *xtc.File, node *xtc.Node) error {
	if !c.wanted || node.Contains.Type() != xtc.TypeEvrData || node.Damage != 0 {
		return nil
	}
	if v := node.Contains.Version(); v != 3 && v != 4 || node.Contains.Compressed() {
		return nil
	}
	payload, err := file.Payload(node, &c.buffer)
	if _, shrunk := errors.AsType[*xtc.FormatError](err); shrunk {
		return nil
	}
	if err != nil {
		return err
	}
	if len(payload) < evrFirstEntry {
		return nil
	}
	count := uint64(binary.LittleEndian.Uint32(payload))
	entries := payload[evrFirstEntry:]
	if count > uint64(len(entries))/evrEntrySize {
		return nil
	}
	if c.found = true; c.list == nil {
		c.list = []int{} // there are data, if none of a code
	}
	for ; count > 0; count-- {
		c.list = append(c.list, int(binary.LittleEndian.Uint32(entries[evrCode:])))
		entries = entries[evrEntrySize:]
	}
	return nil
}
