package repo

import (
	"errors"
	"os"
)

// An aliasView is what the alias files of a type say about a detector.
type aliasView struct {
	record aliasRecord // of the detector, or of its first panel, see Panel.directory
	found  bool
	last   int // greatest number in use
}

// view reads the alias files for a detector.
func (r *Repository) view(p Panel) (aliasView, error) {
	var view aliasView
	err := r.withFiles(p.Type.Name, func(files aliasFiles) (err error) {
		view, err = r.viewIn(files, p)
		return err
	})
	return view, err
}

// viewIn is view on files that are open.
func (r *Repository) viewIn(files aliasFiles, p Panel) (view aliasView, err error) {
	err = r.withTable(p.Type.Name, files, func(table aliasTable) error {
		view, err = table.view(p)
		return err
	})
	if view.found && view.record.id != p.ID {
		r.warnOnce("%s: the alias %s of panel 0 (%s) is used for the whole detector, as it was recorded in 2022",
			r.path(p.Type.Name), view.record.alias, view.record.id)
	}
	return view, err
}

// view looks for the id, else for that of the first panel, under which the
// original of 2022 recorded some types.
func (t aliasTable) view(p Panel) (view aliasView, err error) {
	view.last = t.last()
	view.record, view.found, err = t.find(p.ID)
	if first, several := p.firstPanel(); several && !view.found && err == nil {
		view.record, view.found, err = t.find(first)
	}
	return view, err
}

// withFiles hands over the alias files that exist, open for reading.
func (r *Repository) withFiles(typeName string, use func(aliasFiles) error) (err error) {
	files, err := r.openAliases(typeName, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, files.close()) }()
	return use(files)
}

// withTable reads the files and hands over what they say. Reading and use are one
// step: another goroutine with an older state of the files must not come between.
func (r *Repository) withTable(typeName string, files aliasFiles, use func(aliasTable) error) error {
	r.aliasMu.Lock()
	defer r.aliasMu.Unlock()
	table := aliasTable{}
	for name, f := range files {
		raw, err := f.content()
		if err != nil {
			return err
		}
		list := r.aliases[typeName][name]
		if list == nil {
			list = &aliasList{}
		}
		list.update(raw)
		table[name] = list
	}
	r.aliases[typeName] = table
	return use(table)
}
