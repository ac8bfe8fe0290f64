package merkle_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/benchtest"
	"github.com/caldicott/caldicott/internal/merkle"
)

// BenchmarkAppend lets the tree grow by a million leaves.
func BenchmarkAppend(b *testing.B) {
	const leaves = 1_000_000
	var e merkle.Edge
	leaf := merkle.Leaf([]byte("x"))
	began := time.Now()
	for range leaves {
		e.Append(leaf)
	}
	b.ReportMetric(leaves/time.Since(began).Seconds(), "leaves/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkInclusionInAThousandMillion is the arithmetic of a proof alone (G5): tiles come from nowhere, as every leaf of
// the tree is the same.
func BenchmarkInclusionInAThousandMillion(b *testing.B) {
	u := newUniform(b, 1_000_000_000)
	const proofs = 5_000
	var took []time.Duration
	longest := 0
	for range proofs {
		at := rand.Int64N(u.tree.Size)
		began := time.Now()
		path, err := merkle.Inclusion(u.tree, at, u.read)
		took = append(took, time.Since(began))
		if err != nil {
			b.Fatal(err)
		}
		longest = max(longest, len(merkle.Join(path)))
	}
	benchtest.Milliseconds(b, took, 0.5, "ms-p50")
	benchtest.Milliseconds(b, took, 0.99, "ms-p99")
	b.ReportMetric(float64(longest), "path-bytes")
	b.ReportMetric(benchtest.Foreign(), "foreign-cores")
	b.ReportMetric(0, "ns/op")
}
