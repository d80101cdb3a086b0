package cli

import (
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/repo/panels"
	"deployconstants/stages"
	"deployconstants/stages/merge"
)

// TestPanelsJSONIsDocumented compares the fields in the tables of docs/panels.md with
// those that are printed.
func TestPanelsJSONIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/panels.md")
	if err != nil {
		t.Fatal(err)
	}
	for heading, printed := range map[string]reflect.Type{
		"## JSON":       reflect.TypeFor[stages.PanelsDeployment](),
		"### Constants": reflect.TypeFor[stages.MergeOfPanels](),
		"### Filled":    reflect.TypeFor[panels.Gap](),

		"## `merge --json`": reflect.TypeFor[mergeDocument](),
		"### Merge":         reflect.TypeFor[merge.Item](),
	} {
		want := fieldNames(printed)
		slices.Sort(want)
		if diff := cmp.Diff(want, documentedFields(string(text), heading)); diff != "" {
			t.Errorf("%s (-printed +documented):\n%s", heading, diff)
		}
	}
}
