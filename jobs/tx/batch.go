package tx

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/klauspost/compress/zstd"
)

// encoders are reused: one takes megabytes.
var encoders sync.Pool

// newEncoder returns one of the pool, or a new one.
func newEncoder() (*zstd.Encoder, error) {
	if encoder, ok := encoders.Get().(*zstd.Encoder); ok {
		return encoder, nil
	}
	return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
}

// A Batch is contents that become durable together. It is for one goroutine.
type Batch struct {
	objects *Objects
	staged  map[string]*staged // by digest
	ready   bool               // the directory of the objects is there
}

// A staged content is a temporary that has no name of an object yet.
type staged struct {
	file *os.File
	mode uint32
}

// Batch returns an empty batch. Call Abort at last, whatever happened.
func (o *Objects) Batch() *Batch { return &Batch{objects: o, staged: map[string]*staged{}} }

// Put adds the whole of src, the content of a file with that access. A content
// that is kept already is not kept twice; it becomes as narrow as the narrowest of
// the files that had it. Nothing is durable before Commit.
func (b *Batch) Put(ctx context.Context, src io.Reader, a Access) (c Content, err error) {
	sys := b.objects.sys
	if !b.ready {
		if err := makeDir(sys, b.objects.dir); err != nil {
			return Content{}, fmt.Errorf("keep a previous content: %w", err)
		}
		b.ready = true
	}
	path := filepath.Join(b.objects.dir, tempPrefix+rand.Text())
	file, err := sys.Create(path)
	if err != nil {
		return Content{}, fmt.Errorf("keep a previous content: %w", err)
	}
	c, err = compress(ctx, sys, file, src)
	if err == nil && b.staged[c.SHA256] == nil {
		var gid int
		if gid, err = groupOf(file); err == nil {
			b.staged[c.SHA256] = &staged{file: file, mode: a.mode(gid)}
			return c, nil
		}
	}
	if err == nil { // twice in this batch
		other := b.staged[c.SHA256]
		gid, statErr := groupOf(other.file)
		other.mode &= a.mode(gid)
		err = statErr
	}
	err = errors.Join(err, file.Close(), sys.Remove(path))
	if err != nil {
		return Content{}, fmt.Errorf("keep a previous content: %w", err)
	}
	return c, nil
}

// tempPrefix begins the names of temporaries.
const tempPrefix = ".tmp-"

// compress writes src to the file.
func compress(ctx context.Context, sys system, file *os.File, src io.Reader) (Content, error) {
	encoder, err := newEncoder()
	if err != nil {
		return Content{}, err
	}
	defer encoders.Put(encoder)
	encoder.Reset(fileWriter{sys, file})
	hash := sha256.New()
	size, err := io.Copy(io.MultiWriter(hash, encoder), ctxReader{ctx, src})
	if err = errors.Join(err, encoder.Close()); err != nil {
		return Content{}, err
	}
	return Content{SHA256: hex.EncodeToString(hash.Sum(nil)), Size: size}, nil
}

// fileWriter writes through the system.
type fileWriter struct {
	sys  system
	file *os.File
}

func (w fileWriter) Write(p []byte) (int, error) { return w.sys.Write(w.file, p) }

// groupOf returns the group of an open file.
func groupOf(file *os.File) (int, error) {
	info, err := file.Stat()
	if err != nil {
		return -1, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, errors.ErrUnsupported
	}
	return int(st.Gid), nil
}

// Commit makes all contents durable; only then may the files be changed that held
// them. After an error some are kept and some are not; Abort removes the rest.
func (b *Batch) Commit(ctx context.Context) error {
	dirs, err := b.makeDirs()
	if err != nil {
		return fmt.Errorf("keep a previous content: %w", err)
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if err := b.publishAll(); err != nil {
		return fmt.Errorf("keep a previous content: %w", err)
	}
	if err := b.syncDirs(dirs); err != nil {
		return fmt.Errorf("keep a previous content: %w", err)
	}
	return nil
}

// publishAll gives all contents their modes, makes them durable together, and gives
// them their names.
func (b *Batch) publishAll() error {
	digests := slices.Sorted(maps.Keys(b.staged))
	var files []*os.File
	for _, digest := range digests {
		if err := b.narrow(digest); err != nil {
			return err
		}
		files = append(files, b.staged[digest].file)
	}
	if err := b.objects.sys.SyncFiles(files); err != nil {
		return err
	}
	for _, digest := range digests {
		// An object of that name has the same content, or is damaged: replace it.
		s := b.staged[digest]
		if err := b.objects.sys.Rename(s.file.Name(), b.objects.path(digest)); err != nil {
			return err
		}
		delete(b.staged, digest)
		if err := s.file.Close(); err != nil {
			return err
		}
	}
	return nil
}

// syncDirs makes the names in the directories durable.
func (b *Batch) syncDirs(dirs []string) error {
	var files []*os.File
	defer func() {
		for _, dir := range files {
			dir.Close() // was only read
		}
	}()
	for _, path := range dirs {
		dir, err := os.Open(path)
		if err != nil {
			return err
		}
		files = append(files, dir)
	}
	return b.objects.sys.SyncFiles(files)
}

// makeDirs makes the directories of the staged contents, and returns those to be
// synced when they have their files.
func (b *Batch) makeDirs() ([]string, error) {
	sys, dirs := b.objects.sys, map[string]bool{}
	for digest := range b.staged {
		dirs[filepath.Dir(b.objects.path(digest))] = true
	}
	sorted := slices.Sorted(maps.Keys(dirs))
	made := false
	for _, dir := range sorted {
		err := sys.Mkdir(dir)
		if made = made || err == nil; err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	if made {
		sorted = append(sorted, b.objects.dir)
	}
	return sorted, nil
}

// narrow gives a staged content the narrowest mode of those that it had.
func (b *Batch) narrow(digest string) error {
	sys, s, path := b.objects.sys, b.staged[digest], b.objects.path(digest)
	mode := s.mode
	if info, err := os.Lstat(path); err == nil {
		if !info.Mode().IsRegular() {
			return &fs.PathError{Op: "keep", Path: path, Err: fs.ErrExist}
		}
		mode &= modeOf(info)
	}
	return sys.Chmod(s.file, mode)
}

// Abort removes what was not committed. After Commit it does nothing.
func (b *Batch) Abort() error {
	var all []error
	for _, digest := range slices.Sorted(maps.Keys(b.staged)) {
		s := b.staged[digest]
		all = append(all, s.file.Close(), b.objects.sys.Remove(s.file.Name()))
	}
	clear(b.staged)
	return errors.Join(all...)
}
