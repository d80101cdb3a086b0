package repo

import (
	"context"
	"fmt"
	"strconv"
)

// A Request says for which data constants are made and from when they are valid.
type Request struct {
	Experiment string
	Run        int   // of the data that the constants were made from
	RunStamp   Stamp // the run's time
	Panel      Panel
	CType      CType
	Stamp      string // valid from this moment on, see ParseStamp; "" means the run's time
	DeployRun  string // run in the file's name; "" and "0-end" mean Run
}

// FileName returns the path under which constants belong in the repository, and
// makes the detector's directories and alias where they are missing. It is
// file_name_in_repo of the original; the directory of a calibration type other
// than gain, common_mode and geometry is left to Save.
//
// The request is checked before anything is made: ErrBadStamp, ErrUnknownCType
// and ErrBadName (experiment, run, detector id) come first.
func (r *Repository) FileName(ctx context.Context, q Request) (string, error) {
	name, err := r.fileName(ctx, q)
	if err != nil {
		return "", err
	}
	return r.path(name), nil
}

// fileName returns the name below the repository.
func (r *Repository) fileName(ctx context.Context, q Request) (string, error) {
	name, err := q.name()
	if err != nil {
		return "", err
	}
	if err := r.MakeTree(q.Panel); err != nil {
		return "", err
	}
	name.Alias, err = r.Alias(ctx, q.Panel, Origin{q.Experiment, q.Run})
	if err != nil {
		return "", err
	}
	dir, err := r.panelDir(q.Panel, name.Alias)
	if err != nil {
		return "", err
	}
	return dir + "/" + name.CType + "/" + name.String(), nil
}

// name is the file's name but for the alias.
func (q Request) name() (Name, error) {
	if err := q.Panel.check(); err != nil {
		return Name{}, err
	}
	ctype, err := ParseCType(string(q.CType))
	if err != nil {
		return Name{}, err
	}
	if err := checkElement("experiment", q.Experiment); err != nil {
		return Name{}, err
	}
	run := q.Run
	if q.DeployRun != "" && q.DeployRun != "0-end" {
		if run, err = strconv.Atoi(q.DeployRun); err != nil || !isDigits(q.DeployRun) {
			return Name{}, fmt.Errorf("%w: run %q to deploy for: want a run number", ErrBadName, q.DeployRun)
		}
	}
	if run < 0 {
		return Name{}, fmt.Errorf("%w: run %d", ErrBadName, run)
	}
	stamp := q.RunStamp
	if q.Stamp != "" {
		if stamp, err = ParseStamp(q.Stamp); err != nil {
			return Name{}, err
		}
	}
	if stamp == 0 || stamp > maxStamp {
		return Name{}, fmt.Errorf("%w: the run's time %s", ErrBadStamp, stamp)
	}
	return Name{q.Panel.Type.Name, "", stamp, q.Experiment, run, string(ctype)}, nil
}
