package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"deployconstants/internal/atomicfile"
)

// withdrawnExt ends the name of constants that were withdrawn: no program that looks for
// constants takes such a name, the original one neither. Part of the layout.
const withdrawnExt = ".withdrawn"

// withdrawnLog is the file in the directory of a type that says what was withdrawn, by
// whom and why. Part of the layout.
const withdrawnLog = "withdrawn.txt"

// Conditions of Withdraw and Reinstate.
var (
	// ErrNotConstants: the path is no constants file or default of the repository.
	ErrNotConstants = errors.New("not a constants file of the repository")

	// ErrNotWithdrawn: there are no withdrawn constants of that name.
	ErrNotWithdrawn = errors.New("these constants are not withdrawn")
)

// Withdraw takes constants out of use: specific ones or a default, by their path, below
// Dir or absolute. They keep their bytes under a name that nobody looks for, and a line
// in <dettype>/withdrawn.txt says who withdrew them when, and why. What they were chosen
// for falls back to what else is valid. It returns the new path.
//
// Errors wrap ErrNotConstants, ErrOutside, fs.ErrNotExist, fs.ErrExist if a file of that
// name was withdrawn before, or are those of the system.
func (r *Repository) Withdraw(ctx context.Context, name, reason string) (string, error) {
	return r.rename(ctx, name, "", withdrawnExt, "withdrawn", reason)
}

// Reinstate puts constants back into use that were withdrawn; name is that which they
// had. Errors are those of Withdraw, and wrap ErrNotWithdrawn.
func (r *Repository) Reinstate(ctx context.Context, name, reason string) (string, error) {
	to, err := r.rename(ctx, strings.TrimSuffix(name, withdrawnExt), withdrawnExt, "", "reinstated", reason)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s: %w", name, ErrNotWithdrawn)
	}
	return to, err
}

// rename gives constants another name, of which the record comes first.
func (r *Repository) rename(ctx context.Context, name, from, to, what, reason string) (string, error) {
	inside, detType, err := r.constants(name)
	if err != nil {
		return "", err
	}
	dir, err := r.resolve(path.Dir(inside))
	if err != nil {
		return "", err
	}
	base := path.Base(inside)
	for _, one := range []struct {
		name string
		want bool
	}{{base + from, true}, {base + to, false}} {
		_, err := r.root.Lstat(dir + "/" + one.name)
		switch {
		case err == nil && !one.want:
			return "", fmt.Errorf("%s: %w", r.path(path.Dir(inside)+"/"+one.name), fs.ErrExist)
		case err != nil && (one.want || !errors.Is(err, fs.ErrNotExist)):
			return "", atomicfile.Locate(r.root, err)
		}
	}
	line := fmt.Sprintf("%s %s %s user:%s host:%s reason:%s", r.now().Format("2006-01-02T15:04:05-07:00"), what, inside,
		r.options.User, r.options.Host, strings.Join(strings.Fields(reason), " "))
	if err := atomicfile.AppendLine(ctx, r.root, detType+"/"+withdrawnLog, oneLine(line), atomicfile.Options{
		Mode: r.options.FileMode, Group: r.options.Group, LockTimeout: r.options.LockTimeout,
	}); err != nil {
		return "", err
	}
	if err := atomicfile.RenameNew(r.root, dir, base+from, base+to); err != nil { // others may have made the new name meanwhile
		return "", err
	}
	return r.path(path.Dir(inside) + "/" + base + to), nil
}

// constants returns the name in the repository of a path of constants, and its type.
func (r *Repository) constants(name string) (inside, detType string, err error) {
	inside = name
	if filepath.IsAbs(name) {
		for _, root := range []string{r.Dir(), r.resolved} {
			if root, err := filepath.Abs(root); err == nil {
				if rel, err := filepath.Rel(root, name); err == nil && filepath.IsLocal(rel) {
					inside = rel
					break
				}
			}
		}
	}
	parts := strings.Split(path.Clean(filepath.ToSlash(inside)), "/")
	if !filepath.IsLocal(inside) || len(parts) < 3 {
		return "", "", fmt.Errorf("%s: %w", name, ErrNotConstants)
	}
	t, err := TypeNamed(parts[0])
	if err != nil {
		return "", "", fmt.Errorf("%s: %w: %w", name, ErrNotConstants, err)
	}
	base := parts[len(parts)-1]
	stem, constants := cutExtension(base)
	isDefault := len(parts) == 3 && parts[1] == defaultDir && strings.HasPrefix(stem, t.Name+"_default_")
	isSpecific := len(parts) == 4 && strings.HasPrefix(stem, t.Name+"_")
	if !constants || !isDefault && !isSpecific {
		return "", "", fmt.Errorf("%s: %w", name, ErrNotConstants)
	}
	return strings.Join(parts, "/"), t.Name, nil
}

// Withdrawn returns the name that constants have while they are withdrawn.
func Withdrawn(name string) string { return name + withdrawnExt }

// CutWithdrawn returns the name that withdrawn constants had, and false for any other
// name.
func CutWithdrawn(name string) (string, bool) {
	if !isWithdrawn(name) {
		return name, false
	}
	return strings.TrimSuffix(name, withdrawnExt), true
}

// isWithdrawn reports whether the name is that of constants which were withdrawn.
func isWithdrawn(name string) bool {
	stem, ok := strings.CutSuffix(name, withdrawnExt)
	if ok {
		_, ok = cutExtension(stem)
	}
	return ok
}
