package auditdb_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/benchtest"
	"github.com/caldicott/caldicott/internal/caldicott"
)

// BenchmarkVerify reads a sealed and signed trail, of a million entries in 50,000 chains unless told otherwise (G6). Beside it
// the same rows are read and nothing is done with them: the ratio says what verification adds, whatever the machine.
func BenchmarkVerify(b *testing.B) {
	const length = 20
	streams := benchtest.Size(b, "CALDICOTT_BENCH_ENTRIES", 1_000_000) / length
	entries := int64(streams * length)
	h := newHouse(b)
	h.superuser.MustExec(`ALTER TABLE audit.chains DISABLE TRIGGER ALL; DROP SCHEMA casework CASCADE`)
	fillTrail(b, h.superuser, streams, length)
	h.superuser.MustExec(`INSERT INTO audit.chains SELECT DISTINCT ON (stream) stream, seq, leaf_hash FROM audit.entries ORDER BY stream, seq DESC`)
	s := h.signatory(b)
	s.Batch = 0
	anchor := s.seal(b)
	h.superuser.MustExec(`VACUUM ANALYZE audit.entries, audit.leaves`)
	var took, beside time.Duration
	for b.Loop() {
		started := time.Now()
		sum, findings := h.audit(b, audit.Auditor{Keys: s.keys, Anchors: []audit.Note{anchor}})
		took += time.Since(started)
		if !sum.Sound() || sum.Entries != entries || sum.Leaves != entries {
			b.Fatalf("%+v %v", sum, findings)
		}
		started = time.Now()
		bareRead(b, h, int(entries))
		beside += time.Since(started)
	}
	b.ReportMetric(float64(entries)*float64(b.N)/took.Seconds(), "entries/s")
	b.ReportMetric(took.Seconds()/beside.Seconds(), "x-bare-read")
}

// bareRead reads the bytes of all entries and the hashes of all leaves, and looks at nothing.
func bareRead(b *testing.B, h house, want int) {
	b.Helper()
	for _, query := range []string{`SELECT id, stream, canon, leaf_hash FROM audit.entries ORDER BY id`, `SELECT leaf_index, entry_id, leaf_hash, '' FROM audit.leaves ORDER BY leaf_index`} {
		rows, err := h.reader.QueryxContext(b.Context(), query)
		if err != nil {
			b.Fatal(err)
		}
		var raw [4]sql.RawBytes
		n := 0
		for ; rows.Next(); n++ {
			if err := rows.Scan(&raw[0], &raw[1], &raw[2], &raw[3]); err != nil {
				b.Fatal(err)
			}
		}
		if err := rows.Err(); err != nil || n != want {
			b.Fatal(n, err)
		}
	}
}

func fillTrail(b *testing.B, db *sqlx.DB, streams, length int) {
	b.Helper()
	tx := db.MustBeginTx(b.Context(), nil)
	defer tx.Rollback()
	in, err := tx.PrepareContext(b.Context(), pq.CopyInSchema("audit", "entries", "stream", "seq", "canon", "leaf_hash",
		"request_id", "organisation_id", "actor_id", "action", "outcome", "occurred_at"))
	if err != nil {
		b.Fatal(err)
	}
	ids, heads := make([]string, streams), make([][32]byte, streams)
	for n := range streams * length {
		i := n % streams
		if ids[i] == "" {
			ids[i] = uuid.NewString()
		}
		e := audit.Entry{
			Stream: caldicott.RequestStream(ids[i]), Seq: n/streams + 1, Prev: heads[i], Request: ids[i], Organisation: ids[i], Actor: ids[i],
			Action: "decide", Outcome: audit.Done, At: time.Now().UTC().Truncate(time.Microsecond), Subject: ids[i], From: "in_review", To: "decided",
			Version: 3, Digest: strings.Repeat("ab", 32), Policy: strings.Repeat("cd", 32), Line: "policy.csv:41", Acting: "guardian", Nonce: [16]byte{1},
		}
		bytes := canon(b, e)
		heads[i] = audit.LeafHash(bytes)
		if _, err := in.ExecContext(b.Context(), e.Stream, e.Seq, bytes, heads[i][:], ids[i], ids[i], ids[i], e.Action, e.Outcome, e.At); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := in.ExecContext(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
}
