package content

// A Kind tells what is wrong with constants. The texts are part of the plan's
// format, do not change.
type Kind string

// The kinds, in the order in which constants are judged.
const (
	TooLarge   Kind = "too-large"  // more bytes or elements than allowed
	Unreadable Kind = "unreadable" // not in a form that psana reads
	Shape      Kind = "shape"      // psana would ignore constants of this shape
	NotFinite  Kind = "not-finite" // NaN or infinite elements
	Range      Kind = "range"      // elements that cannot be true
	Bad        Kind = "bad"        // too many pixels have a status bit
	Changed    Kind = "changed"    // too different from what is deployed
)

// A Problem is the reason for which constants are not published.
type Problem struct {
	Kind    Kind
	Message string // one line: what, where, what to do; no path
	Element int    // first one at fault, in C order from 0; of geometry the first object; -1: none in particular
	Count   int    // elements or objects at fault
}

// Error returns the Message.
func (p *Problem) Error() string { return p.Message }

// advice ends the messages about constants that only their maker can mend.
const advice = "; repair or withdraw the file in the repository"
