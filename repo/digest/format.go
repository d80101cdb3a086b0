package digest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"

	"deployconstants/internal/atomicfile"
)

// ErrDamaged: the file of the cache is not as Save writes it. It may be removed.
var ErrDamaged = errors.New("damaged cache, which is replaced")

// Limits of what is read, in bytes.
const (
	maxPacked   = 64 << 20
	maxUnpacked = 512 << 20
)

// The first line: part of the format, do not change.
const magic = `{"digests":1}`

// content is what a file of the cache holds.
type content struct {
	entries  map[string]*entry
	verdicts map[string]*verdict
}

// A fileState tells whether the file of the cache is still the one that was read.
type fileState struct {
	id identity
}

func stateOf(info fs.FileInfo, err error) fileState {
	if err != nil {
		return fileState{}
	}
	return fileState{StatOf(info).identity()}
}

// readFile reads the file of a cache; a missing one is empty.
func readFile(path string) (c content, state fileState, err error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return content{}, fileState{}, nil
	}
	if err != nil {
		return content{}, fileState{}, err
	}
	defer root.Close()
	f, err := atomicfile.OpenPlain(root, filepath.Base(path), os.O_RDONLY|syscall.O_NONBLOCK)
	if errors.Is(err, fs.ErrNotExist) {
		return content{}, fileState{}, nil
	}
	if err != nil {
		return content{}, fileState{}, err
	}
	defer f.Close() // only read
	state = stateOf(f.Stat())
	if state.id.size > maxPacked {
		return content{}, state, fmt.Errorf("%s: %w: %d bytes", path, ErrDamaged, state.id.size)
	}
	text, err := unpack(f, state.id.size)
	if err == nil {
		c, err = parse(text)
	}
	if err != nil {
		return content{}, state, fmt.Errorf("%s: %w", path, err)
	}
	return c, state, nil
}

// unpack decompresses what Save wrote, of that size in bytes.
func unpack(r io.Reader, size int64) (string, error) {
	decoder, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnpacked), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return "", err
	}
	defer decoder.Close()
	var text strings.Builder
	text.Grow(int(min(8*size, maxUnpacked))) // lines shrink to a seventh
	n, err := io.Copy(&text, io.LimitReader(decoder, maxUnpacked+1))
	if failure, system := errors.AsType[*fs.PathError](err); system {
		return "", failure
	}
	if err == nil && n > maxUnpacked {
		err = fmt.Errorf("more than %d bytes decompressed", maxUnpacked)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	return text.String(), nil
}

// parse reads the lines, without encoding/json, which takes ten times as long.
// Paths and texts share the memory of text.
func parse(text string) (content, error) {
	head, text, whole := strings.Cut(text, "\n")
	if head != magic || !whole {
		return content{}, fmt.Errorf("%w: the first line is not %s", ErrDamaged, magic)
	}
	lines := strings.Count(text, "\n")
	c := content{make(map[string]*entry, lines), map[string]*verdict{}}
	room := make([]entry, lines)
	for number := 2; text != ""; number++ {
		var line string
		line, text, whole = strings.Cut(text, "\n")
		if !whole || !c.add(line, &room[number-2]) {
			return content{}, fmt.Errorf("%w: line %d", ErrDamaged, number)
		}
	}
	return c, nil
}

// add reads a line and reports whether it has the form of one. A digest is put in
// the room given for it.
func (c content) add(line string, room *entry) bool {
	scan := scanner{text: line, ok: true}
	if strings.HasPrefix(line, `{"sum":`) {
		ok := room.sum.parse(scan.hex(`{"sum":"`, 2*len(room.sum)))
		room.id.inode = scan.natural(`","ino":`)
		room.id.size = scan.integer(`,"size":`)
		room.id.modTime = scan.integer(`,"mtime":`)
		room.id.changeTime = scan.integer(`,"ctime":`)
		room.idle = int(scan.natural(`,"idle":`))
		path := scan.quoted(`,"path":`)
		c.entries[path] = room
		return ok && scan.end()
	}
	known := &verdict{idle: int(scan.natural(`{"idle":`))}
	known.text = scan.quoted(`,"verdict":`)
	key := scan.quoted(`,"key":`)
	c.verdicts[key] = known
	return scan.end()
}

// pack writes the lines and compresses them.
func pack(c content) ([]byte, error) {
	var packed bytes.Buffer
	encoder, err := zstd.NewWriter(&packed, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, err
	}
	line := append([]byte(magic), '\n')
	_, err = encoder.Write(line)
	for _, path := range slices.Sorted(maps.Keys(c.entries)) {
		if utf8.ValidString(path) && err == nil {
			line = c.entries[path].append(line[:0], path)
			_, err = encoder.Write(line)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.verdicts)) {
		if known := c.verdicts[key]; utf8.ValidString(key) && utf8.ValidString(known.text) && err == nil {
			line = known.append(line[:0], key)
			_, err = encoder.Write(line)
		}
	}
	err = errors.Join(err, encoder.Close())
	return packed.Bytes(), err
}

func (e *entry) append(line []byte, path string) []byte {
	line = fmt.Appendf(line, `{"sum":"%x","ino":%d,"size":%d,"mtime":%d,"ctime":%d,"idle":%d,"path":`,
		e.sum[:], e.id.inode, e.id.size, e.id.modTime, e.id.changeTime, e.idle)
	return append(appendQuoted(line, path), "}\n"...)
}

func (v *verdict) append(line []byte, key string) []byte {
	line = append(strconv.AppendInt(append(line, `{"idle":`...), int64(v.idle), 10), `,"verdict":`...)
	line = append(appendQuoted(line, v.text), `,"key":`...)
	return append(appendQuoted(line, key), "}\n"...)
}

// appendQuoted appends valid UTF-8 as JSON.
func appendQuoted(line []byte, text string) []byte {
	quoted, _ := json.Marshal(text) // a string has no error
	return append(line, quoted...)
}
