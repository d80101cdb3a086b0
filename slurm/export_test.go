package slurm

import "time"

// SetTimeouts says how long commands may take: tests cannot wait as long as users.
func (c *Commands) SetTimeouts(each time.Duration) { c.submit, c.query = each, each }
