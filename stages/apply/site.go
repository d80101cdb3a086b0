package apply

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"deployconstants/internal/fslock"
	"deployconstants/jobs/planfile"
	"deployconstants/repo/calibdir"
)

// A site is an experiment that is locked, and its calib directory.
type site struct {
	experiment string
	steps      []*step
	lock       *fslock.Held
	calib      *calibdir.Calib
}

func (p *site) close() {
	if p.calib != nil {
		p.calib.Close() // all was synced
	}
	if p.lock != nil {
		p.lock.Release() // ends with the process at last
	}
}

// enter derives the calib directory, locks the experiment and opens it.
func (r *run) enter(ctx context.Context, p *site) error {
	dir, err := r.CalibDir(p.experiment)
	if err != nil {
		return skipf("%v", err)
	}
	if err := r.lock(ctx, p); err != nil {
		return err
	}
	if err := r.entered(ctx, p); err != nil {
		return err
	}
	for _, s := range p.steps {
		if s.item.Kind == planfile.KindPanel {
			continue
		}
		if s.CalibDir == "" {
			s.CalibDir = dir
		}
		if s.target, err = s.Target(); err == nil && s.CalibDir != dir {
			err = skipf("calib directory %s is not that of the settings, %s", s.CalibDir, dir)
		}
		if err != nil && !s.claimed {
			s.refuse(err)
		}
	}
	p.calib, err = p.open(dir, r.Calib)
	return err
}

// open opens the calib directory, or its place where it is missing or may have been
// made by the transaction.
func (p *site) open(dir string, o calibdir.Options) (*calibdir.Calib, error) {
	if !slices.ContainsFunc(p.steps, (*step).mayMakeCalib) {
		calib, err := calibdir.Open(dir, o)
		if !errors.Is(err, calibdir.ErrNoCalibDir) {
			return calib, err
		}
		if slices.ContainsFunc(p.steps, (*step).sawCalib) {
			return nil, skipf("the calib directory %s is gone", dir)
		}
	}
	return calibdir.Reserve(dir, o)
}

// mayMakeCalib reports whether an earlier call may have made the calib directory.
func (s *step) mayMakeCalib() bool {
	return s.open != nil && slices.Contains(s.open.MissingDirs, ".") || s.undo != nil && slices.Contains(s.undo.dirs, ".")
}

// lock takes the lock of the experiment. Where there are no locks, the look just
// before each change has to do.
func (r *run) lock(ctx context.Context, p *site) (err error) {
	if r.dry {
		return nil
	}
	path := filepath.Join(r.State.Locks(), p.experiment+".lock")
	if p.lock, err = fslock.Hold(ctx, path, r.Holder, r.LockTimeout); err != nil {
		return err
	}
	if p.lock.Unlocked {
		r.warn.Do(func() { r.Warn(fmt.Errorf("%s: %w", path, fslock.ErrUnsupported)) })
	}
	return nil
}
