package cli

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// checkWritable asks whether the effective user may make files in a folder.
func checkWritable(dir string) error {
	if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return fmt.Errorf("no permission to write %s: %w", dir, err)
	}
	return nil
}
