package digest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"deployconstants/internal/atomicfile"
)

// Modes of what Save makes: the state directory is the tool's own.
const (
	dirMode  = 0o750
	fileMode = atomicfile.Mode(0o640)
)

// Save publishes the cache if it holds something new. What other processes saved
// since it was loaded is taken over. Errors are the cause of ctx and those of
// package atomicfile; the cache stays usable.
func (c *Cache) Save(ctx context.Context) error {
	c.saving.Lock()
	defer c.saving.Unlock()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	changed := c.changed
	c.mu.Unlock()
	if !changed || c.path == "" {
		return nil
	}
	if err := c.save(); err != nil {
		c.mu.Lock()
		c.changed = true
		c.mu.Unlock()
		return fmt.Errorf("save remembered digests: %w", err)
	}
	return nil
}

func (c *Cache) save() error {
	c.takeOver()
	packed, err := pack(c.age())
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.path), dirMode); err != nil {
		return err
	}
	root, err := os.OpenRoot(filepath.Dir(c.path))
	if err != nil {
		return err
	}
	defer root.Close()
	name := filepath.Base(c.path)
	if _, err = atomicfile.Publish(root, name, bytes.NewReader(packed), atomicfile.Options{Mode: fileMode, Group: -1}); err != nil {
		return err
	}
	c.loaded = stateOf(root.Stat(name))
	return nil
}

// takeOver adds what another process saved meanwhile. What cannot be read is
// replaced.
func (c *Cache) takeOver() {
	if state := stateOf(os.Stat(c.path)); state == c.loaded || state == (fileState{}) {
		return
	}
	others, _, err := readFile(c.path)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for path, known := range others.entries {
		if c.entries[path] == nil {
			c.entries[path] = known
		}
	}
	for key, known := range others.verdicts {
		if c.verdicts[key] == nil {
			c.verdicts[key] = known
		}
	}
}

// age counts a save, drops what nobody has asked for in many of them, and returns
// what is to be written.
func (c *Cache) age() content {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed = false
	for path, known := range c.entries {
		if known.idle = next(known.idle, known.asked.Load()); known.idle > maxIdle {
			delete(c.entries, path)
		}
	}
	for key, known := range c.verdicts {
		if known.idle = next(known.idle, known.asked.Load()); known.idle > maxIdle {
			delete(c.verdicts, key)
		}
	}
	return content{maps.Clone(c.entries), maps.Clone(c.verdicts)}
}

func next(idle int, asked bool) int {
	if asked {
		return 0
	}
	return idle + 1
}
