package panels

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"deployconstants/repo"
	"deployconstants/repo/ndarray"
)

// Words with which comments of a merged file begin.
const (
	mergedWord = "MERGED"
	tableWord  = "TABLE"
	filledWord = "FILLED"
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

// Text renders the merged constants as psana's text format, in front of which
// comments name every table with its SHA-256, and every gap. Equal tables give equal
// bytes: what the header says of the moment is that of the newest table, and not by
// whom or where it was merged.
func (r *Recipe) Text(m *Merged, name repo.Name) ([]byte, error) {
	comments := []string{fmt.Sprintf("%s %d tables of %d panels", mergedWord, len(m.Digests), len(r.IDs))}
	root := r.store.files.Dir() + "/"
	for _, input := range r.Inputs() {
		sum := m.Digests[input.Path]
		comments = append(comments, fmt.Sprintf("%s %s %s", tableWord, hex.EncodeToString(sum[:]), strings.TrimPrefix(input.Path, root)))
	}
	for _, gap := range r.Gaps() {
		comments = append(comments, fmt.Sprintf("%s panel %d gain %s with %v", filledWord, gap.Panel, gap.Gain, gap.Value))
	}
	moment, err := time.Parse("20060102150405", name.Stamp.String())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, repo.ErrBadStamp)
	}
	var text bytes.Buffer
	text.Grow(10 * m.Array.Len())
	err = m.Array.WriteText(&text, ndarray.TextOptions{
		Format: r.Kind.Format, Comments: comments,
		Header: ndarray.Header{Host: "-", WorkDir: "-", FileName: name.String(), Time: moment, User: "-"},
	})
	return text.Bytes(), err
}

// maxComments bounds, in bytes, the comments of a merged file that are read: those of
// an Epix10ka2M are 20 kB.
const maxComments = 1 << 20

// MadeOf returns the tables of which a constants file of the documented repository was
// merged, as paths below it, and false if it was not merged: if it is not as Text
// gives it. Errors are those of opening and reading.
func MadeOf(r *repo.Repository, path string) (tables []string, merged bool, err error) {
	f, err := r.OpenConstants(path)
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines := bufio.NewScanner(io.LimitReader(f, maxComments))
	for lines.Scan() {
		comment, isComment := strings.CutPrefix(lines.Text(), "# ")
		word, rest, _ := strings.Cut(comment, " ")
		if !isComment || !merged && word != mergedWord {
			return tables, merged, nil
		}
		merged = true
		if _, table, found := strings.Cut(rest, " "); found && word == tableWord {
			tables = append(tables, table)
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nil, false, nil // rows of numbers, not our comments
	}
	return tables, merged, lines.Err()
}
