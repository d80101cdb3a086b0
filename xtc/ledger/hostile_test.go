package ledger_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"deployconstants/xtc/ledger"
)

// A segment that was cut or changed anywhere is refused by its checksum, and named.
func TestDamage(t *testing.T) {
	l := open(t, t.TempDir())
	content := segmentBytes(t, sample("xpptut15", 1), sample("xpptut15", 2))
	path := plant(t, l.Dir(), content)
	refused := func(what string, at int, damaged []byte) {
		if err := os.WriteFile(path, damaged, 0o640); err != nil {
			t.Fatal(err)
		}
		_, err := l.Load(t.Context())
		if e, ok := errors.AsType[*ledger.FormatError](err); !ok || e.Path != path {
			t.Fatalf("%s at %d: error %v", what, at, err)
		}
	}
	for at := 0; at < len(content); at += 13 {
		if at%39 == 0 {
			refused("cut", at, content[:at])
		}
		damaged := bytes.Clone(content)
		damaged[at] ^= 1 << (at % 8)
		refused("flipped", at, damaged)
	}
	refused("longer", len(content), append(bytes.Clone(content), 0))
	if err := os.WriteFile(path, content, 0o640); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]ledger.Run{sample("xpptut15", 1), sample("xpptut15", 2)}, all(load(t, l))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A segment that was made wrong, with the right checksum, is an error or read: it
// never ends the program.
func TestForged(t *testing.T) {
	content := segmentBytes(t, sample("xpptut15", 1), sample("xpptut15", 2))
	try := func(damaged []byte) error {
		l := open(t, t.TempDir())
		path := plant(t, l.Dir(), damaged)
		x, err := l.Load(t.Context())
		if err != nil {
			if e, ok := errors.AsType[*ledger.FormatError](err); !ok || e.Path != path {
				t.Fatalf("error %v", err)
			}
			return err
		}
		walk(x)
		return nil
	}
	for at := 0; at < len(content); at += 13 {
		if at%39 == 0 && try(content[:at]) == nil {
			t.Errorf("cut at %d is read", at)
		}
		damaged := bytes.Clone(content)
		damaged[at] ^= 1 << (at % 8)
		try(damaged)
	}
}

// walk uses everything of an index.
func walk(x *ledger.Index) {
	x.Digest()
	for _, name := range x.Experiments() {
		e, _ := x.Experiment(name)
		e.Dir()
		for run := range e.Runs() {
			for range e.Files(run.Number) {
			}
		}
		for _, source := range e.Sources() {
			e.Sightings(source)
		}
	}
	for _, panel := range x.Panels() {
		for range x.With(panel.Type, panel.ID) {
		}
	}
}

// Parquet files that are none of a ledger are refused.
func TestOtherParquet(t *testing.T) {
	type other struct {
		Experiment string `parquet:"experiment"`
	}
	for name, options := range map[string][]parquet.WriterOption{
		"no format":     nil,
		"later format":  {parquet.KeyValueMetadata("deploy_constants.ledger", "2")},
		"other columns": {parquet.KeyValueMetadata("deploy_constants.ledger", "1")},
	} {
		t.Run(name, func(t *testing.T) {
			var content bytes.Buffer
			if err := parquet.Write(&content, []other{{"xpptut15"}}, options...); err != nil {
				t.Fatal(err)
			}
			l := open(t, t.TempDir())
			plant(t, l.Dir(), content.Bytes())
			if _, err := l.Load(t.Context()); err == nil {
				t.Error("is read")
			}
			if _, err := l.Segments(); err == nil {
				t.Error("is listed")
			}
		})
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(segmentBytes(f, sample("xpptut15", 1)))
	f.Add(segmentBytes(f, sample("xpptut15", 1), sample("xpptut15", 2), sample("amo00001", 1), ledger.Run{Experiment: "cxi", Cause: "?"}))
	f.Fuzz(func(t *testing.T, content []byte) {
		l := open(t, t.TempDir())
		plant(t, l.Dir(), content)
		x, err := l.Load(t.Context())
		if err != nil {
			if _, ok := errors.AsType[*ledger.FormatError](err); !ok {
				t.Fatalf("error %v", err)
			}
			return
		}
		walk(x)
		// What was read can be written, and read again.
		if _, err := l.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		again := open(t, t.TempDir())
		commit(t, again, all(x)...)
		if y := load(t, again); y.Digest() != x.Digest() {
			t.Error("another digest when written again")
		}
	})
}
