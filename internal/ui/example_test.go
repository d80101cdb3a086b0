package ui_test

import (
	"fmt"
	"log"
	"os"
	"time"

	"deployconstants/internal/ui"
)

func ExampleTable() {
	table := ui.NewTable("experiment", "runs", "size")
	table.Row("xpptut15", 40, ui.Bytes(3<<20))
	table.Row("cxi12345", 1234, ui.Bytes(512))
	if err := table.Write(os.Stdout); err != nil {
		log.Fatal(err)
	}
	fmt.Println(ui.Count(2, "directory"))
	// Output:
	// experiment  runs     size
	// xpptut15      40  3.0 MiB
	// cxi12345    1234    512 B
	// 2 directories
}

func ExampleProgress() {
	now := time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
	progress := ui.NewProgress(os.Stdout, ui.ProgressOptions{Mode: ui.Plain, Now: func() time.Time { return now }})
	progress.Stage("scan", 300)
	now = now.Add(5 * time.Second)
	progress.Add(120, 1)
	now = now.Add(5 * time.Second)
	progress.Add(180, 0)
	progress.Done()
	// Output:
	// scan 120/300 40% | 24.0/s | 7.5s left | 1 failed
	// scan 300/300 100% | 30.0/s | 0s left | 1 failed
}
