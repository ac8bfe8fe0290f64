package rest_test

import (
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
)

// benchExported is how many entries a benchmark takes away.
const benchExported = 500_000

// run does a statement past the service.
func (w *town) run(t testing.TB, statement string) {
	t.Helper()
	db, err := sqlx.Connect("postgres", w.Database.Superuser)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.MustExecContext(t.Context(), statement)
}

// BenchmarkExport takes copies of 500,000 sealed entries over HTTP, and beside each has psql COPY the same rows as the same
// JSON. x-copy is how many times as many rows a second the service gives (the goal is 0.8).
func BenchmarkExport(b *testing.B) {
	psql, err := exec.LookPath("psql")
	if err != nil {
		b.Skip("psql is not here to compare with")
	}
	w := open(b)
	w.fill(b, benchExported)
	w.office(b).Seal(b)
	w.run(b, `VACUUM ANALYZE audit.entries, audit.leaves`)
	s := w.wired(b)
	const reference = `COPY (
		SELECT json_build_object('entry', e.id, 'leaf_index', l.leaf_index, 'leaf_hash', encode(e.leaf_hash, 'hex'), 'recorded_at', e.recorded_at,
			'actor', p.user_id, 'organisation', o.code, 'reference', r.reference, 'canon', CAST(convert_from(e.canon, 'UTF8') AS json))
		FROM audit.entries e LEFT JOIN audit.leaves l ON l.entry_id = e.id LEFT JOIN casework.people p ON p.id = e.actor_id
		LEFT JOIN casework.organisations o ON o.id = e.organisation_id LEFT JOIN casework.requests r ON r.id = e.request_id
		WHERE e.stream = 'access:1' ORDER BY e.id) TO STDOUT`
	for _, format := range []string{"ndjson", "csv", "fhir"} {
		b.Run(format, func(b *testing.B) {
			var took, beside time.Duration
			for b.Loop() {
				started := time.Now()
				got := fetch(b, s, "u-auditor", "/api/v1/audit/export?purpose=EXTERNAL_AUDIT&stream=access:1&format="+format)
				if _, err := io.Copy(io.Discard, got.Body); err != nil || got.StatusCode != http.StatusOK {
					b.Fatal(got.Status, err)
				}
				took += time.Since(started)
				if n := got.Trailer.Get("Export-Count"); n != strconv.Itoa(benchExported) {
					b.Fatal(n)
				}
				started = time.Now()
				copying := exec.CommandContext(b.Context(), psql, "--no-psqlrc", "--quiet", "--dbname", w.Database.Superuser, "--command", reference)
				copying.Stdout = io.Discard
				if err := copying.Run(); err != nil {
					b.Fatal(err)
				}
				beside += time.Since(started)
			}
			b.ReportMetric(float64(benchExported*b.N)/took.Seconds(), "rows/s")
			b.ReportMetric(float64(benchExported*b.N)/beside.Seconds(), "copy-rows/s")
			b.ReportMetric(beside.Seconds()/took.Seconds(), "x-copy")
		})
	}
}
