package panels

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"deployconstants/repo"
	"deployconstants/repo/ndarray"
)

// mergeDir has, in a repository of gains, the constants of whole detectors.
const mergeDir = "merge_tmp"

// Gains is a repository of panels as the original's tools for them keep it. It is
// safe for concurrent use, by any number of processes.
type Gains struct {
	files   *repo.Repository
	aliases *repo.Repository // the same, or the one in which aliases are kept for it
	family  Family
}

// GainsOptions say how a repository of gains is opened.
type GainsOptions struct {
	repo.Options // Flat and Panels are decided here

	Family   Family
	Standard string // repository with the aliases for those that have no alias file; "": none
	Make     bool   // make the directory if it is missing
}

// aliasFileName is the name of the alias file of a family's repository of gains.
func (f Family) aliasFileName() string {
	if f == Jungfrau {
		return ".aliases_jungfrau.txt"
	}
	return ".aliases.txt"
}

// OpenGains opens the repository in dir. Aliases are those of its own alias file; if
// it has none those of the standard repository, if that is there: so copies of a
// repository and trials use its aliases. Errors are those of repo.Open.
func OpenGains(dir string, o GainsOptions) (*Gains, error) {
	options := o.Options
	options.Flat, options.Panels = false, o.Family.aliasFileName()
	open := repo.Open
	if o.Make {
		open = repo.Create
	}
	files, err := open(dir, options)
	if err != nil {
		return nil, err
	}
	g := &Gains{files: files, aliases: files, family: o.Family}
	_, err = os.Lstat(files.Dir() + "/" + options.Panels)
	if o.Standard == "" || !errors.Is(err, fs.ErrNotExist) {
		return g, nil // what is wrong with the file says who reads it
	}
	standard, err := repo.Open(o.Standard, options)
	switch {
	case errors.Is(err, repo.ErrNoRepository):
		return g, nil
	case err != nil:
		return nil, errors.Join(err, files.Close())
	}
	g.aliases = standard
	return g, nil
}

// Close releases the directories.
func (g *Gains) Close() error {
	if g.aliases == g.files {
		return g.files.Close()
	}
	return errors.Join(g.files.Close(), g.aliases.Close())
}

// Dir returns the directory as it was given.
func (g *Gains) Dir() string { return g.files.Dir() }

// Family tells whose panels are in the repository.
func (g *Gains) Family() Family { return g.family }

// Store is where the tables are.
func (g *Gains) Store() Store { return Store{files: g.files, word: g.family.String()} }

// OpenConstants opens a file of the repository, see repo.Repository.OpenConstants.
func (g *Gains) OpenConstants(path string) (*os.File, error) { return g.files.OpenConstants(path) }

// Alias returns the alias of a panel, and gives it one if it has none. The record
// names neither an experiment nor a source, as in the original. Errors are those of
// repo.Repository.Alias.
func (g *Gains) Alias(ctx context.Context, t repo.DetType, id string) (string, error) {
	return g.aliases.Alias(ctx, repo.Panel{Type: t, ID: id}, repo.Origin{Run: -1})
}

// LookupAlias returns the alias of a panel, "" if it has none. It changes nothing.
func (g *Gains) LookupAlias(t repo.DetType, id string) (string, error) {
	alias, _, err := g.aliases.LookupAlias(repo.Panel{Type: t, ID: id})
	return alias, err
}

// Origin is for which data constants are merged.
type Origin struct {
	Experiment string
	Run        int
	Stamp      repo.Stamp // for which tables were chosen
}

// MergePath returns where the constants of a whole detector belong:
//
//	merge_tmp/<source>-<stamp>-<experiment>-r<run>-<ctype>.txt
func (g *Gains) MergePath(k Kind, source string, o Origin) string {
	return g.Dir() + "/" + mergeName(k, source, o)
}

func mergeName(k Kind, source string, o Origin) string {
	return fmt.Sprintf("%s/%s-%s-%s-r%04d-%s.txt", mergeDir, strings.ReplaceAll(source, "/", "-"), o.Stamp, o.Experiment, o.Run, k.Deployed)
}

// WritePanel writes the constants of one panel, of all gains, in place of earlier ones:
//
//	<panel id>/<dir>/<word>_<alias>_<stamp>_<experiment>_r<run>_<ctype>.txt
//
// Each file appears whole, with the header of the moment.
func (g *Gains) WritePanel(k Kind, id, alias string, o Origin, a *ndarray.Array) (path string, err error) {
	name := repo.Name{DetType: g.family.String(), Alias: alias, Stamp: o.Stamp, Experiment: o.Experiment, Run: o.Run, CType: k.CType}
	return g.files.WriteArray(id+"/"+k.Dir+"/"+name.String(), a, k.Format)
}

// WriteMerge is WritePanel for the whole detector and its MergePath.
func (g *Gains) WriteMerge(k Kind, source string, o Origin, a *ndarray.Array) (path string, err error) {
	return g.files.WriteArray(mergeName(k, source, o), a, k.Format)
}
