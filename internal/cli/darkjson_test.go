package cli

import (
	"bytes"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/stages/darkrun"
)

// TestDarkJSONIsDocumented compares the fields in the tables of docs/dark.md and docs/injection.md with those
// that are printed.
func TestDarkJSONIsDocumented(t *testing.T) {
	dark, err := os.ReadFile("../../docs/dark.md")
	if err != nil {
		t.Fatal(err)
	}
	injection, err := os.ReadFile("../../docs/injection.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(dark) + string(injection[bytes.Index(injection, []byte("\n### ")):])
	for heading, printed := range map[string]reflect.Type{
		"## JSON":       reflect.TypeFor[darkResult](),
		"### Run":       reflect.TypeFor[darkrun.RunReport](),
		"### Tally":     reflect.TypeFor[darkrun.Tally](),
		"### Dark":      reflect.TypeFor[darkrun.Dark](),
		"### Without":   reflect.TypeFor[darkrun.Without](),
		"### Limits":    reflect.TypeFor[darkrun.Limits](),
		"### Injection": reflect.TypeFor[darkrun.Injection](),
		"### File":      reflect.TypeFor[darkrun.File](),
	} {
		want := fieldNames(printed)
		slices.Sort(want)
		if diff := cmp.Diff(want, documentedFields(text, heading)); diff != "" {
			t.Errorf("%s (-printed +documented):\n%s", heading, diff)
		}
	}
}
