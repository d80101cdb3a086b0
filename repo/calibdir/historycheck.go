package calibdir

import "deployconstants/internal/atomicfile"

// CheckHistory tells before a deployment whether AppendHistory could add to the
// HISTORY of the target's directory: a record that cannot be written should keep
// the file from being published. A missing HISTORY or directory is no error; else
// the errors are those of atomicfile.OpenAppend, or wrap ErrComponent or ErrPath.
func (c *Calib) CheckHistory(t Target) error {
	if err := c.checkFolder(t); err != nil {
		return err
	}
	return atomicfile.CheckAppend(c.root, t.history())
}
