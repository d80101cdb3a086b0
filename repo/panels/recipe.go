package panels

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"deployconstants/repo"
)

// An Input is a table that was chosen.
type Input struct {
	Path string      // as the repository gives it
	Info fs.FileInfo // when it was listed, links followed; nil for a link that leads nowhere or out of the repository
	repo.Table
	Supposed bool // by Shelf.Suppose
}

// A Recipe is what the constants of a detector are merged from at a moment. It
// depends on the names in the repository alone, so that equal names give equal
// recipes.
type Recipe struct {
	Kind Kind
	IDs  []string   // of panels
	At   repo.Stamp // moment for which tables were chosen

	store Store
	cells [][]cell // by panel and gain
}

// A cell is one panel in one gain. Without inputs it is filled.
type cell struct {
	inputs []Input // the table; with an offset to add; or with the one whose median counts, which may be the same
	factor float64 // of scaled: ADU/keV that the median stands for
}

// Choose is List and At for panels that must be known: the error is ErrNoPanel if one
// has no directory.
func (s Store) Choose(ids []string, k Kind, at repo.Stamp) (*Recipe, error) {
	for panel, id := range ids {
		has, err := s.has(id)
		if err != nil {
			return nil, err
		}
		if !has {
			return nil, fmt.Errorf("%w: panel %d: there is no directory %s/%s%s", ErrNoPanel, panel, s.files.Dir(), s.dir, id)
		}
	}
	shelf, err := s.List(ids, k)
	if err != nil {
		return nil, err
	}
	return shelf.At(at), nil
}

// At chooses among the tables of the shelf: for every panel and gain the newest that
// is not newer than the stamp. Of several gain modes that share an index the newest
// counts, too. A gain without a table is no error: see Gaps.
func (s *Shelf) At(at repo.Stamp) *Recipe {
	r := &Recipe{Kind: s.Kind, IDs: s.IDs, At: at, store: s.store}
	for _, tables := range s.panels {
		cells := make([]cell, len(s.Kind.slots))
		for gain, slot := range s.Kind.slots {
			if input, found := tables.newest(slot.modes, at); found {
				cells[gain].inputs = []Input{input}
			}
		}
		switch s.Kind.derive {
		case plusOffset:
			tables.addOffsets(cells, at)
		case scaled:
			r.scale(cells)
		}
		r.cells = append(r.cells, cells)
	}
	return r
}

// addOffsets: a low gain of an auto mode without a table is that of FL plus the
// offset between the two, if that is known.
func (t tablesOfPanel) addOffsets(cells []cell, at repo.Stamp) {
	for gain, offset := range offsets {
		if len(cells[gain].inputs) > 0 || len(cells[fl].inputs) == 0 {
			continue
		}
		if input, found := t.newest([]string{offset}, at); found {
			cells[gain].inputs = []Input{cells[fl].inputs[0], input}
		}
	}
}

// scale: a high gain is scaled to its factor at its own median, a low one of an auto
// mode as the high one of that mode. Without that one it has no scale, and is
// missing.
func (r *Recipe) scale(cells []cell) {
	for gain := range cells {
		partner, low := beforeSwitch[gain]
		if !low {
			partner = gain
		}
		if len(cells[gain].inputs) == 0 {
			continue
		}
		if len(cells[partner].inputs) == 0 {
			cells[gain].inputs = nil
			continue
		}
		cells[gain].inputs = []Input{cells[gain].inputs[0], cells[partner].inputs[0]}
		cells[gain].factor = r.Kind.slots[partner].fill
	}
}

// Only leaves the tables of all gains out but those of some modes: the others are filled.
func (r *Recipe) Only(modes ...string) {
	for gain, mode := range r.Kind.Gains() {
		if slices.Contains(modes, mode) {
			continue
		}
		for _, cells := range r.cells {
			cells[gain] = cell{}
		}
	}
}

// A Gap is a panel in a gain for which there is no table.
type Gap struct {
	Panel    int     `json:"panel"` // index, from 0
	ID       string  `json:"id"`
	Gain     string  `json:"gain"`
	Value    float64 `json:"value"`    // of every pixel instead
	Expected bool    `json:"expected"` // there need not be one: low gains of auto modes, and gains of which the nominal ones are asked for
}

// String returns the gap in words.
func (g Gap) String() string { return fmt.Sprintf("panel %d (%s) gain %s", g.Panel, g.ID, g.Gain) }

// Gaps returns what there are no tables for, by panel and gain.
func (r *Recipe) Gaps() []Gap {
	var gaps []Gap
	names := r.Kind.Gains()
	for panel, cells := range r.cells {
		for gain, c := range cells {
			if s := r.Kind.slots[gain]; len(c.inputs) == 0 {
				gaps = append(gaps, Gap{panel, r.IDs[panel], names[gain], s.fill, s.expected})
			}
		}
	}
	return gaps
}

// Check returns ErrIncomplete if a table is missing that should be there, and names
// the first few.
func (r *Recipe) Check() error {
	const most = 4
	var missing []string
	for _, gap := range r.Gaps() {
		if !gap.Expected {
			missing = append(missing, gap.String())
		}
	}
	if len(missing) == 0 {
		return nil
	}
	more := ""
	if len(missing) > most {
		more = fmt.Sprintf(", and %d others", len(missing)-most)
		missing = missing[:most]
	}
	return fmt.Errorf("%w: %s valid at %s: %s%s", ErrIncomplete, r.Kind.CType, r.At, strings.Join(missing, ", "), more)
}

// Inputs returns the tables of the recipe, by panel and gain, each once.
func (r *Recipe) Inputs() []Input {
	var inputs []Input
	seen := map[string]bool{}
	for _, cells := range r.cells {
		for _, c := range cells {
			for _, input := range c.inputs {
				if !seen[input.Path] {
					seen[input.Path] = true
					inputs = append(inputs, input)
				}
			}
		}
	}
	return inputs
}

// Newest returns the newest table, from whose stamp on this merge is valid; of equal
// stamps that of the least panel and gain. It returns false if there are no tables.
func (r *Recipe) Newest() (Input, bool) {
	var best Input
	inputs := r.Inputs()
	for i, input := range inputs {
		if i == 0 || cmp.Compare(input.Stamp, best.Stamp) > 0 {
			best = input
		}
	}
	return best, len(inputs) > 0
}
