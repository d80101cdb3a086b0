package tx_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"deployconstants/jobs"
	"deployconstants/jobs/tx"
)

func init() { children["write"] = writeForever }

// writeForever writes transactions until it is killed, and tells what is durable.
func writeForever(dir string) error {
	store, err := tx.Open(jobs.State{Dir: dir})
	if err != nil {
		return err
	}
	ctx := context.Background()
	for first := 0; ; first += 5 {
		transaction, err := store.Begin(ctx, applyHeader, strings.NewReader("plan"))
		if err != nil {
			return err
		}
		for n := first; n < first+5; n++ {
			if _, err := store.Objects().Put(ctx, strings.NewReader(fmt.Sprint(n)), public); err != nil {
				return err
			}
			fmt.Println("object", n, transaction.ID())
			if err := transaction.Append(intent(place(n), fmt.Sprint(n))); err != nil {
				return err
			}
			if err := transaction.Append(done(place(n), fmt.Sprint(n))); err != nil {
				return err
			}
			fmt.Println("done", n, transaction.ID())
		}
		if err := transaction.Finish(tx.Result{}); err != nil {
			return err
		}
	}
}

// A writer is killed at random moments: what it told is there, and what it left
// open is resumed.
func TestKilled(t *testing.T) {
	for round := range 12 {
		dir := t.TempDir()
		cmd := children.Command(t, "write", dir)
		stdout, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(stdout)
		if !lines.Scan() {
			t.Fatal("the writer wrote nothing")
		}
		timer := time.AfterFunc(rand.N(60*time.Millisecond), func() { cmd.Process.Kill() })
		told := []string{lines.Text()}
		for lines.Scan() {
			told = append(told, lines.Text())
		}
		timer.Stop()
		if err := cmd.Wait(); err == nil {
			t.Fatal("the writer ended by itself")
		}
		store := openStore(t, dir)
		d := deployed(t, store)
		for _, line := range told {
			var what, id string
			var n int
			if _, err := fmt.Sscan(line, &what, &n, &id); err != nil {
				continue // the last one, cut by the kill
			}
			c := content(fmt.Sprint(n))
			if o, ok := d.Owner(place(n).Path()); what == "done" && (!ok || o.Tx != id || o.Content != c) {
				t.Fatalf("round %d: told %q, there is %+v", round, line, o)
			}
			if text, err := read(store.Objects(), c); what == "object" && (err != nil || text != fmt.Sprint(n)) {
				t.Fatalf("round %d: told %q, there is %q, %v", round, line, text, err)
			}
		}
		check(t, store, claims{}, fmt.Sprintf("round %d", round))
	}
}
