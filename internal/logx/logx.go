// Package logx sets up the log of a command: logrus, with the field keys in one
// list and the documented look of a line.
package logx

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
)

// Keys of log fields, in the order in which a line shows them.
const (
	Experiment = "exp"
	Run        = "run"
	Detector   = "det"
	Source     = "source"
	ID         = "id"
	Panel      = "panel"
	Gain       = "gain"
	Value      = "value"
	Tables     = "tables"
	Shape      = "shape"
	Alias      = "alias"
	CType      = "ctype"
	Now        = "now"
	RunStamp   = "run_stamp"
	Option     = "tstamp"
	Stamp      = "stamp"
	Dataset    = "dataset"
	Repository = "dirrepo"
	Path       = "path"
	From       = "from"
	Frame      = "frame"
	Object     = "object"
	Position   = "position"
	Segment    = "segment"
	Extent     = "extent"
	Limits     = "limits"
	Target     = "dst"
	Outcome    = "outcome"
	Bytes      = "bytes"
	SHA256     = "sha256"
	Mode       = "mode"
	Owner      = "owner"
	Reason     = "reason"
	Command    = "command"
)

var order = []string{
	Experiment, Run, Detector, Source, Panel, ID, Gain, Value, Tables, Shape, Alias, CType, Now, RunStamp, Option, Stamp, Dataset,
	Repository, Path, From, Frame, Object, Position, Segment, Extent, Limits, Target, Outcome, Bytes, SHA256, Mode, Owner, Reason, Command, logrus.ErrorKey,
}

// levels are the documented names of log levels, compared without regard to case.
var levels = map[string]logrus.Level{
	"CRITICAL": logrus.FatalLevel,
	"FATAL":    logrus.FatalLevel,
	"ERROR":    logrus.ErrorLevel,
	"WARN":     logrus.WarnLevel,
	"WARNING":  logrus.WarnLevel,
	"INFO":     logrus.InfoLevel,
	"DEBUG":    logrus.DebugLevel,
	"NOTSET":   logrus.TraceLevel,
}

// LevelNames are the documented names in the order of the documentation.
const LevelNames = "INFO, CRITICAL, WARN, WARNING, ERROR, DEBUG, NOTSET"

// ParseLevel returns the level of a documented name.
func ParseLevel(name string) (logrus.Level, error) {
	level, known := levels[strings.ToUpper(name)]
	if !known {
		return 0, fmt.Errorf("unknown log level %q; it is one of %s", name, LevelNames)
	}
	return level, nil
}

// New returns a logger that writes each record as one line, in one write, to w.
func New(w io.Writer, level logrus.Level) *logrus.Logger {
	log := logrus.New()
	log.SetOutput(w)
	log.SetLevel(level)
	log.SetFormatter(lineFormatter{})
	return log
}

// JSONTo returns a hook that writes each record as a line of JSON to w, too: time in
// UTC, level, message ("msg") and fields.
func JSONTo(w io.Writer) logrus.Hook {
	return jsonHook{w, &logrus.JSONFormatter{TimestampFormat: time.RFC3339Nano}}
}

type jsonHook struct {
	out       io.Writer
	formatter logrus.Formatter
}

func (h jsonHook) Levels() []logrus.Level { return logrus.AllLevels }

func (h jsonHook) Fire(e *logrus.Entry) error {
	record := *e
	record.Time = e.Time.UTC()
	text, err := h.formatter.Format(&record)
	if err == nil {
		_, err = h.out.Write(text)
	}
	return err
}

// lineFormatter prints `[I] message key=value ...`: the first letter of the level
// in brackets, as the documentation's logs have it, then the message and the
// fields. Control characters in values are escaped, so that a record is one line.
type lineFormatter struct{}

func (lineFormatter) Format(e *logrus.Entry) ([]byte, error) {
	var b bytes.Buffer
	letter := strings.ToUpper(e.Level.String()[:1])
	if e.Level == logrus.FatalLevel {
		letter = "C"
	}
	fmt.Fprintf(&b, "[%s] %s", letter, e.Message)
	keys := make([]string, 0, len(e.Data))
	for key := range e.Data {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(x, y string) int { return cmp.Or(rank(x)-rank(y), strings.Compare(x, y)) })
	for _, key := range keys {
		fmt.Fprintf(&b, " %s=%s", key, quoted(fmt.Sprint(e.Data[key])))
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

func rank(key string) int {
	if at := slices.Index(order, key); at >= 0 {
		return at
	}
	return len(order)
}

// quoted quotes a value that could be taken apart wrongly.
func quoted(value string) string {
	for _, r := range value {
		if r <= ' ' || r == '"' || r == 0x7f || !strconv.IsPrint(r) {
			return strconv.Quote(value)
		}
	}
	if value == "" {
		return `""`
	}
	return value
}
