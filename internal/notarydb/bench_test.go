package notarydb_test

import (
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"
)

const benchEntries = 100_000

// BenchmarkSeal seals 100,000 entries, and beside it writes the same leaves by one statement without tree, tiles and
// checks: what the database alone takes. The ratio says what the notary adds, whatever the machine.
func BenchmarkSeal(b *testing.B) {
	var took, beside time.Duration
	for b.Loop() {
		b.StopTimer()
		h := newHouse(b)
		h.fill(b, benchEntries)
		started := time.Now()
		b.StartTimer()
		seal(b, h.newSealer())
		b.StopTimer()
		took += time.Since(started)
		started = time.Now()
		if _, err := h.superuser.ExecContext(b.Context(), `
			CREATE TABLE public.reference (leaf_index bigint PRIMARY KEY, entry_id bigint NOT NULL UNIQUE, leaf_hash bytea NOT NULL);
			INSERT INTO public.reference SELECT row_number() OVER (ORDER BY id) - 1, id, leaf_hash FROM audit.entries`); err != nil {
			b.Fatal(err)
		}
		beside += time.Since(started)
		b.StartTimer()
	}
	b.ReportMetric(float64(benchEntries*b.N)/took.Seconds(), "entries/s")
	b.ReportMetric(took.Seconds()/beside.Seconds(), "x-bare-insert")
}

// BenchmarkInclusion proves random entries among 100,000, tiles read from the database each time; the reference is a
// SELECT of one row by its key.
func BenchmarkInclusion(b *testing.B) {
	h := newHouse(b)
	h.fill(b, benchEntries)
	seal(b, h.newSealer())
	key, _ := newKey(b)
	sign(b, h.newSigner(filepath.Join(b.TempDir(), "signed"), key))
	proofs := h.proofs()
	var took, beside time.Duration
	for b.Loop() {
		entry := 1 + rand.Int64N(benchEntries)
		started := time.Now()
		p, err := proofs.Entry(b.Context(), entry)
		if err != nil || len(p.Path) == 0 {
			b.Fatal(p, err)
		}
		took += time.Since(started)
		started = time.Now()
		var hash []byte
		if err := h.reader.GetContext(b.Context(), &hash, `SELECT leaf_hash FROM audit.leaves WHERE entry_id = $1`, entry); err != nil {
			b.Fatal(err)
		}
		beside += time.Since(started)
	}
	b.ReportMetric(took.Seconds()/float64(b.N)*1000, "ms/proof")
	b.ReportMetric(took.Seconds()/beside.Seconds(), "x-one-select")
}

// BenchmarkSweep goes over the whole log of 100,000 entries.
func BenchmarkSweep(b *testing.B) {
	h := newHouse(b)
	h.fill(b, benchEntries)
	s := h.newSealer()
	seal(b, s)
	for b.Loop() {
		if err := s.Sweep(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(benchEntries*b.N)/b.Elapsed().Seconds(), "leaves/s")
}
