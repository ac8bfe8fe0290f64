package auditdb_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/auditdb"
	"github.com/caldicott/caldicott/internal/caldicott"
)

// BenchmarkVerify reads a trail of 200,000 entries in 10,000 chains. The design asks for 100,000 rows a second.
func BenchmarkVerify(b *testing.B) {
	const streams, length = 10_000, 20
	h := newHouse(b)
	h.superuser.MustExec(`ALTER TABLE audit.chains DISABLE TRIGGER ALL; DROP SCHEMA casework CASCADE`)
	fillTrail(b, h.superuser, streams, length)
	h.superuser.MustExec(`INSERT INTO audit.chains SELECT DISTINCT ON (stream) stream, seq, leaf_hash FROM audit.entries ORDER BY stream, seq DESC`)
	h.superuser.MustExec(`VACUUM ANALYZE audit.entries`)
	for b.Loop() {
		trail, err := auditdb.Open(b.Context(), h.reader)
		if err != nil {
			b.Fatal(err)
		}
		sum, err := audit.Verify(b.Context(), trail, func(audit.Finding) {})
		if err != nil || !sum.Sound() || sum.Entries != streams*length {
			b.Fatalf("%+v %v", sum, err)
		}
		trail.Close()
	}
	b.ReportMetric(float64(streams*length*b.N)/b.Elapsed().Seconds(), "rows/s")
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
