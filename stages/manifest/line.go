package manifest

import (
	"encoding/json"
	"fmt"

	"deployconstants/stages/apply"
	"deployconstants/stages/scan"
	"deployconstants/stages/verify"
)

// The values of message_type. Part of the JSON output.
const (
	scanMessage    = "scan"
	outcomeMessage = "outcome"
	findingMessage = "finding"
)

// A Scan is a line about an experiment or run that was scanned.
type Scan struct {
	Message string `json:"message_type"`
	scan.Event
}

// OfScan returns the line of an event, which must be InManifest.
func OfScan(e scan.Event) Scan { return Scan{scanMessage, e} }

// An Outcome is a line about a file or panel that was to be changed.
type Outcome struct {
	Message    string       `json:"message_type"`
	Status     apply.Status `json:"status"`
	Action     string       `json:"action,omitempty"`
	Experiment string       `json:"experiment"`
	Path       string       `json:"path,omitempty"`
	Alias      string       `json:"alias,omitempty"` // of a registered panel
	Panel      string       `json:"panel,omitempty"`
	Cause      string       `json:"cause,omitempty"`
}

// OfOutcome returns the line of an outcome.
func OfOutcome(o apply.Outcome) Outcome {
	line := Outcome{
		Message: outcomeMessage, Status: o.Status, Action: string(o.Action), Experiment: o.Experiment,
		Alias: o.Alias, Panel: o.Item.ID, Cause: o.Cause,
	}
	if o.Range != "" {
		line.Path = o.Path()
	}
	return line
}

// A Finding is a line about a deployed file that was verified.
type Finding struct {
	Message string `json:"message_type"`
	verify.Finding
}

// OfFinding returns the line of a finding.
func OfFinding(f verify.Finding) Finding { return Finding{findingMessage, f} }

// Sums are the results that lines add up to. The zero value is ready.
type Sums struct {
	Scan   scan.Result
	Apply  map[apply.Status]int
	Verify verify.Summary
}

// Add adds a line. Errors are of what is no line of a manifest.
func (s *Sums) Add(line []byte) error {
	var kind struct {
		Message string `json:"message_type"`
	}
	if err := json.Unmarshal(line, &kind); err != nil {
		return fmt.Errorf("line of a manifest: %w", err)
	}
	switch kind.Message {
	case scanMessage:
		var event scan.Event
		if err := json.Unmarshal(line, &event); err != nil {
			return fmt.Errorf("line of a manifest: %w", err)
		}
		s.Scan.Add(event)
	case outcomeMessage:
		var outcome Outcome
		if err := json.Unmarshal(line, &outcome); err != nil {
			return fmt.Errorf("line of a manifest: %w", err)
		}
		if s.Apply == nil {
			s.Apply = map[apply.Status]int{}
		}
		s.Apply[outcome.Status]++
	case findingMessage:
		var finding struct {
			Class verify.Class `json:"class"`
		}
		if err := json.Unmarshal(line, &finding); err != nil {
			return fmt.Errorf("line of a manifest: %w", err)
		}
		if s.Verify.Classes == nil {
			s.Verify.Classes = map[verify.Class]int{}
		}
		s.Verify.Deployed++
		s.Verify.Checked++
		s.Verify.Classes[finding.Class]++
	default:
		return fmt.Errorf("line of a manifest: message_type %q", kind.Message)
	}
	return nil
}
