package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// In returns the settings with every relative path taken from dir: they mean the
// same in another working directory.
func (s Settings) In(dir string) Settings {
	from := func(name string) string {
		if name == "" || filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(dir, name)
	}
	s.File, s.Root, s.Repository, s.StartRecords = from(s.File), from(s.Root), from(s.Repository), from(s.StartRecords)
	s.ExperimentTable, s.StateDir, s.Batch.Metrics = from(s.ExperimentTable), from(s.StateDir), from(s.Batch.Metrics)
	roots := make([]string, len(s.DataRoots))
	for i, root := range s.DataRoots {
		roots[i] = from(root)
	}
	s.DataRoots = roots
	if s.SitData != "" {
		folders := filepath.SplitList(s.SitData)
		for i, folder := range folders {
			folders[i] = from(folder)
		}
		s.SitData = strings.Join(folders, string(filepath.ListSeparator))
	}
	return s
}

// frozen is Settings in JSON.
type frozen struct {
	plain
	Zone string
}

type plain Settings

// MarshalJSON writes all settings but where each came from: a job keeps them, so
// that its tasks do what was asked for, whatever becomes of file and environment.
func (s Settings) MarshalJSON() ([]byte, error) {
	if s.Zone == nil {
		return nil, errors.New("settings without a zone")
	}
	return json.Marshal(frozen{plain: plain(s), Zone: s.Zone.String()})
}

// UnmarshalJSON reads what MarshalJSON wrote, and checks it as a settings file is.
func (s *Settings) UnmarshalJSON(text []byte) error {
	var in frozen
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	*s = Settings(in.plain)
	s.origins = map[string]string{}
	return errors.Join(s.checkPlaces(), s.applyZone(&in.Zone), s.checkBatch(), s.Slurm.Check(), checkByCType(s.MaxAge, s.Content))
}

func (s *Settings) checkBatch() error {
	if s.LockTimeout < 0 || s.LockTimeout > 24*time.Hour {
		return fmt.Errorf("lock_timeout is %s", s.LockTimeout)
	}
	return errors.Join(s.Batch.check(), s.Batch.DirMode.CheckDir(), s.Batch.FileMode.CheckFile())
}
