package digest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// ErrChanged: the file changed while it was read; read it again later.
var ErrChanged = errors.New("the file changed while it was read")

// Settled is the age of a change from which a further one is sure to be seen in the
// times of the file, on file systems that keep fractions of a second: their clock
// ticks every 10 ms at least. The digest of a younger file is not remembered.
const Settled = 100 * time.Millisecond

// settledCoarse is Settled where times are whole seconds; those of FAT and old NFS
// have a resolution of 2 s.
const settledCoarse = 2 * time.Second

// settled reports whether the file, as it was when it was read at that moment, can
// be told from one that is changed later.
func (s Stat) settled(read time.Time) bool {
	age := Settled
	if s.ChangeTime%int64(time.Second) == 0 {
		age = settledCoarse
	}
	return read.UnixNano()-s.ChangeTime >= int64(age)
}

// maxIdle is how many saves an entry survives that nobody asks for.
const maxIdle = 30

// A Cache remembers digests and verdicts. It is safe for concurrent use.
type Cache struct {
	path string // "": never saved
	now  func() time.Time

	mu       sync.RWMutex
	entries  map[string]*entry // by path
	verdicts map[string]*verdict
	loaded   fileState // of the file that the entries are from
	changed  bool      // there is something to save

	saving sync.Mutex
	reads  atomic.Int64
}

// An entry is the digest of a file.
type entry struct {
	id    identity
	sum   Sum
	idle  int
	asked atomic.Bool // in this process
}

// A verdict is what was said about a content.
type verdict struct {
	text  string
	idle  int
	asked atomic.Bool
}

// New returns an empty cache that Save leaves in memory.
func New() *Cache {
	return &Cache{now: time.Now, entries: map[string]*entry{}, verdicts: map[string]*verdict{}}
}

// Load reads the cache in the file of that path, of which the directory need not
// exist. The cache is usable in any case: it is empty without an error if there is
// no file, and empty beside ErrDamaged or what the system said if the file cannot
// be read.
func Load(path string) (*Cache, error) {
	c := New()
	c.path = path
	loaded, state, err := readFile(path)
	if err != nil {
		c.changed = errors.Is(err, ErrDamaged) // to be replaced
		return c, fmt.Errorf("remembered digests: %w", err)
	}
	c.loaded = state
	if loaded.entries != nil {
		c.entries, c.verdicts = loaded.entries, loaded.verdicts
	}
	return c, nil
}

// Known returns the digest that is remembered of the file of that path and
// identity.
func (c *Cache) Known(path string, st Stat) (Sum, bool) {
	c.mu.RLock()
	known := c.entries[path]
	c.mu.RUnlock()
	if known == nil || known.id != st.identity() {
		return Sum{}, false
	}
	if !known.asked.Load() {
		known.asked.Store(true)
	}
	return known.sum, true
}

// Sum returns the digest of the file of that path, links followed, and what the
// system says of it. The content is read through open only if it is not
// remembered; the Stat is then that of the opened file.
//
// Errors are those of stat and of open, fs.ErrInvalid for what is no regular file,
// ErrChanged, the cause of ctx, and those of reading.
func (c *Cache) Sum(ctx context.Context, path string, open func() (*os.File, error)) (Sum, Stat, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Sum{}, Stat{}, err
	}
	st := StatOf(info)
	if sum, known := c.Known(path, st); known {
		return sum, st, nil
	}
	return c.read(ctx, path, open)
}

// read reads the content and remembers its digest.
func (c *Cache) read(ctx context.Context, path string, open func() (*os.File, error)) (sum Sum, st Stat, err error) {
	f, err := open()
	if err != nil {
		return Sum{}, Stat{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	started := c.now()
	info, err := f.Stat()
	if err != nil {
		return Sum{}, Stat{}, err
	}
	st = StatOf(info)
	if !info.Mode().IsRegular() {
		return Sum{}, st, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%w: not a regular file", fs.ErrInvalid)}
	}
	c.reads.Add(1)
	sum, size, err := Of(ctx, f)
	if err != nil {
		return Sum{}, st, err
	}
	if info, err = f.Stat(); err != nil {
		return Sum{}, st, err
	}
	if !st.Same(StatOf(info)) || size != st.Size {
		return Sum{}, st, &fs.PathError{Op: "read", Path: path, Err: ErrChanged}
	}
	if st.settled(started) {
		c.Put(path, st, sum)
	}
	return sum, st, nil
}

// Put remembers the digest of a file that the caller has read itself; the Stat is
// that of the file while it was open. It is for contents that no longer change:
// unlike Sum it cannot tell when they were read.
func (c *Cache) Put(path string, st Stat, sum Sum) {
	added := &entry{id: st.identity(), sum: sum}
	added.asked.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries[path], c.changed = added, true
}

// Reads returns how many files Sum has read: 0 after an unchanged sweep.
func (c *Cache) Reads() int64 { return c.reads.Load() }

// Verdict returns what PutVerdict remembered under the key, "" and false if
// nothing.
func (c *Cache) Verdict(key string) (string, bool) {
	c.mu.RLock()
	known := c.verdicts[key]
	c.mu.RUnlock()
	if known == nil {
		return "", false
	}
	known.asked.Store(true)
	return known.text, true
}

// PutVerdict remembers what was said about a content. The key holds all that it
// depends on: digest, type, calibration type and limits.
func (c *Cache) PutVerdict(key, text string) {
	if old, known := c.Verdict(key); known && old == text {
		return
	}
	added := &verdict{text: text}
	added.asked.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.verdicts[key], c.changed = added, true
}
