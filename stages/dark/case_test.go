package dark_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/testenv"
	"deployconstants/repo/ndarray"
)

// covered are the cases of data/dark and the tests that run them.
var covered = map[string]string{
	"c": "TestCalibrun", "e": "TestEpix10ka", "f": "TestChargeInjection", "j": "TestJungfrau",
	"n": "TestNames", "p": "TestPsana2", "s": "TestPixelStatus", "t": "TestText", "u": "TestUnits",
}

// TestEveryCaseIsCovered finds cases that no test would run.
func TestEveryCaseIsCovered(t *testing.T) {
	entries, err := os.ReadDir(testenv.Shared(t, "dark"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		n++
		if covered[entry.Name()[:1]] == "" {
			t.Errorf("no test runs the case %s", entry.Name())
		}
	}
	if n == 0 {
		t.Error("no cases")
	}
}

// eachCase runs a test for every case whose name begins with the letter.
func eachCase(t *testing.T, letter string, run func(t *testing.T, c darkCase)) {
	t.Helper()
	if covered[letter] != t.Name() {
		t.Fatalf("cases %s* belong to %s", letter, covered[letter])
	}
	dirs, err := filepath.Glob(filepath.Join(testenv.Shared(t, "dark"), letter+"*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(dirs) == 0 {
		t.Fatalf("no cases %s*", letter)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			testenv.Case(t, "dark")
			run(t, readCase(t, dir))
		})
	}
}

// A darkCase is a case.json.
type darkCase struct {
	dir           string
	ID            string
	Params        caseParams
	EventsInRun   int `json:"n_events_in_run"`
	NEvents       int `json:"n_events"`
	Sources       []caseSource
	Modes         []caseMode
	Expected      map[string]json.RawMessage
	ExpectedClean map[string]json.RawMessage `json:"expected_clean"`

	Exp, Source    string
	Run            int
	PanelShape     []int   `json:"panel_shape"`
	NPanels        int     `json:"n_panels"`
	HardwareIDs    [][]int `json:"panel_hw_ids"`
	ModuleIDs      [][]int `json:"module_ids"`
	Generator      *dgen   // of p01
	InputSHA       string  `json:"input_sha256"`
	BlockShape     []int   `json:"block_shape"`
	BlockFile      string  `json:"block_file"`
	EventsFile     string  `json:"evnum_file"`
	Items          []caseText
	QuantileIndex  caseTable `json:"quantile_index"`
	EvaluateLimits struct {
		Rows []caseLimits
	} `json:"evaluate_limits"`
	Nevlm []struct {
		Fraclm  float64
		Counter int
		Nevlm   int
	}
	Rows []struct {
		Det, CType, TStamp, FName string
	}
}

type caseTable struct{ Rows [][]any }

type caseText struct {
	Array, Fmt, FName string
	AddMetad          bool
	Comments          []string
	Function          string
}

type caseLimits struct {
	Kind       string
	N          int
	NNeg, NPos float64
	LimLo      float64 `json:"lim_lo"`
	LimHi      float64 `json:"lim_hi"`
	Mean, Std  any     // number, or hexadecimal text
	Lo, Hi     any
}

type caseParams struct {
	EvSkip, Events                 int
	IntLow, IntHig, RmsLow, RmsHig float64
	IntNLo, IntNHi, RmsNLo, RmsNHi float64
	Fraclm                         float64
	Nrecs, Nrecs1                  int
	DatBits                        int
	DsName                         string

	Int_lo, Int_hi, Rms_lo, Rms_hi float64
	Fraclo, Frachi                 float64

	Nbs int

	Features string
	SnrMax   float64
	DataBits int

	IxOff    int
	NPeriods bool
	Gap      int
	ASat     float64
	NPMin    int
}

type caseSource struct {
	Source string
	NoneAt []int `json:"none_at"`
	input
}

type caseMode struct {
	GainMode string `json:"gain_mode"`
	IGM      int
	Run      int
	Trbit    int
	Config   int    `json:"asic_pixel_config"`
	Label    string `json:"calibcycle_label"`
	NEvents  int    `json:"n_events"`
	NoneAt   []int  `json:"none_at"`
	input
}

// An input is frames: stored, or to be generated.
type input struct {
	Generator *dgen
	Stored    struct {
		Frames int    `json:"n_frames"`
		SHA    string `json:"sha256_concat"`
		File   string
	}
}

func readCase(t testing.TB, dir string) darkCase {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "case.json"))
	if err != nil {
		t.Fatal(err)
	}
	c := darkCase{dir: dir}
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// expect decodes a value of "expected".
func expect[T any](t testing.TB, from map[string]json.RawMessage, key string) T {
	t.Helper()
	var v T
	text, known := from[key]
	if !known {
		t.Fatalf("the case expects no %s", key)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return v
}

// read returns the frames of the events that have data, with the bits of the raw
// values, and checks the digest that the case gives.
func (in input) read(t testing.TB, c darkCase, events int, none []int) [][]uint16 {
	t.Helper()
	size := 1
	for _, dim := range in.Generator.Shape {
		size *= dim
	}
	var frames [][]uint16
	if in.Stored.File != "" {
		values := readInt16(t, filepath.Join(c.dir, in.Stored.File))
		for frame := range slices.Chunk(values, size) {
			frames = append(frames, frame)
		}
	} else {
		for event := range events {
			if !slices.Contains(none, event) {
				frames = append(frames, in.Generator.frame(event))
			}
		}
	}
	if want := in.Stored.SHA; want != "" {
		digest := sha256.New()
		for _, frame := range frames {
			binary.Write(digest, binary.LittleEndian, frame)
		}
		if got := hex.EncodeToString(digest.Sum(nil)); got != want {
			t.Fatalf("%d frames have the digest %s, want %s", len(frames), got, want)
		}
	}
	return frames
}

func readInt16(t testing.TB, path string) []uint16 {
	t.Helper()
	text := gunzip(t, path)
	values := make([]uint16, len(text)/2)
	if err := binary.Read(bytes.NewReader(text), binary.LittleEndian, values); err != nil {
		t.Fatal(err)
	}
	return values
}

func gunzip(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unzipped)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// texts returns the files of text.tar.gz by name.
func (c darkCase) texts(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	archive := tar.NewReader(bytes.NewReader(gunzip(t, filepath.Join(c.dir, "text.tar.gz"))))
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
}

// An expectedText is an entry of "text" in a case: the file itself, or its digest.
type expectedText struct {
	Member *string
	Bytes  int
	SHA    string `json:"sha256"`
}

// checkText compares a file that was written with the one that the case has.
func checkText(t *testing.T, files map[string][]byte, want expectedText, name string, got []byte) {
	t.Helper()
	digest := sha256.Sum256(got)
	if hex.EncodeToString(digest[:]) == want.SHA {
		return
	}
	if want.Member == nil {
		t.Errorf("%s: %d bytes of another digest than the reference's %d", name, len(got), want.Bytes)
		return
	}
	testenv.SameLines(t, name, got, files[*want.Member])
}

// arrays reads arrays.npz.
func (c darkCase) arrays(t testing.TB) map[string]*ndarray.Array {
	t.Helper()
	archive, err := zip.OpenReader(filepath.Join(c.dir, "arrays.npz"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	list := map[string]*ndarray.Array{}
	for _, f := range archive.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if list[strings.TrimSuffix(f.Name, ".npy")], err = ndarray.ReadNPY(in, ndarray.Limits{}); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		in.Close()
	}
	return list
}

// An expectedArray is an entry of "arrays" in a case.
type expectedArray struct {
	DType string
	Shape []int
	SHA   string `json:"sha256_le_bytes"`
}

// checkArray compares an array bit for bit, by the digest that the case has of
// every array; where the array is stored, the first difference is shown.
func checkArray(t *testing.T, stored map[string]*ndarray.Array, want expectedArray, name string, got *ndarray.Array) {
	t.Helper()
	if got.DType.String() != want.DType || !slices.Equal(got.Shape, want.Shape) {
		t.Errorf("%s: %v %v, want %s %v", name, got.DType, got.Shape, want.DType, want.Shape)
		return
	}
	digest := sha256.Sum256(littleEndian(t, got))
	if hex.EncodeToString(digest[:]) == want.SHA {
		return
	}
	t.Errorf("%s differs", name)
	if a := stored[name]; a != nil {
		have, right := got.AsFloat64(), a.AsFloat64()
		for i := range have {
			if math.Float64bits(have[i]) != math.Float64bits(right[i]) {
				t.Errorf("%s[%d] is %v, want %v", name, i, have[i], right[i])
				return
			}
		}
	}
}

// littleEndian returns the bytes of an array in memory of the reference.
func littleEndian(t testing.TB, a *ndarray.Array) []byte {
	t.Helper()
	var out []byte
	put := func(word uint64) {
		var eight [8]byte
		binary.LittleEndian.PutUint64(eight[:], word)
		out = append(out, eight[:a.DType.Size()]...)
	}
	for _, v := range a.Floats {
		if a.DType == ndarray.Float32 {
			put(uint64(math.Float32bits(float32(v))))
		} else {
			put(math.Float64bits(v))
		}
	}
	for _, v := range a.Integers {
		put(uint64(v))
	}
	for _, v := range a.Words {
		put(v)
	}
	return out
}

// header is what the cases have in place of the host's.
func header(fileName string) ndarray.Header {
	return ndarray.Header{
		Host: "refhost", WorkDir: "/refdir", FileName: fileName, User: "refuser",
		Time: time.Date(2023, 11, 14, 14, 13, 20, 0, time.UTC),
	}
}
