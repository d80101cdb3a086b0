package repo

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// nameMax is the longest file name, in bytes, of the file systems in use
// (NAME_MAX of ext4, XFS, Lustre, GPFS and NFS servers above them).
const nameMax = 255

// idMax bounds a detector id in bytes; sixteen joined epix10ka ids are 1231.
const idMax = 8192

// A Panel is the detector whose constants are meant: a type and an id in it.
type Panel struct {
	Type   DetType
	ID     string // hardware id, several panels joined by '_'; or the name form, see IsName
	Source string // full name, "XcsEndstation.0:Epix100a.1"; recorded with a new alias
	IsName bool   // ID is the source's name with '-' for ':' and '.', for types without hardware ids
}

// check refuses what could not be a directory and a field of an alias record.
func (p Panel) check() error {
	if _, err := TypeNamed(p.Type.Name); err != nil {
		return err
	}
	if err := p.Type.checkDeployable(); err != nil {
		return err
	}
	if len(p.ID) > idMax {
		return fmt.Errorf("%w: a detector id of %d bytes (at most %d)", ErrBadName, len(p.ID), idMax)
	}
	if err := checkElement("detector id", p.ID); err != nil {
		return err
	}
	if p.ID == defaultDir || p.ID == logDir {
		return fmt.Errorf("%w: detector id %q is a directory of its own in the repository", ErrBadName, p.ID)
	}
	return nil
}

// firstPanel returns the id by which the original of 2022 knew a detector of
// several panels, and false where there is no such older id.
func (p Panel) firstPanel() (id string, ok bool) {
	if !p.Type.joinsPanels() {
		return "", false
	}
	id, _, ok = strings.Cut(p.ID, "_")
	return id, ok
}

// checkElement refuses text that is no plain element of a path: empty, hidden,
// with a separator, a blank or a control character in it.
func checkElement(what, text string) error {
	switch {
	case text == "":
		return fmt.Errorf("%w: %s is empty", ErrBadName, what)
	case text[0] == '.':
		return fmt.Errorf("%w: %s %q begins with a point", ErrBadName, what, text)
	case !utf8.ValidString(text):
		return fmt.Errorf("%w: %s %q is not UTF-8", ErrBadName, what, text)
	}
	for _, c := range text {
		if c == '/' || c == '\\' || isBlankOrControl(c) {
			return fmt.Errorf("%w: %s %q has the character %q", ErrBadName, what, text, c)
		}
	}
	return nil
}

// escapeField makes text one field of a record, without blanks.
func escapeField(text string) string { return escape(text, isBlankOrControl) }
