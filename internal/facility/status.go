package facility

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// A Status is a file of status words, of which status_extra is merged.
type Status struct {
	ID, Stamp string
	Dir       string // below the detector's, "status_dark"
	Words     [statusLen]uint64
}

// statusLen is the number of words of an opal1000 of this facility.
const statusLen = 6

// addStatus puts status words of every opal1000 with an alias into the repository, of
// three directories, with a bit of its own for each file, and more in one that is no
// part of status_extra.
func (f *Facility) addStatus() error {
	bit := 0
	for _, p := range f.panelsOf("opal1000") {
		if p.alias == "" {
			continue
		}
		for i, dir := range []string{"status_dark", "status_light", "my_status_1", "status"} {
			for year := firstStamp - 2; year < lastStamp; year += 1 + i {
				s := Status{ID: p.id, Dir: dir, Stamp: fmt.Sprintf("%d%02d15010203", year, 1+(3*i+bit)%12)}
				s.Words[bit%statusLen] = 1 << (bit % 64)
				bit++
				if err := f.saveStatus(p, s); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (f *Facility) saveStatus(p *panel, s Status) error {
	name := fmt.Sprintf("%s_%s_%s_xppc0001_r0007_%s.txt", p.typ, p.alias, s.Stamp, s.Dir)
	path := filepath.Join(f.Repository(), p.typ, p.id, s.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o775); err != nil {
		return err
	}
	if s.Dir != "status" {
		f.statuses = append(f.statuses, s)
	}
	w := s.Words
	return os.WriteFile(path, fmt.Appendf(nil, "%d %d %d\n%d %d %d\n", w[0], w[1], w[2], w[3], w[4], w[5]), 0o664)
}

// WantStatus returns, by brute force, the words that a run of an experiment should read
// as status_extra, and false if there are none or the run's headers do not tell.
func (f *Facility) WantStatus(experiment string, run int, source string) (words [statusLen]uint64, want bool) {
	r := f.Experiment(experiment).Run(run)
	d, found := r.Detector(source)
	if !found || d.ID == "" {
		return words, false
	}
	stamp := time.Unix(0, r.BeginRun).In(f.zone).Format("20060102150405")
	newest := map[string]Status{}
	for _, s := range f.statuses {
		if s.ID == d.ID && s.Stamp <= stamp && s.Stamp > newest[s.Dir].Stamp {
			newest[s.Dir] = s
		}
	}
	for _, s := range newest {
		for i, word := range s.Words {
			words[i] |= word
		}
	}
	return words, len(newest) > 0
}
