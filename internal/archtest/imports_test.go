package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"deployconstants/internal/testenv"
)

const module = "deployconstants/"

// room is a package's place in the house: it may import rooms of lower layers,
// the listed neighbours of its own, the standard library, and the listed modules.
type room struct {
	layer      int
	neighbours []string
	modules    []string
}

const (
	logrus  = "github.com/sirupsen/logrus"
	unix    = "golang.org/x/sys/unix"
	zstd    = "github.com/klauspost/compress/zstd"
	parquet = "github.com/parquet-go/parquet-go"
)

// rooms is the plan of the house. A package that is not here fails the test: it
// has no place yet.
var rooms = map[string]room{
	"internal/fslock":     {layer: 0, modules: []string{unix}},
	"internal/atomicfile": {layer: 0, neighbours: []string{"internal/fslock"}, modules: []string{unix}},

	"internal/plot": {layer: 0},

	"slurm": {layer: 0},

	"internal/beacon": {layer: 1},
	"xtc":             {layer: 1},
	"xtc/xtcdump":     {layer: 2},
	"xtc/frames":      {layer: 2},
	"repo/ndarray":    {layer: 2},
	"pipeline":        {layer: 3, modules: []string{"golang.org/x/sync/errgroup", "golang.org/x/sync/semaphore"}},
	"xtc/dataset":     {layer: 3, modules: []string{unix}},
	"xtc/ledger":      {layer: 4, modules: []string{unix, zstd, parquet, parquet + "/compress/zstd"}},
	"repo":            {layer: 3},
	"repo/calibdir":   {layer: 3, modules: []string{unix}},
	"repo/digest":     {layer: 4, modules: []string{unix, zstd}},
	"repo/content":    {layer: 4},
	"repo/geometry":   {layer: 4},
	"repo/panels":     {layer: 4},
	"jobs":            {layer: 3},
	"jobs/planfile":   {layer: 4, modules: []string{zstd}},
	"jobs/jobdir":     {layer: 4, modules: []string{unix}},
	"jobs/tx":         {layer: 5, modules: []string{unix, zstd}},

	"internal/logx":     {layer: 3, modules: []string{logrus}},
	"internal/runlog":   {layer: 3},
	"internal/settings": {layer: 5, modules: []string{"github.com/BurntSushi/toml"}},
	"internal/ui":       {layer: 3, modules: []string{unix}},

	"stages/dark":     {layer: 4},
	"stages":          {layer: 5, modules: []string{logrus}},
	"stages/resolve":  {layer: 5},
	"stages/darkrun":  {layer: 6, modules: []string{logrus}},
	"stages/scan":     {layer: 6},
	"stages/merge":    {layer: 6},
	"stages/plan":     {layer: 6},
	"stages/affected": {layer: 6},
	"stages/explain":  {layer: 7},
	"stages/apply":    {layer: 7, modules: []string{unix}},
	"stages/verify":   {layer: 7},
	"stages/shard":    {layer: 6},
	"stages/manifest": {layer: 8, modules: []string{zstd}},
	"stages/sweep":    {layer: 9},
	"stages/task":     {layer: 10, modules: []string{unix}},
	"stages/submit":   {layer: 11},
	"internal/cli":    {layer: 12, modules: []string{logrus, unix, "github.com/urfave/cli/v2"}},

	"cmd/deploy_constants": {layer: 13},

	"xtc/xtctest":         {layer: 13}, // for tests and the demonstration: nothing shipped may import it
	"internal/testenv":    {layer: 13},
	"internal/facility":   {layer: 14},
	"internal/testreport": {layer: 0},
	"internal/archtest":   {layer: 0},
	"internal/goldentest": {layer: 15},
	"internal/demo":       {layer: 15},
	"internal/sweeptest":  {layer: 15},

	"internal/slurmcluster": {layer: 14, modules: []string{unix}},
	"internal/slurmfake":    {layer: 14, modules: []string{unix}},
	"internal/slurmtest":    {layer: 15},
}

// programsOfTheirOwn may start other programs; of what is shipped only slurm may,
// Slurm's.
var programsOfTheirOwn = []string{
	"internal/demo", "internal/slurmcluster", "internal/slurmfake", "internal/testenv", "slurm",
}

// TestRooms keeps imports one way, and goroutines in the one room that ends them.
func TestRooms(t *testing.T) {
	root := testenv.Root(t)
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && name != root {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		pkg := path.Dir(filepath.ToSlash(rel))
		if seen[pkg] = true; !planned(pkg) {
			t.Errorf("%s: package %s has no place in the plan of the rooms", rel, pkg)
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if _, isGo := node.(*ast.GoStmt); isGo && pkg != "pipeline" {
				t.Errorf("%s starts a goroutine: only package pipeline does, which also ends them", rel)
			}
			return true
		})
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			checkImport(t, rel, pkg, imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range rooms {
		if !seen[pkg] {
			t.Errorf("the plan has a room %s, the house does not", pkg)
		}
	}
}

func planned(pkg string) bool {
	_, ok := rooms[pkg]
	return ok
}

func checkImport(t *testing.T, file, pkg, imported string) {
	t.Helper()
	own := rooms[pkg]
	if inner, ours := strings.CutPrefix(imported, module); ours {
		if other, known := rooms[inner]; known && other.layer >= own.layer && !slices.Contains(own.neighbours, inner) {
			t.Errorf("%s imports %s: layer %d may not import layer %d", file, inner, own.layer, other.layer)
		}
		return
	}
	if imported == "os/exec" && !slices.Contains(programsOfTheirOwn, pkg) {
		t.Errorf("%s imports os/exec: only package slurm starts other programs", file)
	}
	if strings.Contains(strings.SplitN(imported, "/", 2)[0], ".") && !slices.Contains(own.modules, imported) {
		t.Errorf("%s imports %s, which package %s may not", file, imported, pkg)
	}
}
