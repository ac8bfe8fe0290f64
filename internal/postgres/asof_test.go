package postgres_test

import (
	"io/fs"
	"regexp"
	"testing"
)

// What the migration kept of rows that were there before it is what a deed keeps of a row that it writes.
func TestTheMigrationKeepsOfTheDirectoryWhatDeedsKeep(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	db := connect(t, h.Database.Superuser)
	file, err := fs.ReadFile(h.Migrations, "00007_receipts.sql")
	if err != nil {
		t.Fatal(err)
	}
	backfill := regexp.MustCompile(`(?s)INSERT INTO casework\.directory_versions[^;]*?\n(SELECT [^;]*);`).FindSubmatch(file)
	if backfill == nil {
		t.Fatal("the migration keeps nothing")
	}
	for _, kind := range []string{"people", "appointments", "delegations"} {
		query := `WITH b (kind, row_id, revision, organisation_id, body, at, entry_id) AS (` + string(backfill[1]) + `)
			SELECT CAST(count(*) AS text) FROM b JOIN casework.directory_versions v
				ON v.kind = b.kind AND v.row_id = b.row_id AND v.revision = b.revision AND v.organisation_id = b.organisation_id AND v.entry_id = b.entry_id
			WHERE v.kind = '` + kind + `' AND jsonb_populate_record(CAST(NULL AS casework.` + kind + `), b.body) IS NOT DISTINCT FROM
				jsonb_populate_record(CAST(NULL AS casework.` + kind + `), v.body)`
		if n := words(t, db, query); n[0] != "1" {
			t.Errorf("%s: %s rows are the same, of 1", kind, n[0])
		}
	}
}
