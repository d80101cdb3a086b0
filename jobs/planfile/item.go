package planfile

import "slices"

// A Kind says what an item is about.
type Kind string

// Kinds of items.
const (
	KindExperiment Kind = "experiment" // the experiment as a whole: why nothing of it is carried out
	KindPanel      Kind = "panel"      // a detector that the repository does not know
	KindFile       Kind = "file"       // a file of constants in a calib directory
	KindRun        Kind = "run"        // consecutive known runs of a detector to which one thing happens
	KindDirectory  Kind = "directory"  // what psana picks in a directory for every known run
)

// An Action is what becomes of an item.
type Action string

// Actions. The first four are changes: what apply carries out.
const (
	Create   Action = "create"
	Replace  Action = "replace"
	Adopt    Action = "adopt"
	Register Action = "register"

	Unchanged Action = "unchanged" // right already, or ours and read by no known run
	Foreign   Action = "foreign"   // somebody else's file, or a file of ours would hide it
	Overreach Action = "overreach" // the runs get constants although they should get none or others, and psana cannot be told
	Blocked   Action = "blocked"   // frozen, no such directory, not writable, or psana raises on a name in it
	Missing   Action = "missing"   // the repository has nothing for these runs
	Held      Action = "held"      // the content check refused the constants
	Mismatch  Action = "mismatch"  // psana would read other constants than resolved
	Unknown   Action = "unknown"   // a run without time or id, or constants that cannot be read
	Error     Action = "error"     // a directory or file could not be looked at
)

// actions is every action, in the order of the documentation.
var actions = []Action{
	Create, Replace, Adopt, Register,
	Unchanged, Foreign, Overreach, Blocked, Missing, Held, Mismatch, Unknown, Error,
}

// Actions returns every action, changes first. The caller owns the slice.
func Actions() []Action { return slices.Clone(actions) }

// Changes reports whether apply does something for the action.
func (a Action) Changes() bool {
	return a == Create || a == Replace || a == Adopt || a == Register
}

// Publishes reports whether apply writes a file of constants for the action.
func (a Action) Publishes() bool { return a == Create || a == Replace }

// An Item is one line of a plan. Which fields are set depends on its kind:
//
//	kind        fields beside Action, Experiment, Instrument, CalibDir, Reason, Warnings
//	experiment  -
//	panel       Source, Type, ID, IDIsName, Runs: the first that has it
//	file        Group, Source, Type, CType, Range, Runs that read it, Constants, Prior
//	run         Group, Source, Type, CType, Runs
//	directory   Group, Source, Type, CType, Runs, Picks; no Action but blocked or error
type Item struct {
	Kind       Kind   `json:"kind"`
	Action     Action `json:"action,omitempty"`
	Experiment string `json:"experiment"`
	Instrument string `json:"instrument,omitempty"`
	CalibDir   string `json:"calib_dir,omitempty"` // for people: apply derives it again from the settings
	Group      string `json:"group,omitempty"`     // "Epix100a::CalibV1"
	Source     string `json:"source,omitempty"`    // "XcsEndstation.0:Epix100a.1"
	Type       string `json:"type,omitempty"`      // "epix100a"
	CType      string `json:"ctype,omitempty"`     // psana's name: "pixel_gain"
	ID         string `json:"id,omitempty"`        // kind panel: the detector's id
	IDIsName   bool   `json:"id_is_name,omitempty"`

	// Range is the name of the file without ".data", "0-end". It is canonical in
	// changes; in others it is what is there, with control characters escaped.
	Range string `json:"range,omitempty"`

	Runs      Span       `json:"runs,omitzero"` // known runs that the item is about
	Reason    string     `json:"reason,omitempty"`
	Constants *Constants `json:"constants,omitempty"` // of create, replace, adopt, held; what an unchanged file has
	Prior     *Prior     `json:"prior,omitempty"`     // the file as it was seen; nil: absent
	Warnings  []string   `json:"warnings,omitempty"`
	Picks     []Pick     `json:"picks,omitempty"` // ascending, without overlap
}

// A Span is the known runs from First to Last, Count of them.
type Span struct {
	First int `json:"first"`
	Last  int `json:"last"`
	Count int `json:"count"`
}

// Add puts a run behind those that are in the span.
func (s Span) Add(run int) Span {
	if s.Count == 0 {
		s.First = run
	}
	s.Last = run
	s.Count++
	return s
}

// Constants are a file of the repository.
type Constants struct {
	Path   string `json:"path"`   // below the repository, as the repository gives it
	SHA256 string `json:"sha256"` // hex
	Size   int64  `json:"size"`   // bytes
	Kind   string `json:"kind"`   // "specific" or "default"
	Stamp  string `json:"stamp,omitempty"`
	ID     string `json:"id,omitempty"`    // of the detector that they serve
	Alias  string `json:"alias,omitempty"` // "": it has none
}

// Prior is a deployed file as the plan found it.
type Prior struct {
	SHA256     string `json:"sha256,omitempty"` // hex; "" of what is not regular or could not be read
	Size       int64  `json:"size"`             // bytes
	Mode       uint32 `json:"mode"`             // permission bits with setuid, setgid, sticky
	UID        uint32 `json:"uid"`
	GID        uint32 `json:"gid"`
	Links      uint64 `json:"links"`
	Inode      uint64 `json:"inode"`
	ModTime    int64  `json:"mtime"` // UTC ns since 1970
	ChangeTime int64  `json:"ctime"` // UTC ns since 1970
}

// A Pick is what psana reads for some consecutive known runs, before and after the
// plan is carried out: names of files, "" for none.
type Pick struct {
	First     int     `json:"first"`
	Last      int     `json:"last"`
	Runs      int     `json:"runs"` // how many known runs
	Before    string  `json:"before,omitempty"`
	After     string  `json:"after,omitempty"`
	CxxBefore *string `json:"cxx_before,omitempty"` // of the C++ finder; nil: as Before
	CxxAfter  *string `json:"cxx_after,omitempty"`  // nil: as After

	// Outcome is the action of the file that serves the runs, if they read what was
	// resolved for them: create, replace, adopt, unchanged; else why they do not.
	Outcome Action `json:"outcome"`
}
