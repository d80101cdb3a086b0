package xtc_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"deployconstants/internal/testenv"
	"deployconstants/xtc"
)

// lone is a file that has one datagram header at the offset that it says, and nothing
// else: reading elsewhere fails.
type lone struct {
	header []byte
}

func (l lone) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(l.header)) {
		return 0, io.EOF
	}
	n := copy(p, l.header[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// readHeader decodes the ten words of a datagram header.
func readHeader(t *testing.T, words []string) *xtc.Dgram {
	t.Helper()
	var header []byte
	for _, word := range words {
		n, err := strconv.ParseUint(strings.TrimPrefix(word, "0x"), 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		header = binary.LittleEndian.AppendUint32(header, uint32(n))
	}
	extent := int64(binary.LittleEndian.Uint32(header[36:]))
	d, err := xtc.NewFile(lone{header}, xtc.DgramHeaderSize-xtc.XtcHeaderSize+extent, xtc.Limits{}).Next()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRealHeaders(t *testing.T) {
	text, err := os.ReadFile(testenv.Shared(t, "xtc", "real_headers.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Headers []struct {
			Offset   int64    `json:"offset"`
			Words    []string `json:"words"`
			Damage   uint32   `json:"damage"`
			Log      string   `json:"log"`
			Phy      string   `json:"phy"`
			Contains string   `json:"contains"`
			Extent   uint32   `json:"extent"`
			Next     int64    `json:"next_offset"`
			Dump     struct {
				Tp, Sv               string
				Ex, Ev               int
				Sec, Nano, Tcks, Fid uint32
				Ctrl                 uint8
				Vec                  uint16
				Env                  uint32
			} `json:"lcls_dump"`
		} `json:"headers"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Headers) != 44 {
		t.Errorf("%d headers, want 44", len(list.Headers))
	}
	for _, h := range list.Headers {
		t.Run(strconv.FormatInt(h.Offset, 10), func(t *testing.T) {
			testenv.Case(t, "real headers")
			d := readHeader(t, h.Words)
			dump := h.Dump
			if d.Service().String() != dump.Sv || d.SequenceType() != 0 || dump.Tp != "Event" || d.Extended() != (dump.Ex != 0) {
				t.Errorf("%s %d %v, want %s %s %d", d.Service(), d.SequenceType(), d.Extended(), dump.Sv, dump.Tp, dump.Ex)
			}
			if d.Clock != (xtc.Clock{Sec: dump.Sec, Nsec: dump.Nano}) {
				t.Errorf("clock %v, want %d.%d", d.Clock, dump.Sec, dump.Nano)
			}
			if d.Ticks != dump.Tcks || d.Fiducials != dump.Fid || d.Control != dump.Ctrl || d.Vector != dump.Vec || d.Env != dump.Env {
				t.Errorf("%+v, want %+v", *d, dump)
			}
			if words := hex(d.Root.Src.Log) + hex(d.Root.Src.Phy) + hex(uint32(d.Root.Contains)); words != h.Log+h.Phy+h.Contains {
				t.Errorf("source and type %s, want %s %s %s", words, h.Log, h.Phy, h.Contains)
			}
			if uint32(d.Root.Damage) != h.Damage || d.Root.Extent != h.Extent || h.Offset+d.End() != h.Next {
				t.Errorf("damage %v extent %d next %d, want %d %d %d", d.Root.Damage, d.Root.Extent, h.Offset+d.End(), h.Damage, h.Extent, h.Next)
			}
		})
	}
}

func hex(word uint32) string {
	text := strconv.FormatUint(uint64(word), 16)
	return strings.Repeat("0", 8-len(text)) + text
}

func TestRealSmallDataHeaders(t *testing.T) {
	f, err := os.Open(testenv.Shared(t, "real", "text", "smd_e642_r0128_headers.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		columns := strings.Split(lines.Text(), "\t")
		if strings.HasPrefix(lines.Text(), "#") || len(columns) < 16 {
			continue
		}
		t.Run(columns[0]+"/"+columns[2], func(t *testing.T) {
			testenv.Case(t, "real headers")
			d := readHeader(t, columns[4:14])
			if d.Service().String() != columns[14] {
				t.Errorf("service %s, want %s", d.Service(), columns[14])
			}
			if nsec := "0x" + strings.ToUpper(hex(d.Clock.Nsec)); nsec != columns[4] {
				t.Errorf("nanoseconds %s, want %s", nsec, columns[4])
			}
		})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// A header whose neighbours cannot be read is an error of the reader, not of the file.
func TestReadErrorIsPassedOn(t *testing.T) {
	broken := errors.New("no route to storage")
	f := xtc.NewFile(failing{broken}, 1000, xtc.Limits{})
	for range 2 {
		if _, err := f.Next(); !errors.Is(err, broken) {
			t.Errorf("Next gives %v", err)
		}
	}
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }
