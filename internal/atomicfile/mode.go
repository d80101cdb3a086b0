package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// A Mode holds the twelve permission bits of a file as Unix has them: 0o777 and
// the set-user-id (0o4000), set-group-id (0o2000) and sticky (0o1000) bits.
//
// It is not an fs.FileMode, which keeps the last three elsewhere: os.Chmod(path,
// 0o2775) silently drops the set-group-id bit that calibration trees live by.
type Mode uint32

// The bits besides the permissions of owner, group and others.
const (
	Setuid Mode = 0o4000
	Setgid Mode = 0o2000
	Sticky Mode = 0o1000

	modeMask Mode = 0o7777
)

// Errors of modes.
var (
	// ErrMode: the text is no mode.
	ErrMode = errors.New("not a mode: write it octal, 0664 or 0o664, or decimal, 436")

	// ErrFileMode: a file of that mode could not be read and written by its owner.
	ErrFileMode = errors.New("file mode without u+rw (a decimal number? octal begins with 0)")

	// ErrFileBits: set-user-id, set-group-id or sticky, which no file of data has.
	ErrFileBits = errors.New("file mode beyond 0777: these bits are for directories and programs")

	// ErrDirMode: a directory of that mode could not be used by its owner.
	ErrDirMode = errors.New("directory mode without u+rwx (a decimal number? octal begins with 0)")
)

// ParseMode reads a mode as options give it: octal with a leading "0o" or "0"
// ("0o775", "02775") or decimal ("509", "1535"), at most 0o7777. The error wraps
// ErrMode.
func ParseMode(text string) (Mode, error) {
	digits, base := text, 10
	switch {
	case strings.HasPrefix(text, "0o"), strings.HasPrefix(text, "0O"):
		digits, base = text[2:], 8
	case strings.HasPrefix(text, "0"):
		base = 8
	}
	value, err := strconv.ParseUint(digits, base, 32)
	if err != nil || Mode(value) > modeMask {
		return 0, fmt.Errorf("mode %q: %w", text, ErrMode)
	}
	return Mode(value), nil
}

// ModeOf returns the mode of a file from its fs.FileMode.
func ModeOf(mode fs.FileMode) Mode {
	m := Mode(mode.Perm())
	if mode&fs.ModeSetuid != 0 {
		m |= Setuid
	}
	if mode&fs.ModeSetgid != 0 {
		m |= Setgid
	}
	if mode&fs.ModeSticky != 0 {
		m |= Sticky
	}
	return m
}

// FS returns the mode as the os package takes it.
func (m Mode) FS() fs.FileMode {
	mode := fs.FileMode(m) & fs.ModePerm
	if m&Setuid != 0 {
		mode |= fs.ModeSetuid
	}
	if m&Setgid != 0 {
		mode |= fs.ModeSetgid
	}
	if m&Sticky != 0 {
		mode |= fs.ModeSticky
	}
	return mode
}

// String returns the mode octal, "0664".
func (m Mode) String() string { return fmt.Sprintf("%04o", uint32(m)) }

// CheckFile returns an error that wraps ErrFileMode unless the owner may read
// and write a file of this mode, or ErrFileBits for more than permissions.
func (m Mode) CheckFile() error {
	switch {
	case m&0o600 != 0o600:
		return fmt.Errorf("mode %v: %w", m, ErrFileMode)
	case m > 0o777:
		return fmt.Errorf("mode %v: %w", m, ErrFileBits)
	}
	return nil
}

// CheckDir returns an error that wraps ErrDirMode unless the owner may list,
// change and enter a directory of this mode.
func (m Mode) CheckDir() error {
	if m > modeMask || m&0o700 != 0o700 {
		return fmt.Errorf("mode %v: %w", m, ErrDirMode)
	}
	return nil
}
