package repo

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Names of the alias file: as documented, and as the original program has it.
const (
	aliasFile       = "aliases.txt"
	hiddenAliasFile = ".aliases.txt"
)

// An aliasRecord is what a line of an alias file says.
type aliasRecord struct {
	alias string // as written: "0001", but also "3"
	id    string
}

// aliasDigits bounds the numbers that are believed.
const aliasDigits = 9

// aliasText writes a number as an alias. It fails where a record holds the
// greatest number that is believed.
func aliasText(number int) (string, error) {
	alias := fmt.Sprintf("%04d", number)
	if len(alias) > aliasDigits {
		return "", fmt.Errorf("%w: the numbers up to %d are used up: correct the record of the last one", ErrAliasFile, number-1)
	}
	return alias, nil
}

// number returns the alias as a number. Aliases that are no numbers, or absurdly
// large ones, take no part in numbering.
func (a aliasRecord) number() (int, bool) {
	if len(a.alias) > aliasDigits || !isDigits(a.alias) {
		return 0, false
	}
	n, err := strconv.Atoi(a.alias)
	return n, err == nil
}

// parseAliasLine reads a line of an alias file; false if it is none: blank, a
// comment or damaged. Fields may be separated by any blanks.
func parseAliasLine(line []byte) (aliasRecord, bool) {
	line = bytes.TrimLeft(line, " \t\r\v\f")
	end := bytes.IndexAny(line, " \t\r\v\f")
	if end < 1 {
		return aliasRecord{}, false
	}
	alias := line[:end]
	rest := bytes.TrimLeft(line[end:], " \t\r\v\f")
	if end = bytes.IndexAny(rest, " \t\r\v\f"); end < 0 {
		end = len(rest)
	}
	id := rest[:end]
	if len(id) == 0 || !isAlias(alias) || checkElement("id", string(id)) != nil {
		return aliasRecord{}, false
	}
	return aliasRecord{string(alias), string(id)}, true
}

// isAlias reports whether text can be an alias: letters and digits, since it
// becomes a part of file names.
func isAlias(text []byte) bool {
	for _, c := range text {
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
			return false
		}
	}
	return len(text) > 0 && len(text) <= 16
}

// An aliasList is one alias file as last read. An alias file only ever grows, so
// that usually only its new end is parsed.
type aliasList struct {
	raw    []byte
	byID   map[string]aliasRecord // the first record of each id counts
	owners map[int]string         // the first id of each number
	last   int                    // greatest number
}

// update takes the file's present content.
func (l *aliasList) update(raw []byte) {
	fresh := raw
	if n := len(l.raw); n > 0 && l.raw[n-1] == '\n' && bytes.HasPrefix(raw, l.raw) {
		fresh = raw[n:]
	} else {
		*l = aliasList{byID: map[string]aliasRecord{}, owners: map[int]string{}}
	}
	l.raw = raw
	for len(fresh) > 0 {
		end := bytes.IndexAny(fresh, "\r\n")
		if end < 0 {
			end = len(fresh) - 1
		}
		if record, ok := parseAliasLine(bytes.TrimRight(fresh[:end+1], "\r\n")); ok {
			l.add(record)
		}
		fresh = fresh[end+1:]
	}
}

func (l *aliasList) add(record aliasRecord) {
	if _, known := l.byID[record.id]; !known {
		l.byID[record.id] = record
	}
	if n, ok := record.number(); ok {
		l.last = max(l.last, n)
		if _, taken := l.owners[n]; !taken {
			l.owners[n] = record.id
		}
	}
}

// An aliasTable is the alias files of a detector type: one, or both names.
type aliasTable map[string]*aliasList // by file name

// names are those of the files, the hidden one last.
func (t aliasTable) names() []string {
	return slices.SortedFunc(maps.Keys(t), func(a, b string) int { return strings.Compare(b, a) })
}

// find returns the record of an id. It is ErrAliasConflict if the two files
// disagree about the id or its alias.
func (t aliasTable) find(id string) (aliasRecord, bool, error) {
	var found aliasRecord
	for _, name := range t.names() {
		list := t[name]
		record, ok := list.byID[id]
		switch {
		case !ok:
		case found.id == "":
			found = record
		case !sameAlias(found, record):
			return found, false, fmt.Errorf("%w: id %s is %s in %s but %s in %s: remove the wrong record",
				ErrAliasConflict, id, found.alias, aliasFile, record.alias, hiddenAliasFile)
		}
	}
	n, numbered := found.number()
	for _, name := range t.names() {
		if list := t[name]; found.id != "" && numbered && len(t) > 1 {
			if owner, taken := list.owners[n]; taken && owner != id && list.byID[id].id == "" {
				return found, false, fmt.Errorf("%w: alias %s of id %s belongs to %s in %s: remove the wrong record",
					ErrAliasConflict, found.alias, id, owner, name)
			}
		}
	}
	return found, found.id != "", nil
}

// sameAlias compares numbers as numbers: "3" and "0003" are one alias.
func sameAlias(a, b aliasRecord) bool {
	m, isNumber := a.number()
	n, bothNumbers := b.number()
	if isNumber && bothNumbers {
		return m == n
	}
	return a.alias == b.alias
}

// last returns the greatest number in use.
func (t aliasTable) last() int {
	last := 0
	for _, list := range t {
		last = max(last, list.last)
	}
	return last
}
