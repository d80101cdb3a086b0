package stages

import (
	"context"
	"os"

	"github.com/sirupsen/logrus"

	"deployconstants/internal/logx"
	"deployconstants/repo"
)

// chosen is the constants file that is valid, as a path of the repository.
type chosen struct {
	alias       string // "": the panel has none, and a dry run gives none
	path        string // "": nothing is valid
	kind        string
	defaultPath string // where the default is, or would be
	pending     bool   // the file is not there: a call that deploys would make it
}

// selectConstants makes the tree and the alias of the panel, as documented, and
// finds its constants: the newest specific file not after the stamp, else the
// default, else nothing.
func (c *call) selectConstants(ctx context.Context) (chosen, error) {
	alias, err := c.alias(ctx)
	if err != nil {
		return chosen{}, err
	}
	if c.CType == repo.StatusExtra && alias != "" {
		merged, err := c.mergeStatus(alias)
		if err != nil || merged.path != "" {
			return merged, err
		}
	}
	choice, err := c.Repository.Resolve(c.id.Panel, alias, c.CType, c.Stamp)
	if err != nil {
		return chosen{}, err
	}
	if merged, err := c.mergePanels(ctx, alias, choice); err != nil || merged.path != "" {
		return merged, err
	}
	for _, rejected := range choice.Rejected {
		entry := c.log.WithFields(logrus.Fields{logx.Path: rejected.Name, logx.Reason: rejected.Reason})
		if rejected.Stray() {
			entry.Warn("stray name in the repository skipped")
			continue
		}
		entry.Debug("not chosen")
	}
	found := chosen{alias: alias, path: choice.Path, kind: choice.Kind.String(), defaultPath: choice.DefaultPath}
	switch choice.Kind {
	case repo.Specific:
		c.log.WithFields(logrus.Fields{logx.Stamp: c.Stamp, logx.Path: choice.Path}).Info("file for time stamp")
	case repo.Default:
		c.log.WithFields(logrus.Fields{logx.Stamp: c.Stamp, logx.Path: choice.Path}).Info("no file for time stamp; use default constants")
	default:
		c.log.WithField(logx.Path, choice.DefaultPath).Warn("NON EXISTENT file")
	}
	return found, nil
}

// alias makes the panel's tree and alias. A dry run only looks the alias up, and
// so does a call without deployment in a repository that it may not write to.
func (c *call) alias(ctx context.Context) (string, error) {
	if !c.DryRun {
		alias, err := c.register(ctx)
		if err == nil || c.Deploy || !unwritable(err) {
			return alias, err
		}
		c.log.WithError(err).Warn("the repository cannot be written; going on without tree and alias")
	}
	alias, _, err := c.Repository.LookupAlias(c.id.Panel)
	return alias, err
}

func (c *call) register(ctx context.Context) (string, error) {
	if err := c.Repository.MakeTree(c.id.Panel); err != nil {
		return "", err
	}
	alias, err := c.Repository.Alias(ctx, c.id.Panel, c.origin())
	if err == nil {
		c.log.WithFields(logrus.Fields{logx.ID: c.id.Panel.ID, logx.Alias: alias}).Debug("alias of the panel")
	}
	return alias, err
}

// origin is what the records of the repository say of this call.
func (c *call) origin() repo.Origin {
	return repo.Origin{Experiment: c.done.Experiment, Run: c.done.Run}
}

// mergedBefore is the newest status_extra that was merged and is not withdrawn.
func (c *call) mergedBefore(alias string) (chosen, error) {
	choice, err := c.Repository.Resolve(c.id.Panel, alias, repo.StatusMerged, c.Stamp)
	if err != nil || choice.Kind != repo.Specific {
		return chosen{}, err
	}
	return chosen{alias: alias, path: choice.Path, kind: "merged"}, nil
}

// mergeStatus joins the status files of the panel that are valid at the stamp, in
// a file of their own in the repository, unless that has these words already. A call
// that deploys nothing only tells which file that would be.
func (c *call) mergeStatus(alias string) (chosen, error) {
	shelf, err := c.Repository.ListStatus(c.id.Panel, alias)
	if err != nil {
		return chosen{}, err
	}
	merge := shelf.At(c.Stamp)
	for _, dir := range merge.Skipped {
		c.log.WithFields(logrus.Fields{logx.Stamp: c.Stamp, logx.Path: dir}).Warn("status directory skipped: no file for time stamp")
	}
	if len(merge.Inputs) == 0 {
		c.log.Warn("status_extra constants are missing: there is nothing to merge")
		return chosen{}, nil
	}
	for _, input := range merge.Inputs {
		c.log.WithFields(logrus.Fields{logx.Stamp: c.Stamp, logx.From: input.Path}).Info("status to merge")
	}
	name, err := merge.FileNameFor(c.Stamp, c.origin())
	if err != nil {
		return chosen{}, err
	}
	words, err := merge.Read()
	if err != nil {
		return chosen{}, err
	}
	found := chosen{alias: alias, path: merge.Path(name), kind: kindMerged}
	log := c.log.WithField(logx.Path, found.path)
	if _, err := os.Lstat(repo.Withdrawn(found.path)); err == nil {
		log.Warn("not merged again: the merge was withdrawn")
		return c.mergedBefore(alias)
	}
	if !c.Deploy || c.DryRun {
		log.Info("the merged status is written with -D only")
		found.pending = true
		return found, nil
	}
	if same, err := merge.Holds(found.path, words); err == nil && same {
		log.Info("status merged before")
		return found, nil
	}
	log.Info("status merged")
	return found, merge.Write(words, name)
}
