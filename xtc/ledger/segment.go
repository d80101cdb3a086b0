package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	"golang.org/x/sys/unix"
)

// maxSegment is the most bytes of a segment that is read: some 10^8 rows.
const maxSegment = 1 << 30

// segment is one file of the ledger in memory.
type segment struct {
	path     string
	name     string
	info     fs.FileInfo
	file     *parquet.File
	replaces []string // segments that this one was made of
}

// schema is what every segment must have.
var schema = parquet.SchemaOf(row{})

// list returns the names of the segments, sorted. Dot-files are temporaries, other
// names than *.parquet are nobody's business here.
func (l *Ledger) list() ([]string, error) {
	entries, err := os.ReadDir(l.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if name := entry.Name(); strings.HasSuffix(name, suffix) && !strings.HasPrefix(name, ".") {
			names = append(names, name)
		}
	}
	return names, nil
}

// inspect reads the end of a segment.
func (l *Ledger) inspect(name string) (SegmentInfo, error) {
	f, err := l.open(name)
	if err != nil {
		return SegmentInfo{}, err
	}
	defer f.Close()
	path := filepath.Join(l.dir, name)
	info, err := f.Stat()
	if err != nil {
		return SegmentInfo{}, err
	}
	file, err := openParquet(f, info.Size())
	if err != nil {
		return SegmentInfo{}, &FormatError{path, err}
	}
	created, _, _ := parseName(name)
	return SegmentInfo{Name: name, Created: created, Bytes: info.Size(), Rows: file.NumRows()}, nil
}

// segment reads a segment and checks that its bytes are those it was made of.
func (l *Ledger) segment(name string) (*segment, error) {
	f, err := l.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := &segment{name: name, path: filepath.Join(l.dir, name)}
	if s.info, err = f.Stat(); err != nil {
		return nil, err
	}
	content := make([]byte, s.info.Size())
	if _, err := io.ReadFull(f, content); err != nil {
		return nil, fmt.Errorf("read %s: %w", s.path, err)
	}
	if _, sum, _ := parseName(name); sum != checksum(content) {
		return nil, &FormatError{s.path, errors.New("its bytes are not those whose checksum its name has")}
	}
	if s.file, err = openParquet(bytes.NewReader(content), s.info.Size()); err != nil {
		return nil, &FormatError{s.path, err}
	}
	if err := checkPages(content, s.file); err != nil {
		return nil, &FormatError{s.path, err}
	}
	if list, ok := s.file.Lookup(replacesKey); ok {
		s.replaces = strings.Split(list, ",")
	}
	return s, nil
}

// open opens a segment, which must be a regular file under a name of its own. A
// link is not followed, and nothing waits for a pipe.
func (l *Ledger) open(name string) (*os.File, error) {
	path := filepath.Join(l.dir, name)
	if _, _, ok := parseName(name); !ok {
		return nil, &FormatError{path, errors.New("its name is not that of a segment")}
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, &FormatError{path, errors.New("a symbolic link, which is not followed")}
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = &FormatError{path, errors.New("not a regular file")}
	case info.Size() > maxSegment:
		err = &FormatError{path, fmt.Errorf("%d bytes; a segment has at most %d", info.Size(), maxSegment)}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// openParquet reads the footer and checks that it is that of a segment.
func openParquet(r io.ReaderAt, size int64) (file *parquet.File, err error) {
	defer recovered(&err)
	file, err = parquet.OpenFile(r, size, &parquet.FileConfig{SkipPageIndex: true, SkipBloomFilters: true})
	if err != nil {
		return nil, err
	}
	if version, ok := file.Lookup(formatKey); !ok || version != formatVersion {
		return nil, fmt.Errorf("ledger format %q; this program reads format %s", version, formatVersion)
	}
	if !parquet.EqualNodes(file.Schema(), schema) {
		return nil, errors.New("other columns than those of the ledger")
	}
	for i, group := range file.RowGroups() {
		if err := checkGroup(group); err != nil {
			return nil, fmt.Errorf("row group %d: %w", i, err)
		}
	}
	return file, nil
}

// checkGroup checks the counts before anything is made that large.
func checkGroup(group parquet.RowGroup) error {
	rows := group.NumRows()
	if rows < 1 || rows > maxGroupRows {
		return fmt.Errorf("%d rows", rows)
	}
	chunks := group.ColumnChunks()
	if len(chunks) != len(schema.Columns()) {
		return fmt.Errorf("%d columns", len(chunks))
	}
	for i, chunk := range chunks {
		values := chunk.NumValues()
		if i < colFileName && values != rows || i >= colFileName && (values < rows || values > maxGroupList) {
			return fmt.Errorf("%d values in column %s", values, strings.Join(schema.Columns()[i], "."))
		}
	}
	return nil
}

// recovered turns a panic of the parquet library into an error. The library
// decodes hostile bytes and has bounds that it does not check itself; a damaged
// segment must not end a sweep. It is for a defer.
func recovered(err *error) {
	if value := recover(); value != nil {
		*err = fmt.Errorf("the bytes make no sense as parquet: %v", value)
	}
}

// live returns the segments that no other one was made of. A compaction that died
// before it removed what it had read leaves both; the records of the old ones are
// in the new one, merged.
func live(segments []*segment) []*segment {
	replaced := make(map[string]bool)
	for _, s := range segments {
		for _, name := range s.replaces {
			replaced[name] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(segments), func(s *segment) bool { return replaced[s.name] })
}
