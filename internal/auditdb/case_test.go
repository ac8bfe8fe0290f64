package auditdb_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/caldicott"
)

// A case row and its entry stand or fall together, whatever a transaction does.
func TestNoCaseRowChangesWithoutItsEntry(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	request, other := uuid.NewString(), uuid.NewString()
	old := h.deed(t, request)
	h.deed(t, other)
	elsewhere := uuid.NewString()
	type attempt func(t *testing.T, tx *sqlx.Tx) error
	run := func(query string, args ...any) attempt {
		return func(t *testing.T, tx *sqlx.Tx) error {
			_, err := tx.ExecContext(t.Context(), query, args...)
			return err
		}
	}
	entryOf := func(t *testing.T, tx *sqlx.Tx, request string) int64 {
		id, err := record(t, tx, h.draft(t, tx, request))
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	with := func(request, query string) attempt {
		return func(t *testing.T, tx *sqlx.Tx) error {
			id := entryOf(t, tx, request)
			tx.MustExec(`INSERT INTO casework.deeds (request_id, entry_id) VALUES ($1, $2)`, request, id)
			return run(query, id)(t, tx)
		}
	}
	const change = `UPDATE casework.requests SET state = 'approved', entry_id = $1 WHERE id = `
	for name, c := range map[string]struct {
		code string
		try  attempt
	}{
		"update":                  {noEntry, run(`UPDATE casework.requests SET state = 'approved'`)},
		"update naming an old":    {noEntry, run(change+`$2`, old, request)},
		"update naming none":      {noEntry, run(change+`$2`, 1<<40, request)},
		"insert":                  {noEntry, run(`INSERT INTO casework.requests VALUES ($1, 'draft', $2)`, uuid.NewString(), old)},
		"insert into another":     {noEntry, run(`INSERT INTO casework.versions VALUES ($1, 9, '{}', '', $2)`, request, old)},
		"upsert":                  {noEntry, run(`INSERT INTO casework.requests VALUES ($1, 'x', $2) ON CONFLICT (id) DO UPDATE SET state = 'x'`, request, old)},
		"entry of another":        {noEntry, with(other, change+`'`+request+`'`)},
		"person by a request's":   {noEntry, with(request, `INSERT INTO casework.people VALUES (gen_random_uuid(), '`+request+`', 'x', $1)`)},
		"person of another house": {noEntry, with(request, `INSERT INTO casework.people VALUES (gen_random_uuid(), '`+h.organisation+`', 'x', $1)`)},
		"moving a row":            {noEntry, with(elsewhere, `UPDATE casework.requests SET id = '`+elsewhere+`', entry_id = $1 WHERE id = '`+request+`'`)},
		"delete":                  {kept, run(`DELETE FROM casework.deeds`)},
		"truncate":                {kept, run(`TRUNCATE casework.versions`)},
		"change of a version":     {kept, with(request, `UPDATE casework.versions SET content = 'x', entry_id = $1`)},
		"unchained entry": {noEntry, func(t *testing.T, tx *sqlx.Tx) error {
			e := unchained(h.draft(t, tx, request))
			e.Action = "decide"
			id, err := record(t, tx, e)
			if err != nil {
				return err
			}
			return run(change+`$2`, id, request)(t, tx)
		}},
		"refusal": {noEntry, func(t *testing.T, tx *sqlx.Tx) error {
			e := unchained(h.draft(t, tx, request))
			e.Outcome = audit.Refused
			id, err := record(t, tx, e)
			if err != nil {
				return err
			}
			return run(change+`$2`, id, request)(t, tx)
		}},
		"entry taken back": {noEntry, func(t *testing.T, tx *sqlx.Tx) error {
			tx.MustExec(`SAVEPOINT s`)
			id := entryOf(t, tx, request)
			tx.MustExec(`ROLLBACK TO s`)
			return run(change+`$2`, id, request)(t, tx)
		}},
		// The row first, naming the id that the entry will have; the check while the entry is there; then the entry back.
		"check before the entry is taken back": {noEntry, func(t *testing.T, tx *sqlx.Tx) error {
			var last int64
			if err := h.superuser.GetContext(t.Context(), &last, `SELECT last_value FROM audit.entries_id_seq`); err != nil {
				return err
			}
			tx.MustExec(change+`$2`, last+1, request)
			tx.MustExec(`SAVEPOINT s`)
			if id := entryOf(t, tx, request); id != last+1 {
				t.Fatalf("guessed id %d, got %d", last+1, id)
			}
			tx.MustExec(`SET CONSTRAINTS ALL IMMEDIATE`)
			tx.MustExec(`ROLLBACK TO s`)
			return nil
		}},
		// After a restore into another cluster, old entries have the numbers of transactions to come.
		"old entry with this number": {noEntry, func(t *testing.T, tx *sqlx.Tx) error {
			h.superuser.MustExec(`ALTER TABLE audit.entries DISABLE TRIGGER keep_rows`)
			defer h.superuser.MustExec(`ALTER TABLE audit.entries ENABLE ALWAYS TRIGGER keep_rows`)
			var xid string
			if err := tx.GetContext(t.Context(), &xid, `SELECT pg_current_xact_id()`); err != nil {
				return err
			}
			h.superuser.MustExec(`UPDATE audit.entries SET xid = $1 WHERE id = $2`, xid, old)
			return run(change+`$2`, old, request)(t, tx)
		}},
		"entry of another's transaction": {noEntry, func(t *testing.T, tx *sqlx.Tx) error {
			tx.MustExec(`SELECT 1`)
			theirs := h.deed(t, request)
			return run(change+`$2`, theirs, request)(t, tx)
		}},
		"constraints at once": {noEntry, func(t *testing.T, tx *sqlx.Tx) error {
			tx.MustExec(`SET CONSTRAINTS ALL IMMEDIATE`)
			return run(`UPDATE casework.requests SET state = 'x'`)(t, tx)
		}},
		"second change behind the first": {noEntry, func(t *testing.T, tx *sqlx.Tx) error {
			if err := with(request, change+`'`+request+`'`)(t, tx); err != nil {
				return err
			}
			return run(`UPDATE casework.requests SET state = 'x' WHERE id = $1`, other)(t, tx)
		}},
		"deed": {"", with(request, change+`'`+request+`'`)},
		"deed, twice in a transaction": {"", func(t *testing.T, tx *sqlx.Tx) error {
			if err := with(request, change+`'`+request+`'`)(t, tx); err != nil {
				return err
			}
			return with(request, change+`'`+request+`'`)(t, tx)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			tx := h.app.MustBeginTx(t.Context(), nil)
			defer tx.Rollback()
			err := c.try(t, tx)
			if err == nil {
				err = tx.Commit()
			}
			requireCode(t, err, c.code)
		})
	}
	requireSound(t, h)
}

// The database cannot know every table, so a deed can be recorded that changed nothing: the verifier says so.
func TestARecordedDeedThatChangedNothingIsFound(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id, err := record(t, h.app, h.draft(t, h.app, uuid.NewString()))
	if err != nil {
		t.Fatal(err)
	}
	sum, findings := h.verify(t)
	if sum.Sound() || findings[0].Invariant != "I2" || findings[0].Entry != id {
		t.Errorf("%v", findings)
	}
}

// The owner may insert into the entries and may move a chain, but only to the entry that comes next.
func TestAChainMovesOnlyToItsNextEntry(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	request := uuid.NewString()
	h.deed(t, request)
	h.deed(t, request)
	const (
		insert = `INSERT INTO audit.entries (stream, seq, canon, leaf_hash, action, outcome, occurred_at)
			VALUES ('%s', %d, '{}', sha256('\x007b7d'), 'amend', 'done', now()); `
		move = `UPDATE audit.chains SET stream = '%s', seq = %d, head = sha256('\x%s'); `
		leaf = "007b7d"
	)
	stream, other := caldicott.RequestStream(request), caldicott.RequestStream(uuid.NewString())
	for name, c := range map[string]struct{ code, do string }{
		"next entry":         {"", fmt.Sprintf(insert+move, stream, 3, stream, 3, leaf)},
		"entry after next":   {kept, fmt.Sprintf(insert+move, stream, 4, stream, 4, leaf)},
		"entry of another":   {kept, fmt.Sprintf(insert+move, other, 3, other, 3, leaf)},
		"another head":       {kept, fmt.Sprintf(insert+move, stream, 3, stream, 3, "00")},
		"entry of last year": {kept, fmt.Sprintf(insert+"COMMIT; BEGIN; "+move, stream, 3, stream, 3, leaf)},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.Contains(c.do, "COMMIT") {
				defer h.superuser.MustExec(`ALTER TABLE audit.entries DISABLE TRIGGER ALL; DELETE FROM audit.entries WHERE seq = 3; ALTER TABLE audit.entries ENABLE ALWAYS TRIGGER keep_rows`)
			}
			conn, err := h.owner.Connx(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, err = conn.ExecContext(t.Context(), "BEGIN; "+c.do)
			requireCode(t, err, c.code)
			if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Should an owner insert a refusal into a chain by hand, it is still no deed.
func TestARefusalIsNoDeed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	request := uuid.NewString()
	h.deed(t, request)
	for outcome, code := range map[string]string{audit.Done: "", audit.Refused: noEntry} {
		tx := h.owner.MustBeginTx(t.Context(), nil)
		tx.MustExec(`WITH e AS (INSERT INTO audit.entries (stream, seq, canon, leaf_hash, action, outcome, occurred_at)
			VALUES ($1, 99, '{}', sha256('\x007b7d'), 'amend', $2, now()) RETURNING id)
			UPDATE casework.requests SET entry_id = e.id FROM e`, caldicott.RequestStream(request), outcome)
		_, err := tx.ExecContext(t.Context(), `SET CONSTRAINTS ALL IMMEDIATE`)
		requireCode(t, err, code)
		tx.Rollback()
	}
}
