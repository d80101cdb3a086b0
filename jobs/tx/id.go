package tx

import (
	"fmt"

	"deployconstants/jobs"
)

// CheckID returns an error that wraps ErrID unless the text can be the id of a
// transaction, and so the name of its directory.
func CheckID(id string) error {
	if jobs.IsID(id) {
		return nil
	}
	return fmt.Errorf("%q: %w", id, ErrID)
}
