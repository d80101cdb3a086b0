package verify

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"deployconstants/repo/calibdir"
)

// verifyDirectory verifies what is asked of one directory. Its error is that of ctx.
func (o *Options) verifyDirectory(ctx context.Context, d directory) ([]Finding, error) {
	root, err := os.OpenRoot(d.place.CalibDir)
	if err != nil {
		var findings []Finding
		for _, a := range d.ask {
			findings = append(findings, unreadable(newFinding(a), err))
		}
		return findings, nil
	}
	defer root.Close() // only read
	beside := neighbours{directory: d, zone: o.Zone, root: root}
	var findings []Finding
	for _, a := range d.ask {
		f, info, err := o.verifyFile(ctx, root, a)
		if err != nil {
			return nil, err
		}
		switch f.Class {
		case OK:
			beside.shadow(&f, a)
		case Missing, NotRegular, Changed, WrongMode, WrongGroup:
			f.By = beside.culprit(&f, a, info)
		}
		findings = append(findings, f)
	}
	return findings, nil
}

// neighbours is what lies beside the files of a directory, read when first needed.
type neighbours struct {
	directory
	zone *time.Location
	root *os.Root

	listed  bool
	all     calibdir.Listing // as psana sees the directory
	alone   calibdir.Listing // as if our files were alone
	foreign bool             // there are names of files of constants that are not ours
	err     error            // of the listing; a *calibdir.NameError: psana raises

	historyRead bool
	history     []calibdir.HistoryRecord
}

// calib opens the calibration directory as package calibdir does; nothing is made
// with the options.
func (n *neighbours) calib() (*calibdir.Calib, calibdir.Target, error) {
	target, err := n.place.Target()
	if err != nil {
		return nil, target, err
	}
	calib, err := calibdir.Open(target.Dir, calibdir.Options{DirMode: 0o775, FileMode: 0o664, Group: -1})
	return calib, target, err
}

// list reads the names of the directory.
func (n *neighbours) list() {
	if n.listed {
		return
	}
	n.listed = true
	calib, target, err := n.calib()
	if err != nil {
		n.err = err
		return
	}
	defer calib.Close() // only read
	names, err := calib.Names(target)
	if err != nil {
		n.err = err
		return
	}
	var ours []string
	for _, name := range names {
		if n.ours[name] {
			ours = append(ours, name)
		} else if path.Ext(name) == dataExt {
			n.foreign = true
		}
	}
	if n.all, n.err = calibdir.List(names); n.err == nil {
		n.alone, n.err = calibdir.List(ours)
	}
}

// shadow makes a finding that is ok shadowed if psana reads another file for runs
// that it is for.
func (n *neighbours) shadow(f *Finding, a asked) {
	n.list()
	if blocked, ok := errors.AsType[*calibdir.NameError](n.err); ok {
		f.Class, f.Cause = Shadowed, n.err.Error()
		f.Shadow = []Shadow{{First: 0, Last: calibdir.MaxRun, File: blocked.Name}}
		return
	}
	if n.err != nil {
		*f = unreadable(*f, n.err)
		return
	}
	if !n.foreign {
		return
	}
	newer := map[string]bool{} // the files that psana picks instead, by name
	for run := range calibdir.MaxRun + 1 {
		other := n.all.Pick(run)
		if other == a.name || n.alone.Pick(run) != a.name {
			continue
		}
		came, known := newer[other]
		if !known {
			came = n.cameAfter(other, a.owned.Time)
			newer[other] = came
		}
		if last := len(f.Shadow) - 1; !came {
			continue
		} else if last >= 0 && f.Shadow[last].File == other && f.Shadow[last].Last == run-1 {
			f.Shadow[last].Last = run
		} else {
			f.Shadow = append(f.Shadow, Shadow{First: run, Last: run, File: other})
		}
	}
	if len(f.Shadow) == 0 {
		return
	}
	f.Class = Shadowed
	by := asked{name: f.Shadow[0].File, owned: a.owned}
	if info, err := n.stat(by.name); err == nil {
		f.By = n.culprit(f, by, info)
	}
}

// cameAfter reports whether a file was made, renamed or changed after that time. One
// that cannot be asked counts.
func (n *neighbours) cameAfter(name string, since time.Time) bool {
	info, err := n.stat(name)
	return err != nil || changeTime(info).After(since)
}

func (n *neighbours) stat(name string) (fs.FileInfo, error) {
	return n.root.Lstat(path.Join(n.place.Group, n.place.Source, n.place.CType, name))
}

// changeTime returns the time of the last change of anything of the file, UTC.
func changeTime(info fs.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix()).UTC()
	}
	return info.ModTime().UTC()
}
