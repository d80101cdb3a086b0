// Package tx keeps transactions: what an apply or an undo is about to do and what
// it has done, and the previous contents of the files, so that it can be resumed
// after a crash at any point, taken back exactly, and told years later.
//
//	store, err := tx.Open(jobs.State{Dir: stateDir})
//	...
//	t, err := store.Begin(ctx, tx.Header{Kind: tx.Apply, User: user, Host: host}, plan)
//	...
//	batch := store.Objects().Batch()
//	old, err := batch.Put(ctx, file, tx.Access{Mode: 0o664, GID: gid}) // what is about to be replaced
//	...
//	err = batch.Commit(ctx)                                           // durable
//	err = t.Append(tx.Record{Kind: tx.Intent, Place: place, Action: tx.Replace, New: &content, Prior: &state})
//	// now the file may be replaced; and when it is, durably:
//	err = t.Append(tx.Record{Kind: tx.Done, Place: place, Action: tx.Replace, New: &content, After: &after})
//	// now it may be claimed
//	err = t.Finish(tx.Result{})
//
// # Layout
//
//	path                            content
//	<state>/tx/<id>/header.json     Header; <id> is YYYYmmddTHHMMSSZ-<8 hexadecimal digits>, UTC
//	<state>/tx/<id>/plan.jsonl.zst  the plan as it was given, pinned by the digest in the header
//	<state>/tx/<id>/journal.jsonl   records, while the transaction is open
//	<state>/tx/<id>/parts/0007/<attempt>.jsonl  those of a process that joined it, for part 7
//	<state>/tx/<id>/journal.jsonl.zst  the same, when it is finished
//	<state>/tx/<id>/result.json     Result: the transaction is finished
//	<state>/tx/deployed.jsonl.zst   cache of what finished transactions deployed
//	<state>/objects/a/abcd....zst   previous contents by their SHA-256, zstd
//
// A line of a journal is a Record in JSON with three more fields at its end:
//
//	"n"       number of the record, from 1
//	"synced"  number of records that were durable when this one was written
//	"crc"     CRC-32C of the line before this field, 8 hexadecimal digits
//
// # Guarantees
//
// A transaction appears whole, with header, plan and empty journal. Append returns
// when its records are durable; calls that come together share one sync. A crash
// may tear the records off that were not synced: the reader knows them by "synced",
// takes them for not written, and Resume cuts them off. Anything else that is not
// as it was written wraps ErrDamaged and names the file.
//
// A transaction is written by one process at a time, which holds a lock on its
// journal, or by several that joined it, each with a journal of its own: Begin, close,
// Join by each of them, and at last Resume and Finish by one, which makes of all
// journals the one that a single process would have written. Complete transactions
// never change.
//
// Previous contents are durable before Commit returns, and verified whenever they
// are read. They are readable by no one who could not read the files.
//
// Paths are never stored, but the parts of which they are made; a record whose
// parts do not lead to a file of constants below its calibration directory is
// refused, when written and when read.
//
// # Limits
//
// Where the file system has no locks, two processes that resume one transaction at
// once are not told apart. A record takes at most 1 MiB, an unpacked journal at most
// 8 GiB. Transactions and objects are never removed here: a transaction that is
// moved away takes the ownership of its files and its undo with it.
package tx
