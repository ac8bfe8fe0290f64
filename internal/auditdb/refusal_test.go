package auditdb_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/gowebpki/jcs"
	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/audit"
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

// spoiled is a call of audit.append that must fail.
type spoiled struct {
	entry func(*audit.Entry)
	canon func(string) string
	args  func([]any) // stream, seq, prev, canon, salt, body
}

func replace(old, changed string) func(string) string {
	return func(canon string) string {
		if !strings.Contains(canon, old) {
			panic(old + " does not stand in " + canon)
		}
		return strings.Replace(canon, old, changed, 1)
	}
}

var streamOf = regexp.MustCompile(`request:[0-9a-f-]+`)

func TestOnlyWhatFitsIsAppended(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	request, other := uuid.NewString(), uuid.NewString()
	h.deed(t, request)
	h.deed(t, other)
	prevOf := func(p string) func(*audit.Entry) { return func(e *audit.Entry) { e.Prev = audit.LeafHash([]byte(p)) } }
	seqOf := func(n int) func(*audit.Entry) { return func(e *audit.Entry) { e.Seq = n } }
	fresh := func(e *audit.Entry) {
		e.Request, e.Seq, e.Prev = uuid.NewString(), 1, [32]byte{}
		e.Stream = audit.RequestStream(e.Request)
	}
	person := "person:" + other
	salted := func(args []any) { args[4], args[5] = bytes.Repeat([]byte{7}, 32), []byte("body") }
	for name, c := range map[string]struct {
		code string
		try  spoiled
	}{
		"head of nothing":        {wrongHead, spoiled{entry: prevOf("?")}},
		"zero head in mid chain": {wrongHead, spoiled{entry: func(e *audit.Entry) { e.Prev = [32]byte{} }}},
		"seq that is taken":      {wrongHead, spoiled{entry: func(e *audit.Entry) { e.Seq, e.Prev = 1, [32]byte{} }}},
		"seq that leaves a gap":  {wrongHead, spoiled{entry: seqOf(9)}},
		"first of no chain":      {wrongHead, spoiled{entry: func(e *audit.Entry) { e.Request = uuid.NewString(); e.Stream = audit.RequestStream(e.Request) }}},
		"something before the first": {wrongHead, spoiled{entry: fresh, canon: replace(`"prev":"00`, `"prev":"01`),
			args: func(a []any) { a[2] = append([]byte{1}, make([]byte, 31)...) }}},
		"prev and no seq":           {disagrees, spoiled{canon: replace(`"seq":2,`, ``), args: func(a []any) { a[1] = nil }}},
		"seq and no prev":           {disagrees, spoiled{entry: fresh, canon: replace(`"prev":"`+strings.Repeat("0", 64)+`",`, ``), args: func(a []any) { a[2] = nil }}},
		"chain of a person":         {disagrees, spoiled{entry: fresh, canon: func(c string) string { return streamOf.ReplaceAllString(c, person) }, args: func(a []any) { a[0] = person }}},
		"seq of the call":           {disagrees, spoiled{args: func(a []any) { a[1] = 3 }}},
		"prev of the call":          {disagrees, spoiled{args: func(a []any) { a[2] = bytes.Repeat([]byte{1}, 32) }}},
		"stream of the call":        {disagrees, spoiled{args: func(a []any) { a[0] = audit.RequestStream(other) }}},
		"no stream":                 {disagrees, spoiled{args: func(a []any) { a[0] = nil }}},
		"chained, called unchained": {disagrees, spoiled{args: func(a []any) { a[1], a[2] = nil, nil }}},
		"no prev":                   {disagrees, spoiled{args: func(a []any) { a[2] = nil }}},
		"no seq":                    {disagrees, spoiled{args: func(a []any) { a[1] = nil }}},
		"negative seq":              {disagrees, spoiled{args: func(a []any) { a[1] = -1 }}},
		"foreign request":           {disagrees, spoiled{canon: replace(`"request":"`+request, `"request":"`+other)}},
		"no request":                {disagrees, spoiled{canon: replace(`"request":"`+request+`",`, ``)}},
		"detail without words":      {disagrees, spoiled{entry: func(e *audit.Entry) { e.Detail = [32]byte{1} }}},
		"words without detail":      {disagrees, spoiled{args: salted}},
		"detail of other words":     {disagrees, spoiled{entry: func(e *audit.Entry) { e.Detail = [32]byte{1} }, args: salted}},
		"salt alone":                {disagrees, spoiled{args: func(a []any) { a[4] = bytes.Repeat([]byte{7}, 32) }}},
		"short salt": {disagrees, spoiled{entry: func(e *audit.Entry) { e.Detail = audit.Commit([32]byte{}, []byte("b")) },
			args: func(a []any) { a[4], a[5] = make([]byte, 31), []byte("\x00b") }}},
		"refusal in a chain":     {disagrees, spoiled{canon: replace(`"done"`, `"refused"`)}},
		"reading in a chain":     {disagrees, spoiled{canon: replace(`"amend"`, `"viewed"`)}},
		"no canon":               {malformed, spoiled{args: func(a []any) { a[3] = nil }}},
		"empty canon":            {malformed, spoiled{args: func(a []any) { a[3] = []byte{} }}},
		"no JSON":                {malformed, spoiled{args: func(a []any) { a[3] = []byte("\x00\xff'\\") }}},
		"a word twice":           {malformed, spoiled{canon: replace(`"action":"amend",`, `"action":"amend","action":"decide",`)}},
		"order":                  {malformed, spoiled{canon: replace(`{"action":"amend","actor"`, `{"actor":"`+other+`","action":"amend","actor"`)}},
		"unknown member":         {malformed, spoiled{canon: replace(`"v":1`, `"v":1,"w":1`)}},
		"free text":              {malformed, spoiled{canon: replace(`"v":1`, `"to":"Jane Doe, born 1970","v":1`)}},
		"line feed":              {malformed, spoiled{canon: replace(`"v":1`, "\"v\":1\n")}},
		"space":                  {malformed, spoiled{canon: replace(`"v":1`, `"v": 1`)}},
		"another version":        {malformed, spoiled{canon: replace(`"v":1`, `"v":2`)}},
		"fraction":               {malformed, spoiled{canon: replace(`"seq":2`, `"seq":2.0`)}},
		"third outcome":          {malformed, spoiled{canon: replace(`"done"`, `"maybe"`)}},
		"no nonce":               {malformed, spoiled{canon: replace(`"nonce":"`, `"once":"`)}},
		"escape":                 {malformed, spoiled{canon: replace(`"amend"`, `"\u0061mend"`)}},
		"time out of range":      {malformed, spoiled{canon: replace(`"at":`, `"at":9`)}},
		"facts out of order":     {malformed, spoiled{canon: replace(`"nonce"`, `"facts":{"b":"1","a":"2"},"nonce"`)}},
		"a fact twice":           {malformed, spoiled{canon: replace(`"nonce"`, `"facts":{"a":"1","a":"2"},"nonce"`)}},
		"a fact that is a list":  {malformed, spoiled{canon: replace(`"nonce"`, `"facts":{"a":["1"]},"nonce"`)}},
		"capital in a uuid":      {malformed, spoiled{canon: replace(`"request":"`, `"request":"A`)}},
		"longer than a bundle":   {malformed, spoiled{canon: replace(`"v":1`, `"to":"`+strings.Repeat("a", 65535)+`","v":1`)}},
		"trailing second object": {malformed, spoiled{canon: func(c string) string { return c + "{}" }}},
	} {
		t.Run(name, func(t *testing.T) {
			requireCode(t, h.try(t, request, c.try), c.code)
		})
	}
	if err := h.try(t, request, spoiled{}); err != nil {
		t.Errorf("what fits is refused too: %v", err)
	}
}

// try appends a spoiled entry to the request's chain, and takes back what passed.
func (h house) try(t *testing.T, request string, s spoiled) error {
	t.Helper()
	tx := h.app.MustBeginTx(t.Context(), nil)
	defer tx.Rollback()
	e := h.draft(t, tx, request)
	if s.entry != nil {
		s.entry(&e)
	}
	written := canon(t, e)
	if s.canon != nil {
		written = []byte(s.canon(string(written)))
	}
	args := []any{e.Stream, e.Seq, e.Prev[:], written, nil, nil}
	if s.args != nil {
		s.args(args)
	}
	var id int64
	return tx.GetContext(t.Context(), &id, append_, args...)
}

func TestUnchainedEntriesAreOutsideEveryChain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	request := uuid.NewString()
	h.deed(t, request)
	viewed := unchained(h.draft(t, h.app, request))
	if _, err := record(t, h.app, viewed); err != nil {
		t.Errorf("a reading of a request: %v", err)
	}
	viewed.Stream, viewed.Request, viewed.Outcome, viewed.Rule = "access:20260102", "", audit.Refused, "POLICY"
	if _, err := record(t, h.app, viewed); err != nil {
		t.Errorf("a refused search: %v", err)
	}
	requireSound(t, h)
}

// Eight deeds that build on the same head: one is done, seven are told that the chain went on.
func TestOneOfManyExtendsAChain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	request := uuid.NewString()
	for range 3 { // once from no chain at all
		e := h.draft(t, h.app, request)
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				mine := e
				mine.Nonce[0] = byte(i)
				_, errs[i] = record(t, h.app, mine)
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			requireCode(t, err, wrongHead)
		}
		if won != 1 {
			t.Errorf("%d extended the chain", won)
		}
	}
}

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

// Whoever can lay a rule or a trigger on a table can swallow what is written to it: then nothing may be done.
func TestASwallowedEntryIsAnError(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ trap, code string }{
		"rule on the entries": {`CREATE RULE r AS ON INSERT TO audit.entries DO INSTEAD NOTHING`, "0A000"},
		"rule on the details": {`CREATE RULE r AS ON INSERT TO audit.details DO INSTEAD NOTHING`, swallowed},
		"rule on the chains":  {`CREATE RULE r AS ON UPDATE TO audit.chains DO INSTEAD NOTHING`, wrongHead},
		"trigger on the entries": {`CREATE FUNCTION public.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
			CREATE TRIGGER t BEFORE INSERT ON audit.entries FOR EACH ROW EXECUTE FUNCTION public.nothing()`, swallowed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			request := uuid.NewString()
			h.deed(t, request)
			h.superuser.MustExec(c.trap)
			salt, body := [32]byte{1}, []byte("reason")
			e := h.draft(t, h.app, request)
			e.Detail = audit.Commit(salt, body)
			_, err := h.app.ExecContext(t.Context(), append_, e.Stream, e.Seq, e.Prev[:], canon(t, e), salt[:], body)
			requireCode(t, err, c.code)
		})
	}
}

// What the search columns say is taken from the entry, so that no caller can say it otherwise.
func TestTheColumnsSayWhatTheEntrySays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	request := uuid.NewString()
	e := h.draft(t, h.app, request)
	id, err := record(t, h.app, e)
	if err != nil {
		t.Fatal(err)
	}
	const query = `SELECT concat_ws(' ', request_id, organisation_id, actor_id, action, outcome, CAST(extract(epoch FROM occurred_at) * 1000000 AS bigint),
		xid > '0', xid <= pg_current_xact_id(), abs(extract(epoch FROM clock_timestamp() - recorded_at)) < 60) FROM audit.entries WHERE id = $1`
	var got string
	if err := h.superuser.GetContext(context.Background(), &got, query, id); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprint(request, " ", h.organisation, " ", h.organisation, " amend done ", e.At.UnixMicro(), " t t t"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The database and the service were written apart: what either lets pass must be canonical for the other.
func TestTheDatabaseAndTheServiceReadTheSameEntries(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.draft(t, h.app, uuid.NewString())
	e.Facts, e.From, e.To, e.Line = map[string]string{"b": "1", "a": "x y"}, "draft", "submitted", "policy.csv:41"
	whole := canon(t, e)
	short := canon(t, audit.Entry{Stream: "policy", Action: audit.PolicyLoaded, Outcome: audit.Done, At: e.At, Nonce: e.Nonce})
	alphabet := []byte(`azAZ09 _.:/@+-"{},\` + "\x00\n\x80é[]")
	random := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for n := range 4000 {
		try := bytes.Clone(whole)
		if n%2 == 0 {
			try = bytes.Clone(short)
		}
		for range random.IntN(3) {
			at := random.IntN(len(try))
			switch random.IntN(3) {
			case 0:
				try[at] = alphabet[random.IntN(len(alphabet))]
			case 1:
				try = slices.Delete(try, at, min(at+1+random.IntN(12), len(try)))
			default:
				try = slices.Insert(try, at, alphabet[random.IntN(len(alphabet))])
			}
		}
		_, err := h.superuser.ExecContext(t.Context(), `SELECT audit.read_canon($1)`, try)
		_, parsed := audit.ParseEntry(try)
		if parsed == nil && err != nil {
			t.Fatalf("the service writes what the database refuses (%v):\n%s", err, try)
		}
		if err != nil {
			requireCode(t, err, malformed)
			continue
		}
		accepted++
		if again, err := jcs.Transform(try); err != nil || !bytes.Equal(again, try) {
			t.Fatalf("the database takes what is not canonical (%v):\n%s", err, try)
		}
	}
	if accepted < 1000 {
		t.Errorf("only %d of the entries were accepted at all", accepted)
	}
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
	stream, other := audit.RequestStream(request), audit.RequestStream(uuid.NewString())
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
			UPDATE casework.requests SET entry_id = e.id FROM e`, audit.RequestStream(request), outcome)
		_, err := tx.ExecContext(t.Context(), `SET CONSTRAINTS ALL IMMEDIATE`)
		requireCode(t, err, code)
		tx.Rollback()
	}
}
