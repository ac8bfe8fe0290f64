package auditdb_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

const (
	denied    = "42501" // insufficient_privilege
	wrongHead = "CG001"
	malformed = "CG002"
	disagrees = "CG003"
	kept      = "CG004"
	noEntry   = "CG005"
	swallowed = "CG006"
)

func TestTheApplicationTouchesNothingOfTheTrail(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.deed(t, uuid.NewString())
	for _, attempt := range []string{
		`UPDATE audit.entries SET outcome = 'refused'`,
		`DELETE FROM audit.entries`,
		`TRUNCATE audit.entries CASCADE`,
		`INSERT INTO audit.entries (stream, canon, leaf_hash, action, outcome, occurred_at) VALUES ('policy', '{}', sha256('\x007b7d'), 'viewed', 'done', now())`,
		`SELECT canon FROM audit.entries`,
		`SELECT FROM audit.entries FOR UPDATE`,
		`DO $$ BEGIN LOCK TABLE audit.entries IN EXCLUSIVE MODE; END $$`,
		`SELECT nextval('audit.entries_id_seq')`,
		`SELECT setval('audit.entries_id_seq', 1)`,
		`UPDATE audit.details SET body = ''`,
		`DELETE FROM audit.details`,
		`INSERT INTO audit.details (entry_id, salt, body) VALUES (1, '', '')`,
		`SELECT body FROM audit.details`,
		`UPDATE audit.chains SET seq = seq + 1`,
		`DELETE FROM audit.chains`,
		`INSERT INTO audit.chains VALUES ('request:x', 1, '')`,
		`SELECT FROM audit.chains FOR UPDATE`,
		`COPY audit.entries TO STDOUT`,
		`ALTER TABLE audit.entries DISABLE TRIGGER ALL`,
		`DROP TABLE audit.entries`,
		`CREATE RULE swallow AS ON INSERT TO audit.entries DO INSTEAD NOTHING`,
		`CREATE TRIGGER t BEFORE INSERT ON audit.entries FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
		`CREATE TABLE audit.mine (x int)`,
		`CREATE OR REPLACE FUNCTION audit.refuse() RETURNS trigger LANGUAGE sql AS ''`,
		`ALTER TABLE casework.requests DISABLE TRIGGER witness`,
		`DROP TRIGGER witness ON casework.requests`,
		`SET session_replication_role = replica`,
		`SET ROLE audit_test_owner`,
		`GRANT caldicott_reader TO audit_test_app`,
		`SELECT audit.guard_table('casework.requests')`,
		`SELECT audit.keep('casework.requests', 'INSERT')`,
		`SELECT audit.read_canon('{}')`,
		`CREATE TEMP TABLE t (id uuid); CREATE TRIGGER t AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION audit.require_entry('request', 'id')`,
	} {
		_, err := h.app.ExecContext(t.Context(), attempt)
		if err == nil {
			t.Errorf("passed: %s", attempt)
			continue
		}
		if !strings.HasPrefix(attempt, "ALTER TABLE c") && !strings.HasPrefix(attempt, "GRANT") {
			requireCode(t, err, denied)
		}
	}
	requireSound(t, h)
}

// The reader reads; the owner and the superuser may do all that the triggers let them.
func TestTheTrailIsAppendOnlyForEveryRole(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.deed(t, uuid.NewString())
	for _, attempt := range []string{
		`UPDATE audit.entries SET outcome = 'refused'`,
		`UPDATE audit.entries SET id = DEFAULT`,
		`DELETE FROM audit.entries`,
		`TRUNCATE audit.entries, audit.details`,
		`UPDATE audit.details SET body = ''`,
		`DELETE FROM audit.details`,
		`TRUNCATE audit.details`,
		`UPDATE audit.chains SET seq = seq + 1`,
		`UPDATE audit.chains SET seq = seq - 1`,
		`UPDATE audit.chains SET head = sha256('')`,
		`UPDATE audit.chains SET stream = 'request:x'`,
		`INSERT INTO audit.chains VALUES ('request:x', 1, sha256(''))`,
		`DELETE FROM audit.chains`,
		`TRUNCATE audit.chains`,
		`DELETE FROM casework.requests`,
		`TRUNCATE casework.requests CASCADE`,
		`UPDATE casework.deeds SET entry_id = entry_id`,
		`DELETE FROM casework.people; TRUNCATE casework.people`,
	} {
		_, err := h.reader.ExecContext(t.Context(), attempt)
		requireCode(t, err, denied)
		_, err = h.owner.ExecContext(t.Context(), attempt)
		requireCode(t, err, kept)
		_, err = h.superuser.ExecContext(t.Context(), attempt)
		requireCode(t, err, kept)
		_, err = h.superuser.ExecContext(t.Context(), `SET session_replication_role = replica; `+attempt)
		requireCode(t, err, kept)
	}
	_, err := h.superuser.ExecContext(t.Context(), `SET session_replication_role = replica; UPDATE casework.requests SET state = 'approved'`)
	requireCode(t, err, noEntry)
	_, err = h.superuser.ExecContext(t.Context(), `INSERT INTO audit.entries (stream, canon, leaf_hash, action, outcome, occurred_at) VALUES ('policy', '{}', sha256('{}'), 'viewed', 'done', now())`)
	requireCode(t, err, "23514")
	requireSound(t, h)
}

// The functions that run as the owner look up nothing where a caller can put something.
func TestACallersOwnFunctionsAreNotUsed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.superuser.MustExec(`GRANT CREATE ON SCHEMA public TO audit_test_app`)
	tx := h.app.MustBeginTx(t.Context(), nil)
	defer tx.Rollback()
	tx.MustExec(`SET LOCAL search_path = public, pg_catalog;
		CREATE FUNCTION public.sha256(bytea) RETURNS bytea LANGUAGE plpgsql AS 'BEGIN RAISE ''caught''; END';
		CREATE FUNCTION public.encode(bytea, text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE ''caught''; END';
		CREATE FUNCTION public.join(bytea, bytea) RETURNS bytea LANGUAGE plpgsql AS 'BEGIN RAISE ''caught''; END';
		CREATE OPERATOR public.|| (FUNCTION = public.join, LEFTARG = bytea, RIGHTARG = bytea)`)
	if _, err := record(t, tx, h.draft(t, tx, uuid.NewString())); err != nil {
		t.Error(err)
	}
}
