package repo

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"deployconstants/repo/ndarray"
)

// Words with which comments of a merged file begin.
const (
	mergedWord = "MERGED"
	partWord   = "TABLE"
)

// A Provenance is of what constants were merged. Merged files have it in comments at
// their beginning, by which MadeOf knows them:
//
//	# MERGED <Of>
//	# TABLE <SHA-256> <path>
//	# <note>
type Provenance struct {
	Of    string // in words: "48 tables of 16 panels"
	Parts []Part
	Notes []string // further comments
}

// A Part is a file of which constants were merged.
type Part struct {
	Path string // below the repository
	Sum  [sha256.Size]byte
}

// Text renders merged constants as psana's text format with the format for every
// element, as printf has it. Equal parts give equal bytes: what the header says of the
// moment is the stamp, from which the file of that name is valid, or the year 1 for one
// that is no date, and not by whom or where it was merged. Errors are those of
// ndarray.Array.WriteText.
func (p Provenance) Text(a *ndarray.Array, format, name string, stamp Stamp) ([]byte, error) {
	comments := []string{mergedWord + " " + p.Of}
	for _, part := range p.Parts {
		comments = append(comments, fmt.Sprintf("%s %s %s", partWord, hex.EncodeToString(part.Sum[:]), part.Path))
	}
	moment, err := time.Parse("20060102150405", stamp.String())
	if err != nil {
		moment = time.Time{} // a file counts from its stamp on, whatever that is
	}
	var text bytes.Buffer
	text.Grow(10 * a.Len())
	err = a.WriteText(&text, ndarray.TextOptions{
		Format: format, Comments: append(comments, p.Notes...),
		Header: ndarray.Header{Host: "-", WorkDir: "-", FileName: name, Time: moment, User: "-"},
	})
	return text.Bytes(), err
}

// maxComments bounds, in bytes, the comments of a merged file that are read: those of
// an Epix10ka2M are 20 kB.
const maxComments = 1 << 20

// MadeOf returns the parts of which a constants file was merged, as paths below the
// repository, and false if it was not merged: if it is not as Provenance.Text gives it.
// Errors are those of OpenConstants and of reading.
func (r *Repository) MadeOf(path string) (parts []string, merged bool, err error) {
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
			return parts, merged, nil
		}
		merged = true
		if _, part, found := strings.Cut(rest, " "); found && word == partWord {
			parts = append(parts, part)
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nil, false, nil // rows of numbers, not our comments
	}
	return parts, merged, lines.Err()
}
