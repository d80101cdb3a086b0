package stages

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path"

	"github.com/sirupsen/logrus"

	"deployconstants/internal/logx"
	"deployconstants/repo"
	"deployconstants/repo/panels"
)

// mergePanels merges the constants of a detector of many panels from the tables of
// these, where they are newer than what there is of the whole detector; of equal age
// the file of the whole detector counts, but one that was merged is merged again: a
// table may have been replaced. The merged file goes into the repository, among the
// detector's own; a call that deploys nothing only tells which file that would be.
func (c *call) mergePanels(ctx context.Context, alias string, choice repo.Choice) (chosen, error) {
	shelf, err := c.shelf()
	if shelf == nil || err != nil {
		return chosen{}, err
	}
	stale := false
	if choice.Kind == repo.Specific {
		_, stale, err = shelf.Withdrawn(choice.Path)
		stale = stale && err == nil // what is wrong with the file says who deploys it
	}
	merged, err := c.mergeShelf(ctx, shelf, alias, choice, stale)
	if err == nil && stale && merged.path == "" {
		err = fmt.Errorf("%s was merged of constants that were withdrawn since, and there are no others to merge; withdraw it, too", choice.Path)
	}
	return merged, err
}

// mergeShelf merges what is valid of the shelf, unless what there is counts, which a
// stale merge does not.
func (c *call) mergeShelf(ctx context.Context, shelf *panels.Shelf, alias string, choice repo.Choice, stale bool) (chosen, error) {
	recipe := shelf.At(c.Stamp)
	name, found := recipe.FileName(c.id.Panel.Type, cmp.Or(alias, newAlias))
	if !found || choice.Kind == repo.Specific && choice.Stamp > name.Stamp && !stale {
		return chosen{}, nil
	}
	dir, err := c.mergeDir(alias)
	if err != nil {
		return chosen{}, err
	}
	target := c.Repository.Dir() + "/" + dir + "/" + name.String()
	if choice.Kind == repo.Specific && choice.Stamp == name.Stamp {
		if choice.Path != target {
			return chosen{}, nil
		}
		_, ours, err := c.Repository.MadeOf(choice.Path)
		if err != nil || !ours {
			return chosen{}, nil // what is wrong with the file says who deploys it
		}
	} else if _, err := os.Lstat(repo.Withdrawn(target)); err == nil {
		c.log.WithField(logx.Path, target).Warn("not merged again: the merge was withdrawn")
		return chosen{}, nil
	}
	reportRecipe(c.log, recipe)
	if err := recipe.Check(); err != nil {
		c.log.WithError(err).WithField(logx.CType, c.CType).Warn("the constants of the panels are not merged")
		return chosen{}, nil
	}
	whole := chosen{alias: alias, path: target, kind: kindMerged}
	if !c.Deploy || c.DryRun {
		c.log.WithField(logx.Path, target).Info("merged constants are written with -D only")
		whole.pending = true
		return whole, nil
	}
	merged, err := recipe.Merge(ctx)
	if err != nil {
		return chosen{}, err
	}
	text, err := recipe.Text(merged, name)
	if err != nil {
		return chosen{}, err
	}
	c.log.WithFields(logrus.Fields{logx.Tables: len(merged.Digests), logx.Shape: merged.Shape(), logx.Path: target}).Info("merged constants")
	_, err = c.Repository.Replace(dir+"/"+name.String(), text)
	return whole, err
}

// newAlias stands for an alias that a dry run does not give.
const newAlias = "<new alias>"

// shelf lists the tables of the panels; nil if the constants are not merged.
func (c *call) shelf() (*panels.Shelf, error) {
	kind, merges := panels.KindOf(c.id.Panel.Type, c.CType)
	if !merges {
		return nil, nil
	}
	ids, err := panels.Split(c.id.Panel)
	if err != nil {
		c.log.WithError(err).Debug("no constants of panels")
		return nil, nil
	}
	return panels.InConstants(c.Repository, c.id.Panel.Type).List(ids, kind)
}

// mergeDir is the directory of merged constants, below the repository. That of a
// detector which is known by its first panel alone, as in 2022, belongs to whatever
// detector has that panel: nothing is merged there.
func (c *call) mergeDir(alias string) (string, error) {
	if alias == "" {
		return c.id.Panel.Type.Name + "/" + newAlias + "/" + string(c.CType), nil // of a dry run, which makes none
	}
	dir, err := c.Repository.DetectorDir(c.id.Panel, alias)
	if err != nil {
		return "", err
	}
	ids, err := panels.Split(c.id.Panel)
	if err == nil && len(ids) > 1 && path.Base(dir) == ids[0] {
		err = fmt.Errorf("%s: %s is known by its first panel alone, whose directory other detectors may share; "+
			"add a record of all its panels to the alias file, then their constants are merged", dir, c.done.Source)
	}
	return dir + "/" + string(c.CType), err
}
