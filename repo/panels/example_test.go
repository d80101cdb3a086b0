package panels_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"deployconstants/repo"
	"deployconstants/repo/panels"
)

func Example() {
	dir, err := os.MkdirTemp("", "constants")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	row := strings.TrimSuffix(strings.Repeat("2900.500 ", 384), " ") + "\n"
	for _, mode := range []string{"FH", "FM", "FL", "AHL-H", "AML-M"} {
		file := filepath.Join(dir, "epix10ka/PANEL/pedestals/epix10ka_0001_20180914120622_mfxx32516_r1021_pedestals_"+mode+".dat")
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			fmt.Println(err)
			return
		}
		if err := os.WriteFile(file, []byte(strings.Repeat(row, 352)), 0o666); err != nil {
			fmt.Println(err)
			return
		}
	}
	repository, err := repo.Open(dir, repo.Options{Group: -1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer repository.Close()
	detector, err := repo.TypeNamed("epix10ka")
	if err != nil {
		fmt.Println(err)
		return
	}
	ids, err := panels.Split(repo.Panel{Type: detector, ID: "PANEL"})
	if err != nil {
		fmt.Println(err)
		return
	}
	kind, _ := panels.KindOf(detector, repo.Pedestals)
	recipe, err := panels.InConstants(repository, detector).Choose(ids, kind, 20190101000000)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, gap := range recipe.Gaps() {
		fmt.Println(gap, "is", gap.Value)
	}
	merged, err := recipe.Merge(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	name, _ := recipe.FileName(detector, "0001")
	fmt.Println(name, merged.Shape())
	// Output:
	// panel 0 (PANEL) gain AHL-L is 0
	// panel 0 (PANEL) gain AML-L is 0
	// epix10ka_0001_20180914120622_mfxx32516_r1021_pedestals.txt (7,1,352,384)
}
