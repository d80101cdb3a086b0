package dataset

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"deployconstants/xtc"
)

// How many datagrams of a stream psana looks ahead, to bring its events in order.
const (
	queueLength        = readAhead
	controlQueueLength = 2 * readAhead
)

// A chunk is one open file of a stream. It is closed when nothing needs it any more.
type chunk struct {
	queue *queue
	path  string
	file  *xtc.File
	users int // datagrams that are read and not passed yet, and the queue that reads it

	block      [2]int64 // what is loaded: from, to, in bytes from the start of the file
	blockEvent int      // the event for which it was loaded

	large largeFile // of a smalldata file
}

// A waiting datagram is one whose header has been read.
type waiting struct {
	chunk *chunk
	head  *xtc.Dgram
}

// A queue is the chunks of one stream of a run as one sequence of datagrams, in the
// order in which psana's read-ahead brings them.
type queue struct {
	number int
	chunks []FileName // not opened yet
	open   func(path string) (*xtc.File, error)
	events *Events // for warnings and counts

	reading *chunk // nil between chunks
	waiting []waiting
	seen    int            // datagrams read
	last    xtc.Transition // of the datagram read last
	path    string         // of the chunk opened last
	passed  int            // datagrams taken out
	err     error          // why no more are read, io.EOF at the end

	head  waiting // the next datagram that psana looks at; without a head at the end
	block int     // calibration cycles of this stream that end before the head, or with it
	prior xtc.Transition
}

// control reports whether this is a control stream.
func (q *queue) control() bool { return q.number >= FirstControlStream }

// advance makes the next datagram that psana looks at the head. Behind the first of a
// stream it passes over Enable and Disable and over events whose fiducials are none.
func (q *queue) advance() {
	for {
		q.fill()
		if len(q.waiting) == 0 {
			q.head = waiting{}
			return
		}
		q.head = q.waiting[0]
		q.waiting = slices.Delete(q.waiting, 0, 1)
		q.passed++
		service := q.head.head.Service()
		if service == xtc.TransitionEndCalibCycle && q.prior != service && q.passed > 1 {
			q.block++
		}
		q.prior = service
		switch {
		case q.passed == 1:
			return
		case service == xtc.TransitionL1Accept && q.head.head.Fiducials >= maxFiducials:
			q.events.tally.NoFiducials++
		case service != xtc.TransitionEnable && service != xtc.TransitionDisable:
			return
		}
		q.events.release(q.head.chunk)
	}
}

// fill reads headers until the queue is as long as psana's, or the stream ends.
func (q *queue) fill() {
	length := queueLength
	if q.control() {
		length = controlQueueLength
	}
	for q.err == nil && len(q.waiting) < length {
		q.err = q.next()
	}
}

// next reads the next header into the queue, or goes on to the next chunk. A chunk that
// ends inside a datagram gives a warning and ends there.
func (q *queue) next() error {
	if q.reading == nil {
		if len(q.chunks) == 0 {
			return io.EOF
		}
		file, err := q.open(q.chunks[0].Path)
		if err != nil {
			return err
		}
		q.path = q.chunks[0].Path
		q.reading = &chunk{queue: q, path: q.chunks[0].Path, file: file, users: 1}
		q.chunks = q.chunks[1:]
	}
	head, err := q.reading.file.Next()
	switch {
	case err == nil:
		if q.seen++; q.seen == 1 && head.Service() != xtc.TransitionL1Accept {
			head.Clock = firstClock(head.Clock)
		}
		q.last = head.Service()
		q.insert(head)
		return nil
	case errors.Is(err, xtc.ErrTornDgram):
		q.events.warn(Warning{q.reading.path, err})
		q.events.tally.Torn++
	case err != io.EOF:
		return fmt.Errorf("%s: %w", q.reading.path, err)
	}
	if changed, err := q.reading.file.Changed(); err == nil && changed {
		q.events.warn(Warning{q.reading.path, ErrChanged})
	}
	done := q.reading
	q.reading = nil
	q.events.release(done)
	return nil
}

// endsEarly reports whether the files of a stream of the data acquisition end before the
// run, which every stream's files tell.
func (q *queue) endsEarly() bool {
	if q.control() || q.err != io.EOF || len(q.waiting) > 0 || q.head.head != nil {
		return false
	}
	switch q.last {
	case xtc.TransitionEndRun, xtc.TransitionUnconfigure, xtc.TransitionUnmap:
		return false
	}
	return true
}

// insert puts a datagram where psana puts it: a further piece of a split one beside its
// twin, an event behind the events that are earlier and the transitions before it, and
// all others at the end.
func (q *queue) insert(head *xtc.Dgram) {
	at := len(q.waiting)
	if head.Root.Damage.Has(xtc.DamageDroppedContribution) {
		twin := slices.IndexFunc(q.waiting, func(w waiting) bool { return w.head.Clock == head.Clock })
		if twin >= 0 {
			q.put(twin, head)
			return
		}
	}
	if head.Service() != xtc.TransitionL1Accept {
		q.put(at, head)
		return
	}
	for ; at > 0; at-- {
		before := q.waiting[at-1].head
		order := head.Clock.Compare(before.Clock)
		if before.Service() != xtc.TransitionL1Accept || order > 0 || order == 0 && !q.control() {
			break
		}
		if order == 0 {
			// Of two events of a control stream with one clock psana takes neither:
			// nobody knows which of them belongs to the event of the other streams.
			q.events.warn(Warning{q.reading.path, fmt.Errorf("event at offset %#x: %w as that at %#x", head.Offset, ErrSameClock, before.Offset)})
			q.events.tally.SameClock += 2
			q.events.release(q.waiting[at-1].chunk)
			q.waiting = slices.Delete(q.waiting, at-1, at)
			return
		}
	}
	q.put(at, head)
}

func (q *queue) put(at int, head *xtc.Dgram) {
	q.reading.users++
	q.waiting = slices.Insert(q.waiting, at, waiting{q.reading, head})
}

// whole returns where a datagram of the chunk begins that is cut by to, and lies behind
// from; to itself where none is known.
func (q *queue) whole(c *chunk, from, to int64) int64 {
	cuts := func(w waiting) bool {
		return w.chunk == c && from < w.head.Offset && w.head.Offset < to && to < w.head.End()
	}
	if cuts(q.head) {
		return q.head.head.Offset
	}
	for _, w := range q.waiting {
		if cuts(w) {
			return w.head.Offset
		}
	}
	return to
}

// after reports whether the head of q comes behind that of p. Transitions are ordered by
// their clock and events by seconds and fiducials, each within its calibration cycle; an
// event comes behind the transitions of before its cycle's end (StreamDgramGreater of
// the package XtcInput).
func (q *queue) after(p *queue) bool {
	a, b := q.head.head, p.head.head
	isEvent, other := a.Service() == xtc.TransitionL1Accept, b.Service() == xtc.TransitionL1Accept
	switch {
	case isEvent && !other:
		return q.block >= p.block
	case q.block != p.block || other && !isEvent:
		return q.block > p.block
	case isEvent:
		return laterEvent(a, b)
	}
	return a.Clock.Compare(b.Clock) > 0
}

// maxDrift is by how many seconds the clocks of two streams may differ at most.
const maxDrift = 85

// laterEvent reports whether a was taken after b. Seconds decide where they are far from
// each other; else the fiducials, on the shorter way round.
func laterEvent(a, b *xtc.Dgram) bool {
	if drift := int64(a.Clock.Sec) - int64(b.Clock.Sec); drift >= maxDrift || drift <= -maxDrift {
		return drift > 0
	}
	ahead := (int64(a.Fiducials) - int64(b.Fiducials) + maxFiducials) % maxFiducials
	return ahead > 0 && ahead < maxFiducials/2
}

// sameStep reports whether psana joins the head to a datagram that a stream gave before:
// one transition with one clock, or the event of another stream, one of them a control
// stream, with the same fiducials.
func (q *queue) sameStep(first *stream) bool {
	a, b := first.head, q.head.head
	if a.Service() != b.Service() {
		return false
	}
	if a.Service() != xtc.TransitionL1Accept {
		return a.Clock == b.Clock
	}
	drift := int64(a.Clock.Sec) - int64(b.Clock.Sec)
	return (first.control() || q.control()) && a.Fiducials == b.Fiducials && -maxDrift < drift && drift < maxDrift
}
