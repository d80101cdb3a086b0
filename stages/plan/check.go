package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"deployconstants/jobs/planfile"
	"deployconstants/repo/content"
	"deployconstants/repo/digest"
)

// writableByOthers is the bit of a mode that lets everybody write.
const writableByOthers = 0o002

// check takes the changes out of a decision that cannot or must not be carried
// out. The error is that of ctx.
func (d *directory) check(ctx context.Context, decision *decision) error {
	refused := false
	for _, f := range decision.files {
		if !f.action().Publishes() {
			continue
		}
		action, reason := d.refusal(ctx, f)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if action != "" {
			f.refuse(action, visible(reason))
			refused = true
		}
	}
	if refused {
		decision.settle()
	}
	return nil
}

// refusal returns why a file is not published; no action: it is.
func (d *directory) refusal(ctx context.Context, f *file) (planfile.Action, string) {
	chosen := d.choices[f.first].File
	if len(d.TrustedOwners) > 0 {
		if uid := uint32(chosen.Stat.UID); !slices.Contains(d.TrustedOwners, uid) {
			return planfile.Blocked, fmt.Sprintf("%s belongs to user %d, who is no trusted owner", chosen.Path, uid)
		}
		if uint32(chosen.Stat.Mode)&writableByOthers != 0 {
			return planfile.Blocked, chosen.Path + " can be written by others than its trusted owner"
		}
	}
	if err := d.view.CheckWritable(d.target); err != nil {
		return planfile.Blocked, err.Error()
	}
	if f.exists {
		if err := d.view.CheckReplaceable(d.target, f.name); err != nil {
			return planfile.Blocked, err.Error()
		}
	}
	if err := d.judge(ctx, f); err != nil {
		return planfile.Held, err.Error()
	}
	return "", ""
}

// judge checks the content of constants; verdicts are remembered.
func (d *directory) judge(ctx context.Context, f *file) error {
	if d.Judge == nil {
		return nil
	}
	compares := f.exists && d.Judge.Compares(d.ctype())
	key := fmt.Sprintf("content %s %s %s %x", d.Judge.Fingerprint(), d.source.detType.Name, d.target.CType, f.after)
	if compares {
		key += fmt.Sprintf(" %x", f.before)
	}
	if verdict, known := d.Digests.Verdict(key); known {
		if verdict == "" {
			return nil
		}
		return errors.New(verdict)
	}
	err := d.judgeNow(ctx, f, compares)
	if problem, held := errors.AsType[*content.Problem](err); held {
		d.Digests.PutVerdict(key, problem.Error())
	} else if err == nil {
		d.Digests.PutVerdict(key, "")
	}
	return err
}

// judgeNow reads the content. A verdict about other bytes than those that were
// listed is none.
func (d *directory) judgeNow(ctx context.Context, f *file, compares bool) (err error) {
	chosen := d.choices[f.first].File
	constants, err := d.Repository.OpenConstants(chosen.Path)
	if err != nil {
		return err
	}
	defer constants.Close()
	defer func() { err = cmp.Or(changedSince(constants, chosen.Path, chosen.Stat), err) }()
	var deployed io.Reader
	if compares {
		old, err := d.view.Open(d.target, f.name)
		if err != nil {
			return err
		}
		defer old.Close()
		defer func() { err = cmp.Or(changedSince(old, d.path(f.name), statOf(d.entry(f.name))), err) }()
		deployed = old
	}
	return d.Judge.Check(ctx, content.Subject{Type: d.source.detType, CType: d.ctype()}, constants, deployed)
}

// changedSince returns an error if the open file is not the one that was listed.
func changedSince(f *os.File, place string, listed digest.Stat) error {
	info, err := f.Stat()
	if err == nil && !digest.StatOf(info).Same(listed) {
		err = fmt.Errorf("%s: %w since it was listed", place, digest.ErrChanged)
	}
	return err
}
