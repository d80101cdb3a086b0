// Command testreport reads the JSON events of `go test -json` on its standard
// input and prints what a person wants to know: a line for each package, the
// output of what failed, the reason of every skip, the number of reference
// cases that ran in each group, and the totals.
//
// It exits 1 when a test failed or nothing ran, and, with SHARED=required in
// the environment, when a test was skipped.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// event is one line of `go test -json`; see `go doc test2json`.
type event struct {
	Action     string
	Package    string
	ImportPath string // of a build event
	Test       string
	Elapsed    float64 // seconds
	Output     string
}

type tally struct {
	passed, failed, skipped int
	groups                  map[string]int
}

func main() {
	total, err := report(os.Stdin, os.Stdout)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "testreport: error:", err)
		os.Exit(1)
	case total.failed > 0, total.passed == 0:
		os.Exit(1)
	case total.skipped > 0 && os.Getenv("SHARED") == "required":
		fmt.Fprintln(os.Stderr, "testreport: error: SHARED=required and a test was skipped")
		os.Exit(1)
	}
}

func report(in io.Reader, out io.Writer) (tally, error) {
	total := tally{groups: map[string]int{}}
	output := map[[2]string][]string{}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			break
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return total, err
		}
		var e event
		if json.Unmarshal(line, &e) != nil { // the go command itself spoke
			fmt.Fprintf(out, "%s", line)
			continue
		}
		key := [2]string{e.Package, e.Test}
		switch e.Action {
		case "build-output":
			fmt.Fprint(out, e.Output)
		case "build-fail":
			total.failed++
		case "output":
			if _, group, found := strings.Cut(e.Output, "reference case of "); found {
				total.groups[strings.TrimSpace(group)]++
			}
			output[key] = append(output[key], e.Output)
		case "pass", "fail", "skip":
			total.finish(out, e, output[key])
			delete(output, key)
		}
	}
	if len(total.groups) > 0 {
		fmt.Fprintln(out, "\nreference cases run:")
		for _, group := range slices.Sorted(maps.Keys(total.groups)) {
			fmt.Fprintf(out, "  %6d  %s\n", total.groups[group], group)
		}
	}
	_, err := fmt.Fprintf(out, "\n%d passed, %d failed, %d skipped\n", total.passed, total.failed, total.skipped)
	return total, err
}

func (t *tally) finish(out io.Writer, e event, output []string) {
	if e.Test == "" {
		switch e.Action {
		case "fail":
			t.failed++
			fmt.Fprint(out, strings.Join(output, ""))
			fmt.Fprintf(out, "FAIL  %s\n", e.Package)
		case "pass":
			fmt.Fprintf(out, "ok    %-45s %6.1f s\n", e.Package, e.Elapsed)
		}
		return
	}
	switch e.Action {
	case "pass":
		t.passed++
	case "fail":
		t.failed++
		fmt.Fprint(out, strings.Join(output, ""))
	case "skip":
		t.skipped++
		fmt.Fprint(out, strings.Join(output, ""))
	}
}
