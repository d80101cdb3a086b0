package merge

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"deployconstants/repo"
	"deployconstants/repo/digest"
	"deployconstants/repo/panels"
	"deployconstants/stages/resolve"
)

// A place is where the merges of a job belong.
type place struct {
	*merger
	job
	alias    string
	register bool   // the detector has none yet, and nothing is written: alias stands for one
	detector string // its directory, below the repository
	dir      string // that of the calibration type in it
	index    *repo.Index
	own      map[string]bool // names in dir
	supposed string          // of them that which is supposed; ""
	why      string          // nothing may be merged there; ""
}

// open looks at the place of a detector with an alias, for one that has none with what
// stands for one; dir is the name of the directory.
func (m *merger) open(j job, alias string, dir repo.CType) (*place, error) {
	p := &place{merger: m, job: j, alias: alias, own: map[string]bool{}}
	if alias == "" {
		id := sha256.Sum256([]byte(j.panel.ID))
		p.alias, p.register = "new"+hex.EncodeToString(id[:4]), true
	}
	var err error
	if p.detector, err = m.Repository.DetectorDir(j.panel, p.alias); err != nil {
		return nil, err
	}
	p.dir = p.detector + "/" + string(dir)
	items, err := m.Repository.Items(p.dir)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		p.own[item.Name] = p.detector != m.change
	}
	if name, inside := strings.CutPrefix(m.change, p.dir+"/"); inside {
		p.own[name], p.own[repo.Withdrawn(name)] = m.supposes(), !m.supposes()
		if m.supposes() {
			p.supposed = name
		}
	}
	var names []string
	for name, there := range p.own {
		if there {
			names = append(names, name)
		}
	}
	p.index = repo.NewIndex(names, j.panel.Type, p.alias, dir)
	return p, nil
}

func (p *place) path(name string) string { return p.Repository.Dir() + "/" + p.dir + "/" + name }

// A merging is one merge: what is to be under a name.
type merging struct {
	name       string
	stamp      repo.Stamp // from which it is valid
	parts      []part
	gaps       []panels.Gap
	incomplete error // why it must not be made; nil

	// text makes it, and returns the digests of the parts that were read.
	text func(context.Context) ([]byte, []digest.Sum, error)

	// same reports whether a file that is no merge of ours has the same constants, and
	// need not be made again, or else is replaced, also if it cannot be read; nil: it
	// counts as it is.
	same func(path string) (bool, error)
}

// A part is a file that is merged.
type part struct {
	path string
	info fs.FileInfo // when it was listed; nil: it leads nowhere, or out of the repository

	supposed bool // it is that of Options.Change, of whose content
}

// merge makes one merge, if it must be made.
func (p *place) merge(ctx context.Context, m merging) Item {
	item := p.item(Pending)
	item.Stamp, item.Tables = m.stamp.String(), len(m.parts)
	if m.gaps != nil {
		item.Filled = m.gaps
	}
	if m.incomplete != nil {
		item.Action, item.Reason = Incomplete, oneLine(m.incomplete.Error())
		return item
	}
	if reason := cmp.Or(p.why, p.distrust(m.parts), resolve.Unsafe(m.name)); reason != "" {
		item.Action, item.Reason = Blocked, reason
		return item
	}
	if !p.register {
		item.Path = p.path(m.name)
	}
	if entry, taken := p.index.At(m.stamp); taken && entry.Stamp == m.stamp && entry.Name != m.name {
		item.Action, item.Reason = Kept, entry.Name+" has the same stamp"
		return item
	}
	if p.own[repo.Withdrawn(m.name)] && !p.own[m.name] {
		item.Action, item.Reason = Kept, "it was withdrawn itself: it stays so until it is reinstated"
		return item
	}
	var err error
	if item.Action, item.changes, err = p.carryOut(ctx, m); err != nil {
		item.Action, item.Reason = Failed, oneLine(err.Error())
	}
	return item
}

// carryOut makes a merge that may be made, unless it is there; without Write it tells
// how the repository would change.
func (p *place) carryOut(ctx context.Context, m merging) (Action, []resolve.Change, error) {
	sums, err := p.sums(ctx, m.parts)
	if err != nil {
		return Failed, nil, err
	}
	key := p.key(m, sums)
	current, action, err := p.look(ctx, m, key)
	switch {
	case err != nil || action != Pending:
		return action, nil, err
	case !p.Write:
		return Pending, p.foresee(m, key), nil
	}
	action, err = p.make(ctx, m, sums, key, current)
	return action, nil, err
}

// foresee returns the changes that a merge would be.
func (p *place) foresee(m merging, key string) (changes []resolve.Change) {
	if p.register {
		changes = append(changes, resolve.Change{Op: resolve.Add, Type: p.panel.Type.Name, ID: p.panel.ID, Alias: p.alias})
	}
	ch := resolve.Change{Op: resolve.Add, Path: p.path(m.name), Unlike: sha256.Sum256([]byte(key))}
	if p.own[m.name] {
		ch.Op = resolve.Replace
	}
	if made, known := p.Digests.Verdict(key); known { // it was made of these parts before
		if sum, err := hex.DecodeString(made); err == nil && len(sum) == len(ch.Content) {
			ch.Content = digest.Sum(sum)
		}
	}
	return append(changes, ch)
}

// look tells what is under the name of a merge: nothing or what other parts gave, then
// it is pending; what these parts gave; or a file that was not merged.
func (p *place) look(ctx context.Context, m merging, key string) (digest.Sum, Action, error) {
	if m.name == p.supposed && m.same != nil {
		return digest.Sum{}, Pending, nil // whatever it holds, these words will be there
	}
	if m.name == p.supposed {
		return digest.Sum{}, Kept, nil
	}
	if !p.own[m.name] {
		return digest.Sum{}, Pending, nil
	}
	path := p.path(m.name)
	sum, _, err := p.sum(ctx, path)
	switch {
	case err != nil && m.same != nil && ctx.Err() == nil:
		return digest.Sum{}, Pending, nil // as what same cannot read
	case err != nil:
		return sum, Failed, err
	}
	if made, known := p.Digests.Verdict(key); known && made == sum.String() {
		return sum, Current, nil
	}
	if m.same != nil {
		if slices.ContainsFunc(m.parts, func(part part) bool { return part.supposed }) {
			return sum, Pending, nil
		}
		if made, known := p.Digests.Verdict(sameKey + key); known && made == sum.String() {
			return sum, Current, nil
		}
		same, err := m.same(path)
		if err == nil && same {
			p.Digests.PutVerdict(sameKey+key, sum.String())
			return sum, Current, nil
		}
		return sum, Pending, err
	}
	_, ours, err := p.madeOf(path, sum)
	if err == nil && !ours {
		return sum, Kept, nil
	}
	return sum, Pending, err
}

// madeOf is repo.Repository.MadeOf for a file of that digest, of which it is remembered.
func (p *place) madeOf(path string, sum digest.Sum) (parts []string, merged bool, err error) {
	key := "merged of " + sum.String()
	if text, known := p.Digests.Verdict(key); known {
		parts := strings.Split(text, "\n")
		return parts[1:], parts[0] != "", nil
	}
	if parts, merged, err = p.Repository.MadeOf(path); err != nil {
		return nil, false, err
	}
	text := ""
	if merged {
		text = strings.Join(append([]string{"merged"}, parts...), "\n")
	}
	p.Digests.PutVerdict(key, text)
	return parts, merged, nil
}

// make merges, and writes the result unless it is there already.
func (p *place) make(ctx context.Context, m merging, sums []digest.Sum, key string, current digest.Sum) (Action, error) {
	text, read, err := m.text(ctx)
	if err != nil {
		return Failed, err
	}
	for i, part := range m.parts {
		if read[i] != sums[i] {
			return Failed, fmt.Errorf("%s: %w since it was looked at", part.path, digest.ErrChanged)
		}
	}
	action, sum := Current, digest.Sum(sha256.Sum256(text))
	if sum != current {
		if _, err := p.Repository.Replace(p.dir+"/"+m.name, text); err != nil {
			return Failed, err
		}
		action = Made
	}
	p.Digests.PutVerdict(key, sum.String())
	return action, nil
}

// retire withdraws a merge of which a part was withdrawn; without Write it only tells.
func (p *place) retire(ctx context.Context, entry repo.Entry, part string) (Item, error) {
	item := p.item(Stale)
	item.Stamp, item.Path = entry.Stamp.String(), p.path(entry.Name)
	item.Reason = oneLine("it was merged of " + part + ", which was withdrawn")
	if reason := resolve.Unsafe(entry.Name); reason != "" {
		item.Action, item.Path, item.Reason = Blocked, "", reason
		return item, nil
	}
	if !p.Write {
		item.changes = []resolve.Change{{Op: resolve.Withdraw, Path: item.Path}}
		return item, nil
	}
	item.Action = Withdrawn
	_, err := p.Repository.Withdraw(ctx, item.Path, item.Reason)
	return item, err
}

func (p *place) failed(entry repo.Entry, err error) Item {
	item := p.item(Failed)
	item.Stamp, item.Path, item.Reason = entry.Stamp.String(), p.path(entry.Name), oneLine(err.Error())
	return item
}

// sums are the digests of the parts; that of one that is supposed is zero if its content
// is not known. What is remembered of a part as it was listed is not looked at again. One
// that is no longer the one that was listed, and so may be somebody else's, is
// digest.ErrChanged.
func (p *place) sums(ctx context.Context, parts []part) ([]digest.Sum, error) {
	var sums []digest.Sum
	for _, part := range parts {
		if part.supposed {
			sums = append(sums, p.Change.Content)
			continue
		}
		if part.info != nil {
			if sum, known := p.Digests.Known(part.path, digest.StatOf(part.info)); known {
				sums = append(sums, sum)
				continue
			}
		}
		sum, stat, err := p.sum(ctx, part.path)
		if err == nil && (part.info == nil || !stat.Same(digest.StatOf(part.info))) {
			err = fmt.Errorf("%s: %w since it was listed", part.path, digest.ErrChanged)
		}
		if err != nil {
			return nil, err
		}
		sums = append(sums, sum)
	}
	return sums, nil
}

// sameKey is before the key of a merge with whose constants a file is that was not made
// of its parts, but by the single command.
const sameKey = "same as "

// key identifies all that the bytes of a merge depend on.
func (p *place) key(m merging, sums []digest.Sum) string {
	hash := sha256.New()
	fmt.Fprintf(hash, "%s %d\n", m.name, len(p.ids))
	for i, part := range m.parts {
		fmt.Fprintf(hash, "%s %s\n", sums[i], strings.TrimPrefix(part.path, p.Repository.Dir()))
	}
	return "merge 1 " + hex.EncodeToString(hash.Sum(nil))
}

// sum is the digest of a file of the repository, which is read only if it is not
// remembered.
func (p *place) sum(ctx context.Context, path string) (digest.Sum, digest.Stat, error) {
	return p.Digests.Sum(ctx, path, func() (*os.File, error) { return p.Repository.OpenConstants(path) })
}

// writableByOthers is the bit of a mode that lets everybody write.
const writableByOthers = 0o002

// distrust returns why a part must not be merged; "": it may.
func (p *place) distrust(parts []part) string {
	if len(p.TrustedOwners) == 0 {
		return ""
	}
	for _, part := range parts {
		if part.supposed {
			continue
		}
		if part.info == nil {
			return part.path + " leads nowhere, or out of the repository"
		}
		stat := digest.StatOf(part.info)
		switch {
		case !slices.Contains(p.TrustedOwners, uint32(stat.UID)):
			return fmt.Sprintf("%s belongs to user %d, who is no trusted owner", part.path, stat.UID)
		case uint32(stat.Mode)&writableByOthers != 0:
			return part.path + " can be written by others than its trusted owner"
		}
	}
	return ""
}
