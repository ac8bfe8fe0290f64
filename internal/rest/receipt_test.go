package rest_test

import (
	"crypto/rand"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/receipt"
)

// receiptKey is the key that every test's receipts are signed with.
var receiptKey = sync.OnceValues(func() (note.Signer, note.Verifier) {
	secret, public, err := note.GenerateKey(rand.Reader, "test.example/log"+receipt.Suffix)
	signer, err2 := note.NewSigner(secret)
	verifier, err3 := note.NewVerifier(public)
	if err := errors.Join(err, err2, err3); err != nil {
		panic(err)
	}
	return signer, verifier
})

// promise signs receipts as cmd wires it.
func promise(entry caldicott.Appended) string {
	key, _ := receiptKey()
	signer, err := receipt.NewSigner([]note.Signer{key}, time.Minute)
	if err != nil {
		panic(err)
	}
	signed, err := signer.Sign(entry.Stream, entry.Seq, entry.Leaf, time.Now())
	if err != nil {
		panic(err)
	}
	return receipt.Header(signed)
}

// receiptOf opens the receipt of an answer.
func receiptOf(t *testing.T, r reply) receipt.Receipt {
	t.Helper()
	signed, err := receipt.Unfold(r.header.Get("Audit-Receipt"))
	if err != nil {
		t.Fatalf("%v: %q", err, r.header.Get("Audit-Receipt"))
	}
	_, key := receiptKey()
	promised, err := receipt.Open(signed, note.VerifierList(key))
	if err != nil {
		t.Fatal(err)
	}
	return promised
}

// entriesOf counts the entries that a receipt names, with that action.
func (w *town) entriesOf(t *testing.T, r receipt.Receipt, action caldicott.Action) int {
	t.Helper()
	const query = `SELECT count(*) FROM audit.entries WHERE stream = $1 AND seq = $2 AND leaf_hash = $3 AND action = $4 AND outcome = 'done'`
	return w.count(t, query, r.Stream, r.Seq, r.Leaf[:], string(action))
}

func TestWhatIsDoneIsPromisedToBeSealed(t *testing.T) {
	t.Parallel()
	w := open(t)
	path, etag := walk(t, w)
	for _, o := range []struct {
		operation
		action caldicott.Action
	}{
		{operation{"u-guardian", "POST", path + "/decisions", []option{match(etag), key("k-1")}, decision(t)}, caldicott.Decide},
		{operation{"u-ig1", "POST", path + "/comments", nil, map[string]any{"text": "noted"}}, caldicott.Comment},
		{operation{"u-admin1", "POST", "/api/v1/people", []option{key("k-2")}, map[string]any{"user_id": "u-new", "display_name": "New", "job_title": "Nurse"}}, caldicott.Enrol},
		{operation{"u-req-audit", "POST", "/api/v1/requests", nil, map[string]any{"title": "T", "kind": "RESEARCH"}}, caldicott.Draft},
	} {
		before := time.Now()
		promised := receiptOf(t, w.as(t, o.who).post(o.path, o.right, o.options...))
		if n := w.entriesOf(t, promised, o.action); n != 1 {
			t.Errorf("%s: the receipt names %d such entries: %+v", o.action, n, promised)
		}
		if wait := promised.SealBy.Sub(before); wait < time.Minute || wait > 2*time.Minute {
			t.Errorf("%s: sealed within %s", o.action, wait)
		}
	}
}

// A deed on a request for which something had come due: the keeper's entries stand before the deed's own, and some follow.
func TestTheReceiptNamesTheDeedAndNotWhatTheKeeperRecordedWithIt(t *testing.T) {
	t.Parallel()
	w := open(t)
	path, etag := walk(t, w)
	done := w.as(t, "u-guardian").post(path+"/decisions", decision(t), match(etag)).is(200)
	w.Clock.Put(w.Clock.At().AddDate(3, 0, 0)) // everything has expired since
	late := w.as(t, "u-ig1").post(path+"/comments", map[string]any{"text": "late"}).is(201)
	first, second := receiptOf(t, done), receiptOf(t, late)
	if w.entriesOf(t, first, caldicott.Decide) != 1 || w.entriesOf(t, second, caldicott.Comment) != 1 {
		t.Errorf("they name %+v and %+v", first, second)
	}
	if first.Stream != second.Stream || second.Seq < first.Seq+2 {
		t.Errorf("the keeper recorded nothing between %d and %d", first.Seq, second.Seq)
	}
}

func TestAnAnswerGivenAgainHasTheSameReceipt(t *testing.T) {
	t.Parallel()
	w := open(t)
	path, _ := walk(t, w)
	for who, o := range map[string]operation{
		"a deed on a request":     {"u-ig1", "POST", path + "/comments", nil, map[string]any{"text": "noted"}},
		"a deed on the directory": {"u-iglead", "POST", "/api/v1/assets", nil, map[string]any{"name": "Record", "owner": "u-iao-ehr"}},
	} {
		first := w.as(t, o.who).post(o.path, o.right, key("k-1"))
		second := w.again(t).as(t, o.who).post(o.path, o.right, key("k-1"))
		if a, b := first.header.Get("Audit-Receipt"), second.header.Get("Audit-Receipt"); a == "" || a != b {
			t.Errorf("%s: %q and then %q", who, a, b)
		}
	}
}

func TestARefusalPromisesNothing(t *testing.T) {
	t.Parallel()
	w := open(t)
	path, etag := walk(t, w)
	for _, r := range []reply{
		w.as(t, "u-ig1").post(path+"/decisions", decision(t), match(etag)).is(403, "SD3"),
		w.as(t, "u-guardian").post(path+"/decisions", decision(t), match(`"1"`)).is(412, "STALE"),
		w.as(t, "u-guardian").get(path).is(200),
	} {
		if got := r.header.Get("Audit-Receipt"); got != "" {
			t.Errorf("%d has a receipt: %s", r.status, got)
		}
	}
}

func TestNoDeedIsLostForWantOfAReceipt(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.Service.Promise = func(caldicott.Appended) string { return "" } // a key service that is away
	draft := map[string]any{"title": "T", "kind": "RESEARCH"}
	for range 2 {
		w.handler = w.routes.(http.Handler) // the contract's check would miss the header
		r := w.as(t, "u-req-audit").post("/api/v1/requests", draft, key("k-1")).is(201)
		if r.header.Get("Audit-Receipt") != "" {
			t.Error("an unsigned receipt")
		}
	}
	if n := w.count(t, `SELECT count(*) FROM casework.requests`); n != 1 {
		t.Errorf("there are %d requests", n)
	}
}
