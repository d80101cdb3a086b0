package repo

// treeCTypes are the directories that every detector gets, whatever was asked for.
var treeCTypes = []CType{Gain, CommonMode, Geometry}

// MakeType makes the directory of a detector type and the one of its defaults,
// where they are missing. The error is ErrUnknownType or ErrNotDeployable, or that
// of the file system.
func (r *Repository) MakeType(t DetType) error {
	if _, err := TypeNamed(t.Name); err != nil {
		return err
	}
	if err := t.checkDeployable(); err != nil {
		return err
	}
	return r.mkdir(t.Name + "/" + defaultDir)
}

// MakeTree makes the directories of a detector that are missing: the type's, its
// default, the detector's and there gain, common_mode and geometry. The detector's
// directory is left to Alias where it is named by an alias that does not exist
// yet (see the package documentation on long ids).
func (r *Repository) MakeTree(p Panel) error {
	if err := p.check(); err != nil {
		return err
	}
	if err := r.MakeType(p.Type); err != nil {
		return err
	}
	var record aliasRecord
	if len(p.ID) > nameMax {
		known, found, err := r.lookup(p)
		if err != nil || !found {
			return err
		}
		record = known
	}
	return r.makePanelTree(p.directory(record))
}

func (r *Repository) makePanelTree(dir string) error {
	for _, ctype := range treeCTypes {
		if err := r.mkdir(dir + "/" + string(ctype)); err != nil {
			return err
		}
	}
	return nil
}

// directory returns the detector's directory in the repository. A long id does
// not fit into a file name: there the alias stands for it, or, if only the first
// panel has a record, as the original of 2022 wrote it, that panel's id.
func (p Panel) directory(record aliasRecord) string { return p.Type.Name + "/" + p.dirName(record) }

// dirName is directory in that of the type.
func (p Panel) dirName(record aliasRecord) string {
	switch {
	case len(p.ID) <= nameMax:
		return p.ID
	case record.id != p.ID && record.id != "":
		return record.id
	default:
		return p.Type.Name + "_" + record.alias
	}
}
