package goldentest_test

import (
	"context"
	"fmt"
	"math"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/cli"
	"deployconstants/repo"
	"deployconstants/repo/ndarray"
	"deployconstants/stages"
	"deployconstants/xtc/dataset"
)

// libraryCall is what a Python script of group S calls: file_name_in_repo, or with
// an array save_epix100a_ctype_in_repo. Zero values are those of the first case.
type libraryCall struct {
	run       int    // 0: 260
	detector  string // "": XcsEndstation.0:Epix100a.1
	ctype     string // "": gain
	stamp     string // tstamp; "": None
	deployRun string // rundepl; "": None

	array    func() (*ndarray.Array, error) // nil: only the name is asked for
	format   string                         // fmt; "": the default
	fileMode atomicfile.Mode                // 0: the era's default
}

const (
	rows    = 704
	columns = 768
	ts2022  = "20220901120000" // the documented examples' stamp
)

// libraryCalls are the scripts of group S that have a counterpart.
var libraryCalls = map[string]libraryCall{
	"S02": {},
	"S03": {deployRun: "123"},
	"S04": {stamp: ts2022},
	"S05": {stamp: ts2022, deployRun: "123"},
	"S06": {stamp: ts2022, deployRun: "0-end"},
	"S07": {stamp: ts2022, deployRun: "0007"},
	"S08": {stamp: ts2022, deployRun: "7"},
	"S09": {stamp: ts2022, deployRun: "12345"},
	"S10": {stamp: ts2022, deployRun: "abc"},
	"S11": {stamp: ts2022, deployRun: "10-20"},
	"S12": {stamp: ts2022},
	"S13": {stamp: "not a time"},
	"S14": {stamp: ts2022, ctype: "pedestals"},
	"S15": {},
	"S16": {stamp: ts2022, deployRun: "123", run: 380, detector: "CxiDs1.0:Cspad.0"},

	"S30": {stamp: ts2022, deployRun: "123", array: uniform, format: "%.4f"},
	"S31": {array: uniform, format: "%.4f"},
	"S32": {deployRun: "123", array: uniform, format: "%.4f"},
	"S33": {stamp: ts2022, array: uniform, format: "%.4f"},
	"S34": {stamp: ts2022, deployRun: "123", array: uniform},
	"S35": {stamp: ts2022, deployRun: "123", array: uniform, format: "%.2f"},
	"S36": {stamp: ts2022, deployRun: "123", array: counted(func(i int) float64 { return float64(i) / 7 }), format: "%.6e"},
	"S37": {stamp: ts2022, deployRun: "123", array: int32s, format: "%d"},
	"S38": {stamp: ts2022, deployRun: "123", array: counted(func(i int) float64 { return float64(i) * 1e-3 }), format: "%g"},
	"S39": {stamp: ts2022, deployRun: "123", array: float32s, format: "%.4f"},
	"S40": {stamp: ts2022, deployRun: "123", array: tiled(0.05, 0.15, 0.25, 0.35, 0.45, 0.125, 2.5, -0.05), format: "%.1f"},
	"S41": {stamp: ts2022, deployRun: "123", array: tiled(math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1)), format: "%.4f"},
	"S42": {stamp: ts2022, deployRun: "123", array: uniform, format: "%8.3f"},
	"S43": {stamp: ts2022, deployRun: "123", array: uint64s, format: "%d"},
	"S44": {stamp: ts2022, deployRun: "123", array: ones(columns, rows), format: "%.4f"},
	"S45": {stamp: ts2022, deployRun: "123", array: ones(1, rows, columns), format: "%.4f"},
	"S47": {stamp: ts2022, deployRun: "123", array: uniform, format: "%.4f", ctype: "common_mode"},
	"S48": {stamp: ts2022, deployRun: "123", array: uniform, format: "%.4f", ctype: "pedestals"},
	"S49": {stamp: ts2022, deployRun: "123", array: uniform, format: "%.4f"},
	"S50": {stamp: "20160101000000", array: uniform, format: "%.4f"},
	"S51": {stamp: ts2022, deployRun: "123", array: uniform, format: "%.4f", fileMode: 0o640},
}

// uniform is the array of the documented example.
func uniform() (*ndarray.Array, error) { return ndarray.Filled([]int{rows, columns}, 0.061) }

func ones(shape ...int) func() (*ndarray.Array, error) {
	return func() (*ndarray.Array, error) { return ndarray.Filled(shape, 1) }
}

func counted(value func(i int) float64) func() (*ndarray.Array, error) {
	return func() (*ndarray.Array, error) {
		values := make([]float64, rows*columns)
		for i := range values {
			values[i] = value(i)
		}
		return ndarray.FromFloats([]int{rows, columns}, values)
	}
}

func tiled(pattern ...float64) func() (*ndarray.Array, error) {
	return counted(func(i int) float64 { return pattern[i%len(pattern)] })
}

func float32s() (*ndarray.Array, error) {
	a, err := counted(func(i int) float64 { return float64(float32(float64(i) * 0.1)) })()
	if err == nil {
		a.DType = ndarray.Float32
	}
	return a, err
}

func int32s() (*ndarray.Array, error) {
	values := make([]int64, rows*columns)
	for i := range values {
		values[i] = int64(i % 1000)
	}
	a, err := ndarray.FromIntegers([]int{rows, columns}, values)
	if err == nil {
		a.DType = ndarray.Int32
	}
	return a, err
}

func uint64s() (*ndarray.Array, error) {
	values := make([]uint64, rows*columns)
	for i := range values {
		values[i] = 1<<63 + 1
	}
	return ndarray.FromWords([]int{rows, columns}, values)
}

// modesOfSeptember are the default modes of the release that brought the library
// calls.
const (
	dirModeOfSeptember  atomicfile.Mode = 0o2777
	fileModeOfSeptember atomicfile.Mode = 0o666
)

// callLibrary makes the call of the case through the Go API and prints the name as
// the documented example does.
func callLibrary(ctx context.Context, env cli.Env, w world) error {
	call, ok := libraryCalls[w.Library]
	if !ok {
		return fmt.Errorf("case %s has no library call", w.Library)
	}
	zone, err := repo.LoadZone(zoneLCLS)
	if err != nil {
		return err
	}
	experiments, err := dataset.LoadExperiments(env.Getenv("SIT_DATA") + "/ExpNameDb/experiment-db.dat")
	if err != nil {
		return err
	}
	const experiment = "xpptut15"
	run := call.run
	if run == 0 {
		run = 260
	}
	catalog := dataset.Catalog{Roots: []string{env.Getenv("SIT_PSDM_DATA")}, Experiments: experiments}
	spec, err := dataset.ParseSpec(fmt.Sprintf("exp=%s:run=%d", experiment, run))
	if err != nil {
		return err
	}
	id, err := stages.Identify(ctx, catalog, spec,
		orElse(call.detector, "XcsEndstation.0:Epix100a.1"))
	if err != nil {
		return err
	}
	fileMode := fileModeOfSeptember
	if call.fileMode != 0 {
		fileMode = call.fileMode
	}
	repository, err := repo.Open(env.Getenv("SIT_ROOT")+"/detector/calib/constants", repo.Options{
		DirMode: dirModeOfSeptember, FileMode: fileMode, Group: -1, Zone: zone,
		Now: env.Now, User: env.Account(), Host: env.Host(), WorkDir: env.Dir,
	})
	if err != nil {
		return err
	}
	defer repository.Close()
	return call.do(ctx, repository, repo.Request{
		Experiment: experiment, Run: run, RunStamp: repo.StampOf(id.Time, zone), Panel: id.Panel,
		CType: repo.CType(orElse(call.ctype, "gain")), Stamp: call.stamp, DeployRun: call.deployRun,
	})
}

func (call libraryCall) do(ctx context.Context, repository *repo.Repository, q repo.Request) error {
	if call.array == nil {
		name, err := repository.FileName(ctx, q)
		if err == nil {
			_, err = fmt.Println("File name in repository:", name)
		}
		return err
	}
	array, err := call.array()
	if err != nil {
		return err
	}
	name, err := repository.SaveEpix100a(ctx, q, array, call.format)
	if err == nil {
		_, err = fmt.Println("save file:", name)
	}
	return err
}
