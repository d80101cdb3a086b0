package darkrun

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/logx"
	"deployconstants/repo"
	"deployconstants/stages/dark"
)

// singleOutputs are what the repository gets of a dark of one gain.
var singleOutputs = []struct {
	ctype  repo.CType
	output dark.Output
}{{repo.Pedestals, dark.Average}, {repo.PixelRMS, dark.RMS}, {repo.PixelStatus, dark.Status}}

// saveSingle saves the constants of a detector with one gain.
func (s *single) saveSingle(ctx context.Context, d *Dark, r *dark.Result) error {
	for _, out := range singleOutputs {
		text := func(path string) ([]byte, error) { return s.text(d, r, out.output, path) }
		if s.ZeroPedestals && out.ctype == repo.Pedestals {
			text = func(path string) ([]byte, error) { return s.zeros(r, path) }
		}
		if err := s.saveConstants(ctx, d, out.ctype, text); err != nil {
			return err
		}
	}
	if s.Geometry {
		text := func(string) ([]byte, error) { return s.geometry(d, r), nil }
		if err := s.saveConstants(ctx, d, repo.Geometry, text); err != nil {
			return err
		}
	}
	return s.saveWork(d, r)
}

// saveConstants saves constants of the whole detector, as the text for their path.
func (s *single) saveConstants(ctx context.Context, d *Dark, ctype repo.CType, text func(path string) ([]byte, error)) error {
	file := File{CType: string(ctype), Outcome: NotSaved, Deploys: true}
	if !s.DryRun {
		path, err := s.Repository.FileName(ctx, s.request(d, ctype))
		if err != nil {
			return err
		}
		content, err := text(path)
		if err != nil {
			return err
		}
		if file, err = s.save(file, path, content); err != nil {
			return err
		}
	}
	d.Files = append(d.Files, file)
	return nil
}

func (c *camera) request(d *Dark, ctype repo.CType) repo.Request {
	return repo.Request{
		Experiment: c.Experiment, Run: d.Run, RunStamp: c.pass.stamp, Panel: c.panel, CType: ctype, Stamp: d.Stamp,
	}
}

// text is an array as calibrun saves it.
func (s *single) text(d *Dark, r *dark.Result, o dark.Output, name string) ([]byte, error) {
	var text bytes.Buffer
	header := s.Header
	header.FileName = name
	err := r.WriteText(&text, o, dark.TextOptions{Dataset: s.dataset(d.Run), Source: d.Source, Header: header})
	return text.Bytes(), err
}

// dataset names the run as psana would be told it.
func (p *pass) dataset(run int) string {
	if p.Options.Dataset.IsFile {
		return p.Options.Dataset.Path
	}
	return fmt.Sprintf("exp=%s:run=%d%s", p.Options.Dataset.Exp, run, p.Suffix)
}

// saveWork writes all arrays into the work directory, named as calibrun names them.
func (s *single) saveWork(d *Dark, r *dark.Result) (err error) {
	if s.WorkDir == "" || s.DryRun {
		return nil
	}
	root, err := os.OpenRoot(s.WorkDir)
	if err != nil {
		return fmt.Errorf("work directory: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if _, err := atomicfile.MkdirAll(root, "results", s.DirMode, s.Group); err != nil {
		return err
	}
	save := func(what, name string, content func(path string) ([]byte, error)) error {
		name = "results/" + name
		path := strings.TrimSuffix(s.WorkDir, "/") + "/" + name
		text, err := content(path)
		if err != nil {
			return err
		}
		if _, err := atomicfile.Publish(root, name, bytes.NewReader(text), atomicfile.Options{
			Mode: s.FileMode, Group: s.Group, KeepExisting: true,
		}); err != nil {
			return err
		}
		d.Files = append(d.Files, File{CType: what, Path: path, Outcome: Created})
		return nil
	}
	for _, o := range dark.Outputs {
		text := func(path string) ([]byte, error) { return s.text(d, r, o, path) }
		if err := save(o.String(), dark.CalibrunName(s.Experiment, d.Run, o, d.Source), text); err != nil {
			return err
		}
	}
	if s.ZeroPedestals {
		text := func(path string) ([]byte, error) { return s.zeros(r, path) }
		if err := save("zero", fmt.Sprintf("clb-%s-r%04d-peds-zero-%s.txt", s.Experiment, d.Run, d.Source), text); err != nil {
			return err
		}
	}
	if s.Geometry {
		text := func(string) ([]byte, error) { return s.geometry(d, r), nil }
		return save("geometry", fmt.Sprintf("clb-%s-r%04d-geometry-%s.txt", s.Experiment, d.Run, d.Source), text)
	}
	return nil
}

// save publishes a file of the repository, unless its numbers are there already.
func (c *camera) save(file File, path string, text []byte) (File, error) {
	there, same, err := c.compareText(path, text)
	if err != nil {
		return file, err
	}
	withdrawn, _, err := c.compareText(repo.Withdrawn(path), nil)
	if err != nil {
		return file, err
	}
	file.Path, file.Outcome = path, Created
	switch {
	case withdrawn:
		return file, fmt.Errorf("%w: %s; put them back with repo withdraw --back, or give another time with -t", ErrWithdrawn, path)
	case same:
		file.Outcome = Unchanged
		return file, nil
	case there && !c.Replace:
		return file, fmt.Errorf("%w: %s; look at both, and replace it with --force, or give another time with -t", ErrExists, path)
	case there:
		file.Outcome = Replaced
	}
	if _, err := c.Repository.Replace(strings.TrimPrefix(path, c.Repository.Dir()+"/"), text); err != nil {
		return file, err
	}
	c.log.WithField(logx.Path, path).Info("saved")
	return file, nil
}

// compareText reports whether a file is there, and with the same numbers.
func (c *camera) compareText(path string, text []byte) (there, same bool, err error) {
	file, err := c.Repository.OpenConstants(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, false, nil
	case errors.Is(err, repo.ErrEmpty):
		return true, false, nil
	case err != nil:
		return false, false, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	const headers = 64 << 10 // bytes by which they may differ
	old, err := io.ReadAll(io.LimitReader(file, int64(len(text))+headers))
	return true, bytes.Equal(numbers(old), numbers(text)), err
}

// numbers is a text without its header.
func numbers(text []byte) []byte {
	for len(text) > 0 && (text[0] == '#' || text[0] == '\n') {
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			return nil
		}
		text = text[end+1:]
	}
	return text
}
