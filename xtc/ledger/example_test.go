package ledger_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"deployconstants/xtc/ledger"
)

// Runs are recorded, and a panel is found wherever it was.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := ledger.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	w := l.NewWriter()
	for run := 259; run <= 260; run++ {
		err := w.Add(ledger.Run{
			Experiment: "xpptut15", Instrument: "XPP", Number: run, BeginRun: 1400000000123456789,
			Sources: []ledger.Source{{Name: "XcsEndstation.0:Epix100a.1", Type: "epix100a", ID: "3925868555-2684354563"}},
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Commit(ctx); err != nil {
		log.Fatal(err)
	}

	x, err := l.Load(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for place := range x.With("epix100a", "3925868555-2684354563") {
		fmt.Println(place.Experiment, place.Run, place.Source)
	}
	// Output:
	// xpptut15 259 XcsEndstation.0:Epix100a.1
	// xpptut15 260 XcsEndstation.0:Epix100a.1
}
