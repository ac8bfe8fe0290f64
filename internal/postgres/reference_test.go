package postgres_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/housetest"
)

var update = flag.Bool("update", false, "write docs/schema.md anew")

// TestTheSchemaReferenceIsUpToDate draws docs/schema.md from the database's own comments.
func TestTheSchemaReferenceIsUpToDate(t *testing.T) {
	t.Parallel()
	db, err := sqlx.Open("postgres", housetest.Database(t).Superuser)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var columns []struct {
		Table   string `db:"name"`
		About   string `db:"about"`
		Column  string `db:"col"`
		Type    string `db:"kind"`
		Null    bool   `db:"nullable"`
		Meaning string `db:"meaning"`
	}
	err = db.Select(&columns, `
		SELECT c.oid::regclass::text AS name, obj_description(c.oid, 'pg_class') AS about, a.attname AS col,
			format_type(a.atttypid, a.atttypmod) AS kind, NOT a.attnotnull AS nullable, col_description(c.oid, a.attnum) AS meaning
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.relkind = 'r' AND c.relnamespace IN ('audit'::regnamespace, 'casework'::regnamespace)
		ORDER BY 1, a.attnum`)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("# Tables\n\nDrawn from the database's own comments by `go test ./internal/postgres -run SchemaReference -update`; do not edit.\n")
	table := ""
	for _, c := range columns {
		if c.Table != table {
			table = c.Table
			fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| column | type | |\n|---|---|---|\n", table, c.About)
		}
		kind := c.Type
		if c.Null {
			kind += ", may be null"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c.Column, kind, c.Meaning)
	}
	const path = "../../docs/schema.md"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != b.String() {
		t.Errorf("docs/schema.md is out of date (%v): go test ./internal/postgres -run SchemaReference -update", err)
	}
}
