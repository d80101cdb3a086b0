package dataset

import (
	"errors"

	"deployconstants/xtc"
)

// A step is the datagrams that psana takes as one: a transition with the same
// clock in one or more streams, or a single event. Its streams, by number, still
// have them as heads.
type step []*stream

func (s step) first() *xtc.Dgram          { return s[0].head }
func (s step) transition() xtc.Transition { return s[0].head.Service() }

// A merger orders the datagrams of a run's streams into steps.
type merger struct {
	streams []*stream // by number
	step    step      // the current one; its datagrams are passed by next
}

// newMerger opens the streams of a run. The files are sorted.
func newMerger(files []FileName, open func(string) (*xtc.File, error), warn func(Warning)) (*merger, error) {
	room := make([]*stream, 2*len(files))
	m := &merger{streams: room[:0:len(files)], step: room[len(files):][:0]}
	streams := make([]stream, 0, len(files)) // one piece; it never moves
	for i := 0; i < len(files); {
		end := i + 1
		for end < len(files) && files[end].Stream == files[i].Stream {
			end++
		}
		streams = append(streams, stream{number: files[i].Stream, chunks: files[i:end], open: open, warn: warn})
		m.streams = append(m.streams, &streams[len(streams)-1])
		i = end
	}
	for _, s := range m.streams {
		if err := s.advance(); err != nil {
			return nil, errors.Join(err, m.close())
		}
	}
	return m, nil
}

// next returns the next step, nil at the end of the run: the earliest head, that
// of the lowest stream among equals, and with it the heads of other streams that
// are the same transition with the same clock.
func (m *merger) next() (step, error) {
	for _, s := range m.step {
		if err := s.advance(); err != nil {
			return nil, err
		}
	}
	m.step = m.step[:0]
	var earliest *xtc.Dgram
	for _, s := range m.streams {
		if s.head != nil && (earliest == nil || s.head.Clock.Compare(earliest.Clock) < 0) {
			earliest = s.head
		}
	}
	for _, s := range m.streams {
		if s.head == nil {
			continue
		}
		same := s.head.Service() == earliest.Service() && s.head.Clock == earliest.Clock
		if s.head == earliest || same && earliest.Service() != xtc.TransitionL1Accept {
			m.step = append(m.step, s)
		}
	}
	return m.step, nil
}

// readAhead is how many datagrams of each stream psana reads before it gives out
// the first.
const readAhead = 20

// lookAhead reads on, and returns the error that psana would meet in datagrams it
// has read already. The steps are lost.
func (m *merger) lookAhead() error {
	for _, s := range m.streams {
		for range readAhead {
			if s.head == nil {
				break
			}
			if err := s.advance(); err != nil {
				return err
			}
		}
	}
	return nil
}

// close closes what is open.
func (m *merger) close() error {
	var err error
	for _, s := range m.streams {
		if closeErr := s.close(); closeErr != nil {
			err = errors.Join(err, closeErr)
		}
	}
	return err
}
