package notarydb_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
	"github.com/caldicott/caldicott/internal/pgtest"
	"github.com/caldicott/caldicott/internal/postgres"
)

func TestMain(m *testing.M) {
	if os.Getenv(replicaSetting) != "" {
		os.Exit(serveReplica())
	}
	os.Exit(pgtest.Main(m))
}

// house is a database, and a pool for each who works in it.
type house struct {
	database                       pgtest.Database
	superuser, app, sealer, reader *sqlx.DB
	organisation                   string
}

func newHouse(t testing.TB) house {
	t.Helper()
	return houseIn(t, housetest.Database(t))
}

func houseIn(t testing.TB, d pgtest.Database) house {
	t.Helper()
	return house{
		database: d, superuser: connect(t, d.Superuser, "superuser"), app: connect(t, housetest.AppURL(d), "app"),
		sealer: connect(t, housetest.SealerURL(d), "sealer"), reader: connect(t, housetest.ReaderURL(d), "reader"),
		organisation: uuid.NewString(),
	}
}

func connect(t testing.TB, url, name string) *sqlx.DB {
	t.Helper()
	db, err := postgres.OpenReader(postgres.Settings{URL: url, Application: name, Connections: 50, StatementTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (h house) newSealer() *notary.Sealer { return &notary.Sealer{Book: notarydb.Book{DB: h.sealer}} }

// seal seals all that is waiting.
func seal(t testing.TB, s *notary.Sealer) {
	t.Helper()
	if err := s.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
}

type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// deed appends an entry to the chain of a request, as the application does.
func (h house) deed(ctx context.Context, tx queryer, request string) (id int64, err error) {
	e := caldicott.Event{
		Stream: caldicott.RequestStream(request), Chained: true, Action: "amend", Outcome: audit.Done,
		At: time.Now().UTC().Truncate(time.Microsecond), Organisation: h.organisation, Request: request,
	}
	var seq int
	var prev [32]byte
	var head []byte
	err = tx.QueryRowContext(ctx, `SELECT seq, head FROM audit.chains WHERE stream = $1`, e.Stream).Scan(&seq, &head)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	copy(prev[:], head)
	w, err := audit.Write(e, seq+1, prev)
	if err != nil {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, `SELECT audit.append($1, $2, $3, $4, NULL, NULL)`, e.Stream, seq+1, prev[:], w.Canon).Scan(&id)
	return id, err
}

// deeds are so many deeds on one request.
func (h house) deeds(t testing.TB, n int) (request string, ids []int64) {
	t.Helper()
	request = uuid.NewString()
	for range n {
		id, err := h.deed(t.Context(), h.app, request)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return request, ids
}

// fill appends many entries at once, and lets the planner know.
func (h house) fill(t testing.TB, n int) {
	t.Helper()
	h.add(t, n)
	if _, err := h.superuser.ExecContext(t.Context(), `ANALYZE audit.entries`); err != nil {
		t.Fatal(err)
	}
}

// add appends entries outside of all chains, past audit.append: only where their number matters.
func (h house) add(t testing.TB, n int) {
	t.Helper()
	const query = `
		INSERT INTO audit.entries (stream, canon, leaf_hash, action, outcome, occurred_at)
		SELECT 'access:1', c, sha256('\x00'::bytea || c), 'viewed', 'done', now()
		FROM (SELECT convert_to('{"n":' || x || ',"pad":"' || repeat('x', 350) || '"}', 'UTF8') FROM generate_series(1, $1) x) AS e (c)`
	if _, err := h.superuser.ExecContext(t.Context(), query, n); err != nil {
		t.Fatal(err)
	}
}

func count(t testing.TB, db *sqlx.DB, query string, args ...any) (n int64) {
	t.Helper()
	if err := db.GetContext(t.Context(), &n, query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// requireSealed holds the log against the trail: each entry one leaf, no leaf without one, no hole, no request out of order.
func requireSealed(t testing.TB, h house) {
	t.Helper()
	for what, query := range map[string]string{
		"entries without a leaf, or leaves without an entry": `SELECT count(*) FROM audit.entries e FULL JOIN audit.leaves l ON l.entry_id = e.id WHERE e.id IS NULL OR l.entry_id IS NULL OR e.leaf_hash <> l.leaf_hash`,
		"holes in the log": `SELECT count(*) - COALESCE(max(leaf_index) + 1, 0) FROM audit.leaves`,
		"entries out of their request's order": `SELECT count(*) FROM (
			SELECT e.seq, lag(e.seq, 1, 0) OVER (PARTITION BY e.stream ORDER BY l.leaf_index) AS before
			FROM audit.entries e JOIN audit.leaves l ON l.entry_id = e.id WHERE e.seq IS NOT NULL) x WHERE seq <> before + 1`,
		"leaves beyond the last checkpoint": `SELECT (SELECT count(*) FROM audit.leaves) - COALESCE((SELECT max(size) FROM audit.checkpoints), 0)`,
	} {
		if n := count(t, h.superuser, query); n != 0 {
			t.Errorf("%d %s", n, what)
		}
	}
	if err := h.newSealer().Sweep(t.Context()); err != nil {
		t.Error(err)
	}
}

// requireSigned opens every signed checkpoint as anybody would, and proves that each continues the one before it.
func requireSigned(t testing.TB, h house, verifier note.Verifier) {
	t.Helper()
	var sizes []int64
	if err := h.reader.SelectContext(t.Context(), &sizes, `SELECT DISTINCT size FROM audit.signatures ORDER BY size`); err != nil {
		t.Fatal(err)
	}
	before := int64(0)
	for _, size := range sizes {
		tree, lines, err := h.proofs().Shelf.At(t.Context(), size)
		if err != nil {
			t.Fatal(err)
		}
		signed := notary.Note(merkle.Checkpoint{Origin: origin, Tree: tree}.Text(), lines)
		if c, _, _, err := log.ParseCheckpoint([]byte(signed), origin, verifier); err != nil || c.Size != uint64(size) {
			t.Errorf("the signed checkpoint of %d: %+v %v", size, c, err)
		}
		if _, _, _, err := h.proofs().Consistency(t.Context(), before, size); err != nil {
			t.Errorf("what was signed at %d and at %d is no one log: %v", before, size, err)
		}
		before = size
	}
	if n := count(t, h.reader, `SELECT count(*) FROM audit.leaves`); n != before {
		t.Errorf("%d leaves, signed are %d", n, before)
	}
}

// amount reads how much of something a long run is to do.
func amount(t testing.TB, setting string, usual int) int {
	t.Helper()
	given := os.Getenv(setting)
	if given == "" {
		return usual
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 1 {
		t.Fatalf("%s is no number", setting)
	}
	return n
}
