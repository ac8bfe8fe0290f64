package notarydb_test

import (
	"context"
	"testing"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
	"github.com/caldicott/caldicott/internal/postgres"
)

// attested is the digest of the schemas, as a login reads it.
func (h house) attested(t *testing.T, catalogue notarydb.Catalogue) (digest string) {
	t.Helper()
	err := notary.Attest(t.Context(), catalogue, func(_ context.Context, d string, lines int) error {
		if digest = d; lines < 500 {
			t.Errorf("only %d lines", lines)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func TestEveryWeakeningOfTheSchemaIsAnotherDigest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.attested(t, notarydb.Catalogue{DB: h.app})
	h.fill(t, 10)
	seal(t, h.newSealer())
	for name, pool := range map[string]notarydb.Catalogue{"reader": {DB: h.reader}, "superuser": {DB: h.superuser}} {
		if d := h.attested(t, pool); d != first {
			t.Errorf("the %s reads another definition", name)
		}
	}
	seen := map[string]string{first: "as it was"}
	for _, weaker := range []string{
		`ALTER TABLE audit.entries ENABLE TRIGGER keep_rows`,
		`ALTER TABLE audit.leaves DISABLE TRIGGER keep_rows`,
		`DROP TRIGGER witness ON casework.deeds`,
		`GRANT INSERT ON audit.leaves TO caldicott_app`,
		`GRANT UPDATE (canon) ON audit.entries TO caldicott_app`,
		`GRANT EXECUTE ON FUNCTION audit.keep(regclass, text) TO PUBLIC`,
		`CREATE RULE swallow AS ON INSERT TO audit.details DO INSTEAD NOTHING`,
		`ALTER TABLE audit.entries DROP CONSTRAINT entries_leaf_hash_check`,
		`CREATE OR REPLACE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`,
		`ALTER FUNCTION audit.append(text, integer, bytea, bytea, bytea, bytea) OWNER TO pg_database_owner`,
		`ALTER TABLE audit.checkpoints ALTER COLUMN low_water SET DEFAULT '1'`,
		`ALTER TABLE casework.requests DISABLE TRIGGER ALL`,
		`ALTER SEQUENCE audit.entries_id_seq CACHE 50`,
		`ALTER TABLE audit.tiles ENABLE ROW LEVEL SECURITY`,
		postgres.GuardSQL,
		`ALTER EVENT TRIGGER caldicott_definition DISABLE`,
		`CREATE OR REPLACE FUNCTION caldicott_guard.releasing() RETURNS boolean LANGUAGE sql AS 'SELECT true'`,
		`DROP EVENT TRIGGER caldicott_drop`,
	} {
		if _, err := h.superuser.ExecContext(t.Context(), weaker); err != nil {
			t.Fatalf("%s: %v", weaker, err)
		}
		d := h.attested(t, notarydb.Catalogue{DB: h.app})
		if before, known := seen[d]; known {
			t.Errorf("%s: the digest is that of %s", weaker, before)
		}
		seen[d] = weaker
	}
}

func TestTheSchemasDigestIsInTheTrailAndIsSealed(t *testing.T) {
	t.Parallel()
	home := housetest.New(t)
	app := connect(t, housetest.AppURL(home.Database), "app")
	if err := notary.Attest(t.Context(), notarydb.Catalogue{DB: app}, home.Service.Attested); err != nil {
		t.Fatal(err)
	}
	reader := connect(t, housetest.ReaderURL(home.Database), "reader")
	var canon []byte
	if err := reader.GetContext(t.Context(), &canon, `SELECT canon FROM audit.entries WHERE stream = 'schema' AND action = 'attested' AND seq IS NULL`); err != nil {
		t.Fatal(err)
	}
	e, err := audit.ParseEntry(canon)
	h := house{}
	if want := h.attested(t, notarydb.Catalogue{DB: reader}); err != nil || e.Digest != want {
		t.Errorf("%s, want %s: %v", e.Digest, want, err)
	}
	seal(t, &notary.Sealer{Book: notarydb.Book{DB: connect(t, housetest.SealerURL(home.Database), "sealer")}})
	if n := count(t, reader, `SELECT count(*) FROM audit.leaves`); n != 1 {
		t.Errorf("%d leaves", n)
	}
}
