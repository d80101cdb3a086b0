// Package runlog keeps the two records that every call of the documented command
// leaves: its log file in the repository, and one line in the site's record of
// all starts.
//
// Both lie in trees that others may write to, and are opened as
// atomicfile.OpenAppend does: no links, regular files with one name. They are only
// appended to, a whole record in one write, so that two calls in one second share
// a file without mixing their lines.
package runlog

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"
	"unicode"

	"deployconstants/internal/atomicfile"
)

// Options are the modes and the owner of what is made.
type Options struct {
	DirMode, FileMode atomicfile.Mode
	Group             int // group id; negative: the system's choice
}

// LogName is the documented name of a log file below the repository:
// logs/<YYYY>/<YYYY-mm-ddTHHMMSS>_log_<program>_<user>.txt, in the zone of start.
func LogName(start time.Time, program, user string) string {
	return fmt.Sprintf("logs/%s/%s_log_%s_%s.txt", start.Format("2006"), start.Format("2006-01-02T150405"), program, user)
}

// Start describes the start of a command.
type Start struct {
	Time       time.Time // in the facility's zone
	User, Host string
	WorkDir    string
	Release    string // conda environment; "": not defined
	Repository string
	Program    string   // as the original is called: "deploy_constants"
	Args       []string // program name first
}

// Name is the name of the record below the folder of start records:
// <YYYY>/<YYYY>_lcls1_<program>.txt.
func (s Start) Name() string {
	year := s.Time.Format("2006")
	return year + "/" + year + "_lcls1_" + s.Program + ".txt"
}

// String is the record as the original program writes it: it begins with the line
// break that ends the record before it, and has none at its own end. Control
// characters are escaped.
func (s Start) String() string {
	release := s.Release
	if release == "" {
		release = "NON-DEFINED-env-CONDA_DEFAULT_ENV"
	}
	return "\n" + escape(fmt.Sprintf("%s user:%s@%s cwd:%s rel:%s dirrepo:%s command:%s",
		s.Time.Format("2006-01-02T15:04:05"), s.User, s.Host, s.WorkDir, release, s.Repository, strings.Join(s.Args, " ")))
}

func escape(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsControl(r) {
			fmt.Fprintf(&b, `\x%02x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// A Log is an open log file. Its Write never fails, so that the work goes on when
// the log cannot: Close tells the first error. It is not safe for concurrent use
// by itself; a logger writes one line at a time.
type Log struct {
	file *os.File
	err  error
}

// OpenLog opens the file name below dir as Open does.
func OpenLog(dir, name string, o Options) (*Log, error) {
	file, err := Open(dir, name, o)
	return &Log{file: file}, err
}

// Write appends a line.
func (l *Log) Write(line []byte) (int, error) {
	if _, err := l.file.Write(line); err != nil && l.err == nil {
		l.err = err
	}
	return len(line), nil
}

// Close closes the file and returns the first error since it was opened.
func (l *Log) Close() error {
	if err := errors.Join(l.err, l.file.Close()); err != nil {
		return fmt.Errorf("not complete: %w", err)
	}
	return nil
}

// Append adds text to the file name below dir in one write. Missing folders
// between the two are made; dir itself must exist.
func Append(dir, name, text string, o Options) error {
	file, err := Open(dir, name, o)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// Open opens the file name below dir for appending, and makes it and the folders
// between if they are missing, with their modes and group whatever the umask.
func Open(dir, name string, o Options) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if _, err := atomicfile.MkdirAll(root, path.Dir(name), o.DirMode, o.Group); err != nil {
		return nil, err
	}
	return atomicfile.OpenAppend(root, name, atomicfile.Options{Mode: o.FileMode, Group: o.Group})
}
