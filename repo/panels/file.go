package panels

import (
	"fmt"
	"strings"

	"deployconstants/repo"
)

// FileName returns the name of the merged constants in the directory of their type:
// valid from the newest table on, with that one's experiment and run. It returns
// false if there are no tables.
func (r *Recipe) FileName(t repo.DetType, alias string) (repo.Name, bool) {
	newest, found := r.Newest()
	return repo.Name{
		DetType: t.Name, Alias: alias, Stamp: newest.Stamp, Experiment: newest.Experiment, Run: newest.Run, CType: r.Kind.CType,
	}, found
}

// Text renders the merged constants as repo.Provenance does, whose comments name every
// table, and every gap.
func (r *Recipe) Text(m *Merged, name repo.Name) ([]byte, error) {
	p := repo.Provenance{Of: fmt.Sprintf("%d tables of %d panels", len(m.Digests), len(r.IDs))}
	root := r.store.files.Dir() + "/"
	for _, input := range r.Inputs() {
		p.Parts = append(p.Parts, repo.Part{Path: strings.TrimPrefix(input.Path, root), Sum: m.Digests[input.Path]})
	}
	for _, gap := range r.Gaps() {
		p.Notes = append(p.Notes, fmt.Sprintf("FILLED panel %d gain %s with %v", gap.Panel, gap.Gain, gap.Value))
	}
	return p.Text(m.Array, r.Kind.Format, name.String(), name.Stamp)
}
