package tx

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"deployconstants/repo/calibdir"
)

// A Kind says what a record tells. Part of the format, do not change.
type Kind string

// The kinds of records.
const (
	Intent     Kind = "intent"     // a file is about to be changed; synced before it is
	Done       Kind = "done"       // the change is in place and durable
	Skipped    Kind = "skipped"    // not done, since something moved after the plan: Cause
	Failed     Kind = "failed"     // not done, since something failed: Cause
	Adopted    Kind = "adopted"    // the file is ours from now on, its bytes were right already
	Registered Kind = "registered" // a panel has its alias in the repository
	Undone     Kind = "undone"     // the path is back as it was before the undone transaction
)

// An Action says what happens to a file. Part of the format, do not change.
type Action string

// The actions of intents.
const (
	Create  Action = "create"  // a new name
	Replace Action = "replace" // other bytes under an old name
	Restore Action = "restore" // undo: the previous bytes, mode, group and times
	Remove  Action = "remove"  // undo: the name goes, it was absent before
	Keep    Action = "keep"    // undo of an adoption: the file stays, and is no longer ours
)

// A Place is one deployed file by its parts, as a plan names it. Its path is
// always derived from the parts, and checked.
type Place struct {
	Experiment string `json:"experiment,omitempty"`
	CalibDir   string `json:"calib_dir,omitempty"` // absolute, clean
	Group      string `json:"group,omitempty"`     // "Epix100a::CalibV1"
	Source     string `json:"source,omitempty"`    // "XcsEndstation.0:Epix100a.1"
	CType      string `json:"ctype,omitempty"`     // deployed name, "pixel_gain"
	Range      string `json:"range,omitempty"`     // "0-end"
}

// Target returns the place as package calibdir takes it. Errors wrap ErrPlace.
func (p Place) Target() (calibdir.Target, error) {
	if !utf8.ValidString(p.Path()) { // JSON would make another path of it
		return calibdir.Target{}, fmt.Errorf("%q is not UTF-8: %w", p.Path(), ErrPlace)
	}
	if !path.IsAbs(p.CalibDir) || path.Clean(p.CalibDir) != p.CalibDir || strings.ContainsFunc(p.CalibDir, unicode.IsControl) {
		return calibdir.Target{}, fmt.Errorf("calibration directory %q: %w", p.CalibDir, ErrPlace)
	}
	if !isName(p.Experiment) {
		return calibdir.Target{}, fmt.Errorf("experiment %q: %w", p.Experiment, ErrPlace)
	}
	r, err := calibdir.ParseRange(p.Range)
	target := calibdir.Target{Dir: p.CalibDir, Group: p.Group, Source: p.Source, CType: p.CType, Range: r}
	if err == nil {
		err = target.Check()
	}
	if err == nil && r.String() != p.Range {
		err = fmt.Errorf("%q would be written %q", p.Range, r)
	}
	if err != nil {
		return calibdir.Target{}, fmt.Errorf("%w: %w", ErrPlace, err)
	}
	return target, nil
}

// Path returns the path of the file: <calibdir>/<group>/<source>/<ctype>/<range>.data.
// It is the key of Deployed. A place that Target refuses has a path that means nothing.
func (p Place) Path() string {
	return p.Directory() + "/" + p.Range + ".data"
}

// Directory returns the path of the directory that the file is in.
func (p Place) Directory() string {
	return p.CalibDir + "/" + p.Group + "/" + p.Source + "/" + p.CType
}

// isName reports whether the text can be one element of a path, and be printed.
func isName(name string) bool {
	return name != "" && len(name) <= 255 && name[0] != '.' &&
		!strings.ContainsFunc(name, func(r rune) bool { return r == '/' || unicode.IsControl(r) })
}

// A Content is bytes by their digest.
type Content struct {
	SHA256 string `json:"sha256"` // 64 lower-case hexadecimal digits
	Size   int64  `json:"size"`   // bytes
}

// A FileState is what a path held: content and everything that undo restores.
type FileState struct {
	Content
	Mode       uint32 `json:"mode"`               // the twelve permission bits
	UID        int    `json:"uid"`                // owner; told, not restored
	GID        int    `json:"gid"`                // group
	ACL        []byte `json:"acl,omitempty"`      // system.posix_acl_access as the system gives it; empty: none
	ModTime    int64  `json:"mtime_ns"`           // UTC ns since 1970
	ChangeTime int64  `json:"ctime_ns,omitempty"` // UTC ns since 1970; told, not restored
	Inode      uint64 `json:"inode,omitempty"`    // told, not restored
	Links      uint64 `json:"links,omitempty"`    // number of names; told, not restored
}

// A HistoryState is what the HISTORY of a file's directory was before the
// transaction's first line in it.
type HistoryState struct {
	Existed bool  `json:"existed"`
	Size    int64 `json:"size,omitempty"` // bytes
}

// A Record is one line of a journal. Which fields it has:
//
//	kind        place  others
//	intent      yes    Action, New (create, replace, restore), Prior (absent: nil), MissingDirs, History, Constants
//	done        yes    Action, New, After, MadeDirs, Constants
//	adopted     yes    New, After, Constants
//	undone      yes    Action, After (absent: nil)
//	skipped     yes    Action, Cause
//	failed      yes    Action, Cause
//	registered  -      Type, Panel, PanelIsName, Alias
//
// A skipped or failed record settles the intent before it: the path is as it was.
type Record struct {
	Kind Kind  `json:"kind"`
	Time int64 `json:"time_ns"` // UTC ns since 1970; Append sets it, ascending within a transaction
	Place
	Action Action `json:"action,omitempty"`

	New   *Content   `json:"new,omitempty"`   // what the path is to hold, or holds
	Prior *FileState `json:"prior,omitempty"` // what it held; its bytes are an object
	After *FileState `json:"after,omitempty"` // what it holds now

	MissingDirs []string `json:"missing_dirs,omitempty"` // relative to CalibDir, upper first: absent when the intent was written ("." is CalibDir itself)
	MadeDirs    []string `json:"made_dirs,omitempty"`    // of these, the ones that the transaction made

	History *HistoryState `json:"history,omitempty"`

	Constants string `json:"constants,omitempty"` // path of the repository file
	Cause     string `json:"cause,omitempty"`     // one line

	Type        string `json:"type,omitempty"` // of the panel, or of the detector
	Panel       string `json:"panel,omitempty"`
	PanelIsName bool   `json:"panel_is_name,omitempty"`
	Alias       string `json:"alias,omitempty"` // "0007"
}

// maxText bounds the text of a record, in bytes, so that no line is longer than
// maxLine: a byte takes up to six there.
const maxText = maxLine / 8

// check returns an error that wraps ErrRecord unless the record has what its kind
// needs, its place is one, and it is not too long.
func (r *Record) check() error {
	if size := r.textSize(); size > maxText {
		return fmt.Errorf("%w: %d bytes of text, at most %d", ErrRecord, size, maxText)
	}
	switch r.Kind {
	case Registered:
		if r.Panel == "" {
			return fmt.Errorf("%w: registered without a panel", ErrRecord)
		}
		return nil
	case Intent, Done, Skipped, Failed, Adopted, Undone:
	default:
		return fmt.Errorf("%w: kind %q", ErrRecord, r.Kind)
	}
	if _, err := r.Target(); err != nil {
		return fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if (r.Kind == Adopted || r.Kind == Done) && r.New == nil {
		return fmt.Errorf("%w: %s without content", ErrRecord, r.Kind)
	}
	for _, content := range r.contents() {
		if !isDigest(content.SHA256) || content.Size < 0 {
			return fmt.Errorf("%w: digest %q, size %d", ErrRecord, content.SHA256, content.Size)
		}
	}
	for _, dir := range append(r.MissingDirs[:len(r.MissingDirs):len(r.MissingDirs)], r.MadeDirs...) {
		if path.IsAbs(dir) || path.Clean(dir) != dir || dir == ".." || strings.HasPrefix(dir, "../") {
			return fmt.Errorf("%w: directory %q", ErrRecord, dir)
		}
	}
	return nil
}

// textSize returns the length of all that has no fixed length, in bytes.
func (r *Record) textSize() int {
	size := len(r.Path()) + len(r.Experiment) + len(r.Action) + len(r.Constants) + len(r.Cause) +
		len(r.Type) + len(r.Panel) + len(r.Alias)
	for _, dirs := range [][]string{r.MissingDirs, r.MadeDirs} {
		for _, dir := range dirs {
			size += len(dir) + len(`"",`)
		}
	}
	for _, state := range []*FileState{r.Prior, r.After} {
		if state != nil {
			size += len(state.ACL)
		}
	}
	return size
}

// contents returns the contents that the record names.
func (r *Record) contents() []Content {
	var all []Content
	if r.New != nil {
		all = append(all, *r.New)
	}
	for _, state := range []*FileState{r.Prior, r.After} {
		if state != nil {
			all = append(all, state.Content)
		}
	}
	return all
}

// isDigest reports whether the text is a SHA-256 in lower-case hexadecimal.
func isDigest(text string) bool {
	return len(text) == 64 && strings.Trim(text, "0123456789abcdef") == ""
}
