package tx

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/klauspost/compress/zstd"

	"deployconstants/internal/atomicfile"
)

// checkpointName is the file in the directory of transactions that remembers what
// finished ones did. It is only a cache.
const checkpointName = "deployed.jsonl.zst"

// checkpointFormat changes with every change of its content.
const checkpointFormat = 1

// maxCheckpoint bounds the unpacked checkpoint, in bytes.
const maxCheckpoint = 4 << 30

// checkpointHeader is the first line of a checkpoint.
type checkpointHeader struct {
	Format       int          `json:"format"`
	Transactions []remembered `json:"transactions"`
	Paths        int          `json:"paths"` // lines that follow
}

// loadCheckpoint reads what is remembered. It reports false where that is nothing,
// is damaged, or knows of transactions that are not among ids any more.
func (s *Store) loadCheckpoint(ids []string) (*histories, bool) {
	file, err := atomicfile.OpenRegular(filepath.Join(s.state.Transactions(), checkpointName), os.O_RDONLY)
	if err != nil {
		return nil, false
	}
	source, err := unpack(file, maxCheckpoint)
	if err != nil {
		return nil, false
	}
	defer source.Close() // only read
	h, err := readCheckpoint(source)
	if err != nil {
		return nil, false
	}
	for _, tx := range h.txs {
		if _, found := slices.BinarySearch(ids, tx.ID); !found {
			return nil, false
		}
	}
	return h, true
}

// readCheckpoint reads a checkpoint to its end.
func readCheckpoint(r io.Reader) (*histories, error) {
	lines := bufio.NewReaderSize(r, 256<<10)
	decoder := json.NewDecoder(lines)
	var header checkpointHeader
	if err := decoder.Decode(&header); err != nil {
		return nil, err
	}
	if header.Format != checkpointFormat || header.Paths < 0 {
		return nil, fmt.Errorf("%w: format %d, %d paths", ErrDamaged, header.Format, header.Paths)
	}
	h := newHistories()
	for _, tx := range header.Transactions {
		if CheckID(tx.ID) != nil || h.has(tx.ID) {
			return nil, fmt.Errorf("%w: transaction %q", ErrDamaged, tx.ID)
		}
		h.index[tx.ID] = len(h.txs)
		h.txs = append(h.txs, tx)
	}
	for range header.Paths {
		p := new(pathHistory)
		if err := decoder.Decode(p); err != nil {
			return nil, err
		}
		if _, err := p.Target(); err != nil {
			return nil, err
		}
		for i := range p.Events {
			if err := h.check(&p.Events[i]); err != nil {
				return nil, err
			}
		}
		path := p.Path()
		if h.paths[path] != nil {
			return nil, fmt.Errorf("%w: %s twice", ErrDamaged, path)
		}
		h.paths[path] = p
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: more than %d paths", ErrDamaged, header.Paths)
	}
	return h, nil
}

// saveCheckpoint remembers finished transactions. A failure does not matter: they
// are read again the next time.
func (s *Store) saveCheckpoint(h *histories) {
	var packed bytes.Buffer
	encoder, err := zstd.NewWriter(&packed, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return
	}
	lines := json.NewEncoder(encoder)
	err = lines.Encode(checkpointHeader{checkpointFormat, h.txs, len(h.paths)})
	for _, path := range slices.Sorted(maps.Keys(h.paths)) {
		if err == nil {
			err = lines.Encode(h.paths[path])
		}
	}
	if encoder.Close() == nil && err == nil {
		_ = s.sys.Publish(s.state.Transactions(), checkpointName, &packed) // a cache
	}
}
