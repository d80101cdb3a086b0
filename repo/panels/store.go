package panels

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"deployconstants/repo"
)

// A Store is where the tables of panels of one type are. It is safe for concurrent
// use.
type Store struct {
	files *repo.Repository
	word  string // with which names of tables begin
	dir   string // of the panels, "" or with a slash at its end
}

// InConstants is the documented repository as a store:
// <type>/<panel id>/<ctype>/<type>_....
func InConstants(r *repo.Repository, t repo.DetType) Store {
	return Store{files: r, word: t.Name, dir: t.Name + "/"}
}

// Split returns the ids of the panels of a detector, in the order of the second
// dimension of its constants. The error is ErrNotPanels for a detector of another
// type, without hardware ids, or with another number of panels than its type has.
func Split(p repo.Panel) ([]string, error) {
	if FamilyOf(p.Type) == NoFamily {
		return nil, fmt.Errorf("%w: %s is none of epix10ka, epix10kaquad, epix10ka2m, jungfrau", ErrNotPanels, p.Type.Name)
	}
	if p.IsName {
		return nil, fmt.Errorf("%w: %s has no ids of hardware in its configuration", ErrNotPanels, p.Source)
	}
	ids := strings.Split(p.ID, "_")
	least, most := 1, 1
	switch p.Type.Name {
	case "epix10kaquad":
		least, most = 4, 4
	case "epix10ka2m":
		least, most = 16, 16
	case "jungfrau":
		most = maxModules
	}
	if len(ids) < least || len(ids) > most {
		return nil, fmt.Errorf("%w: %d panels in an %s", ErrNotPanels, len(ids), p.Type.Name)
	}
	if slices.Contains(ids, "") {
		return nil, fmt.Errorf("%w: panel %d of %s has no id", ErrNotPanels, slices.Index(ids, ""), p.Source)
	}
	return ids, nil
}

// maxModules is the greatest Jungfrau of LCLS.
const maxModules = 8

// Subset returns some of the ids, in the order of the detector, whatever that of the
// indices. The error is ErrIndex for an index that is none.
func Subset(ids []string, indices []int) ([]string, error) {
	wanted := slices.Compact(slices.Sorted(slices.Values(indices)))
	part := make([]string, len(wanted))
	for i, index := range wanted {
		if index < 0 || index >= len(ids) {
			return nil, fmt.Errorf("%w: %d of a detector with panels 0 to %d", ErrIndex, index, len(ids)-1)
		}
		part[i] = ids[index]
	}
	return part, nil
}

// has reports whether the panel has a directory.
func (s Store) has(id string) (bool, error) {
	info, err := os.Stat(s.files.Dir() + "/" + s.dir + id)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && info.IsDir(), err
}
