package tx_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"deployconstants/jobs"
	"deployconstants/jobs/tx"
)

// One file is replaced, so that it can be taken back.
func Example() {
	state, err := os.MkdirTemp("", "state")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(state)
	if err := replaceOne(context.Background(), jobs.State{Dir: state}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// /data/xpp/xpptut15/calib/Epix100a::CalibV1/XcsEndstation.0:Epix100a.1/pixel_gain/0-end.data is by opr, and was "old"
}

func replaceOne(ctx context.Context, state jobs.State) error {
	store, err := tx.Open(state)
	if err != nil {
		return err
	}
	t, err := store.Begin(ctx, tx.Header{Kind: tx.Apply, User: "opr", Host: "psana101"}, strings.NewReader("the plan"))
	if err != nil {
		return err
	}
	defer t.Close()
	old, err := store.Objects().Put(ctx, strings.NewReader("old"), tx.Access{Mode: 0o664, GID: os.Getgid()})
	if err != nil {
		return err
	}
	place := tx.Place{
		Experiment: "xpptut15", CalibDir: "/data/xpp/xpptut15/calib", Group: "Epix100a::CalibV1",
		Source: "XcsEndstation.0:Epix100a.1", CType: "pixel_gain", Range: "0-end",
	}
	replaced := content("new")
	prior := &tx.FileState{Content: old, Mode: 0o664}
	if err := t.Append(tx.Record{Kind: tx.Intent, Place: place, Action: tx.Replace, New: &replaced, Prior: prior}); err != nil {
		return err
	}
	// Here the file is replaced.
	after := &tx.FileState{Content: replaced, Mode: 0o664}
	if err := t.Append(tx.Record{Kind: tx.Done, Place: place, Action: tx.Replace, New: &replaced, After: after}); err != nil {
		return err
	}
	if err := t.Finish(tx.Result{}); err != nil {
		return err
	}
	deployed, err := store.Deployed(ctx)
	if err != nil {
		return err
	}
	owner, _ := deployed.Owner(place.Path())
	text, err := read(store.Objects(), old)
	fmt.Printf("%s is by %s, and was %q\n", owner.Path(), owner.User, text)
	return err
}
