package dark_test

import (
	"bytes"
	"path"
	"slices"
	"strings"
	"testing"

	"deployconstants/repo"
	"deployconstants/repo/ndarray"
)

func TestText(t *testing.T) {
	eachCase(t, "t", func(t *testing.T, c darkCase) {
		stored, files := c.arrays(t), c.texts(t)
		texts := expect[map[string]expectedText](t, c.Expected, "text")
		if len(texts) != len(c.Items) {
			t.Fatalf("%d files of %d items", len(texts), len(c.Items))
		}
		for _, item := range c.Items {
			a := stored[item.Array]
			if item.Array == "" {
				a = &ndarray.Array{Shape: []int{2, 3}, DType: ndarray.Float64, Floats: []float64{1, 1, 1, 1, 1, 1}}
			}
			var out bytes.Buffer
			var err error
			if item.Function != "" {
				err = a.WriteTable(&out, item.Fmt)
			} else {
				err = a.WriteText(&out, ndarray.TextOptions{
					Format: item.Fmt, Comments: item.Comments, Header: header(item.FName), NoMetadata: !item.AddMetad,
				})
			}
			if err != nil {
				t.Fatal(err)
			}
			name := path.Base(item.FName)
			checkText(t, files, texts[name], name, out.Bytes())
		}
	})
}

// TestNames is of names in the repository; ids of hardware are taken from the case.
func TestNames(t *testing.T) {
	eachCase(t, "n", func(t *testing.T, c darkCase) {
		if len(c.Rows) == 0 {
			t.Fatal("no rows")
		}
		for _, row := range c.Rows {
			_, device, _ := strings.Cut(row.Det, ":")
			device, _, _ = strings.Cut(device, ".")
			dir := strings.Split(path.Dir(row.FName), "/")
			name := repo.Name{
				DetType: strings.ToLower(device), Alias: "0001", Stamp: 20200913052640,
				Experiment: "xpptut15", Run: 260, CType: row.CType,
			}
			if row.TStamp != "" { // these rows are of another time and run
				name.Stamp, name.Run = 20220901120000, 123
			}
			if got, want := name.String(), path.Base(row.FName); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			detType, err := repo.TypeNamed(strings.ToLower(device))
			if err != nil {
				t.Fatal(err)
			}
			byName := strings.NewReplacer(":", "-", ".", "-").Replace(row.Det)
			if want := []string{"work", detType.Name, dir[2], row.CType}; !slices.Equal(dir, want) {
				t.Errorf("directory %v, want %v", dir, want)
			}
			if !strings.Contains(dir[2], "0") || dir[2] != byName && strings.Contains(dir[2], device) {
				t.Errorf("id %s of %s", dir[2], row.Det)
			}
		}
	})
}
