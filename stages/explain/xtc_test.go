package explain_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/xtctest"
)

// TestFromXTC: a run that the ledger does not know is read from its headers.
func TestFromXTC(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	root := t.TempDir()
	dir := filepath.Join(root, "XPP", "xpptut15", "xtc")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	run := xtctest.Run{
		Experiment: "xpptut15", Number: 7, BeginRun: xtc.Clock{Sec: 1452888000},
		Detectors: []xtctest.Detector{{Source: source, Alias: "epix", Class: "Epix.Config100aV2"}},
	}
	if _, err := run.Write(dir, "e665"); err != nil {
		t.Fatal(err)
	}
	s.options.Catalog, s.options.Run, s.options.Detector = dataset.Catalog{Roots: []string{root}}, 7, "epix"
	x := s.explain()
	if x.From != "xtc" || x.Source != source || x.Type != "epix100a" || x.ID == "" || x.Stamp != "20160115120000" || x.Kind != "none" {
		t.Errorf("%+v", x)
	}
	if text := s.text(x); !strings.Contains(text, "(from the xtc)") {
		t.Error(text)
	}
}
