package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"

	"deployconstants/internal/atomicfile"
	"deployconstants/repo/ndarray"
)

// SaveOptions say how an array is saved.
type SaveOptions struct {
	Format   string // printf format of an element; default "%.4f"
	Replace  bool   // a file of that name is replaced; its mode and group stay
	AnyShape bool   // leave the shape to the caller
}

// Save writes an array into the repository as psana's text format, under the name
// that FileName gives, and returns its path. Directories and alias are made where
// they are missing. The file appears whole or not at all.
//
// Request, shape and format are checked before anything is made. Errors: those of
// FileName; ErrBadShape; ndarray.ErrFormat and ndarray.ErrRange; ErrExists if the
// name is taken and Replace is not set; what publishing says (package atomicfile).
func (r *Repository) Save(ctx context.Context, q Request, a *ndarray.Array, o SaveOptions) (string, error) {
	if err := a.Check(); err != nil {
		return "", err
	}
	if !o.AnyShape {
		if err := q.Panel.Type.CheckShape(q.CType, a.Shape); err != nil {
			return "", err
		}
	}
	if o.Format == "" {
		o.Format = "%.4f"
	}
	if _, err := ndarray.ParseFormat(o.Format); err != nil {
		return "", err
	}
	name, err := r.fileName(ctx, q)
	if err != nil {
		return "", err
	}
	text, err := r.text(a, name, o.Format)
	if err != nil {
		return "", err
	}
	return r.path(name), r.publish(name, text, !o.Replace)
}

// SaveText writes constants that are text, those of Geometry, as they are, under
// the name that FileName gives, and returns its path; of the options only Replace
// counts. Errors: ErrBadShape for calibration types that are arrays, ErrEmpty,
// ErrBadText for text with a NUL in it, those of FileName, and ErrExists.
func (r *Repository) SaveText(ctx context.Context, q Request, text []byte, o SaveOptions) (string, error) {
	switch {
	case q.CType != Geometry:
		return "", fmt.Errorf("%w: %s is an array, not text", ErrBadShape, q.CType)
	case len(text) == 0:
		return "", ErrEmpty
	case bytes.IndexByte(text, 0) >= 0:
		return "", ErrBadText
	}
	name, err := r.fileName(ctx, q)
	if err != nil {
		return "", err
	}
	return r.path(name), r.publish(name, text, !o.Replace)
}

// SaveEpix100a is save_epix100a_ctype_in_repo of the original: it saves an array
// of 704 rows and 768 columns for an epix100a, whatever the calibration type, and
// replaces an earlier one. An empty format is "%.4f". Errors are those of Save,
// with ErrBadShape for any other shape or detector type.
func (r *Repository) SaveEpix100a(ctx context.Context, q Request, a *ndarray.Array, format string) (string, error) {
	if q.Panel.Type.Name != "epix100a" {
		return "", fmt.Errorf("%w: %s is no epix100a", ErrBadShape, q.Panel.Source)
	}
	if err := q.Panel.Type.CheckShape(PixelGain, a.Shape); err != nil {
		return "", err
	}
	return r.Save(ctx, q, a, SaveOptions{Format: format, Replace: true, AnyShape: true})
}

// WriteArray writes an array as psana's text format, with the header of this moment,
// under a name below the repository, in place of an earlier file of that name. It
// makes the directory and returns the path. Errors are those of
// ndarray.Array.WriteText, and of publishing (package atomicfile).
func (r *Repository) WriteArray(name string, a *ndarray.Array, format string) (string, error) {
	text, err := r.text(a, name, format)
	if err != nil {
		return "", err
	}
	return r.path(name), r.publish(name, text, false)
}

// Replace is WriteArray for content that is rendered already.
func (r *Repository) Replace(name string, content []byte) (string, error) {
	return r.path(name), r.publish(name, content, false)
}

// text renders an array with the header of this moment.
func (r *Repository) text(a *ndarray.Array, name, format string) ([]byte, error) {
	var text bytes.Buffer
	err := a.WriteText(&text, ndarray.TextOptions{
		Format: format,
		Header: ndarray.Header{
			Host: r.options.Host, WorkDir: r.options.WorkDir, FileName: r.path(name),
			Time: r.now(), User: r.options.User,
		},
	})
	return text.Bytes(), err
}

// publish puts a file into the repository and makes its directory.
func (r *Repository) publish(name string, content []byte, mustCreate bool) error {
	if err := r.mkdir(path.Dir(name)); err != nil {
		return err
	}
	result, err := atomicfile.Publish(r.root, name, bytes.NewReader(content), atomicfile.Options{
		Mode: r.options.FileMode, Group: r.options.Group, KeepExisting: true, MustCreate: mustCreate,
	})
	if errors.Is(err, atomicfile.ErrExists) || mustCreate && result.Unchanged {
		// Equal bytes too: they are equal only within one second, since the header
		// has the time.
		return fmt.Errorf("%w: %s", ErrExists, r.path(name))
	}
	return err
}
