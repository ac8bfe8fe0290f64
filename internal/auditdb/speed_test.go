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
	"github.com/caldicott/caldicott/internal/auditdb"
	"github.com/caldicott/caldicott/internal/benchtest"
	"github.com/caldicott/caldicott/internal/caldicott"
)

// BenchmarkVerify reads a trail of a million entries in 50,000 chains (G6), and beside it the same bytes by one SELECT that
// looks at none of them.
func BenchmarkVerify(b *testing.B) {
	const length = 20
	streams := benchtest.Size(b, "CALDICOTT_BENCH_ENTRIES", 1_000_000) / length
	entries := float64(streams * length)
	h := newHouse(b)
	h.superuser.MustExec(`ALTER TABLE audit.chains DISABLE TRIGGER ALL; DROP SCHEMA casework CASCADE`)
	fillTrail(b, h.superuser, streams, length)
	h.superuser.MustExec(`INSERT INTO audit.chains SELECT DISTINCT ON (stream) stream, seq, leaf_hash FROM audit.entries ORDER BY stream, seq DESC`)
	h.superuser.MustExec(`VACUUM ANALYZE audit.entries`)
	read := func() float64 {
		began := time.Now()
		readTrail(b, h.reader)
		return entries / time.Since(began).Seconds()
	}
	verify := func() float64 {
		began := time.Now()
		trail, err := auditdb.Open(b.Context(), h.reader)
		if err != nil {
			b.Fatal(err)
		}
		defer trail.Close()
		sum, err := audit.Verify(b.Context(), trail, func(audit.Finding) {})
		if err != nil || !sum.Sound() || float64(sum.Entries) != entries {
			b.Fatalf("%+v %v", sum, err)
		}
		return entries / time.Since(began).Seconds()
	}
	benchtest.Compare(b, "rows/s", 3, benchtest.Arm{Name: "read", Run: read}, benchtest.Arm{Name: "verify", Run: verify})
}

func readTrail(b *testing.B, db *sqlx.DB) {
	b.Helper()
	stmt, err := db.PreparexContext(b.Context(), `SELECT id, stream, seq, canon, leaf_hash, recorded_at, request_id, organisation_id, actor_id, action, outcome, rule, occurred_at
		FROM audit.entries ORDER BY id`)
	if err != nil {
		b.Fatal(err)
	}
	defer stmt.Close()
	rows, err := stmt.QueryContext(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	columns := make([]sql.RawBytes, 13)
	into := make([]any, len(columns))
	for i := range columns {
		into[i] = &columns[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			b.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
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
