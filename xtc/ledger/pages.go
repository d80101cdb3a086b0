package ledger

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
)

// maxPage bounds a page, in bytes after decompression. The writer makes pages of a
// quarter MiB and dictionaries of distinct texts of one row group.
const maxPage = 256 << 20

var errPage = errors.New("a page header that makes no sense")

// checkPages walks over the pages of a segment before the parquet library does,
// which allocates whatever their headers ask for: a segment of some kilobytes may
// not ask for gigabytes.
func checkPages(content []byte, file *parquet.File) error {
	for _, group := range file.Metadata().RowGroups {
		for _, column := range group.Columns {
			m := &column.MetaData
			if m.Codec.String() != "ZSTD" {
				return fmt.Errorf("compressed with %s instead of ZSTD", m.Codec)
			}
			begin := m.DataPageOffset
			if m.DictionaryPageOffset != 0 {
				begin = min(begin, m.DictionaryPageOffset)
			}
			if begin < 4 || begin > int64(len(content)) || m.TotalCompressedSize < 0 || m.TotalCompressedSize > int64(len(content))-begin {
				return errors.New("a column beyond the end")
			}
			for chunk := content[begin : begin+m.TotalCompressedSize]; len(chunk) > 0; {
				page, rest, err := readPage(chunk)
				if err != nil {
					return err
				}
				if err := page.check(); err != nil {
					return err
				}
				chunk = rest
			}
		}
	}
	return nil
}

// page is what a page header says, and the bytes behind it.
type page struct {
	size           int64 // after decompression
	values         int64
	levels         int64 // bytes before what is compressed
	compressed     bool
	bytes          []byte
	compressedSize int64
}

// readPage reads the header of the page at the beginning of b.
func readPage(b []byte) (page, []byte, error) {
	p := page{compressed: true}
	t := thrift{bytes: b}
	t.structure(func(field int, kind byte) {
		switch {
		case field == 2 && kind == thriftI32:
			p.size = t.integer()
		case field == 3 && kind == thriftI32:
			p.compressedSize = t.integer()
		case (field == 5 || field == 7 || field == 8) && kind == thriftStruct:
			t.structure(func(inner int, kind byte) {
				switch {
				case inner == 1 && kind == thriftI32:
					p.values = t.integer()
				case field == 8 && (inner == 5 || inner == 6) && kind == thriftI32:
					n := t.integer()
					if n < 0 {
						t.failed = true
					}
					p.levels += n
				case field == 8 && inner == 7:
					p.compressed = kind == thriftTrue
				default:
					t.skip(kind, 0)
				}
			})
		default:
			t.skip(kind, 0)
		}
	})
	if t.failed || p.compressedSize < 0 || p.compressedSize > int64(len(t.bytes)) {
		return page{}, nil, errPage
	}
	p.bytes = t.bytes[:p.compressedSize]
	return p, t.bytes[p.compressedSize:], nil
}

// check compares what is asked for with what there can be.
func (p *page) check() error {
	if p.size < 0 || p.size > maxPage || p.values < 0 || p.values > maxGroupList || p.levels > int64(len(p.bytes)) {
		return fmt.Errorf("a page of %d bytes and %d values", p.size, p.values)
	}
	if body := p.bytes[p.levels:]; p.compressed && len(body) > 0 {
		return checkFrame(body, p.size)
	}
	return nil
}

// checkFrame makes sure that b is one zstd frame that decodes to maxPage bytes at
// most: it says so, and its blocks are too few for more.
func checkFrame(b []byte, size int64) error {
	var header zstd.Header
	if err := header.Decode(b); err != nil || header.Skippable || header.FrameContentSize > uint64(size) || header.WindowSize > maxPage {
		return errors.New("a page that is not what its header says")
	}
	at := header.HeaderSize
	for range maxPage / maxBlock {
		if at+3 > len(b) {
			break
		}
		block := int(b[at]) | int(b[at+1])<<8 | int(b[at+2])<<16
		last, repeated, length := block&1 != 0, block>>1&3 == 1, block>>3
		if repeated {
			length = 1
		}
		at += 3 + length
		if last {
			if header.HasCheckSum {
				at += 4
			}
			if at == len(b) {
				return nil
			}
			break
		}
	}
	return errors.New("a page that is not one zstd frame")
}

// maxBlock is the most that a block of a zstd frame decodes to, in bytes.
const maxBlock = 128 << 10

// Types of the compact protocol of Thrift.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftI8     = 3
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftStruct = 12
)

// thrift reads the compact protocol. The first failure stays.
type thrift struct {
	bytes  []byte
	failed bool
}

func (t *thrift) take(n uint64) []byte {
	if t.failed || n > uint64(len(t.bytes)) {
		t.failed = true
		return nil
	}
	taken := t.bytes[:n]
	t.bytes = t.bytes[n:]
	return taken
}

func (t *thrift) byte() byte {
	if b := t.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (t *thrift) unsigned() (n uint64) {
	for shift := 0; shift < 64; shift += 7 {
		b := t.byte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	t.failed = true
	return 0
}

// integer reads a zigzag number.
func (t *thrift) integer() int64 {
	n := t.unsigned()
	return int64(n>>1) ^ -int64(n&1)
}

// structure calls visit for every field, which must read or skip it.
func (t *thrift) structure(visit func(field int, kind byte)) {
	field := 0
	for !t.failed {
		head := t.byte()
		if head == 0 {
			return
		}
		if delta := int(head >> 4); delta != 0 {
			field += delta
		} else {
			field = int(int16(t.integer()))
		}
		visit(field, head&0xf)
	}
}

// skip skips a value; maps occur nowhere in a page header.
func (t *thrift) skip(kind byte, depth int) {
	switch kind {
	case thriftTrue, thriftFalse:
	case thriftI8:
		t.take(1)
	case thriftI8 + 1, thriftI32, thriftI64:
		t.unsigned()
	case thriftDouble:
		t.take(8)
	case thriftBinary:
		t.take(t.unsigned())
	case thriftList, thriftSet:
		head := t.byte()
		count := uint64(head >> 4)
		if count == 15 {
			count = t.unsigned()
		}
		for ; count > 0 && !t.failed && depth < 8; count-- {
			if t.skip(head&0xf, depth+1); head&0xf <= thriftFalse {
				t.take(1)
			}
		}
	case thriftStruct:
		if depth < 8 {
			t.structure(func(_ int, kind byte) { t.skip(kind, depth+1) })
			return
		}
		t.failed = true
	default:
		t.failed = true
	}
}
