package xtc_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deployconstants/internal/testenv"
	"deployconstants/xtc"
)

// epixID is the id that the bad files carry where they are not broken.
const epixID = "3925999616-0996579585-0553648138-1232098304-1221641739-2650251521-3976200215"

// wholeRun are the transitions of a bad file that can be read to its end.
const wholeRun = "Configure BeginRun BeginCalibCycle Enable L1Accept L1Accept Disable EndCalibCycle EndRun"

// badFile is what this package makes of one broken file.
type badFile struct {
	dgrams   string // transitions, blank separated; "" for wholeRun
	noDgrams bool
	ids      int        // configuration objects of Configure that gave epixID
	otherIDs int        // and another id
	file     error      // that Next ended with; nil for io.EOF
	fileOff  int64      // its offset
	nodes    error      // that Nodes ended with
	node     error      // Err of the first broken node
	config   error      // of the first object that cannot be decoded
	pdsdata  difference // from the format's library
	psana    difference // from psana
}

// difference says why we give another result than the original; empty where we give
// the same.
type difference string

const (
	reasonTorn      difference = "a header that is cut is an error; the library takes the bytes that were in its buffer before"
	reasonCrash     difference = "the original crashes"
	reasonShort     difference = "nothing is read beyond the payload of a short object"
	reasonStop      difference = "an extent below a header ends its container, as in psana; the library walks on inside the header"
	reasonContainer difference = "the root is not a container: nothing to visit, as in psana"
	reasonZeros     difference = "what came before the zeros stands; psana throws as soon as its reader meets them"
	reasonFirst     difference = "what counts as the run's Configure is decided above this package"
	reasonDepth     difference = "the depth is limited"
	reasonLevel     difference = "which sources a store takes is decided above this package"
)

// badFiles has every file of the reference's bad folder.
var badFiles = map[string]badFile{
	"alias_count_huge":                 {ids: 1, config: xtc.ErrConfig, psana: reasonCrash},
	"alias_zero":                       {ids: 1},
	"byteswapped":                      {noDgrams: true, file: xtc.ErrTornDgram},
	"child_extent_0":                   {node: xtc.ErrExtent},
	"child_extent_19":                  {node: xtc.ErrExtent, pdsdata: reasonStop},
	"child_extent_8":                   {node: xtc.ErrExtent, pdsdata: reasonStop},
	"child_extent_80000000":            {ids: 1, node: xtc.ErrExtent, pdsdata: reasonCrash, psana: reasonCrash},
	"child_extent_overflow":            {ids: 1, node: xtc.ErrExtent},
	"child_extent_overflow_segment":    {ids: 1, node: xtc.ErrExtent},
	"child_extent_unaligned":           {node: xtc.ErrExtent, config: xtc.ErrConfig, pdsdata: reasonShort, psana: reasonShort},
	"config_compressed_bit":            {pdsdata: reasonCrash},
	"config_payload_4":                 {config: xtc.ErrConfig, psana: reasonShort},
	"config_payload_short":             {config: xtc.ErrConfig, psana: reasonShort},
	"config_wrong_version":             {},
	"configure_as_map":                 {dgrams: strings.Replace(wholeRun, "Configure", "Map", 1)},
	"configure_incomplete_damage":      {},
	"configure_leaf_incomplete":        {ids: 1},
	"configure_not_container":          {pdsdata: reasonContainer},
	"configure_not_first":              {ids: 1, dgrams: "BeginRun Configure BeginCalibCycle Enable L1Accept L1Accept Disable EndCalibCycle EndRun", psana: reasonFirst},
	"configure_other_damage":           {ids: 1},
	"configure_segment_incomplete":     {},
	"dgram_extent_0":                   {noDgrams: true, file: xtc.ErrExtent},
	"dgram_extent_12":                  {noDgrams: true, file: xtc.ErrExtent},
	"dgram_extent_20":                  {dgrams: "Configure L1Accept L1Accept", file: xtc.ErrTooLarge, fileOff: 0x190},
	"dgram_extent_300MB":               {noDgrams: true, file: xtc.ErrTooLarge},
	"dgram_extent_ffffffff":            {noDgrams: true, file: xtc.ErrTooLarge, psana: reasonCrash},
	"dgram_extent_huge":                {noDgrams: true, file: xtc.ErrTooLarge},
	"garbage_4k":                       {noDgrams: true, file: xtc.ErrTornDgram},
	"garbage_text":                     {noDgrams: true, file: xtc.ErrTooLarge},
	"gzip_magic":                       {noDgrams: true, file: xtc.ErrExtent},
	"header_only":                      {noDgrams: true, file: xtc.ErrTornDgram},
	"l1_before_beginrun":               {ids: 1, dgrams: "Configure L1Accept L1Accept BeginRun BeginCalibCycle Enable L1Accept L1Accept Disable EndCalibCycle EndRun"},
	"many_children_20000":              {},
	"missing_configure":                {dgrams: strings.TrimPrefix(wholeRun, "Configure ")},
	"nesting_5000":                     {ids: 1},
	"nesting_50000":                    {nodes: xtc.ErrDepth, pdsdata: reasonDepth},
	"nesting_64":                       {ids: 1},
	"nsec_too_big":                     {ids: 1},
	"only_configure":                   {ids: 1, dgrams: "Configure"},
	"sec_zero":                         {ids: 1},
	"segment_extent_0":                 {node: xtc.ErrExtent},
	"short_10bytes":                    {noDgrams: true, file: xtc.ErrTrailingBytes},
	"trailing_garbage_7":               {ids: 1, file: xtc.ErrTrailingBytes, fileOff: 0xcfc, pdsdata: reasonTorn},
	"trailing_zeros_64":                {ids: 1, file: xtc.ErrZeroTail, fileOff: 0xcfc, psana: reasonZeros},
	"truncated_1byte":                  {ids: 1, dgrams: strings.TrimSuffix(wholeRun, " EndRun"), file: xtc.ErrTrailingBytes, fileOff: 0xcd4, pdsdata: reasonTorn},
	"truncated_header_39":              {ids: 1, dgrams: "Configure BeginRun", file: xtc.ErrTrailingBytes, fileOff: 0x76c},
	"truncated_header_after_configure": {ids: 1, dgrams: "Configure", file: xtc.ErrTrailingBytes, fileOff: 0x71c},
	"truncated_in_configure":           {noDgrams: true, file: xtc.ErrTornDgram},
	"truncated_in_l1accept":            {ids: 1, dgrams: "Configure BeginRun BeginCalibCycle Enable", file: xtc.ErrTornDgram, fileOff: 0x88c},
	"two_configures_differ":            {ids: 1, otherIDs: 1, dgrams: wholeRun + " " + wholeRun},
	"two_configures_same_clock":        {ids: 1, otherIDs: 1, dgrams: wholeRun + " " + wholeRun},
	"unknown_detector_device":          {ids: 1, psana: reasonLevel},
	"unknown_level":                    {ids: 1, psana: reasonLevel},
	"unknown_service_15":               {dgrams: strings.Replace(wholeRun, "Configure", "-Invalid-", 1)},
	"unknown_typeid":                   {},
	"wrong_detector_only":              {ids: 1, psana: reasonLevel},
	"zero_length":                      {noDgrams: true},
}

// reference is what the originals made of a bad file.
type reference struct {
	Pdsdata struct {
		Configs [][]any `json:"configs"`
		Nodes   int     `json:"config_nodes"`
		Dgrams  []any   `json:"dgrams"`
		Code    int     `json:"rc"`
	} `json:"pdsdata_iterators"`
	Psana struct {
		Config *struct {
			Version uint32 `json:"version"`
		} `json:"config"`
		Code int `json:"rc"`
	} `json:"psana"`
}

// outcome is what was read of a bad file, in the terms of badFile, and how many whole
// nodes its Configure datagrams have.
func outcome(t *testing.T, path string) (got badFile, nodes int) {
	t.Helper()
	f, err := xtc.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var dgrams []string
	for d, err := range f.Dgrams() {
		if err != nil {
			broken, ok := errors.AsType[*xtc.FormatError](err)
			if !ok {
				t.Fatalf("error is no *FormatError: %v", err)
			}
			got.file, got.fileOff = err, broken.Off
			break
		}
		dgrams = append(dgrams, d.Service().String())
		for n, err := range f.Nodes(d) {
			if err != nil {
				got.nodes = err
				break
			}
			if n.Err != nil && got.node == nil {
				got.node = n.Err
			}
			c, err := f.Config(n)
			if err != nil && !errors.Is(err, xtc.ErrNotConfig) && got.config == nil {
				got.config = err
			}
			if d.Service() != xtc.TransitionConfigure {
				continue
			}
			if n.Extent >= xtc.XtcHeaderSize {
				nodes++
			}
			if err != nil {
				continue
			}
			if id, ok := xtc.HardwareID(c); ok && id == epixID {
				got.ids++
			} else if ok {
				got.otherIDs++
			}
		}
	}
	got.dgrams, got.noDgrams = strings.Join(dgrams, " "), len(dgrams) == 0
	return got, nodes
}

func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	testenv.Unpack(t, dir, testenv.Shared(t, "xtc", "bad"))
	var cases map[string]string
	var results map[string]reference
	for name, into := range map[string]any{"cases.json": &cases, "results.json": &results} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	if len(cases) != len(badFiles) {
		t.Errorf("%d files in the reference, %d in the table", len(cases), len(badFiles))
	}
	for file, what := range cases {
		name := strings.TrimSuffix(file, ".xtc")
		t.Run(name, func(t *testing.T) {
			testenv.Case(t, "bad files")
			want, ok := badFiles[name]
			if !ok {
				t.Fatalf("not in the table: %s", what)
			}
			if want.dgrams == "" && !want.noDgrams {
				want.dgrams = wholeRun
			}
			got, nodes := outcome(t, filepath.Join(dir, file))
			if got.dgrams != want.dgrams || got.noDgrams != want.noDgrams {
				t.Errorf("datagrams %q, want %q", got.dgrams, want.dgrams)
			}
			if got.ids != want.ids || got.otherIDs != want.otherIDs {
				t.Errorf("%d ids and %d others, want %d and %d", got.ids, got.otherIDs, want.ids, want.otherIDs)
			}
			if got.fileOff != want.fileOff {
				t.Errorf("the error is at %#x, want %#x: %v", got.fileOff, want.fileOff, got.file)
			}
			for _, e := range []struct {
				what      string
				got, want error
			}{{"file", got.file, want.file}, {"nodes", got.nodes, want.nodes}, {"node", got.node, want.node}, {"config", got.config, want.config}} {
				if !errors.Is(e.got, e.want) || (e.want == nil) != (e.got == nil) {
					t.Errorf("%s: %v, want %v", e.what, e.got, e.want)
				}
			}
			checkReference(t, want, got, nodes, results[file])
		})
	}
}

// checkReference compares with the originals: the result is theirs, or the table says
// why it is not.
func checkReference(t *testing.T, want, got badFile, nodes int, r reference) {
	t.Helper()
	var dgrams []string
	for _, d := range r.Pdsdata.Dgrams {
		if name, ok := d.(string); ok {
			dgrams = append(dgrams, name)
		}
	}
	same := r.Pdsdata.Code == 0 && strings.Join(dgrams, " ") == got.dgrams &&
		len(r.Pdsdata.Configs) == got.ids+got.otherIDs && r.Pdsdata.Nodes == nodes
	if same != (want.pdsdata == "") {
		t.Errorf("the same as the library: %v, but the table says %q", same, want.pdsdata)
	}
	psana := r.Psana.Config != nil && r.Psana.Config.Version != 0
	same = r.Psana.Code >= 0 && psana == (got.ids > 0)
	if same != (want.psana == "") {
		t.Errorf("the same as psana: %v, but the table says %q", same, want.psana)
	}
}

// partialErrors are the files of the partial runs that do not end well.
var partialErrors = map[string]error{
	"e665-r0802-s00-c00.xtc": xtc.ErrTornDgram,
	"e665-r0803-s00-c00.xtc": xtc.ErrTooLarge,
	"e665-r0808-s00-c00.xtc": xtc.ErrTornDgram,
}

func TestPartialFiles(t *testing.T) {
	dir := testenv.Shared(t, "xtc", "partial", "psdm", "XPP", "xpptut15", "xtc")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		t.Run(entry.Name(), func(t *testing.T) {
			testenv.Case(t, "partial files")
			b, err := os.ReadFile(filepath.Join(dir, entry.Name()))
			if err != nil {
				t.Fatal(err)
			}
			got, _ := outcome(t, filepath.Join(dir, entry.Name()))
			if want := partialErrors[entry.Name()]; !errors.Is(got.file, want) || (want == nil) != (got.file == nil) {
				t.Errorf("ends with %v, want %v", got.file, want)
			}
			readHostile(t, b, xtc.Limits{})
		})
	}
}

// File and Reader give the same on every reference file, good or bad.
func TestReaderEqualsFile(t *testing.T) {
	dir := t.TempDir()
	testenv.Unpack(t, filepath.Join(dir, "good"), testenv.Shared(t, "xtc", "data"))
	testenv.Unpack(t, filepath.Join(dir, "bad"), testenv.Shared(t, "xtc", "bad"))
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".xtc" {
			return err
		}
		t.Run(entry.Name(), func(t *testing.T) {
			f, err := xtc.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			stream, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Close()
			checkTranscripts(t, f, xtc.NewReader(stream, xtc.Limits{}))
			if _, err := f.Next(); err == nil {
				t.Error("the error of Next is not sticky")
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The conditions of a file's end can be told apart, and from a clean end.
func TestTailErrors(t *testing.T) {
	if errors.Is(xtc.ErrTornDgram, xtc.ErrTrailingBytes) || !errors.Is(xtc.ErrTrailingBytes, xtc.ErrTornDgram) {
		t.Error("trailing bytes are one kind of a torn datagram")
	}
	if !errors.Is(xtc.ErrTornDgram, io.ErrUnexpectedEOF) || errors.Is(xtc.ErrZeroTail, xtc.ErrTornDgram) {
		t.Error("a torn datagram is an unexpected end, zeros are not")
	}
	err := &xtc.FormatError{Off: 0x1a40, What: "extent", Got: 12, Err: xtc.ErrExtent}
	if got, want := err.Error(), "offset 0x1a40: extent 12: impossible extent"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
