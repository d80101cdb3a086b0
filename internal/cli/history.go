package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"deployconstants/internal/ui"
	"deployconstants/jobs/tx"
)

func historyCommand(env Env) *cli.Command {
	return &cli.Command{
		Name: "history", ArgsUsage: "[TX]", Usage: "list transactions, or show what one of them did",
		Description: "Examples:\n" +
			"   deploy_constants history\n" +
			"   deploy_constants history 20261124T021500Z-7f3a09c1\n\n" +
			"EXIT STATUS: 0 done, 1 failed, 2 wrong command line",
		Flags:  everyBatchFlag(),
		Action: func(c *cli.Context) error { return history(env, c) },
	}
}

func history(env Env, c *cli.Context) error {
	if c.NArg() > 1 {
		return usageErrorf("name one transaction, or none to list them")
	}
	site, err := openBatchSite(env, c)
	if err != nil {
		return err
	}
	store, err := site.transactions()
	if err != nil {
		return err
	}
	if c.NArg() == 0 {
		return listTransactions(c.Context, env.Stdout, store, c.Bool("json"))
	}
	return showTransaction(c.Context, env.Stdout, store, c.Args().First(), c.Bool("json"))
}

func listTransactions(ctx context.Context, w io.Writer, store *tx.Store, asJSON bool) error {
	all, err := store.List(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(w, append([]tx.Summary{}, all...))
	}
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "no transactions")
		return err
	}
	table := ui.NewTable("TRANSACTION", "KIND", "USER", "HOST", "STATUS", "DID")
	for _, one := range all {
		table.Row(one.ID, one.Kind, one.User, one.Host, one.Status, describeTransaction(one))
	}
	return table.Write(w)
}

// describeTransaction says what came of a transaction in a few words.
func describeTransaction(one tx.Summary) string {
	var parts []string
	if one.UndoOf != "" {
		parts = append(parts, "undo of "+one.UndoOf)
	}
	if one.Result != nil {
		for _, kind := range slices.Sorted(maps.Keys(one.Result.Counts)) {
			if count := one.Result.Counts[kind]; count > 0 && kind != string(tx.Intent) {
				parts = append(parts, fmt.Sprintf("%s %d", kind, count))
			}
		}
		if one.Result.Note != "" {
			parts = append(parts, one.Result.Note)
		}
	}
	if len(one.UndoneBy) > 0 {
		parts = append(parts, "undone by "+strings.Join(one.UndoneBy, ", "))
	}
	if one.Problem != "" {
		parts = append(parts, one.Problem)
	}
	return strings.Join(parts, ", ")
}

// transactionDocument is what `history --json TX` prints.
type transactionDocument struct {
	tx.Summary
	Records []tx.Record `json:"records"`
}

func showTransaction(ctx context.Context, w io.Writer, store *tx.Store, id string, asJSON bool) error {
	summary, records, err := store.Show(ctx, id)
	if err != nil {
		return err
	}
	document := transactionDocument{Summary: summary, Records: []tx.Record{}}
	var broken error
	for record, err := range records {
		if err != nil {
			broken = errors.Join(broken, err)
			continue
		}
		document.Records = append(document.Records, record)
	}
	if asJSON {
		return errors.Join(broken, printJSON(w, document))
	}
	h := summary.Header
	fmt.Fprintf(w, "transaction  %s\nkind         %s\nstatus       %s\nby           %s on %s\n",
		h.ID, h.Kind, summary.Status, ui.Escape(h.User), ui.Escape(h.Host))
	if h.Command != "" {
		fmt.Fprintf(w, "command      %s\n", ui.Escape(h.Command))
	}
	if did := describeTransaction(summary); did != "" {
		fmt.Fprintf(w, "did          %s\n", ui.Escape(did))
	}
	fmt.Fprintln(w)
	items := newList("RESULT", "ACTION", "FILE")
	for _, record := range document.Records {
		switch record.Kind {
		case tx.Intent:
			continue
		case tx.Registered:
			items.row([]string{"alias " + record.Alias}, record.Kind, "-", record.Type+" "+record.Panel)
		default:
			from := record.Constants
			if from != "" {
				from = "from " + from
			}
			items.row([]string{record.Cause, from}, record.Kind, record.Action, record.Path())
		}
	}
	return errors.Join(broken, items.write(w))
}
