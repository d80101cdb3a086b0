package ui

import (
	"os"

	"golang.org/x/sys/unix"
)

// width asks the terminal; an error means that there is none.
func width(f *os.File) (columns int, terminal bool) {
	connection, err := f.SyscallConn()
	if err != nil {
		return 0, false
	}
	var size *unix.Winsize
	var asked error
	err = connection.Control(func(fd uintptr) { size, asked = unix.IoctlGetWinsize(int(fd), unix.TIOCGWINSZ) })
	if err != nil || asked != nil {
		return 0, false
	}
	if size.Col == 0 {
		return defaultWidth, true
	}
	return int(size.Col), true
}
