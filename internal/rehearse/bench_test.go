package rehearse_test

import (
	"testing"

	"github.com/caldicott/caldicott/internal/housetest"
)

// BenchmarkAScenario plays the given scenarios one after the other: what five hundred cases cost is five hundred of these.
func BenchmarkAScenario(b *testing.B) {
	h := housetest.New(b)
	f := read(b, "../../testdata/scenarios.json")
	p := player(b, h)
	for i := 0; b.Loop(); i++ {
		report, err := p.Play(b.Context(), f, f.Cases[i%len(f.Cases)], h.DB)
		if err != nil || len(report.Differences) > 0 {
			b.Fatal(err, report.Differences)
		}
	}
}
