package repo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"deployconstants/internal/fslock"
)

// An Origin is the data for which an alias is allocated or constants are made.
type Origin struct {
	Experiment string // "xpptut15"; "" is left out of records
	Run        int    // -1 is left out of records
}

// LookupAlias returns the alias of a detector, and false if it has none. It
// changes nothing. The error is ErrAliasConflict if the two alias files of the
// type contradict each other about this detector, ErrAliasFile if one of them is
// a link or special file.
func (r *Repository) LookupAlias(p Panel) (alias string, found bool, err error) {
	if err := p.check(); err != nil {
		return "", false, err
	}
	record, found, err := r.lookup(p)
	return record.alias, found, err
}

// Alias returns the alias of a detector and allocates the next free number if it
// has none, with a record in the type's alias file. Any number of processes on
// any hosts may call it at the same time: no detector gets two aliases and no two
// detectors get one, unless the original program, which takes no lock, writes at
// that moment. A process that dies on the way leaves nothing that stops others.
//
// The type's directory must be there (MakeTree). Errors are those of LookupAlias,
// fslock.ErrHeld if the lock is not free within the timeout, or the file system's.
func (r *Repository) Alias(ctx context.Context, p Panel, origin Origin) (string, error) {
	if err := p.check(); err != nil {
		return "", err
	}
	view, err := r.view(p)
	if err != nil {
		return "", err
	}
	record := view.record
	if !view.found {
		if record, err = r.allocate(ctx, p, origin); err != nil {
			return "", err
		}
	}
	if len(p.ID) > nameMax && !r.options.Flat && r.options.Panels == "" {
		err = r.makePanelTree(p.directory(record))
	}
	return record.alias, err
}

// lookup finds the record of a detector in the alias files, else among the
// numbers claimed without locks.
func (r *Repository) lookup(p Panel) (aliasRecord, bool, error) {
	view, err := r.view(p)
	if err != nil || view.found {
		return view.record, view.found, err
	}
	return r.bound(p)
}

// allocate gives the detector a number. It holds the lock where there are locks,
// and takes the number by a claim where there are none, or where another host
// has none.
func (r *Repository) allocate(ctx context.Context, p Panel, origin Origin) (record aliasRecord, err error) {
	files, err := r.lockAliases(ctx, p.Type.Name)
	if errors.Is(err, fslock.ErrUnsupported) {
		r.warnOnce("%v: alias numbers are claimed by links in %s", err, r.path(r.ofType(p.Type.Name, claimDir)))
		return r.allocateByClaim(p, origin)
	}
	if err != nil {
		return aliasRecord{}, err
	}
	defer func() { err = errors.Join(err, files.close()) }()
	view, err := r.viewIn(files, p)
	if err != nil || view.found {
		return view.record, err
	}
	if r.hasClaims(p.Type.Name) {
		return r.allocateByClaim(p, origin)
	}
	alias, err := aliasText(view.last + 1)
	if err != nil {
		return aliasRecord{}, err
	}
	return aliasRecord{alias, p.ID}, r.aliasTarget(p.Type.Name, files).append(r.recordText(alias, p, origin))
}

// recordText is the line of an alias file, with its newline:
//
//	0001 <id> 2022-06-09T12:19:26   xpptut15 r0260 XcsEndstation.0:Epix100a.1 dubrovin
//
// The experiment is right-aligned in ten columns; what is unknown is left out.
func (r *Repository) recordText(alias string, p Panel, origin Origin) string {
	fields := []string{alias, p.ID, r.now().Format("2006-01-02T15:04:05")}
	if origin.Experiment != "" {
		fields = append(fields, fmt.Sprintf("%10s", escapeField(origin.Experiment)))
	}
	if origin.Run >= 0 {
		fields = append(fields, fmt.Sprintf("r%04d", origin.Run))
	}
	if p.Source != "" {
		fields = append(fields, escapeField(p.Source))
	}
	fields = append(fields, escapeField(r.options.User))
	return strings.Join(fields, " ") + "\n"
}

// now is the present moment in the facility's zone.
func (r *Repository) now() time.Time { return r.options.Now().In(r.options.Zone) }
