package tx

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync"

	"github.com/klauspost/compress/zstd"

	"deployconstants/internal/atomicfile"
)

// maxPacked bounds an unpacked journal, in bytes: some ten million records.
const maxPacked = 8 << 30

// List returns all transactions, the oldest first. One that cannot be read is
// listed as Unreadable and does not hide the others. Errors are those of the
// directory, or the cause of ctx.
func (s *Store) List(ctx context.Context) ([]Summary, error) {
	ids, err := s.ids()
	if err != nil {
		return nil, err
	}
	all := make([]Summary, 0, len(ids))
	for _, id := range ids {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		summary, err := s.summary(id)
		if err != nil {
			summary = Summary{Header: Header{ID: id}, Status: Unreadable, Problem: err.Error()}
		}
		all = append(all, summary)
	}
	linkUndos(all)
	return all, nil
}

// linkUndos tells the transactions by which others they were taken back.
func linkUndos(all []Summary) {
	index := map[string]int{}
	for i := range all {
		index[all[i].ID] = i
	}
	for i := range all {
		undo := &all[i]
		of, ok := index[undo.UndoOf]
		if !ok {
			continue
		}
		all[of].UndoneBy = append(all[of].UndoneBy, undo.ID)
		if undo.Status == Complete && len(undo.Experiments) == 0 && undo.whole() && all[of].Status != Running {
			all[of].Status = TakenBack
		}
	}
}

// whole reports whether a complete transaction did all that it was to do.
func (s *Summary) whole() bool {
	return s.Result != nil && s.Result.Note == "" && s.Result.Counts[string(Failed)]+s.Result.Counts[string(Skipped)] == 0
}

// ids returns the ids of all transactions, sorted.
func (s *Store) ids() ([]string, error) {
	entries, err := os.ReadDir(s.state.Transactions())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, entry := range entries { // sorted by name
		if entry.IsDir() && CheckID(entry.Name()) == nil {
			ids = append(ids, entry.Name())
		}
	}
	return ids, nil
}

// Show returns one transaction and its records in the order of the journal, read
// as they are asked for. Errors wrap ErrID, ErrNotFound, ErrDamaged or what the
// system returned.
func (s *Store) Show(ctx context.Context, id string) (Summary, iter.Seq2[Record, error], error) {
	if err := CheckID(id); err != nil {
		return Summary{}, nil, err
	}
	all, err := s.List(ctx)
	if err != nil {
		return Summary{}, nil, err
	}
	for _, summary := range all {
		if summary.ID != id {
			continue
		}
		if summary.Status == Unreadable {
			_, err := s.summary(id)
			return summary, nil, err
		}
		return summary, s.records(ctx, summary), nil
	}
	return Summary{}, nil, fmt.Errorf("%s: %w", id, ErrNotFound)
}

// Summary returns one transaction without its undos. Errors wrap ErrID, ErrNotFound,
// ErrDamaged or what the system returned.
func (s *Store) Summary(ctx context.Context, id string) (Summary, error) {
	if err := context.Cause(ctx); err != nil {
		return Summary{}, err
	}
	return s.summary(id)
}

// summary reads header and result of a transaction.
func (s *Store) summary(id string) (Summary, error) {
	if err := CheckID(id); err != nil {
		return Summary{}, err
	}
	summary := Summary{Status: Incomplete}
	err := readJSON(filepath.Join(s.dir(id), headerName), &summary.Header)
	if errors.Is(err, fs.ErrNotExist) {
		if _, statErr := os.Lstat(s.dir(id)); errors.Is(statErr, fs.ErrNotExist) {
			return Summary{}, fmt.Errorf("%s: %w", id, ErrNotFound)
		}
	}
	if err == nil {
		err = checkHeader(id, summary.Header)
	}
	if err != nil {
		return Summary{}, err
	}
	var result Result
	err = readJSON(filepath.Join(s.dir(id), resultName), &result)
	switch {
	case err == nil:
		summary.Status, summary.Result = Complete, &result
	case !errors.Is(err, fs.ErrNotExist):
		return Summary{}, err
	case s.isRunning(id):
		summary.Status = Running
	}
	return summary, nil
}

// checkHeader returns an error that wraps ErrDamaged unless the header can be that
// of the transaction.
func checkHeader(id string, h Header) error {
	problem := ""
	switch {
	case h.Format != formatVersion:
		problem = fmt.Sprintf("format %d, this program knows %d", h.Format, formatVersion)
	case h.ID != id:
		problem = fmt.Sprintf("it is the header of %q", h.ID)
	case h.Kind != Apply && h.Kind != Undo:
		problem = fmt.Sprintf("kind %q", h.Kind)
	default:
		return nil
	}
	return fmt.Errorf("header of transaction %s: %w: %s", id, ErrDamaged, problem)
}

// isRunning reports whether a process has the journal, or that of a part, open.
func (s *Store) isRunning(id string) bool {
	held, err := isHeld(filepath.Join(s.dir(id), journalName))
	if err == nil && !held {
		held, err = s.partsRunning(id)
	}
	return held && err == nil
}

// readJSON reads a small file. What it cannot read wraps ErrDamaged.
func readJSON(path string, into any) error {
	text, err := readSmall(path, maxSmall)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w: %w", path, ErrDamaged, err)
	}
	return nil
}

// records reads the journal of a transaction, and, until it is finished, those of its
// parts. A torn end is no error, unless the transaction is complete.
func (s *Store) records(ctx context.Context, summary Summary) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if summary.Result == nil {
			all, parts, err := s.together(ctx, summary.ID)
			switch {
			case errors.Is(err, fs.ErrNotExist): // finished meanwhile
			case err != nil:
				yield(Record{}, err)
				return
			case parts:
				for i := range all {
					if !yield(all[i], nil) {
						return
					}
				}
				return
			}
		}
		s.recordsOfJournal(ctx, summary, yield)
	}
}

// recordsOfJournal reads the one journal of a transaction.
func (s *Store) recordsOfJournal(ctx context.Context, summary Summary, yield func(Record, error) bool) {
	fail := func(path string, err error) { yield(Record{}, fmt.Errorf("%s: %w", path, err)) }
	file, path, err := s.openRecords(summary.ID, summary.Result != nil)
	if err != nil {
		yield(Record{}, err)
		return
	}
	defer file.Close() // only read
	reader := newJournalReader(ctxReader{ctx, file})
	for {
		record, err := reader.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			fail(path, err)
			return
		}
		if !yield(record, nil) {
			return
		}
	}
	if r := summary.Result; r != nil && (reader.torn || reader.n != r.Records) {
		fail(path, fmt.Errorf("%w: %d records of %d", ErrDamaged, reader.n, r.Records))
	}
}

// openRecords opens the journal, packed or not: of a finished transaction the packed
// one, beside which the other may have been left.
func (s *Store) openRecords(id string, finished bool) (r io.ReadCloser, path string, err error) {
	if !finished {
		path = filepath.Join(s.dir(id), journalName)
		file, err := atomicfile.OpenRegular(path, os.O_RDONLY)
		if !errors.Is(err, fs.ErrNotExist) {
			return file, path, err
		}
	}
	path = filepath.Join(s.dir(id), packedName)
	file, err := atomicfile.OpenRegular(path, os.O_RDONLY)
	if err != nil {
		return nil, path, err
	}
	unpacked, err := unpack(file, maxPacked)
	return unpacked, path, err
}

// Plan opens the pinned plan of a transaction. Reading to its end is an error that
// wraps ErrDamaged if its bytes are not those that were pinned. Errors wrap ErrID,
// ErrNotFound, fs.ErrNotExist (an undo has no plan) or what the system returned.
func (s *Store) Plan(id string) (io.ReadCloser, error) {
	summary, err := s.summary(id)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(s.dir(id), planName)
	file, err := atomicfile.OpenRegular(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return &pinned{file: file, hash: sha256.New(), want: summary.Plan}, nil
}

// pinned reads a file that must have a digest.
type pinned struct {
	file *os.File
	hash hash.Hash
	want string
}

func (p *pinned) Read(b []byte) (int, error) {
	n, err := p.file.Read(b)
	p.hash.Write(b[:n])
	if err == io.EOF {
		if got := hex.EncodeToString(p.hash.Sum(nil)); got != p.want {
			return n, fmt.Errorf("%s: %w: its digest is %s, pinned was %s", p.file.Name(), ErrDamaged, got, p.want)
		}
	}
	return n, err
}

func (p *pinned) Close() error { return p.file.Close() }

// unpacked is a decompressed file.
type unpacked struct {
	file    *os.File
	decoder *zstd.Decoder
	left    int64 // bytes until ErrTooLarge
}

// maxWindow bounds the memory of a decoder, in bytes; our encoders use less.
const maxWindow = 64 << 20

// decoders are reused: one takes megabytes.
var decoders sync.Pool

// newDecoder returns one of the pool, or a new one.
func newDecoder(r io.Reader) (*zstd.Decoder, error) {
	if decoder, ok := decoders.Get().(*zstd.Decoder); ok {
		return decoder, decoder.Reset(r)
	}
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
}

// unpack decompresses a file of at most limit bytes, which it closes in the end.
// Damage wraps ErrDamaged.
func unpack(file *os.File, limit int64) (*unpacked, error) {
	decoder, err := newDecoder(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &unpacked{file: file, decoder: decoder, left: limit}, nil
}

func (u *unpacked) Read(p []byte) (int, error) {
	if u.decoder == nil {
		return 0, fs.ErrClosed
	}
	n, err := u.decoder.Read(p)
	if u.left -= int64(n); u.left < 0 {
		return 0, ErrTooLarge
	}
	if err != nil && err != io.EOF {
		if _, system := errors.AsType[*fs.PathError](err); !system {
			err = fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	return n, err
}

func (u *unpacked) Close() error {
	if u.decoder != nil && u.decoder.Reset(nil) == nil { // lets go of the file
		decoders.Put(u.decoder)
	}
	u.decoder = nil // closed twice, it must not be in the pool twice
	return u.file.Close()
}
