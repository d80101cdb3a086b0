package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"deployconstants/xtc"
)

// Events runs over a run from its first event to its last, over all its streams and
// chunks, in psana's order. It is not safe for concurrent use.
type Events struct {
	reader runReader
	queues []*queue // by number
	tally  Tally
	err    error // of Next, sticky

	parts  []*stream // of the current step, by stream; their datagrams are passed by next
	chunks []*chunk  // of the parts
	spare  []*stream // to be used again
	again  bool      // the current step is still to be taken
	number int       // of the current step, from 1

	state    int // notRunning, running or cycling
	step     int
	pending  []pendingEvent
	event    Event
	id       EventID
	selected []*selection
	codes    codes
	block    int64 // bytes to load at a time
	closed   bool
	closing  error // of files that were closed
}

// An Event is an event of a run, or one of the transitions around its events. It is
// valid until the next call of Next.
type Event struct {
	// Transition is BeginRun, BeginCalibCycle, L1Accept (an event), EndCalibCycle or
	// EndRun. They come in pairs around each other, as psana gives them: those that
	// the files lack are made up.
	Transition xtc.Transition
	ID         *EventID // nil for a transition that is made up; a BeginCalibCycle made up for an event has the event's
	Run        int      // number of the run
	Step       int      // calibration cycle of the run, from 0; -1 where none has begun
	Store      *Store   // the configuration in force: that of before, unless a transition brought another

	events *Events
}

// A pendingEvent is given out before the current step is passed.
type pendingEvent struct {
	transition xtc.Transition
	run        int
	store      *Store
	hasID      bool
}

// How far psana is inside a run.
const (
	notRunning = iota
	running
	cycling // inside a calibration cycle
)

// A Tally counts what a run had.
type Tally struct {
	Events int // given out

	Trimmed     int // events not given out, because the L3 trigger kept nothing of them
	EpicsOnly   int // events not given out, because they have only EPICS data, or nothing
	NoFiducials int // events not given out, because they have no fiducials
	SameClock   int // events of a control stream not given out: two with one clock

	Torn       int // chunks that end inside a datagram
	NoChunk    int // chunks that are missing before others
	Incomplete int // containers of events whose contribution is incomplete: they are not looked into
	Broken     int // objects of events whose extent cannot be
}

// maxBlock and allBlocks bound the bytes that are loaded at a time of each stream, and
// of all together.
const (
	maxBlock  = 4 << 20
	minBlock  = 256 << 10
	allBlocks = 64 << 20
)

// maxParts bounds the datagrams that are joined to one event; real ones have one of
// each stream.
const maxParts = 1000

// OpenEvents opens the files of one run and reads the configuration with which it
// begins. Errors are those of ReadRun; Warnings has what did not keep the run from being
// read. The caller closes the events.
//
// Verify of the options is not needed: a file that was written meanwhile is found where
// it ends.
func OpenEvents(ctx context.Context, files RunFiles, opts Options) (*Events, error) {
	opts.applyDefaults()
	e := &Events{
		reader: runReader{files: files, run: &Run{Number: files.Run, Store: newStore()}, open: opts.Open},
		step:   -1,
	}
	e.event.events = e
	e.addQueues(files.Files, opts.Open)
	for _, q := range e.queues {
		q.advance()
	}
	if err := e.configure(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// addQueues makes a queue for each stream. The files are sorted.
func (e *Events) addQueues(files []FileName, open func(string) (*xtc.File, error)) {
	for i := 0; i < len(files); {
		end := i + 1
		for end < len(files) && files[end].Stream == files[i].Stream {
			end++
		}
		e.queues = append(e.queues, &queue{number: files[i].Stream, chunks: files[i:end], open: open, events: e})
		e.findGaps(files[i:end])
		i = end
	}
	e.block = max(minBlock, min(maxBlock, allBlocks/int64(max(1, len(e.queues)))))
}

// findGaps tells of chunks that must have been there.
func (e *Events) findGaps(files []FileName) {
	next := 0
	for _, f := range files {
		if f.Prefix == "" {
			return
		}
		if f.Chunk > next {
			e.tally.NoChunk += f.Chunk - next
			e.warn(Warning{f.Path, fmt.Errorf("%w: %d before this", ErrNoChunk, f.Chunk-next)})
		}
		next = f.Chunk + 1
	}
}

// configure takes the first step if it is Configure, and leaves any other but Map to
// Next.
func (e *Events) configure(ctx context.Context) error {
	for {
		if err := e.next(ctx); err != nil {
			if err == io.EOF && e.number == 0 {
				return e.reader.emptyError()
			}
			if err == io.EOF {
				return nil
			}
			return err
		}
		if step(e.parts).transition() != xtc.TransitionMap {
			break
		}
	}
	first := step(e.parts)
	if transition := first.transition(); transition != xtc.TransitionConfigure {
		e.warn(Warning{first[0].path, fmt.Errorf("%w: it begins with %s", ErrNoConfigure, transition)})
		e.again = true
		return nil
	}
	e.reader.last[xtc.TransitionConfigure] = first.first().Clock
	return e.reader.load(first)
}

// Store returns the configuration in force: before the first call of Next, that with
// which the run begins.
func (e *Events) Store() *Store { return e.reader.run.Store }

// Warnings returns what was wrong so far and did not keep the run from being read: the
// first hundred, and all files that changed.
func (e *Events) Warnings() []Warning { return e.reader.run.Warnings }

// Tally returns what the run had so far.
func (e *Events) Tally() Tally { return e.tally }

// Close closes the files. Events and frames are no longer valid.
func (e *Events) Close() error {
	if e.closed {
		return nil
	}
	e.closed = true
	e.pass()
	for _, q := range e.queues {
		if q.head.head != nil {
			e.release(q.head.chunk)
		}
		for _, w := range q.waiting {
			e.release(w.chunk)
		}
		if q.reading != nil {
			e.release(q.reading)
		}
	}
	return e.closing
}

func (e *Events) warn(w Warning) { e.reader.warn(w) }

// release closes a chunk that has lost its last user. Next and Close return the error.
func (e *Events) release(c *chunk) {
	if c.users--; c.users == 0 {
		e.closing = errors.Join(e.closing, c.close())
	}
}

// All iterates over the events that Next has not returned yet. The last pair holds the
// error, if there is one other than io.EOF.
func (e *Events) All(ctx context.Context) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		for {
			event, err := e.Next(ctx)
			if err == io.EOF || !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// Next returns the next event or transition, and io.EOF behind the last one. An error is
// one of ReadRun's, or that of ctx; it then stays. Events before bytes that are no XTC
// have been returned by then, as far as the other streams have come.
func (e *Events) Next(ctx context.Context) (*Event, error) {
	for len(e.pending) == 0 {
		if e.err != nil {
			return nil, e.err
		}
		e.err = e.takeNext(ctx)
	}
	p := e.pending[0]
	e.pending = slices.Delete(e.pending, 0, 1)
	switch p.transition {
	case xtc.TransitionBeginRun:
		e.state, e.step = running, -1
	case xtc.TransitionBeginCalibCycle:
		e.state, e.step = cycling, e.step+1
	case xtc.TransitionEndCalibCycle:
		e.state = running
	case xtc.TransitionEndRun:
		e.state = notRunning
	}
	e.event = Event{Transition: p.transition, Run: p.run, Step: e.step, Store: p.store, events: e}
	if p.hasID {
		e.id = *e.reader.eventID(e.parts)
		e.id.Run = p.run
		e.event.ID = &e.id
	}
	return &e.event, nil
}

// takeNext takes one step, which gives some events or none. At the end of the files it
// ends what has begun, and returns io.EOF.
func (e *Events) takeNext(ctx context.Context) error {
	if !e.again {
		if err := e.next(ctx); err == io.EOF {
			if e.state != notRunning {
				e.warn(Warning{Err: fmt.Errorf("%w: the files end before it", ErrNoEndRun)})
			}
			e.end(notRunning)
			return io.EOF
		} else if err != nil {
			return err
		}
	}
	e.again = false
	return e.take(e.parts)
}

// end gives out the transitions that end what is inside state.
func (e *Events) end(state int) {
	if e.state == cycling && state < cycling {
		e.give(xtc.TransitionEndCalibCycle, false)
	}
	if e.state >= running && state < running {
		e.give(xtc.TransitionEndRun, false)
	}
}

func (e *Events) give(t xtc.Transition, hasID bool) {
	e.pending = append(e.pending, pendingEvent{t, e.reader.run.Number, e.Store(), hasID})
}

// take follows one step as psana's input module and framework do. Of a transition that
// comes twice with the same clock the second is not looked at.
func (e *Events) take(s step) error {
	r, transition, clock := &e.reader, s.transition(), s.first().Clock
	if transition == xtc.TransitionL1Accept {
		return e.takeEvent(s)
	}
	again := clock == r.last[transition]
	r.last[transition] = clock
	if transition == xtc.TransitionBeginRun {
		if !again {
			e.end(notRunning)
		}
		r.run.Number = r.beginNumber(s)
	}
	if again {
		return nil
	}
	switch transition {
	case xtc.TransitionConfigure:
		return e.reconfigure(s)
	case xtc.TransitionBeginRun:
		e.give(transition, true)
	case xtc.TransitionBeginCalibCycle:
		e.end(running)
		if e.state == notRunning {
			e.give(xtc.TransitionBeginRun, false)
		}
		if err := e.reconfigure(s); err != nil {
			return err
		}
		e.give(transition, true)
	case xtc.TransitionEndCalibCycle:
		if e.state == cycling {
			e.give(transition, true)
		}
	case xtc.TransitionEndRun:
		e.findEarlyEnds()
		e.end(running)
		if e.state != notRunning {
			e.give(transition, true)
		}
		r.run.Number = r.files.Run
	}
	return nil
}

// findEarlyEnds tells of streams that have no part in the end of the run: the events
// that they would have had are lost.
func (e *Events) findEarlyEnds() {
	for _, q := range e.queues {
		switch {
		case !q.endsEarly():
		case q.seen == 0:
			e.warn(Warning{q.path, fmt.Errorf("%w: the files of stream %d are empty", ErrStreamEnds, q.number)})
		default:
			e.warn(Warning{q.path, fmt.Errorf("%w: stream %d ends with %s", ErrStreamEnds, q.number, q.last)})
		}
	}
}

// takeEvent takes an event, unless psana skips it.
func (e *Events) takeEvent(s step) error {
	if trimmed(s) {
		e.tally.Trimmed++
		return nil
	}
	something, err := e.read(s)
	if err != nil {
		return err
	}
	if !something {
		e.tally.EpicsOnly++
		return nil
	}
	e.tally.Events++
	if e.state == notRunning {
		e.give(xtc.TransitionBeginRun, false)
	}
	if e.state != cycling {
		e.give(xtc.TransitionBeginCalibCycle, true)
	}
	e.give(xtc.TransitionL1Accept, true)
	return nil
}

// trimmedBit of an event's env says that the L3 trigger kept nothing of it.
const trimmedBit = 1 << 31

// trimmed reports whether all streams of the data acquisition say so.
func trimmed(s step) bool {
	acquisition := false
	for _, part := range s {
		if part.control() {
			continue
		}
		if part.head.Env&trimmedBit == 0 {
			return false
		}
		acquisition = true
	}
	return acquisition
}

// reconfigure loads the configuration of a step into a new store: those of the events
// before stay as they are.
func (e *Events) reconfigure(s step) error {
	e.reader.run.Store = e.reader.run.Store.fresh()
	if err := e.reader.load(s); err != nil {
		return err
	}
	for _, selected := range e.selected {
		selected.decoder.Configure(e.Store().Configs(selected.src))
	}
	return nil
}

// next makes the next step the current one: the first head, and with it those that
// psana joins to it.
func (e *Events) next(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	e.pass()
	if e.closing != nil {
		return e.closing
	}
	for _, q := range e.queues {
		if q.head.head == nil && q.err != io.EOF {
			return q.err
		}
	}
	for len(e.parts) < maxParts {
		q := e.first()
		if q == nil || len(e.parts) > 0 && !q.sameStep(e.parts[0]) {
			break
		}
		e.join(q)
		q.advance()
	}
	if len(e.parts) == 0 {
		return io.EOF
	}
	e.number++
	e.sortParts()
	return nil
}

// first returns the queue whose head goes first, the lowest among equals; nil at the end.
func (e *Events) first() *queue {
	var first *queue
	for _, q := range e.queues {
		if q.head.head != nil && (first == nil || first.after(q)) {
			first = q
		}
	}
	return first
}

// join makes the head of a queue a part of the current step.
func (e *Events) join(q *queue) {
	var part *stream
	if n := len(e.spare); n > 0 {
		part, e.spare = e.spare[n-1], e.spare[:n-1]
	} else {
		part = &stream{}
	}
	*part = stream{number: q.number, path: q.head.chunk.path, file: q.head.chunk.file, head: q.head.head}
	e.parts, e.chunks = append(e.parts, part), append(e.chunks, q.head.chunk)
}

// sortParts sorts the parts by stream, and their chunks with them.
func (e *Events) sortParts() {
	for i := 1; i < len(e.parts); i++ {
		for j := i; j > 0 && e.parts[j].number < e.parts[j-1].number; j-- {
			e.parts[j], e.parts[j-1] = e.parts[j-1], e.parts[j]
			e.chunks[j], e.chunks[j-1] = e.chunks[j-1], e.chunks[j]
		}
	}
}

// pass leaves the current step.
func (e *Events) pass() {
	for _, c := range e.chunks {
		e.release(c)
	}
	clear(e.chunks)
	e.spare = append(e.spare, e.parts...)
	e.parts, e.chunks = e.parts[:0], e.chunks[:0]
}
