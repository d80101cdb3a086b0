package digest

import "time"

// SetNow gives the cache another clock.
func (c *Cache) SetNow(now func() time.Time) { c.now = now }

// Len returns how many digests are remembered.
func (c *Cache) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.entries)
}
