package dataset

import (
	"errors"
	"fmt"

	"deployconstants/xtc"
	"deployconstants/xtc/frames"
)

// A selection is one detector whose frames are asked for.
type selection struct {
	src     xtc.Src
	decoder *frames.Decoder
	buffer  []byte // a payload that is not in a loaded block

	frame frames.Frame // of the current event, where err is nil
	err   error
}

// Select asks for the frames of a detector in the events to come, and returns the number
// by which Frame knows it, from 0 in the order of the calls. The process id of
// the source does not count.
func (e *Events) Select(src xtc.Src) int {
	e.selected = append(e.selected, &selection{
		src: src, decoder: frames.NewDecoder(src, e.Store().Configs(src)), err: ErrNoData,
	})
	return len(e.selected) - 1
}

// Frame returns the frame of the selected detector with that number, valid until the
// next call of Next. Where the event has none that psana would give, the error says why:
// it wraps ErrNoData, ErrDamaged, ErrElsewhere, ErrIncomplete, frames.ErrNoConfig or
// frames.ErrBroken. Transitions have none: ErrNoData.
func (e *Event) Frame(i int) (frames.Frame, error) {
	s := e.events.selected[i]
	if e.Transition != xtc.TransitionL1Accept {
		return frames.Frame{}, ErrNoData
	}
	return s.frame, s.err
}

// read finds the frames of the selected detectors in an event, and reports whether the
// event has anything but EPICS data.
func (e *Events) read(s step) (something bool, err error) {
	for _, selected := range e.selected {
		selected.frame, selected.err = frames.Frame{}, ErrNoData
	}
	e.codes.reset()
	skipped := error(nil) // why a detector may not have been found
	for i, part := range s {
		if part.head.ContentsSkipped() {
			e.tally.Incomplete++
			skipped = fmt.Errorf("event at offset %#x: %w", part.head.Offset, ErrIncomplete)
			e.warn(Warning{part.path, skipped})
			continue
		}
		e.load(part, e.chunks[i])
		for node, err := range part.file.Nodes(part.head) {
			if _, broken := errors.AsType[*xtc.FormatError](err); broken {
				e.tally.Broken++
				skipped = fmt.Errorf("%w: %w", ErrIncomplete, err)
				e.warn(Warning{part.path, err})
				break
			}
			if err != nil {
				return false, err
			}
			if node.Err != nil {
				e.tally.Broken++
				e.warn(Warning{part.path, node.Err})
			}
			if node.ChildrenSkipped {
				e.tally.Incomplete++
				skipped = fmt.Errorf("%s at offset %#x: %w", node.Src, node.Offset, ErrIncomplete)
				e.warn(Warning{part.path, skipped})
			}
			if t := node.Contains.Type(); t == xtc.TypeXtc || t == xtc.TypeEpics {
				continue
			}
			something = true
			if err := e.find(part.file, e.chunks[i], node); err != nil {
				return false, err
			}
			if err := e.codes.take(part.file, node); err != nil {
				return false, err
			}
		}
	}
	for _, selected := range e.selected {
		if selected.err == ErrNoData && skipped != nil {
			selected.err = skipped
		}
	}
	return something, nil
}

// load reads the datagram of a part, and those behind it, with one large read, unless
// that has been done, or the datagram is so large that what is wanted of it is better
// read piece by piece. The datagrams read are whole. Frames of the event may lie in what
// an earlier part of the same file loaded: that stays.
func (e *Events) load(part *stream, c *chunk) {
	from, end := part.head.Offset, part.head.End()
	loaded := c.block[0] <= from && end <= c.block[1]
	if len(e.selected) == 0 || end-from > e.block || loaded || c.blockEvent == e.number {
		return
	}
	to := c.queue.whole(c, from, min(from+e.block, c.file.Size()))
	c.blockEvent, c.block = e.number, [2]int64{from, to}
	if c.file.Load(from, int(to-from)) != nil {
		c.block = [2]int64{} // who reads the nodes meets the same error
	}
}

// find takes a node if a selected detector wants it. Of several objects of a detector
// the first counts that psana stores.
func (e *Events) find(file *xtc.File, c *chunk, node *xtc.Node) error {
	for _, s := range e.selected {
		if s.err == nil || s.src.Compare(node.Src) != 0 {
			continue
		}
		err := s.take(file, c, node)
		if err != nil && !wanting(err) {
			return err
		}
	}
	return nil
}

// take decodes a node of the detector. An error that is not wanting is of the system.
func (s *selection) take(file *xtc.File, c *chunk, node *xtc.Node) error {
	contains := node.Contains
	var proxy *xtc.SmlDataProxy
	if contains.Type() == xtc.TypeSmlDataProxy {
		if config, err := file.Config(node); err == nil {
			proxy = config.(*xtc.SmlDataProxy)
			contains = proxy.Contains
		}
	}
	lost := contains.Type() == xtc.TypeAny && node.Damage != 0
	if !lost && !frames.Takes(contains) {
		return nil
	}
	frame, err := frames.Frame{}, error(nil)
	switch {
	case node.Damage != 0:
		err = fmt.Errorf("%s of %s at offset %#x: %w: %s", contains, node.Src, node.Offset, ErrDamaged, damageText(node.Damage))
	case proxy != nil:
		if file, node, err = c.object(proxy, node.Src); err == nil {
			frame, err = s.decode(file, node)
		}
	default:
		frame, err = s.decode(file, node)
	}
	if err == nil || s.err == ErrNoData {
		s.frame, s.err = frame, err
	}
	return err
}

func (s *selection) decode(file *xtc.File, node *xtc.Node) (frames.Frame, error) {
	payload, err := file.Payload(node, &s.buffer)
	if _, shrunk := errors.AsType[*xtc.FormatError](err); shrunk {
		return frames.Frame{}, fmt.Errorf("%w: %w", frames.ErrBroken, err)
	}
	if err != nil {
		return frames.Frame{}, err
	}
	return s.decoder.Decode(frames.Object{Contains: node.Contains, Offset: node.PayloadOffset(), Payload: payload})
}

// damageText says what is damaged, in words or, where the flags have none, as a number.
func damageText(d xtc.Damage) string {
	if text := d.String(); text != "" {
		return text
	}
	return fmt.Sprintf("%#x", uint32(d))
}
