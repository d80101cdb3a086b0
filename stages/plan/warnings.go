package plan

import (
	"fmt"
	"time"

	"deployconstants/repo"
	"deployconstants/stages/resolve"
)

// warnings are what a person should know of a file that serves runs.
func (d *directory) warnings(decision *decision, f *file) []string {
	var defaults, old, twins count
	var warnings []string
	both := ""
	var asked resolve.Key // for its twin; mostly all runs have one detector
	var twin string
	var hasTwin bool
	served := 0
	for i := range decision.runs {
		if decision.runs[i].server != f {
			continue
		}
		served++
		s, choice := d.source.sightings[i], d.choices[i]
		key := keyOf(d.source.detType, s)
		if choice.File.Kind == repo.Default {
			defaults.add(s.Run, "")
			if key != asked {
				asked = key
				twin, hasTwin = d.snapshot.Twin(key, d.target.CType)
			}
			if hasTwin {
				twins.add(s.Run, twin)
			}
		} else if d.tooOld(choice, s.BeginRun) {
			old.add(s.Run, "")
		}
		if choice.Other != nil && both == "" {
			both = fmt.Sprintf("both names of the calibration type have constants: %s is used, %s is not", choice.File.Path, choice.Other.Path)
		}
	}
	if defaults.runs > 0 && defaults.runs < served { // of all the item's constants tell
		warnings = append(warnings, defaults.text("the default is used for"))
	}
	if twins.runs > 0 {
		warnings = append(warnings, twins.text("the default is used although "+twins.what+", equal but for the firmware, has constants, for"))
	}
	if old.runs > 0 {
		days := int(d.MaxAge[d.target.CType] / (24 * time.Hour))
		warnings = append(warnings, old.text(fmt.Sprintf("the constants are older than %d days at the time of", days)))
	}
	if both != "" {
		warnings = append(warnings, both)
	}
	if f.guessed && f.action().Changes() {
		warnings = append(warnings, "ours by content only: no transaction and no HISTORY tells who made it")
	}
	if f.action().Publishes() {
		warnings = append(warnings, d.risks(f)...)
	}
	for i := range warnings {
		warnings[i] = visible(warnings[i])
	}
	return warnings
}

// risks are those of publishing.
func (d *directory) risks(f *file) []string {
	var risks []string
	if f.exists {
		if prior := d.prior(f); prior.Links > 1 {
			risks = append(risks, fmt.Sprintf("the file has %d names: the others keep the old content", prior.Links))
		}
	}
	if chosen := d.choices[f.first].File; uint32(chosen.Stat.Mode)&writableByOthers != 0 {
		risks = append(risks, chosen.Path+" can be written by everybody")
	}
	return risks
}

// tooOld reports whether specific constants exceed the age limit at the run.
func (d *directory) tooOld(choice resolve.Choice, beginRun int64) bool {
	limit := d.MaxAge[d.target.CType]
	return limit > 0 && choice.File.Stamp < repo.StampOf(time.Unix(0, beginRun).Add(-limit), d.Zone)
}

// A count is of runs that something is true of.
type count struct {
	runs, first int
	what        string // of the first
}

func (c *count) add(run int, what string) {
	if c.runs == 0 {
		c.first, c.what = run, what
	}
	c.runs++
}

func (c *count) text(what string) string {
	if c.runs == 1 {
		return fmt.Sprintf("%s run %d", what, c.first)
	}
	return fmt.Sprintf("%s %d runs, the first is %d", what, c.runs, c.first)
}
