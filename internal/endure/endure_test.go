package main

import (
	"math/rand/v2"
	"testing"
	"time"
)

// The hundred kills take two minutes and are run by themselves (make endure); these few show at every change that the
// promises are still kept, and that the trial itself still works.
func TestWhatWasPromisedIsThereThoughReplicasAreKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("replicas are not killed in short tests")
	}
	t.Parallel()
	o := Options{Kills: 8, Replicas: 3, Seed: rand.Uint64(), Gap: 600 * time.Millisecond}
	report, err := Endure(t.Context(), o, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + report.String())
	if !report.Holds() {
		t.Error("what is left differs from what was promised")
	}
	if sum(report.Kills) != o.Kills || report.Deeds == 0 || report.Notices["SENT"] == 0 {
		t.Errorf("nothing was put to the test: %+v", report)
	}
}
