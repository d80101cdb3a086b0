package goldentest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deployconstants/internal/testenv"
)

// TestTablesAreTested: every direct function table of the golden data is read by a
// test of the package that has the function.
func TestTablesAreTested(t *testing.T) {
	tests := testSources(t)
	tables, err := os.ReadDir(testenv.Shared(t, "golden", "tables"))
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		stem := strings.TrimSuffix(table.Name(), ".json")
		if !strings.Contains(tests, table.Name()+`"`) && !strings.Contains(tests, `"`+stem+`"`) {
			t.Errorf("no test reads the table %s", table.Name())
		}
	}
}

// testSources is the text of all tests of the project outside this package.
func testSources(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	root := testenv.Root(t)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && filepath.Base(path) == "goldentest":
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(path)
		text.Write(source)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}
