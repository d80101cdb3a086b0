package repo

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"deployconstants/internal/atomicfile"
)

// Names in the claims directory of a type. All are hard links to one file per
// allocation, which holds the record:
//
//	0007             the number 7 is taken
//	id-<sha256>      the id has the number that the record says
//	.tmp-<random>    an allocation on its way, or what a killed one left
const (
	bindingPrefix = "id-"
	claimTemp     = ".tmp-"
)

// Everybody may claim, as everybody may append to the alias file, but remove and
// change only what is his. A file that others may write, they could also link to,
// and links are counted.
const (
	claimDirMode  atomicfile.Mode = 0o1777
	claimFileMode atomicfile.Mode = 0o644
)

// claimMax bounds, in bytes, a record that is read from a claim.
const claimMax = 2 * idMax

// appendGrace is how long a claimed record may be missing in the alias file
// before another process takes its writer for dead and appends it.
const appendGrace = 10 * time.Second

// allocateByClaim gives a detector a number without locks. link(2), which fails
// if the name is taken on every file system and across hosts, decides twice: who
// has a number, and which number an id has. A number whose id was bound by
// somebody quicker stays unused.
func (r *Repository) allocateByClaim(p Panel, origin Origin) (aliasRecord, error) {
	// The directory comes first: from then on hosts that have locks claim as well,
	// so that what they did without is in the alias files when they are read.
	claims := r.ofType(p.Type.Name, claimDir)
	if _, err := atomicfile.MkdirAll(r.root, claims, claimDirMode, -1); err != nil {
		return aliasRecord{}, err
	}
	view, err := r.view(p)
	if err != nil || view.found {
		return view.record, err
	}
	record, found, err := r.bound(p)
	if err == nil && !found {
		record, err = r.claim(p, origin, claims, view.last+1)
	}
	if err != nil {
		return aliasRecord{}, err
	}
	return record, r.completeAppend(p, record)
}

// hasClaims reports whether some host has ever allocated without locks here, or
// may have: what cannot be looked at is for allocateByClaim to complain of.
func (r *Repository) hasClaims(typeName string) bool {
	_, err := r.root.Lstat(r.ofType(typeName, claimDir))
	return !errors.Is(err, fs.ErrNotExist)
}

// claim takes the first free number, above those in the alias files, and binds the
// id to it. It returns the record to which the id is bound in the end; ours is
// appended here, that of a quicker process by completeAppend.
func (r *Repository) claim(p Panel, origin Origin, claims string, number int) (record aliasRecord, err error) {
	temp := claims + "/" + claimTemp + rand.Text()
	f, err := r.root.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, claimFileMode.FS())
	if err != nil {
		return aliasRecord{}, atomicfile.Locate(r.root, err)
	}
	defer func() { err = errors.Join(err, f.Close(), r.root.Remove(temp)) }()
	if err := f.Chmod(claimFileMode.FS()); err != nil {
		return aliasRecord{}, err
	}
	alias, err := r.claimNumber(f, temp, claims, number)
	if err != nil {
		return aliasRecord{}, err
	}
	line := r.recordText(alias, p, origin)
	if _, err := f.WriteString(line); err != nil {
		return aliasRecord{}, err
	}
	if err := f.Sync(); err != nil {
		return aliasRecord{}, err
	}
	won, err := r.link(f, temp, claims+"/"+bindingName(p.ID), 3)
	if err != nil {
		return aliasRecord{}, err
	}
	if !won {
		record, _, err = r.bound(p)
		return record, err
	}
	return aliasRecord{alias, p.ID}, r.appendRecord(p.Type.Name, line)
}

// claimNumber takes the first number from the given one on that nobody has.
func (r *Repository) claimNumber(f *os.File, temp, claims string, number int) (alias string, err error) {
	for {
		if alias, err = aliasText(number); err != nil {
			return "", err
		}
		taken, err := r.link(f, temp, claims+"/"+alias, 2)
		if err != nil || taken {
			return alias, err
		}
		number++
	}
}

// link gives the file a further name and reports whether that was free. NFS may
// answer "exists" to its own repeated request; then the link count tells.
func (r *Repository) link(f *os.File, temp, name string, links uint64) (bool, error) {
	err := r.root.Link(temp, name)
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, fs.ErrExist) {
		return false, err
	}
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	return uint64(info.Sys().(*syscall.Stat_t).Nlink) >= links, nil
}

// bound returns the record to which an id is bound, if it is.
func (r *Repository) bound(p Panel) (aliasRecord, bool, error) {
	line, _, err := r.binding(p)
	if errors.Is(err, fs.ErrNotExist) {
		return aliasRecord{}, false, nil
	}
	if err != nil {
		return aliasRecord{}, false, err
	}
	record, _ := parseAliasLine(line)
	return record, true, nil
}

// binding reads the claimed record of an id and when it was written.
func (r *Repository) binding(p Panel) (line []byte, written time.Time, err error) {
	name := r.ofType(p.Type.Name, claimDir) + "/" + bindingName(p.ID)
	line, written, err = r.readClaim(name)
	if err != nil {
		return nil, time.Time{}, err
	}
	if record, ok := parseAliasLine(line); !ok || record.id != p.ID {
		return nil, time.Time{}, fmt.Errorf("%w: %s does not hold the record of its id: remove it", ErrAliasFile, r.path(name))
	}
	return line, written, nil
}

// readClaim reads a file of the claims directory, where anybody may put anything:
// what cannot be a claim counts as one without a record.
func (r *Repository) readClaim(name string) (line []byte, written time.Time, err error) {
	info, err := r.root.Lstat(name)
	if err != nil {
		return nil, time.Time{}, atomicfile.Locate(r.root, err)
	}
	if info.Mode().IsRegular() && info.Size() <= claimMax {
		line, err = r.root.ReadFile(name)
	}
	return line, info.ModTime(), atomicfile.Locate(r.root, err)
}

// completeAppend sees to it that a bound record is in the alias file, where the
// original program looks. A record that is missing for long is appended: its
// writer has died, or another NFS client has written over it, since O_APPEND is
// not atomic among them. Two hosts may do so at once: the same record twice is the
// same alias.
func (r *Repository) completeAppend(p Panel, record aliasRecord) error {
	view, err := r.view(p)
	switch {
	case err != nil:
		return err
	case view.found && !sameAlias(view.record, record):
		return fmt.Errorf("%w: id %s is %s in the alias file but %s in %s: remove the wrong record",
			ErrAliasConflict, p.ID, view.record.alias, record.alias, r.path(r.ofType(p.Type.Name, claimDir)))
	case view.found:
		return nil
	}
	line, since, err := r.binding(p)
	if err != nil || time.Since(since) < appendGrace {
		return err
	}
	return r.appendRecord(p.Type.Name, string(line))
}

// appendRecord adds a line to the alias file that gets new records.
func (r *Repository) appendRecord(typeName, line string) (err error) {
	files, err := r.openOrMakeAliases(typeName)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, files.close()) }()
	return r.aliasTarget(typeName, files).append(line)
}

// bindingName is the name of an id's binding; ids may be longer than file names.
func bindingName(id string) string {
	sum := sha256.Sum256([]byte(id))
	return bindingPrefix + hex.EncodeToString(sum[:])
}
