package auditdb_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/auditdb"
	"github.com/caldicott/caldicott/internal/housetest"
)

// many fills a fresh database's trail: one reading in a thousand is a disclosure, one in five hundred was refused, one
// organisation in a hundred is another, and so is the person.
func many(t testing.TB, n int) (superuser, reader *sqlx.DB, home, other, person string) {
	t.Helper()
	d := housetest.Database(t)
	superuser, reader = connect(t, d.Superuser), connect(t, housetest.ReaderURL(d))
	home, other, person = uuid.NewString(), uuid.NewString(), uuid.NewString()
	const query = `
		INSERT INTO audit.entries (stream, canon, leaf_hash, request_id, organisation_id, actor_id, action, outcome, rule, occurred_at)
		SELECT 'access:1', c, sha256('\x00'::bytea || c), CAST(md5(CAST(x / 20 AS text)) AS uuid),
			CASE WHEN x % 100 = 0 THEN CAST($3 AS uuid) ELSE CAST($2 AS uuid) END, CASE WHEN x % 100 = 1 THEN CAST($4 AS uuid) END,
			CASE WHEN x % 1000 = 1 THEN 'disclose' ELSE 'viewed' END, CASE WHEN x % 500 = 2 THEN 'refused' ELSE 'done' END,
			CASE WHEN x % 500 = 2 THEN 'SD1' END, timestamptz '2026-01-01' + x * interval '1 minute'
		FROM generate_series(1, $1) x, LATERAL (SELECT convert_to('{"n":' || x || ',"pad":"' || repeat('x', 350) || '"}', 'UTF8')) AS e (c)`
	if _, err := superuser.ExecContext(t.Context(), query, n, home, other, person); err != nil {
		t.Fatal(err)
	}
	superuser.MustExec(`VACUUM ANALYZE audit.entries`)
	return superuser, reader, home, other, person
}

func plan(t testing.TB, db *sqlx.DB, q auditdb.Question) string {
	t.Helper()
	var lines []string
	query, args := q.PageQuery()
	if err := db.SelectContext(t.Context(), &lines, `EXPLAIN (ANALYZE, BUFFERS) `+query, append(args, 0, 51)...); err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// A page of the log is found along an index, whatever narrows it, and never by reading all of it.
func TestAPageOfTheLogIsFoundAlongAnIndex(t *testing.T) {
	t.Parallel()
	_, reader, home, other, person := many(t, 100_000)
	pagesAlongIndexes(t, reader, home, other, person)
}

func pagesAlongIndexes(t testing.TB, reader *sqlx.DB, home, other, person string) {
	day := time.Date(2026, 1, 20, 0, 0, 0, 0, time.UTC)
	reach := []string{home}
	for name, want := range map[string]struct {
		asked   auditdb.Question
		indexes []string
	}{
		"everything":      {auditdb.Question{Organisations: reach, Own: true}, []string{"entries_pkey"}},
		"action":          {auditdb.Question{Organisations: reach, Action: "disclose"}, []string{"entries_action_idx"}},
		"absent action":   {auditdb.Question{Organisations: reach, Action: "decide"}, []string{"entries_action_idx"}},
		"rule":            {auditdb.Question{Organisations: reach, Rule: "SD1"}, []string{"entries_rule_idx"}},
		"refused":         {auditdb.Question{Organisations: reach, Outcome: "refused"}, []string{"entries_refused_idx"}},
		"request":         {auditdb.Question{Organisations: reach, Request: "c4ca4238-a0b9-2382-0dcc-509a6f75849b"}, []string{"entries_request_idx"}},
		"stream":          {auditdb.Question{Organisations: reach, Stream: "policy"}, []string{"entries_stream_seq_key"}},
		"an early day":    {auditdb.Question{Organisations: reach, From: day, To: day.Add(24 * time.Hour)}, []string{"entries_occurred_idx"}},
		"a small house":   {auditdb.Question{Organisations: []string{other}, Own: true}, []string{"entries_organisation_idx", "entries_pkey"}},
		"nobody's at all": {auditdb.Question{Organisations: []string{person}}, []string{"entries_organisation_idx"}},
		"one entry":       {auditdb.Question{Organisations: reach, Entry: 77}, []string{"entries_pkey", "entries_organisation_idx"}},
	} {
		started := time.Now()
		said := plan(t, reader, want.asked)
		t.Logf("%s: %s", name, time.Since(started))
		found := false
		for _, index := range want.indexes {
			found = found || strings.Contains(said, index)
		}
		if !found || strings.Contains(said, "Seq Scan on entries") {
			t.Errorf("%s does not run along %v:\n%s", name, want.indexes, said)
		}
	}
}

// BenchmarkAPageOfAMillion shows a page of 1,000,000 entries in each way, with the plan's time (go test -v -bench).
func BenchmarkAPageOfAMillion(b *testing.B) {
	_, reader, home, other, person := many(b, 1_000_000)
	pagesAlongIndexes(b, reader, home, other, person)
	log := auditdb.Log{DB: reader}
	for b.Loop() {
		rows, err := log.Page(b.Context(), auditdb.Question{Organisations: []string{home}, Action: "disclose"}, 0, 51)
		if err != nil || len(rows) != 51 {
			b.Fatal(len(rows), err)
		}
	}
}
