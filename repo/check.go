package repo

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// A FindingKind is a sort of damage. Its text is stable: programs read it.
type FindingKind string

// What Check finds.
const (
	DuplicateID   FindingKind = "duplicate-id"   // an id has two aliases in one file; the first counts
	SharedAlias   FindingKind = "shared-alias"   // two ids have one alias
	AliasConflict FindingKind = "alias-conflict" // the two alias files contradict each other
	DamagedRecord FindingKind = "damaged-record" // a line of an alias file is no record
	UnsafeAliases FindingKind = "alias-file"     // an alias file is a link or special file
	NoAlias       FindingKind = "no-alias"       // a detector's directory without a record
	TwoIDs        FindingKind = "two-ids"        // one panel under ids that differ in the firmware field alone
	StrayName     FindingKind = "stray-name"     // a name that the repository has no place for
	Unreadable    FindingKind = "unreadable"     // a file or directory that cannot be read
	EmptyFile     FindingKind = "empty-file"     // constants without content
	BadContent    FindingKind = "bad-content"    // constants that are no numbers
	BadShape      FindingKind = "bad-shape"      // constants that do not fit the detector
	BadStamp      FindingKind = "bad-stamp"      // constants whose stamp is no date; they are chosen all the same
	FutureStamp   FindingKind = "future-stamp"   // constants valid from a moment to come
	DanglingLink  FindingKind = "dangling-link"  // a link to nothing
	OutsideLink   FindingKind = "outside-link"   // a link that leads out of the repository
	Leftover      FindingKind = "leftover"       // what a process that died left behind
)

// A Finding is one thing that is wrong in a repository.
type Finding struct {
	Kind    FindingKind
	Path    string // below Dir; a name may hold any character
	Message string // one line, fit to print
}

// staleAfter is the age from which a temporary file is nobody's any more.
const staleAfter = time.Hour

// A checker collects findings.
type checker struct {
	*Repository
	now      Stamp
	findings []Finding
}

func (c *checker) add(kind FindingKind, name, format string, args ...any) {
	c.findings = append(c.findings, Finding{kind, c.path(name), oneLine(fmt.Sprintf(format, args...))})
}

// Check looks through the whole repository, reads every constants file and
// returns what is wrong, sorted by path, kind and message. It changes nothing.
// An error means that the repository itself could not be listed or that ctx ended.
func (r *Repository) Check(ctx context.Context) ([]Finding, error) {
	c := &checker{Repository: r, now: StampOf(r.options.Now(), r.options.Zone)}
	names, err := r.names(".")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		t, err := TypeNamed(name)
		switch {
		case name == logDir || name == "scripts": // logs of the program, and of its present version
		case err != nil || !t.Deployable():
			c.add(StrayName, name, "not a detector type")
		default:
			if err := c.checkType(ctx, t); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(c.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Message, b.Message))
	})
	return c.findings, nil
}

// checkType looks through a detector type; only the end of ctx is an error.
func (c *checker) checkType(ctx context.Context, t DetType) error {
	names, err := c.names(t.Name)
	if err != nil {
		c.addFailure(t.Name, err)
		return nil
	}
	records := c.checkAliases(t)
	ids := make([]string, 0, len(records))
	for _, record := range records {
		ids = append(ids, record.id)
	}
	for _, name := range names {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		switch name {
		case aliasFile, hiddenAliasFile, logDir, claimDir, withdrawnLog:
		case defaultDir:
			c.checkDefaults(t)
		default:
			if c.checkDetector(t, name, records) {
				ids = append(ids, name)
			}
		}
	}
	c.checkClaims(t)
	c.checkTwins(t, ids)
	return nil
}
