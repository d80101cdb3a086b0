package apply

import (
	"fmt"
	"maps"
	"slices"

	"deployconstants/jobs/planfile"
	"deployconstants/repo/calibdir"
)

// planned is what a plan knows of the directories of one experiment.
type planned struct {
	experiment  string
	directories map[string]*surroundings
	files       *bool // some file was there
}

func newPlanned(experiment string) planned {
	return planned{experiment: experiment, directories: map[string]*surroundings{}, files: new(bool)}
}

// add takes an item over, and returns the surroundings of its file. They are
// complete when the items of the experiment are.
func (p *planned) add(item planfile.Item) *surroundings {
	if item.Kind != planfile.KindFile {
		return nil
	}
	key := item.Group + "/" + item.Source + "/" + item.CType
	around := p.directories[key]
	if around == nil {
		around = &surroundings{names: map[string]bool{}, files: p.files}
		p.directories[key] = around
	}
	around.names[item.Range+".data"] = item.Prior != nil
	*p.files = *p.files || item.Prior != nil
	return around
}

// surroundings are the files that a plan knows in a directory.
type surroundings struct {
	names map[string]bool // by name; true: it was there
	files *bool           // some file was there in the calib directory
}

// compare returns a skip if one of psana's finders sees a file that the plan does
// not know, or one that was there is gone, or if psana would raise.
func (s *surroundings) compare(names []string) error {
	listing, err := calibdir.List(names)
	if err != nil {
		return skipf("%v", err)
	}
	for _, seen := range append(listing.Files(), calibdir.ListCxx(names).Files()...) {
		if _, known := s.names[seen.Name]; !known {
			return skip{fmt.Sprintf("%q has appeared in the directory since the plan", seen.Name)}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.names)) {
		if s.names[name] && !slices.Contains(names, name) {
			return skip{fmt.Sprintf("%q has vanished from the directory since the plan", name)}
		}
	}
	return nil
}

// sawCalib reports whether the plan saw a file in the calib directory.
func (s *step) sawCalib() bool { return s.around != nil && *s.around.files }
