package postgres_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// connect opens a URL for the test.
func connect(t testing.TB, url string) *sqlx.DB {
	t.Helper()
	db, err := sqlx.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// patience bounds what waits for others, so that a hang is a failure with a name.
func patience(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func words(t testing.TB, db *sqlx.DB, query string, args ...any) []string {
	t.Helper()
	var all []string
	if err := db.Select(&all, query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return all
}

func sqlState(err error) string {
	for e := err; e != nil; {
		if p, ok := e.(*pq.Error); ok {
			return string(p.Code)
		}
		u, ok := e.(interface{ Unwrap() error })
		if !ok {
			return ""
		}
		e = u.Unwrap()
	}
	return ""
}

func TestEveryTableAndColumnSaysWhatItHolds(t *testing.T) {
	t.Parallel()
	db := connect(t, housetest.Database(t).Superuser)
	silent := words(t, db, `
		SELECT c.oid::regclass::text FROM pg_class c
		WHERE c.relnamespace IN ('casework'::regnamespace, 'audit'::regnamespace) AND c.relkind IN ('r', 'v', 'p', 'm')
			AND COALESCE(obj_description(c.oid, 'pg_class'), '') = ''
		UNION ALL
		SELECT a.attrelid::regclass || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		WHERE c.relnamespace IN ('casework'::regnamespace, 'audit'::regnamespace) AND c.relkind IN ('r', 'p')
			AND a.attnum > 0 AND NOT a.attisdropped AND COALESCE(col_description(a.attrelid, a.attnum), '') = ''
		UNION ALL
		SELECT p.oid::regprocedure::text FROM pg_proc p
		WHERE p.pronamespace IN ('casework'::regnamespace, 'audit'::regnamespace) AND COALESCE(obj_description(p.oid, 'pg_proc'), '') = ''
		UNION ALL
		SELECT nspname FROM pg_namespace WHERE nspname IN ('casework', 'audit') AND COALESCE(obj_description(oid, 'pg_namespace'), '') = ''`)
	for _, name := range silent {
		t.Errorf("%s has no COMMENT", name)
	}
	if n := len(words(t, db, `SELECT relname FROM pg_class WHERE relnamespace = 'casework'::regnamespace AND relkind = 'r'`)); n < 17 {
		t.Errorf("only %d tables were looked at", n)
	}
}

// The three places that know the states say the same: the table's CHECK, the vocabulary, and the map.
func TestTheTablesStatesAreTheVocabularysAndTheMaps(t *testing.T) {
	t.Parallel()
	db := connect(t, housetest.Database(t).Superuser)
	definitions := words(t, db, `SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'casework.requests'::regclass AND contype = 'c' AND pg_get_constraintdef(oid) LIKE '%state%'`)
	if len(definitions) != 1 {
		t.Fatalf("%q", definitions)
	}
	var table, states []string
	list := vocabulary.Codes[string]("request_state")
	for _, m := range regexp.MustCompile(`'([A-Z_]+)'`).FindAllStringSubmatch(definitions[0], -1) {
		table = append(table, m[1])
	}
	for _, s := range caldicott.States() {
		states = append(states, string(s))
	}
	slices.Sort(table)
	slices.Sort(list)
	slices.Sort(states)
	if !slices.Equal(table, list) || !slices.Equal(table, states) {
		t.Errorf("CHECK %q\nvocabulary %q\nmap %q", table, list, states)
	}
}

// sqlx reads "::" in a named query as a broken parameter: the house writes CAST.
func TestNoQueryCastsWithColons(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && strings.Contains(lit.Value, "::") {
				t.Errorf("%s: %s", name, lit.Value)
			}
			return true
		})
	}
}

// Never SELECT *, and never a query on the trail but through append.
func TestNoQueryAsksForEverything(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	star := regexp.MustCompile(`(?i)select\s+(\w+\.)?\*`)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := star.Find(source); found != nil {
			t.Errorf("%s: %s", name, found)
		}
		if strings.Contains(string(source), "INTO audit.") {
			t.Errorf("%s writes into the trail itself", name)
		}
	}
}

func TestMigrationsGoForwardOnly(t *testing.T) {
	t.Parallel()
	f := housetest.Furnished(t)
	entries, err := fs.Glob(f.Migrations, "*.sql")
	if err != nil || len(entries) == 0 {
		t.Fatal(entries, err)
	}
	for i, name := range entries {
		source, err := fs.ReadFile(f.Migrations, name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(source), "+goose Down") {
			t.Errorf("%s goes back", name)
		}
		if want := regexp.MustCompile(`^0*(\d+)_`).FindStringSubmatch(name); want == nil || want[1] != itoa(i+1) {
			t.Errorf("%s is not number %d", name, i+1)
		}
	}
}

func itoa(i int) string {
	return strings.TrimLeft(string([]byte{byte('0' + i/10), byte('0' + i%10)}), "0")
}

// peopled is a database with a row in every case table, written as the house writes: under entries of the trail.
func peopled(t testing.TB) *housetest.House {
	t.Helper()
	h := housetest.New(t)
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	org, request, id := house.NewID(), house.NewID(), house.NewID
	person := caldicott.Person{ID: id(), UserID: "u-one", Name: "One", OrganisationID: org, OrgCode: "TST01", Active: true, Revision: 1}
	ctx := patience(t, 30*time.Second)
	event := func(stream string) caldicott.Event {
		e := caldicott.Event{Stream: stream, Chained: true, Action: caldicott.Bootstrapped, Outcome: caldicott.OutcomeDone, At: at, Organisation: org, PolicyDigest: h.Policy.Digest()}
		if strings.HasPrefix(stream, "request:") {
			e.Action, e.Request, e.Actor = caldicott.Draft, request, person.ID
		}
		return e
	}
	err := h.DB.InTx(ctx, func(tx caldicott.Tx) error {
		return tx.SaveDirectory(ctx, event(caldicott.OrganisationStream(org)), caldicott.DirectoryRows{
			Organisations: []caldicott.OrganisationRow{{OrganisationRecord: caldicott.OrganisationRecord{ID: org, Code: "TST01", Name: "One", Type: "OTHER", Revision: 1}, AnswersFor: org}},
			People:        []caldicott.Person{person},
			Appointments:  []caldicott.Appointment{{ID: id(), UserID: "u-one", OrganisationID: org, Role: "IG_LEAD", ValidFrom: "2026-01-01", Revision: 1}},
			Delegations:   []caldicott.Delegation{{ID: id(), OrganisationID: org, From: "u-one", To: "u-one", Reason: "CONFLICT", ValidFrom: "2026-01-01", ValidTo: "2026-02-01", Given: at, Revision: 1}},
			Assets:        []caldicott.Asset{{ID: id(), OrganisationID: org, Name: "Falls", Owner: "u-one", Revision: 1}},
			Ledger:        []caldicott.LedgerRow{{ID: id(), OrganisationID: org, Kind: caldicott.LedgerShift, Subject: "u-one", By: "u-one", Body: []byte(`{"from":"x"}`), At: at}},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	content := caldicott.Content{Title: "Falls", Kind: vocabulary.KindAdviceOnly}
	d := caldicott.Decision{ID: id(), N: 1, Version: 1, Outcome: "APPROVE", DecidedBy: "u-one", ActingAs: "CALDICOTT_GUARDIAN", At: at}
	a := caldicott.Authorisation{ID: id(), Decision: d.ID, Version: 1, At: at}
	err = h.DB.InTx(ctx, func(tx caldicott.Tx) error {
		if _, err := tx.NextReference(ctx, org, "TST01", 2026); err != nil {
			return err
		}
		return tx.SaveCase(ctx, caldicott.Change{
			Request:       caldicott.Request{ID: request, OrganisationID: org, OrgCode: "TST01", Requester: "u-one", State: "DRAFT", Version: 1, Revision: 1, CreatedAt: at},
			Version:       &caldicott.Version{N: 1, Content: content, By: "u-one", At: at},
			Done:          caldicott.Done{ID: id(), Deed: caldicott.Draft, By: "u-one", At: at, To: "DRAFT", Version: 1},
			Consultations: []caldicott.Consultation{{ID: id(), Role: "DPO", By: "u-one", At: at}},
			Advice:        &caldicott.Advice{ID: id(), Role: "DPO", View: "SUPPORT", Text: "x", Version: 1, By: "u-one", At: at},
			Waiver:        &caldicott.Waiver{ID: id(), Role: "DPO", Reason: "x", By: "u-one", At: at},
			Declaration:   &caldicott.Declaration{ID: id(), By: "u-one", Type: "NONE", Version: 1, At: at},
			Remark:        &caldicott.Remark{ID: id(), By: "u-one", Text: "x", At: at},
			Decision:      &d, Authorisation: &a,
			Conditions: []caldicott.Condition{{ID: id(), Label: "C1", Decision: d.ID, Authorisation: a.ID, Type: "ONGOING", Text: "x", Owner: "u-one", At: at}},
			Disclosure: &caldicott.Disclosure{ID: id(), Recipient: "0", DisclosedAt: at, RecordedAt: at, By: "u-one"},
			Event:      event(caldicott.RequestStream(request)),
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// witnessed are the case tables whose rows must have an entry: all but the serials, the answers kept for a day, what is
// worked out from cases (agenda, tasks, notices), sealed bytes and the jobs.
func witnessed(t testing.TB, db *sqlx.DB) []string {
	t.Helper()
	tables := words(t, db, `SELECT relname FROM pg_class WHERE relnamespace = 'casework'::regnamespace AND relkind = 'r' AND relname NOT IN ('serials', 'answers_given', 'agenda', 'tasks', 'notices', 'blobs', 'jobs') ORDER BY 1`)
	if len(tables) != 20 {
		t.Fatalf("%d case tables: %q", len(tables), tables)
	}
	return tables
}

// attempt runs a statement in a transaction of its own and commits.
func attempt(t testing.TB, db *sqlx.DB, statement string) (int64, error) {
	t.Helper()
	tx, err := db.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // does nothing once committed
	r, err := tx.ExecContext(t.Context(), statement)
	if err != nil {
		return 0, err
	}
	n, err := r.RowsAffected()
	if err != nil {
		t.Fatal(err)
	}
	return n, tx.Commit()
}

// copyOf inserts a row like the first, but for what must be unlike.
func copyOf(table string) string {
	return `INSERT INTO casework.` + table + ` SELECT (jsonb_populate_record(x, jsonb_strip_nulls(jsonb_build_object(
		'id', CASE WHEN to_jsonb(x) ? 'id' THEN gen_random_uuid() END, 'n', CAST(to_jsonb(x) ->> 'n' AS integer) + 1,
		'label', CASE WHEN to_jsonb(x) ? 'label' THEN 'C9' END, 'code', CASE WHEN to_jsonb(x) ? 'code' THEN 'TST09' END,
		'row_id', CASE WHEN to_jsonb(x) ? 'row_id' THEN gen_random_uuid() END, 'role', CASE WHEN to_jsonb(x) ? 'role' THEN 'LEGAL' END,
		'user_id', CASE WHEN to_jsonb(x) ? 'user_id' THEN 'u-copy' END)))).* FROM casework.` + table + ` x LIMIT 1`
}

// "Nothing changes without its entry", for every table and for the service's own role, which cannot even try to delete.
func TestEveryCaseTableRefusesAChangeWithoutItsEntry(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	app, superuser := connect(t, housetest.AppURL(h.Database)), connect(t, h.Database.Superuser)
	updated := []string{"appointments", "assets", "delegations", "organisations", "people", "requests"}
	for _, table := range witnessed(t, superuser) {
		if n := len(words(t, superuser, `SELECT CAST(entry_id AS text) FROM casework.`+table)); n != 1 && !(n == 3 && table == "directory_versions") {
			t.Errorf("%s has %d rows", table, n)
		}
		refused := func(db *sqlx.DB, statement, want string) {
			t.Helper()
			if n, err := attempt(t, db, statement); sqlState(err) != want {
				t.Errorf("%s: %d rows and %v, want %s", statement, n, err, want)
			}
		}
		change := `UPDATE casework.` + table + ` SET entry_id = entry_id`
		refused(app, copyOf(table), "CG005")
		refused(superuser, copyOf(table), "CG005")
		if slices.Contains(updated, table) {
			refused(app, change, "CG005")
			refused(superuser, change, "CG005")
		} else {
			refused(app, change, "42501")
			refused(superuser, change, "CG004")
		}
		refused(app, `DELETE FROM casework.`+table, "42501")
		refused(app, `TRUNCATE casework.`+table+` CASCADE`, "42501")
		refused(superuser, `DELETE FROM casework.`+table, "CG004")
		refused(superuser, `TRUNCATE casework.`+table+` CASCADE`, "CG004")
	}
	var whole bool
	if err := superuser.Get(&whole, `SELECT count(DISTINCT table_name) = 20 FROM casework.witnessed`); err != nil || !whole {
		t.Errorf("casework.witnessed shows not every row: %v", err)
	}
}

// What the roles may do, and not a right more.
func TestTheRolesHaveNoMoreRightsThanTheyNeed(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	app, reader := connect(t, housetest.AppURL(h.Database)), connect(t, housetest.ReaderURL(h.Database))
	for _, c := range []struct {
		who       string
		db        *sqlx.DB
		statement string
	}{
		{"app", app, `SELECT count(*) FROM audit.entries`},
		{"app", app, `SELECT count(*) FROM audit.details`},
		{"app", app, `INSERT INTO audit.chains (stream, seq, head) VALUES ('x', 1, sha256('x'))`},
		{"app", app, `UPDATE audit.chains SET seq = seq`},
		{"app", app, `SELECT count(*) FROM casework.witnessed`},
		{"app", app, `CREATE TABLE casework.mine (id integer)`},
		{"app", app, `CREATE TABLE audit.mine (id integer)`},
		{"app", app, `ALTER TABLE casework.requests DISABLE TRIGGER ALL`},
		{"app", app, `SET session_replication_role = replica`},
		{"app", app, `DELETE FROM casework.serials`},
		{"reader", reader, `SELECT count(*) FROM casework.decisions`},
		{"reader", reader, `SELECT count(*) FROM casework.answers_given`},
		{"reader", reader, `INSERT INTO casework.comments SELECT FROM casework.comments`},
		{"reader", reader, `UPDATE casework.requests SET title = 'x'`},
		{"reader", reader, `SELECT audit.append('x', NULL, NULL, 'x', NULL, NULL)`},
	} {
		if _, err := attempt(t, c.db, c.statement); sqlState(err) != "42501" {
			t.Errorf("%s: %s: %v, want 42501", c.who, c.statement, err)
		}
	}
	if _, err := attempt(t, reader, `SELECT count(*) FROM audit.entries`); err != nil {
		t.Errorf("the reader cannot read the trail: %v", err)
	}
}

// A closure that lost against another runs again, and only then; its error is explained.
func TestATransactionThatLostIsTriedThreeTimes(t *testing.T) {
	t.Parallel()
	h := housetest.New(t)
	for code, want := range map[string]int{"40001": 3, "40P01": 3, "CG001": 3, "23505": 1} {
		runs := 0
		err := h.DB.InTx(t.Context(), func(caldicott.Tx) error { runs++; return &pq.Error{Code: pq.ErrorCode(code)} })
		if runs != want || err == nil || caldicott.CodeOf(err) == "" {
			t.Errorf("%s: %d runs and %v", code, runs, err)
		}
	}
	runs := 0
	if err := h.DB.InTx(t.Context(), func(caldicott.Tx) error {
		if runs++; runs == 1 {
			return &pq.Error{Code: "40001"}
		}
		return nil
	}); err != nil || runs != 2 {
		t.Errorf("%d runs and %v", runs, err)
	}
}
