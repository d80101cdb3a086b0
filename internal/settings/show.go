package settings

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// An Entry is one setting as it is in force.
type Entry struct {
	Key    string `json:"key"`
	Value  string `json:"value"`  // as the settings file has it
	Origin string `json:"origin"` // "default", the path of the settings file, or "$VARIABLE"
}

// Entries returns all settings in the order of the documentation.
func (s Settings) Entries() []Entry {
	b := s.Batch
	table := s.ExperimentTable
	if s.SitData != "" {
		table = s.SitData
	}
	entries := []Entry{
		{Key: "repository", Value: strconv.Quote(s.Repository)},
		{Key: "geometry_repository", Value: strconv.Quote(s.Geometry)},
		{Key: "epix10ka_repository", Value: strconv.Quote(s.Epix10ka)},
		{Key: "jungfrau_repository", Value: strconv.Quote(s.Jungfrau)},
		{Key: "data_roots", Value: list(s.DataRoots)},
		{Key: "experiment_table", Value: strconv.Quote(table)},
		{Key: "start_records", Value: strconv.Quote(s.StartRecords)},
		{Key: "zone", Value: strconv.Quote(s.Zone.String())},
		{Key: "alias_file", Value: strconv.Quote(s.AliasFile)},
		{Key: "lock_timeout", Value: strconv.Quote(s.LockTimeout.String())},
		{Key: "state_dir", Value: strconv.Quote(s.StateDir)},
		{Key: "calib_dir", Value: strconv.Quote(string(s.CalibDir))},
		{Key: "frozen", Value: list(s.Frozen)},
		{Key: "trusted_owners", Value: list(s.TrustedOwners)},
		{Key: "batch.group", Value: strconv.Quote(b.Group)},
		{Key: "batch.dir_mode", Value: strconv.Quote(b.DirMode.String())},
		{Key: "batch.file_mode", Value: strconv.Quote(b.FileMode.String())},
		{Key: "batch.workers", Value: strconv.Itoa(b.Workers)},
		{Key: "batch.settle", Value: strconv.Quote(b.Settle.String())},
		{Key: "batch.max_changes", Value: strconv.Itoa(b.MaxChanges)},
		{Key: "batch.max_replace_percent", Value: number(b.MaxReplacePercent)},
		{Key: "batch.waves", Value: strconv.Quote(b.Waves)},
		{Key: "batch.metrics", Value: strconv.Quote(b.Metrics)},
	}
	entries = append(entries, s.Slurm.entries()...)
	for _, ctype := range slices.Sorted(maps.Keys(s.MaxAge)) {
		entries = append(entries, Entry{Key: "max_age." + ctype, Value: strconv.Itoa(s.MaxAge[ctype])})
	}
	for _, ctype := range slices.Sorted(maps.Keys(s.Content)) {
		limits := s.Content[ctype]
		for _, limit := range []struct {
			name  string
			value *float64
		}{{"min", limits.Min}, {"max", limits.Max}, {"max_changed", limits.MaxChanged}, {"max_bad", limits.MaxBad}} {
			if limit.value != nil {
				entries = append(entries, Entry{Key: "content." + ctype + "." + limit.name, Value: number(*limit.value)})
			}
		}
	}
	for i := range entries {
		entries[i].Origin = cmp.Or(s.origins[entries[i].Key], "default")
	}
	return entries
}

func list(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = strconv.Quote(text)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// SetState makes dir the state directory, because origin says so.
func (s *Settings) SetState(dir, origin string) {
	s.StateDir, s.origins["state_dir"] = dir, origin
}
