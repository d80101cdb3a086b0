package repo

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"deployconstants/repo/ndarray"
)

// statusMerged is the directory of merged status words; it is no input.
const statusMerged = "status_merged"

// A StatusMerge is what becomes of a detector's status_* files as status_extra.
type StatusMerge struct {
	Path    string         // where the merged file belongs, below Dir
	Inputs  []string       // paths of the files merged, in the order of their directories
	Skipped []string       // status directories without a file valid at the stamp
	Words   *ndarray.Array // the inputs or-ed, Uint64; nil if there are none

	name string // of Path, in the repository
}

// MergeStatus ors the status words of a detector: of each of its directories with
// "status_" in the name, but status_merged, the file that is valid at the stamp.
// Numbers with a fraction are cut off, 64 bits are exact. Nothing is written;
// WriteMerged does that. A detector without such directories has no Inputs.
//
// The origin names the merged file. The error is ErrBadShape if the inputs differ
// in shape, that of OpenConstants or ndarray.ReadText if one cannot be read.
func (r *Repository) MergeStatus(p Panel, alias string, at Stamp, origin Origin) (*StatusMerge, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := checkElement("experiment", origin.Experiment); err != nil {
		return nil, err
	}
	if !isAlias([]byte(alias)) || origin.Run < 0 {
		return nil, fmt.Errorf("%w: alias %q, run %d", ErrBadName, alias, origin.Run)
	}
	dir, err := r.panelDir(p, alias)
	if err != nil {
		return nil, err
	}
	file := Name{p.Type.Name, alias, at, origin.Experiment, origin.Run, statusMerged}
	m := &StatusMerge{name: dir + "/" + statusMerged + "/" + file.String()}
	m.Path = r.path(m.name)
	names, err := r.subdirs(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !strings.Contains(name, "status_") || name == statusMerged {
			continue
		}
		index, _, err := r.index(p, alias, name)
		if err != nil {
			return nil, err
		}
		entry, found := index.At(at)
		if !found {
			m.Skipped = append(m.Skipped, r.path(dir+"/"+name))
			continue
		}
		if err := r.mergeFile(m, r.path(dir+"/"+name+"/"+entry.Name)); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// mergeFile ors the words of a file into the merge.
func (r *Repository) mergeFile(m *StatusMerge, path string) (err error) {
	f, err := r.OpenConstants(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	words, err := ndarray.ReadText(f, ndarray.ReadOptions{DType: ndarray.Uint64})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	m.Inputs = append(m.Inputs, path)
	if m.Words == nil {
		m.Words = words
		return nil
	}
	if !slices.Equal(m.Words.Shape, words.Shape) {
		return fmt.Errorf("%w: %s is %s, but %s is %s", ErrBadShape, path, ndarray.ShapeString(words.Shape),
			m.Inputs[0], ndarray.ShapeString(m.Words.Shape))
	}
	for i, word := range words.Words {
		m.Words.Words[i] |= word
	}
	return nil
}

// WriteMerged writes the merged words to the merge's Path, as psana's text format
// with "%d", in place of an earlier file of that name. It makes the directory
// status_merged. The error is ndarray.ErrNoData if there were no inputs.
func (r *Repository) WriteMerged(m *StatusMerge) error {
	if m.Words == nil {
		return fmt.Errorf("%s: %w", m.Path, ndarray.ErrNoData)
	}
	_, err := r.WriteArray(m.name, m.Words, "%d")
	return err
}
