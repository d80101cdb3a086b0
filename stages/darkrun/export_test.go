package darkrun

import (
	"maps"
	"slices"

	"deployconstants/repo"
	"deployconstants/stages/dark"
)

// KeptAverages are the modes whose averages are kept of the darks of a charge injection run.
func KeptAverages(t repo.DetType) ([]string, error) {
	c := &camera{pass: &pass{Options: &Options{Injection: &InjectionOptions{}}}, panel: repo.Panel{Type: t}}
	i, err := newInjection(c)
	if err != nil {
		return nil, err
	}
	for _, mode := range dark.Epix10kaModes {
		c.switched(mode, []*dark.Result{{Averages: []float64{1}}})
	}
	return slices.Sorted(maps.Keys(i.averages)), nil
}
