package apply

import (
	"cmp"
	"slices"
	"strings"

	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
	"deployconstants/repo/calibdir"
)

// A step is one file of a transaction, or the registration of a panel.
type step struct {
	tx.Place
	action tx.Action
	item   planfile.Item // apply
	size   int64         // bytes to be written
	around *surroundings // apply
	undo   *undoing      // undo

	open *tx.Record // the intent of an earlier call that was interrupted

	target  calibdir.Target
	change  *calibdir.Change
	there   bool // the file is as intended already, by an earlier call
	keeps   bool // nothing is done to the file at all
	prior   *tx.FileState
	missing []string // directories that were, before the transaction
	made    []string // of these, by this call
	taken   bool
	claimed bool // has its result: nothing more happens to it
	hanging bool // has an intent that no record settles
	lost    bool // is in place, but that cannot be claimed
	outcome Outcome
}

// settle gives the step its result.
func (s *step) settle(status Status, err error) {
	s.claimed = true
	s.outcome = Outcome{Place: s.Place, Action: s.action, Status: status, Item: s.item}
	if err != nil {
		s.outcome.Cause = oneLine(err.Error())
	}
}

// refuse gives the step its result by the kind of error.
func (s *step) refuse(err error) {
	if _, ok := err.(skip); ok {
		s.settle(Skipped, err)
		return
	}
	s.settle(Failed, err)
}

// record returns the record of a step with what all its records have.
func (s *step) record(kind tx.Kind) tx.Record {
	r := tx.Record{Kind: kind, Place: s.Place, Action: s.action, Type: s.item.Type}
	if c := s.item.Constants; c != nil {
		r.New, r.Constants = &tx.Content{SHA256: c.SHA256, Size: c.Size}, c.Path
	}
	if s.undo != nil {
		r.New = nil
		if s.action == tx.Restore {
			content := s.undo.prior.Content
			r.New = &content
		}
	}
	return r
}

// A batch is consecutive experiments.
type batch struct {
	steps []*step
	bytes int64
}

// experiments splits steps where the experiment changes.
func experiments(steps []*step) [][]*step {
	return split(steps, func(a, b *step) bool { return a.Experiment == b.Experiment })
}

// directories splits steps of one experiment where the directory changes.
func directories(steps []*step) [][]*step {
	return split(steps, func(a, b *step) bool { return a.Directory() == b.Directory() })
}

// deepestFirst returns directories below a calib directory, which is ".", each once,
// in the order of their removal.
func deepestFirst(dirs []string) []string {
	depth := func(dir string) int {
		if dir == "." {
			return 0
		}
		return 1 + strings.Count(dir, "/")
	}
	sorted := slices.Clone(dirs)
	slices.SortFunc(sorted, func(a, b string) int { return cmp.Or(cmp.Compare(depth(b), depth(a)), strings.Compare(a, b)) })
	return slices.Compact(sorted)
}

func split(steps []*step, together func(a, b *step) bool) (parts [][]*step) {
	from := 0
	for i := range steps {
		if i+1 == len(steps) || !together(steps[i], steps[i+1]) {
			parts = append(parts, steps[from:i+1])
			from = i + 1
		}
	}
	return parts
}
