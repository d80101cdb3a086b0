package planfile

import (
	"fmt"
	"maps"
)

// A tally counts items and sees to their order.
type tally struct {
	last        Item
	items       int
	experiments int
	directories int
	counts      map[Action]int
}

func (t *tally) add(it Item) error {
	if t.items > 0 && Compare(t.last, it) >= 0 {
		return fmt.Errorf("the %s of %s %s %s is out of order", it.Kind, it.Experiment, it.Source, it.CType)
	}
	if t.counts == nil {
		t.counts = make(map[Action]int)
	}
	t.items++
	if it.Action != "" {
		t.counts[it.Action]++
	}
	newExperiment := it.Experiment != t.last.Experiment
	if newExperiment {
		t.experiments++
	}
	if rank(it.Kind) == rank(KindDirectory) &&
		(newExperiment || rank(t.last.Kind) != rank(it.Kind) || it.Source != t.last.Source || it.CType != t.last.CType) {
		t.directories++
	}
	t.last = it
	return nil
}

func (t *tally) summary() Summary {
	counts := maps.Clone(t.counts)
	if counts == nil {
		counts = map[Action]int{}
	}
	return Summary{Items: t.items, Experiments: t.experiments, Directories: t.directories, Counts: counts}
}
