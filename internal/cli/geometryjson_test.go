package cli

import (
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/repo/geometry"
	"deployconstants/stages"
)

// TestGeometryJSONIsDocumented compares the fields in the tables of docs/geometry.md,
// and those of the single command, with those that are printed.
func TestGeometryJSONIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/geometry.md")
	if err != nil {
		t.Fatal(err)
	}
	single := fieldNames(reflect.TypeFor[stages.Deployment]())
	for heading, printed := range map[string]reflect.Type{
		"## JSON":    reflect.TypeFor[stages.GeometryDeployment](),
		"### Moved":  reflect.TypeFor[stages.MovedObject](),
		"### Extent": reflect.TypeFor[geometry.Extent](),
	} {
		want := slices.DeleteFunc(fieldNames(printed), func(name string) bool { return slices.Contains(single, name) })
		slices.Sort(want)
		if diff := cmp.Diff(want, documentedFields(string(text), heading)); diff != "" {
			t.Errorf("%s (-printed +documented):\n%s", heading, diff)
		}
	}
}
