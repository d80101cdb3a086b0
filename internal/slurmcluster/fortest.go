package slurmcluster

import (
	"context"
	"strings"
	"testing"

	"deployconstants/internal/testenv"
)

// ForTest starts a cluster that ends with the test. Where Slurm is not installed it
// skips the test with the packages that lack. When the test has failed it logs the end of
// slurmctld's log.
func ForTest(t testing.TB, o Options) *Cluster {
	t.Helper()
	if lacking := Missing(o); lacking != nil {
		testenv.Skip(t, "this machine has not all of Slurm: it lacks %s", strings.Join(lacking, ", "))
	}
	c, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("slurmctld:%s", c.slurmctld.tail())
		}
		if err := c.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("stop the cluster: %v", err)
		}
	})
	return c
}
