package task

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"deployconstants/jobs/jobdir"
	"deployconstants/stages/apply"
	"deployconstants/stages/manifest"
	"deployconstants/stages/merge"
	"deployconstants/stages/sweep"
	"deployconstants/stages/verify"
	"deployconstants/xtc/ledger"
)

// Merged is all results of a job together.
type Merged struct {
	sweep.Report // as a single process would report

	// Missing are the shards without result, by step; of a step that is not cut yet
	// there is an empty list. A job is complete if there are none.
	Missing  map[jobdir.Step][]int `json:"missing,omitempty"`
	Failures map[string]int        `json:"failures,omitempty"` // number of what was not done, by cause
}

// NotDone returns how many files and panels of the plan were not done.
func (m *Merged) NotDone() int {
	if m.Apply == nil {
		return 0
	}
	return m.Apply.Counts[apply.Skipped] + m.Apply.Counts[apply.Failed]
}

// Drift returns how many deployed files are not as intended.
func (m *Merged) Drift() int {
	if m.Verify == nil {
		return 0
	}
	return m.Verify.Checked - m.Verify.Classes[verify.OK]
}

// Complete reports whether all steps have all their results.
func (m *Merged) Complete() bool { return len(m.Missing) == 0 }

// Merge puts the results of a job together: the lines of all shards, in the order in
// which a single process writes them, to w, and their sums. What is missing is said,
// and never guessed. Errors wrap jobdir.ErrDamaged, or are those of reading and of w.
func Merge(ctx context.Context, job *jobdir.Job, w *manifest.Writer) (Merged, error) {
	m := merging{job: job, writer: w, merged: Merged{Missing: map[jobdir.Step][]int{}, Failures: map[string]int{}}}
	for _, step := range job.Spec().Steps() {
		if step == jobdir.Summary {
			continue
		}
		if err := m.step(ctx, step); err != nil {
			return m.merged, err
		}
	}
	return m.finish()
}

// merging is a Merge under way.
type merging struct {
	job     *jobdir.Job
	writer  *manifest.Writer
	merged  Merged
	sums    manifest.Sums
	planned Planned
}

func (m *merging) step(ctx context.Context, step jobdir.Step) error {
	missing, err := m.job.Missing(step)
	if errors.Is(err, jobdir.ErrNotCut) {
		m.merged.Missing[step] = []int{}
		return nil
	}
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		m.merged.Missing[step] = missing
	}
	if step == jobdir.Plan {
		return m.plan(missing)
	}
	count, err := m.job.Count(step)
	if err != nil {
		return err
	}
	without := map[int]bool{}
	for _, shard := range missing {
		without[shard] = true
	}
	if step == jobdir.Scan {
		if err := m.general(count, without); err != nil {
			return err
		}
	}
	for shard := 1; shard <= count; shard++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !without[shard] {
			if err := m.shard(step, shard); err != nil {
				return err
			}
		}
	}
	return nil
}

// shard adds the lines of one shard.
func (m *merging) shard(step jobdir.Step, shard int) error {
	result, err := m.job.Result(step, shard)
	if err != nil {
		return err
	}
	for cause, n := range result.Failures {
		m.merged.Failures[cause] += n
	}
	for line, err := range m.job.Lines(step, shard) {
		if err == nil {
			err = m.add(line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *merging) add(line []byte) error {
	if err := m.sums.Add(line); err != nil {
		return err
	}
	return m.writer.WriteText(line)
}

// general adds what scans have to say of no experiment, each thing once.
func (m *merging) general(shards int, without map[int]bool) error {
	seen := map[string]bool{}
	for shard := 1; shard <= shards; shard++ {
		if without[shard] {
			continue
		}
		result, err := m.job.Result(jobdir.Scan, shard)
		if err != nil {
			return err
		}
		var general struct {
			Lines []json.RawMessage `json:"lines"`
		}
		if err := json.Unmarshal(result.Extra, &general); err != nil {
			return fmt.Errorf("result of shard %d: %w: %w", shard, jobdir.ErrDamaged, err)
		}
		for _, line := range general.Lines {
			var text bytes.Buffer
			if err := json.Compact(&text, line); err != nil {
				return err
			}
			if seen[text.String()] {
				continue
			}
			seen[text.String()] = true
			if err := m.add(text.Bytes()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *merging) plan(missing []int) error {
	if len(missing) > 0 {
		return nil
	}
	result, err := m.job.Result(jobdir.Plan, 1)
	if err == nil {
		err = json.Unmarshal(result.Extra, &m.planned)
	}
	return err
}

// finish makes the report of the sums.
func (m *merging) finish() (Merged, error) {
	r := &m.merged.Report
	r.Scan, r.Ledger, r.Plan = m.sums.Scan, m.planned.Ledger, m.planned.Plan
	r.Scan.Segments = m.planned.Segments
	r.Resumed, r.Unfinished, r.Merge = m.planned.Resumed, m.planned.Unfinished, m.planned.Merge
	if r.Merge != nil && r.Merge.Counts[merge.Failed] > 0 {
		m.merged.Failures["constants that could not be merged"] += r.Merge.Counts[merge.Failed]
	}
	if m.planned.Transaction != "" {
		_, incomplete := m.merged.Missing[jobdir.Apply]
		r.Apply = &apply.Result{ID: m.planned.Transaction, Kind: "apply", Counts: m.sums.Apply, Complete: !incomplete}
		if r.Apply.Counts == nil {
			r.Apply.Counts = map[apply.Status]int{}
		}
	} else if m.planned.Plan.Changes() > 0 {
		r.File = m.job.PlanFile()
	}
	if m.job.Spec().Has(jobdir.Verify) {
		r.Verify = &m.sums.Verify
	}
	return m.merged, nil
}

// SummaryOptions say how a job is summarized.
type SummaryOptions struct {
	Job     *jobdir.Job
	Records *ledger.Ledger // of the facility: a scan job adds what it recorded
	Apply   apply.Options  // of the transaction, which is finished

	// Describe makes the text of the summary.
	Describe func(Merged) ([]byte, error)
}

// Summarize ends a job: it publishes the records of a scan, finishes the transaction of
// an apply, merges all results, and publishes manifest and summary, in the place of
// those that an earlier call published when less was there. What is missing is no error
// but in Merged.
func Summarize(ctx context.Context, o SummaryOptions) (merged Merged, err error) {
	segments, complete, err := o.end(ctx)
	if err != nil {
		return merged, err
	}
	var text bytes.Buffer
	w, err := manifest.NewWriter(&text, true)
	if err != nil {
		return merged, err
	}
	merged, err = Merge(ctx, o.Job, w)
	if err = errors.Join(err, w.Close()); err != nil {
		return merged, err
	}
	if merged.Apply != nil {
		merged.Apply.Complete = complete
	}
	if o.Job.Spec().Kind == jobdir.ScanJob {
		index, err := o.Records.Load(ctx)
		if err != nil {
			return merged, err
		}
		merged.Scan.Segments, merged.Ledger = segments, index.Stats()
	}
	summary, err := o.Describe(merged)
	if err != nil {
		return merged, err
	}
	if _, err := o.Job.Publish("manifest.jsonl.zst", &text); err != nil {
		return merged, err
	}
	_, err = o.Job.Publish("summary.json", bytes.NewReader(summary))
	return merged, err
}

// end does what is left when all shards of a step are done, and reports whether the
// transaction is complete.
func (o SummaryOptions) end(ctx context.Context) (segments int, complete bool, err error) {
	if o.Job.Spec().Kind == jobdir.ScanJob {
		segments, err = PublishRecords(ctx, o.Job, o.Records)
	} else if cut, cutErr := o.Job.Shards(jobdir.Apply); cutErr == nil {
		err = Conclude(ctx, o.Job, o.Apply, cut.Transaction)
		complete = err == nil
	}
	if _, waits := errors.AsType[*WaitError](err); waits || errors.Is(err, ErrDoubt) {
		err = nil // Merge tells
	}
	return segments, complete, err
}
