package logdir_test

import (
	"crypto/sha256"
	"testing"
	"time"
)

// BenchmarkDirectory verifies an export of 200,000 entries: signature, form, hashes, chains, tree. Beside it the same bytes are
// hashed by one goroutine and nothing more is done: the ratio says what verification adds, whatever the machine. The design
// asks for 1,000,000 entries a second on two cores.
func BenchmarkDirectory(b *testing.B) {
	const n = 200_000
	log := newBook(b, n)
	log.sign(b, n, 0)
	dir, _ := log.export(b)
	a := log.auditor(b)
	a.Workers = 0
	var took, beside time.Duration
	for b.Loop() {
		started := time.Now()
		sum, findings := verify(b, a, dir)
		took += time.Since(started)
		if !sum.Sound() || !sum.Certain() || sum.Entries != n {
			b.Fatalf("%+v %v", sum, findings)
		}
		started = time.Now()
		for i := range log.rows {
			sha256.Sum256(log.rows[i].Canon)
		}
		beside += time.Since(started)
	}
	b.ReportMetric(float64(n*b.N)/took.Seconds(), "entries/s")
	b.ReportMetric(took.Seconds()/beside.Seconds(), "x-bare-sha256")
}

// BenchmarkExport writes the same log from memory.
func BenchmarkExport(b *testing.B) {
	const n = 200_000
	log := newBook(b, n)
	log.sign(b, n, 0)
	for b.Loop() {
		log.export(b)
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "entries/s")
}
