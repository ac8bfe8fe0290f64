package notarydb_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/benchtest"
	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notary"
)

// BenchmarkLog fills a log of a million entries and asks of it what is asked of logs. The parts build on each other.
func BenchmarkLog(b *testing.B) {
	h := newHouse(b)
	entries := benchtest.Size(b, "CALDICOTT_BENCH_ENTRIES", 1_000_000)
	for left := entries; left > 0; left -= 250_000 {
		h.fill(b, min(left, 250_000))
	}
	b.Run("seal the backlog", func(b *testing.B) { sealBacklog(b, h, entries) })
	key, _ := newKey(b)
	sign(b, h.newSigner(filepath.Join(b.TempDir(), "signed"), key))
	for _, table := range []string{"leaves", "tiles", "entries"} {
		if _, err := h.superuser.ExecContext(b.Context(), `VACUUM ANALYZE audit.`+table); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("inclusion, cold", func(b *testing.B) { proveInclusion(b, h, h.proofs(), entries) })
	b.Run("inclusion, warm", func(b *testing.B) {
		proofs := h.proofs()
		proofs.Shelf = &warm{Shelf: proofs.Shelf, have: map[merkle.Place][]byte{}}
		for range 2 { // the first time fills it
			proveInclusion(b, h, proofs, entries)
		}
	})
	b.Run("consistency", func(b *testing.B) { proveConsistency(b, h) })
	b.Run("take over", func(b *testing.B) { takeOver(b, h) })
	b.Run("sweep", func(b *testing.B) { sweepLog(b, h) })
}

// sealBacklog seals all, and beside it writes the same leaves by one statement without tree, tiles and checks: what the
// database alone takes.
func sealBacklog(b *testing.B, h house, entries int) {
	b.ReportMetric(benchtest.Foreign(), "foreign-cores")
	began := time.Now()
	seal(b, h.newSealer())
	took := time.Since(began)
	began = time.Now()
	const query = `
		CREATE TABLE public.reference (leaf_index bigint PRIMARY KEY, entry_id bigint NOT NULL UNIQUE, leaf_hash bytea NOT NULL);
		INSERT INTO public.reference SELECT row_number() OVER (ORDER BY id) - 1, id, leaf_hash FROM audit.entries`
	if _, err := h.superuser.ExecContext(b.Context(), query); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(entries)/took.Seconds(), "entries/s")
	b.ReportMetric(float64(entries)/time.Since(began).Seconds(), "bare-insert-entries/s")
	b.ReportMetric(time.Since(began).Seconds()/took.Seconds(), "x")
	b.ReportMetric(0, "ns/op")
}

// proveInclusion proves random entries; beside each proof, one row is read by its key.
func proveInclusion(b *testing.B, h house, proofs notary.Proofs, entries int) {
	const times = 3000
	var took, beside []time.Duration
	longest := 0
	for range times {
		entry := 1 + rand.Int64N(int64(entries))
		began := time.Now()
		p, err := proofs.Entry(b.Context(), entry)
		took = append(took, time.Since(began))
		if err != nil || len(p.Path) == 0 {
			b.Fatal(p, err)
		}
		longest = max(longest, len(merkle.Join(p.Path)))
		began = time.Now()
		var hash []byte
		if err := h.reader.GetContext(b.Context(), &hash, `SELECT leaf_hash FROM audit.leaves WHERE entry_id = $1`, entry); err != nil {
			b.Fatal(err)
		}
		beside = append(beside, time.Since(began))
	}
	benchtest.Milliseconds(b, took, 0.5, "ms-p50")
	benchtest.Milliseconds(b, took, 0.99, "ms-p99")
	benchtest.Milliseconds(b, beside, 0.5, "one-select-ms-p50")
	benchtest.Milliseconds(b, beside, 0.99, "one-select-ms-p99")
	b.ReportMetric(float64(longest), "path-bytes")
	b.ReportMetric(benchtest.Foreign(), "foreign-cores")
	b.ReportMetric(0, "ns/op")
}

// warm keeps every full tile, as a cache before the service does.
type warm struct {
	notary.Shelf
	mu   sync.Mutex
	have map[merkle.Place][]byte
}

func (w *warm) Tiles(ctx context.Context, places []merkle.Place) ([][]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([][]byte, len(places))
	for i, p := range places {
		data, known := w.have[p]
		if !known {
			read, err := w.Shelf.Tiles(ctx, places[i:i+1])
			if err != nil {
				return nil, err
			}
			if len(read) != 1 {
				return nil, errors.New("one tile was asked for")
			}
			data = read[0]
			w.have[p] = data
		}
		all[i] = data
	}
	return all, nil
}

func proveConsistency(b *testing.B, h house) {
	var sizes []int64
	if err := h.reader.SelectContext(b.Context(), &sizes, `SELECT size FROM audit.checkpoints ORDER BY size`); err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for range 1000 {
		to := rand.IntN(len(sizes))
		began := time.Now()
		if _, _, _, err := h.proofs().Consistency(b.Context(), sizes[rand.IntN(to+1)], sizes[to]); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	benchtest.Milliseconds(b, took, 0.5, "ms-p50")
	benchtest.Milliseconds(b, took, 0.99, "ms-p99")
	b.ReportMetric(0, "ns/op")
}

// takeOver is G8: what a sealer that knows nothing takes for ten entries, beside one that has just sealed.
func takeOver(b *testing.B, h house) {
	var again, anew []time.Duration
	s := h.newSealer()
	timed := func(s *notary.Sealer) time.Duration {
		h.add(b, 10)
		began := time.Now()
		seal(b, s)
		return time.Since(began)
	}
	timed(s)
	for range 50 {
		anew = append(anew, timed(h.newSealer()))
		s = h.newSealer()
		timed(s)
		again = append(again, timed(s))
	}
	benchtest.Milliseconds(b, anew, 0.5, "new-leader-ms-p50")
	benchtest.Milliseconds(b, anew, 0.99, "new-leader-ms-p99")
	benchtest.Milliseconds(b, again, 0.5, "same-leader-ms-p50")
	benchtest.Milliseconds(b, again, 0.99, "same-leader-ms-p99")
	b.ReportMetric(0, "ns/op")
}

// sweepLog goes over the whole log.
func sweepLog(b *testing.B, h house) {
	leaves := count(b, h.reader, `SELECT count(*) FROM audit.leaves`)
	began := time.Now()
	if err := h.newSealer().Sweep(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(leaves)/time.Since(began).Seconds(), "leaves/s")
	b.ReportMetric(0, "ns/op")
}
