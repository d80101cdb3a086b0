package goldentest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"
)

// rawRun is one run of a scenario: what its XTC file has to say.
type rawRun struct {
	Exp       string            `json:"exp"`
	ExpNum    int               `json:"expnum"`
	Run       int               `json:"run"`
	Sec       uint32            `json:"sec"`  // of BeginRun, seconds since 1970
	Nsec      uint32            `json:"nsec"` // of BeginRun
	Aliases   map[string]string `json:"aliases"`
	Detectors []struct {
		Src    string `json:"src"`
		Type   string `json:"type"` // configuration class
		Fields fields `json:"fields"`
	} `json:"detectors"`
}

// fields are those of a configuration object; numbers keep all their digits.
type fields map[string]any

func (f *fields) UnmarshalJSON(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode((*map[string]any)(f))
}

// configureLead is how long before BeginRun the run was configured.
const configureLead = time.Hour

// evrSource is in every made file, whether the scenario names it or not.
const evrSource = "NoDetector.0:Evr.0"

// instrument returns the instrument as the experiment table has it.
func (r rawRun) instrument() string { return strings.ToUpper(r.Exp[:3]) }

// dir returns where psana looks for the run's files.
func (r rawRun) dir() string {
	return dataRoot + "/" + r.instrument() + "/" + r.Exp + "/xtc"
}

// made holds the paths of the XTC files of every run that was made, by the run's
// description: the cases have a few dozen different runs among thousands.
var made = struct {
	sync.Mutex
	runs map[string]func() ([]string, error)
}{runs: map[string]func() ([]string, error){}}

// rawFiles returns the XTC files of the run, which must not be changed.
func rawFiles(t testing.TB, r rawRun) []string {
	t.Helper()
	key, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	made.Lock()
	write, ok := made.runs[string(key)]
	if !ok {
		dir := filepath.Join(workshop, "raw", fmt.Sprintf("%x", sha256.Sum256(key)))
		write = sync.OnceValues(func() ([]string, error) { return r.write(dir) })
		made.runs[string(key)] = write
	}
	made.Unlock()
	files, err := write()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// write makes the run's files in a new directory.
func (r rawRun) write(dir string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	run := xtctest.Run{
		Experiment: r.Exp,
		Number:     r.Run,
		Configure:  xtc.Clock{Sec: r.Sec - uint32(configureLead/time.Second), Nsec: r.Nsec},
		BeginRun:   xtc.Clock{Sec: r.Sec, Nsec: r.Nsec},
	}
	aliases := map[string]string{}
	for alias, source := range r.Aliases {
		aliases[source] = alias
	}
	for _, d := range r.Detectors {
		if d.Src == evrSource {
			continue
		}
		run.Detectors = append(run.Detectors, xtctest.Detector{
			Source: d.Src, Alias: aliases[d.Src], Class: d.Type, Fields: d.Fields,
		})
	}
	files, err := run.Write(dir, fmt.Sprintf("e%d", r.ExpNum))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if err := os.Chmod(file, 0o444); err != nil {
			return nil, err
		}
	}
	return files, nil
}
