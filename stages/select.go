package stages

import (
	"context"

	"github.com/sirupsen/logrus"

	"deployconstants/internal/logx"
	"deployconstants/repo"
)

// selection is the look-up of the constants for one panel.
type selection struct {
	options DeployOptions
	panel   repo.Panel
	origin  repo.Origin
	log     logrus.FieldLogger
}

// chosen is the constants file that is valid, as a path of the repository.
type chosen struct {
	alias string // "": the panel has none, and a dry run gives none
	path  string // "": nothing is valid
	kind  string

	pending bool // the file is not there: a call that deploys would make it
}

// selectConstants makes the tree and the alias of the panel, as documented, and
// finds its constants: the newest specific file not after the stamp, else the
// default, else nothing.
func (s selection) selectConstants(ctx context.Context, run repo.Stamp) (chosen, error) {
	alias, err := s.alias(ctx)
	if err != nil {
		return chosen{}, err
	}
	at := run
	if s.options.Stamp != 0 {
		at = s.options.Stamp
	}
	if s.options.CType == repo.StatusExtra && alias != "" {
		merged, err := s.mergeStatus(alias, at)
		if err != nil || merged.path != "" {
			return merged, err
		}
	}
	choice, err := s.options.Repository.Resolve(s.panel, alias, s.options.CType, at)
	if err != nil {
		return chosen{}, err
	}
	for _, rejected := range choice.Rejected {
		entry := s.log.WithFields(logrus.Fields{logx.Path: rejected.Name, logx.Reason: rejected.Reason})
		if rejected.Stray() {
			entry.Warn("stray name in the repository skipped")
			continue
		}
		entry.Debug("not chosen")
	}
	found := chosen{alias: alias, path: choice.Path, kind: choice.Kind.String()}
	switch choice.Kind {
	case repo.Specific:
		s.log.WithFields(logrus.Fields{logx.Stamp: at, logx.Path: choice.Path}).Info("file for time stamp")
	case repo.Default:
		s.log.WithFields(logrus.Fields{logx.Stamp: at, logx.Path: choice.Path}).Info("no file for time stamp; use default constants")
	default:
		s.log.WithField(logx.Path, choice.DefaultPath).Warn("NON EXISTENT file")
	}
	return found, nil
}

// alias makes the panel's tree and alias. A dry run only looks the alias up, and
// so does a call without deployment in a repository that it may not write to.
func (s selection) alias(ctx context.Context) (string, error) {
	r := s.options.Repository
	if !s.options.DryRun {
		alias, err := s.register(ctx)
		if err == nil || s.options.Deploy || !unwritable(err) {
			return alias, err
		}
		s.log.WithError(err).Warn("the repository cannot be written; going on without tree and alias")
	}
	alias, _, err := r.LookupAlias(s.panel)
	return alias, err
}

func (s selection) register(ctx context.Context) (string, error) {
	if err := s.options.Repository.MakeTree(s.panel); err != nil {
		return "", err
	}
	alias, err := s.options.Repository.Alias(ctx, s.panel, s.origin)
	if err == nil {
		s.log.WithFields(logrus.Fields{logx.ID: s.panel.ID, logx.Alias: alias}).Debug("alias of the panel")
	}
	return alias, err
}

// mergeStatus joins the status files of the panel that are valid at the stamp, in
// a file of their own in the repository. A call that deploys nothing only tells
// which file that would be.
func (s selection) mergeStatus(alias string, at repo.Stamp) (chosen, error) {
	merged, err := s.options.Repository.MergeStatus(s.panel, alias, at, s.origin)
	if err != nil {
		return chosen{}, err
	}
	for _, dir := range merged.Skipped {
		s.log.WithFields(logrus.Fields{logx.Stamp: at, logx.Path: dir}).Warn("status directory skipped: no file for time stamp")
	}
	if len(merged.Inputs) == 0 {
		s.log.Warn("status_extra constants are missing: there is nothing to merge")
		return chosen{}, nil
	}
	for _, input := range merged.Inputs {
		s.log.WithFields(logrus.Fields{logx.Stamp: at, logx.From: input}).Info("status to merge")
	}
	found := chosen{alias: alias, path: merged.Path, kind: "merged"}
	if !s.options.Deploy || s.options.DryRun {
		s.log.WithField(logx.Path, merged.Path).Info("the merged status is written with -D only")
		found.pending = true
		return found, nil
	}
	s.log.WithField(logx.Path, merged.Path).Info("status merged")
	return found, s.options.Repository.WriteMerged(merged)
}
