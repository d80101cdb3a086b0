package explain

import (
	"context"
	"errors"
	"os"
	"time"

	"deployconstants/repo"
	"deployconstants/repo/calibdir"
	"deployconstants/repo/digest"
)

// Deployed is what psana reads for the run now.
type Deployed struct {
	Dir    string `json:"dir"`               // of the constants
	Error  string `json:"error,omitempty"`   // why it, or its HISTORY, cannot be looked at
	Python *Pick  `json:"python"`            // null: psana finds nothing
	Raises string `json:"raises,omitempty"`  // the name on which psana's Python finder raises an exception
	Cxx    *Pick  `json:"cxx"`               // what the C++ modules pick
	Agree  bool   `json:"agree"`             // both read the same file, or nothing
	Right  bool   `json:"as_chosen"`         // both read the chosen bytes, or nothing where nothing is valid
	Unsure string `json:"unknown,omitempty"` // why that cannot be told
}

// A Pick is a file in the calib directory.
type Pick struct {
	Name    string `json:"name"`
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256,omitempty"`
	Error   string `json:"error,omitempty"` // why it cannot be read
	Right   bool   `json:"as_chosen"`
	By      *By    `json:"transaction,omitempty"`
	History *Entry `json:"history,omitempty"` // its newest record
}

// By is the transaction that put a file there, or found it right.
type By struct {
	Tx        string    `json:"id"`
	Time      time.Time `json:"time"` // UTC
	User      string    `json:"user,omitempty"`
	Host      string    `json:"host,omitempty"`
	Constants string    `json:"constants"`
	Adopted   bool      `json:"adopted,omitempty"`
	Changed   bool      `json:"changed,omitempty"` // the file has other bytes since
}

// Entry is a HISTORY record.
type Entry struct {
	CopyOf  string `json:"copy_of"`
	User    string `json:"user"`
	Host    string `json:"host"`
	Time    string `json:"time"` // as recorded, without zone
	Comment string `json:"comment,omitempty"`
}

// look asks both of psana's finders.
func (e *explainer) look(ctx context.Context) *Deployed {
	x := &e.out
	d := &Deployed{}
	failed := func(err error) *Deployed {
		d.Error, d.Unsure = err.Error(), err.Error()
		return d
	}
	t, err := repo.TypeNamed(x.Type)
	if err != nil {
		d.Dir = e.CalibDir
		return failed(err)
	}
	target := calibdir.Target{Dir: e.CalibDir, Group: t.Group, Source: x.Source, CType: x.CType}
	d.Dir = e.CalibDir + "/" + t.Group + "/" + x.Source + "/" + x.CType
	view, err := calibdir.OpenView(e.CalibDir)
	if err != nil {
		return failed(err)
	}
	defer view.Close()
	folder, err := view.Folder(target)
	if err != nil {
		return failed(err)
	}
	history, err := view.History(target)
	if err != nil {
		d.Error = "HISTORY cannot be read: " + err.Error()
	}
	names := make([]string, len(folder.Entries))
	for i, entry := range folder.Entries {
		names[i] = entry.Name
	}
	p := picker{e, d.Dir, view, target, folder, history}
	python, err := calibdir.Pick(names, x.Run)
	if blocked, is := errors.AsType[*calibdir.NameError](err); is {
		d.Raises = blocked.Name
	}
	cxx := calibdir.PickCxx(names, x.Run)
	d.Python = p.describe(ctx, python)
	if d.Cxx = d.Python; cxx != python {
		d.Cxx = p.describe(ctx, cxx)
	}
	d.Agree = d.Raises == "" && cxx == python
	switch {
	case x.Cause != "":
		d.Unsure = x.Cause
	case x.Chosen != nil && x.Chosen.Pending && !e.known:
		d.Unsure = "the chosen constants are not merged yet"
	case x.Chosen != nil && !e.known:
		d.Unsure = x.Chosen.Error
	case d.unread() != "":
		d.Unsure = d.unread()
	case x.Chosen == nil:
		d.Right = d.Raises == "" && d.Python == nil && d.Cxx == nil
	default:
		d.Right = d.Python != nil && d.Python.Right && d.Cxx != nil && d.Cxx.Right
	}
	return d
}

// unread returns why one of the files that psana picks cannot be read.
func (d *Deployed) unread() string {
	for _, pick := range [...]*Pick{d.Python, d.Cxx} {
		if pick != nil && pick.Error != "" {
			return pick.Error
		}
	}
	return ""
}

// A picker describes files of one directory of constants.
type picker struct {
	*explainer
	dir     string
	view    *calibdir.View
	target  calibdir.Target
	folder  calibdir.Folder
	history []calibdir.HistoryRecord
}

// describe tells all that is known of a file; nil for none.
func (p *picker) describe(ctx context.Context, name string) *Pick {
	if name == "" {
		return nil
	}
	pick := &Pick{Name: name}
	sum, err := p.sum(ctx, pick)
	if err != nil {
		pick.Error = err.Error()
	} else {
		pick.SHA256, pick.Right = sum.String(), p.known && sum == p.explainer.sum
	}
	if p.Owner != nil {
		if owned, known := p.Owner.Owner(p.dir + "/" + name); known {
			pick.By = &By{
				Tx: owned.Tx, Time: owned.Time.UTC(), User: owned.User, Host: owned.Host, Constants: owned.Constants,
				Adopted: owned.Adopted, Changed: err == nil && owned.SHA256 != pick.SHA256,
			}
		}
	}
	for _, record := range p.history {
		if record.File == name { // the last counts
			pick.History = &Entry{record.CopyOf, record.User, record.Host, record.Time.Format("2006-01-02T15:04:05"), record.Comment}
		}
	}
	return pick
}

// sum returns the digest of a file as it was listed, and sets its size.
func (p *picker) sum(ctx context.Context, pick *Pick) (digest.Sum, error) {
	place := p.dir + "/" + pick.Name
	for _, entry := range p.folder.Entries {
		if entry.Name != pick.Name || !entry.Regular {
			continue
		}
		pick.Bytes = entry.Size
		st := digest.Stat{Inode: entry.Inode, Size: entry.Size, ModTime: entry.ModTime, ChangeTime: entry.ChangeTime}
		if sum, known := p.Digests.Known(place, st); known {
			return sum, nil
		}
	}
	sum, _, err := p.Digests.Sum(ctx, place, func() (*os.File, error) { return p.view.Open(p.target, pick.Name) })
	return sum, err
}
