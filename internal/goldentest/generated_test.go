package goldentest_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"
	"testing"

	"deployconstants/repo/ndarray"
)

// generated is the content of a large file of the initial tree by its rule: a table
// of numbers.
type generated struct {
	Kind   string  `json:"kind"` // full: value; lin: a + b*row + c*col; mod: (row*p + col*q) % m
	Shape  [2]int  `json:"shape"`
	Value  float64 `json:"value"`
	A      float64 `json:"a"`
	B      float64 `json:"b"`
	C      float64 `json:"c"`
	P      int     `json:"p"`
	Q      int     `json:"q"`
	M      int     `json:"m"`
	Format string  `json:"fmt"`
}

// tables holds the text of every table that was made; the cases share them.
var tables = struct {
	sync.Mutex
	text map[generated]string
}{text: map[generated]string{}}

func (g generated) at(row, col int) float64 {
	switch g.Kind {
	case "lin":
		return g.A + g.B*float64(row) + g.C*float64(col)
	case "mod":
		return float64((row*g.P + col*g.Q) % g.M)
	}
	return g.Value
}

// rows is the text of the table.
func (g generated) rows(t testing.TB) string {
	t.Helper()
	tables.Lock()
	defer tables.Unlock()
	if text, made := tables.text[g]; made {
		return text
	}
	format, err := ndarray.ParseFormat(g.Format)
	if err != nil {
		t.Fatal(err)
	}
	var line []byte
	var text strings.Builder
	for row := range g.Shape[0] {
		line = line[:0]
		for col := range g.Shape[1] {
			if line, err = format.AppendFloat(line, g.at(row, col)); err != nil {
				t.Fatal(err)
			}
			line = append(line, ' ')
		}
		line[len(line)-1] = '\n'
		text.Write(line)
	}
	tables.text[g] = text.String()
	return text.String()
}

// content is that of a file, checked against the digest of what the original had.
func (e initEntry) content(t testing.TB) string {
	t.Helper()
	if e.Gen == nil {
		return e.Content
	}
	text := e.Gen.rows(t)
	if sum := sha256.Sum256([]byte(text)); e.SHA256 != "" && hex.EncodeToString(sum[:]) != e.SHA256 {
		t.Fatalf("%s is not generated as it was", e.Path)
	}
	return text
}
