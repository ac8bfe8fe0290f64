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

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/caldicott"
)

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
		e.Stream = caldicott.RequestStream(e.Request)
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
		"first of no chain":      {wrongHead, spoiled{entry: func(e *audit.Entry) { e.Request = uuid.NewString(); e.Stream = caldicott.RequestStream(e.Request) }}},
		"something before the first": {wrongHead, spoiled{entry: fresh, canon: replace(`"prev":"00`, `"prev":"01`),
			args: func(a []any) { a[2] = append([]byte{1}, make([]byte, 31)...) }}},
		"prev and no seq":           {disagrees, spoiled{canon: replace(`"seq":2,`, ``), args: func(a []any) { a[1] = nil }}},
		"seq and no prev":           {disagrees, spoiled{entry: fresh, canon: replace(`"prev":"`+strings.Repeat("0", 64)+`",`, ``), args: func(a []any) { a[2] = nil }}},
		"chain of a person":         {disagrees, spoiled{entry: fresh, canon: func(c string) string { return streamOf.ReplaceAllString(c, person) }, args: func(a []any) { a[0] = person }}},
		"seq of the call":           {disagrees, spoiled{args: func(a []any) { a[1] = 3 }}},
		"prev of the call":          {disagrees, spoiled{args: func(a []any) { a[2] = bytes.Repeat([]byte{1}, 32) }}},
		"stream of the call":        {disagrees, spoiled{args: func(a []any) { a[0] = caldicott.RequestStream(other) }}},
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
	return tx.GetContext(t.Context(), &id, appendEntry, args...)
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
			_, err := h.app.ExecContext(t.Context(), appendEntry, e.Stream, e.Seq, e.Prev[:], canon(t, e), salt[:], body)
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
