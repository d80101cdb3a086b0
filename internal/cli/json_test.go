package cli

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/jobs/jobdir"
	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
	"deployconstants/stages/affected"
	"deployconstants/stages/apply"
	"deployconstants/stages/explain"
	"deployconstants/stages/manifest"
	"deployconstants/stages/submit"
	"deployconstants/stages/verify"
)

// message is the field that lines have besides those of their struct.
type message struct {
	Message string `json:"message_type"`
}

// TestJSONIsDocumented compares the fields in the tables of docs/json.md with those
// that are printed.
func TestJSONIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	for heading, printed := range map[string][]any{
		"## `scan --json`":            {scanDocument{}},
		"### Problem":                 {problemDocument{}},
		"### Conflict":                {conflictDocument{}},
		"### Plan item":               {planLine{}},
		"### Constants of a plan":     {planfile.Constants{}},
		"### Prior":                   {planfile.Prior{}},
		"### Pick of a directory":     {planfile.Pick{}},
		"### Plan summary":            {message{}, planSummary{}},
		"### Outcome":                 {manifest.Outcome{}},
		"### Result of a transaction": {message{}, apply.Result{}},
		"### Finding":                 {message{}, verify.Finding{}},
		"### Culprit":                 {verify.Culprit{}},
		"## `sweep --json`":           {sweepDocument{}},
		"### Transaction":             {tx.Summary{}},

		"## `submit --json`, `jobs show --json`": {jobDocument{}},
		"### Submission":                         {jobdir.Submission{}},
		"## `status --json`":                     {submit.Status{}},
		"### Step of a job":                      {submit.StepStatus{}},
		"### Failure of shards":                  {submit.Failure{}},
		"### Job in a list":                      {jobLine{}},
		"### Line of a scan":                     {manifest.Scan{}},
		"### Record":                             {tx.Record{}},
		"## `affected --json`":                   {affected.Report{}},
		"### Affected source":                    {affected.Source{}},
		"## `explain --json`":                    {explain.Explanation{}},
		"### Chosen constants":                   {explain.Constants{}},
		"### Deployed constants":                 {explain.Deployed{}},
		"### Ledger":                             {ledgerListing{}},
		"### Compaction":                         {compactDocument{}},
	} {
		var want []string
		for _, one := range printed {
			want = append(want, fieldNames(reflect.TypeOf(one))...)
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, documentedFields(string(text), heading)); diff != "" {
			t.Errorf("%s (-printed +documented):\n%s", heading, diff)
		}
	}
}

// fieldNames are the names in JSON of the fields of a struct.
func fieldNames(of reflect.Type) []string {
	var names []string
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "" && field.Anonymous:
			names = append(names, fieldNames(field.Type)...)
		case name != "-" && field.IsExported():
			names = append(names, name)
		}
	}
	return names
}

// documentedFields are the names in the first column of the table below a heading,
// sorted.
func documentedFields(text, heading string) []string {
	_, part, _ := strings.Cut(text, "\n"+heading+"\n")
	part, _, _ = strings.Cut(part, "\n#")
	var names []string
	for line := range strings.Lines(part) {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
				names = append(names, name[1])
			}
		}
	}
	slices.Sort(names)
	return names
}
