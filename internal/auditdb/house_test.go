package auditdb_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/pressly/goose/v3"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// house is a database with the trail and a few case tables, and a connection for each who works in it.
type house struct {
	superuser, owner, app, reader *sqlx.DB
	organisation                  string
}

const (
	trailFile  = "../../migrations/00001_trail.sql"
	notaryFile = "../../migrations/00005_notary.sql"
	othersFile = "../../migrations/00006_witnesses.sql"
	password   = "audit-test"
)

// accounts are made by the superuser, once in a cluster: the roles of the trail are its migration's.
const accounts = `
	DO $$
	BEGIN
		PERFORM pg_advisory_xact_lock(4711);
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'audit_test_owner') THEN
			CREATE ROLE audit_test_owner LOGIN CREATEROLE PASSWORD '` + password + `';
			CREATE ROLE audit_test_app LOGIN PASSWORD '` + password + `';
			CREATE ROLE audit_test_reader LOGIN PASSWORD '` + password + `';
		END IF;
		EXECUTE format('GRANT CREATE ON DATABASE %I TO audit_test_owner', current_database());
		GRANT CREATE ON SCHEMA public TO audit_test_owner;
	END
	$$`

// memberships come after the migration. Two databases may be migrated at once, hence the lock.
const memberships = `
	DO $$
	BEGIN
		PERFORM pg_advisory_xact_lock(4711);
		GRANT caldicott_app TO audit_test_app;
		GRANT caldicott_reader TO audit_test_reader;
	END
	$$`

func newHouse(t testing.TB) house {
	t.Helper()
	if testing.Short() {
		t.Skip("needs PostgreSQL")
	}
	trail, log, others := read(t, trailFile), read(t, notaryFile), read(t, othersFile)
	tables := read(t, "testdata/casework.sql")
	digest := sha256.Sum256([]byte(string(trail) + string(log) + string(others) + string(tables) + accounts))
	d := pgtest.New(t, pgtest.Schema{Key: hex.EncodeToString(digest[:]), Migrate: func(ctx context.Context, url string) error {
		return migrate(ctx, url, fstest.MapFS{"00001_trail.sql": {Data: trail}, "00002_notary.sql": {Data: log}, "00003_witnesses.sql": {Data: others}}, string(tables))
	}})
	h := house{organisation: uuid.NewString(), superuser: connect(t, d.Superuser)}
	h.owner = connect(t, d.As("audit_test_owner", password))
	h.app = connect(t, d.As("audit_test_app", password))
	h.reader = connect(t, d.As("audit_test_reader", password))
	return h
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func connect(t testing.TB, url string) *sqlx.DB {
	t.Helper()
	connector, err := pq.NewConnector(url)
	if err != nil {
		t.Fatal(err)
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "postgres")
	t.Cleanup(func() { db.Close() })
	return db
}

// migrate runs the migrations of trail and log alone, as their owner, and then lays the case tables.
func migrate(ctx context.Context, url string, migrations fs.FS, tables string) error {
	connector, err := pq.NewConnector(url)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	db.SetMaxOpenConns(1) // so that SET ROLE holds
	for _, setup := range []string{accounts, "SET ROLE audit_test_owner"} {
		if _, err := db.ExecContext(ctx, setup); err != nil {
			return err
		}
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations)
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return err
	}
	for _, setup := range []string{tables, "RESET ROLE", memberships} {
		if _, err := db.ExecContext(ctx, setup); err != nil {
			return err
		}
	}
	return nil
}

// appendEntry is the call that the application makes.
const appendEntry = `SELECT audit.append($1, $2, $3, $4, $5, $6)`

type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// draft is a deed on a request that fits the end of its chain.
func (h house) draft(t testing.TB, tx queryer, request string) audit.Entry {
	t.Helper()
	e := audit.Entry{
		Stream: caldicott.RequestStream(request), Seq: 1, Request: request, Organisation: h.organisation, Actor: h.organisation,
		Action: "amend", Outcome: audit.Done, At: time.Now().UTC().Truncate(time.Microsecond), Version: 1,
	}
	rand.Read(e.Nonce[:])
	var head []byte
	var last int
	err := tx.QueryRowContext(t.Context(), `SELECT seq, head FROM audit.chains WHERE stream = $1`, e.Stream).Scan(&last, &head)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		t.Fatal(err)
	}
	e.Seq = last + 1
	copy(e.Prev[:], head)
	return e
}

// unchained makes the entry a reading, outside of all chains.
func unchained(e audit.Entry) audit.Entry {
	e.Seq, e.Prev, e.Action = 0, [32]byte{}, audit.Viewed
	return e
}

func canon(t testing.TB, e audit.Entry) []byte {
	t.Helper()
	b, err := e.Canon()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// record appends an entry as it is.
func record(t testing.TB, tx queryer, e audit.Entry) (id int64, err error) {
	t.Helper()
	args := []any{e.Stream, nil, nil, canon(t, e), nil, nil}
	if e.Seq != 0 {
		args[1], args[2] = e.Seq, e.Prev[:]
	}
	err = tx.QueryRowContext(t.Context(), appendEntry, args...).Scan(&id)
	return id, err
}

// deed is one whole deed as the application does it: the entry with its detail, the request, a version and the deed.
func (h house) deed(t testing.TB, request string) int64 {
	t.Helper()
	tx := h.app.MustBeginTx(t.Context(), nil)
	defer tx.Rollback()
	e := h.draft(t, tx, request)
	content := fmt.Sprintf(`{"n":%d}`, e.Seq)
	digest := sha256.Sum256([]byte(content))
	salt, body := [32]byte{1, byte(e.Seq)}, []byte("a reason")
	e.Digest, e.Detail = hex.EncodeToString(digest[:]), audit.Commit(salt, body)
	var id int64
	err := tx.GetContext(t.Context(), &id, appendEntry, e.Stream, e.Seq, e.Prev[:], canon(t, e), salt[:], body)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		query string
		args  []any
	}{
		{`INSERT INTO casework.requests (id, state, entry_id) VALUES ($1, 'draft', $2)
			ON CONFLICT (id) DO UPDATE SET state = 'amended', entry_id = excluded.entry_id`, []any{request, id}},
		{`INSERT INTO casework.versions (request_id, n, content, digest, entry_id) VALUES ($1, $2, $3, $4, $5)`, []any{request, e.Seq, content, digest[:], id}},
		{`INSERT INTO casework.deeds (request_id, entry_id) VALUES ($1, $2)`, []any{request, id}},
	} {
		if _, err := tx.ExecContext(t.Context(), step.query, step.args...); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return id
}

// requireCode is satisfied by an error of that SQLSTATE; "" stands for success.
func requireCode(t testing.TB, err error, want string) {
	t.Helper()
	got, message := "", ""
	if pqErr := (*pq.Error)(nil); errors.As(err, &pqErr) {
		got, message = string(pqErr.Code), pqErr.Message
	} else if err != nil {
		t.Fatalf("not an answer of the database: %v", err)
	}
	if got != want {
		t.Errorf("got %q (%s), want %q", got, message, want)
	}
}
