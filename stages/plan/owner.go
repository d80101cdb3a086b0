package plan

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"

	"deployconstants/repo/calibdir"
	"deployconstants/repo/digest"
	"deployconstants/stages/resolve"
)

// historyName is the record of what was deployed to a directory.
const historyName = "HISTORY"

// owned tells whose file it is. It is opened only if its digest is not remembered.
func (d *directory) owned(ctx context.Context, entry calibdir.Entry) *file {
	f := &file{name: entry.Name, exists: true, regular: entry.Regular}
	if !entry.Regular {
		f.why = "it is not a regular file"
		return f
	}
	place := d.path(entry.Name)
	sum, err := d.deployedDigest(ctx, place, entry)
	if err != nil {
		f.regular, f.why = false, visible("it cannot be read: "+err.Error())
		return f
	}
	f.before = sum
	if r, err := calibdir.ParseRange(strings.TrimSuffix(entry.Name, ".data")); err != nil || r.FileName() != entry.Name {
		f.why = "its name is not written as this program writes it"
		return f
	}
	_, f.known = d.Owner.Put(place, sum.String())
	switch {
	case f.known:
		f.ours = true
	case d.isRecorded(ctx, sum, entry):
		f.ours = true
	case d.isCandidate(ctx, sum, entry):
		f.ours, f.guessed = true, true
	case d.takeOver:
		f.ours = true
	default:
		f.why = d.why(place)
	}
	return f
}

// path returns the path of a file of the directory.
func (d *directory) path(name string) string {
	return d.target.Dir + "/" + d.target.Group + "/" + d.target.Source + "/" + d.target.CType + "/" + name
}

func (d *directory) deployedDigest(ctx context.Context, place string, entry calibdir.Entry) (digest.Sum, error) {
	if sum, known := d.Digests.Known(place, statOf(entry)); known {
		return sum, nil
	}
	sum, _, err := d.Digests.Sum(ctx, place, func() (*os.File, error) { return d.view.Open(d.target, entry.Name) })
	return sum, err
}

// isCandidate reports whether the bytes are those of constants for an id that the
// detector had in some run.
func (d *directory) isCandidate(ctx context.Context, sum digest.Sum, entry calibdir.Entry) bool {
	if d.candidates == nil {
		d.candidates = make(map[digest.Sum]bool)
		for _, w := range d.wants {
			if w.need == needContent {
				d.candidates[w.sum] = true
			}
		}
	}
	if d.candidates[sum] {
		return true
	}
	seen := map[resolve.Key]bool{}
	for _, s := range d.source.sightings {
		key := keyOf(d.source.detType, s)
		if s.ID == "" || seen[key] {
			continue
		}
		seen[key] = true
		for _, c := range d.snapshot.Candidates(key, d.target.CType) {
			if c.Stat.Size != entry.Size {
				continue
			}
			if other, err := d.constants(ctx, c); err == nil {
				d.candidates[other] = true
			}
		}
	}
	return d.candidates[sum]
}

// isRecorded reports whether the newest record of the file in HISTORY names a file
// of the repository that has these very bytes now. HISTORY may be written by
// others, so what it says of other places proves nothing.
func (d *directory) isRecorded(ctx context.Context, sum digest.Sum, entry calibdir.Entry) bool {
	constants := d.copyOf(entry.Name)
	if path.Clean(constants) != constants || !strings.HasPrefix(constants, d.Repository.Dir()+"/") {
		return false
	}
	recorded, err := d.repositoryDigest(ctx, constants)
	return err == nil && recorded == sum
}

// copyOf returns the source that HISTORY records for the file; "" for none. The
// HISTORY is read only if the answer is not remembered.
func (d *directory) copyOf(name string) string {
	var history calibdir.Entry
	for _, entry := range d.folder.Entries {
		if entry.Name == historyName {
			history = entry
		}
	}
	if !history.Regular {
		return ""
	}
	key := fmt.Sprintf("history %s %d %d %d %d %s", d.path(historyName),
		history.Inode, history.Size, history.ModTime, history.ChangeTime, name)
	if source, known := d.Digests.Verdict(key); known {
		return source
	}
	if !d.recorded {
		d.records, d.historyErr = d.view.History(d.target)
		d.recorded = true
	}
	if d.historyErr != nil {
		return ""
	}
	source := ""
	for _, record := range d.records {
		if record.File == name {
			source = record.CopyOf
		}
	}
	d.Digests.PutVerdict(key, source)
	return source
}

// why says why a file is nobody's that is known.
func (d *directory) why(place string) string {
	if was, ok := d.Owner.Owner(place); ok {
		return "it was changed since transaction " + was.Tx
	}
	why := "its bytes are no constants of this detector"
	if d.historyErr != nil {
		why += ", and what its HISTORY says is not known: " + visible(d.historyErr.Error())
	}
	return why
}
