package logx_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/sirupsen/logrus"

	"deployconstants/internal/logx"
)

func TestLinesBeginWithTheLevelAndKeepTheOrderOfKeys(t *testing.T) {
	var out bytes.Buffer
	log := logx.New(&out, logrus.InfoLevel)
	log.WithFields(logrus.Fields{logx.Target: "./my calib/0-end.data", logx.From: "/repo/a.txt"}).Info("ready")
	log.WithError(errors.New("bad\nline")).Error("failed")
	log.WithField(logx.Reason, "").Warn("odd")
	log.Debug("below the level")
	want := "[I] ready from=/repo/a.txt dst=\"./my calib/0-end.data\"\n" +
		"[E] failed error=\"bad\\nline\"\n" +
		"[W] odd reason=\"\"\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestParseLevelKnowsTheDocumentedNames(t *testing.T) {
	for name, want := range map[string]logrus.Level{
		"INFO": logrus.InfoLevel, "warning": logrus.WarnLevel, "Critical": logrus.FatalLevel,
		"FATAL": logrus.FatalLevel, "WARN": logrus.WarnLevel, "ERROR": logrus.ErrorLevel,
		"DEBUG": logrus.DebugLevel, "NOTSET": logrus.TraceLevel,
	} {
		if level, err := logx.ParseLevel(name); err != nil || level != want {
			t.Errorf("ParseLevel(%q) = %v, %v", name, level, err)
		}
	}
	if _, err := logx.ParseLevel("FOO"); err == nil {
		t.Error("an unknown level is an error")
	}
}
