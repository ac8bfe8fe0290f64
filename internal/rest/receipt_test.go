package rest_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/receipt"
)

// receiptKey is the key that every test's receipts are signed with, and its public half.
var receiptKey = sync.OnceValues(func() (note.Signer, string) {
	secret, public, err := note.GenerateKey(rand.Reader, logOrigin+receipt.Suffix)
	signer, err2 := note.NewSigner(secret)
	if err := errors.Join(err, err2); err != nil {
		panic(err)
	}
	return signer, public
})

func signatures() note.Verifiers {
	_, public := receiptKey()
	key, err := note.NewVerifier(public)
	if err != nil {
		panic(err)
	}
	return note.VerifierList(key)
}

// receipts is who signs them, and what else is said in the log's name.
func receipts() *receipt.Signer {
	key, _ := receiptKey()
	signer, err := receipt.NewSigner([]note.Signer{key}, time.Minute)
	if err != nil {
		panic(err)
	}
	return signer
}

// promise signs receipts as cmd wires it.
func promise(entry caldicott.Appended) string {
	signed, err := receipts().Sign(entry.Stream, entry.Seq, entry.Leaf, time.Now())
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
	promised, err := receipt.Open(signed, signatures())
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
	authorisation := "/api/v1/authorisations/" + decoded[api.List[api.AuthorisationRow]](t, w.as(t, "u-guardian").get("/api/v1/authorisations")).Items[0].ID
	read := w.as(t, "u-req-research").get(authorisation).is(200)
	renewed := w.as(t, "u-req-research").post(authorisation+"/renewal", nil, match(read.etag())).is(201) // drafts a request of its own, too
	if promised := receiptOf(t, renewed); w.entriesOf(t, promised, caldicott.Renew) != 1 {
		t.Errorf("renewing: it names %+v", promised)
	}
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

func TestWhoeverHoldsAReceiptMayAskWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	w := open(t)
	draft := w.as(t, "u-req-audit").post("/api/v1/requests", map[string]any{"title": "T", "kind": "RESEARCH"}).is(201)
	kept := draft.header.Get("Audit-Receipt")
	promised := receiptOf(t, draft)
	ask := func(kept string) (v api.ReceiptView) {
		t.Helper()
		// somebody else, who may not see the request
		r := w.as(t, "u-req-11").post("/api/v1/audit/receipts/check", map[string]string{"receipt": kept}).is(200)
		if err := json.Unmarshal(r.body, &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	w.Clock.Put(promised.SealBy.Add(-time.Hour))
	if v := ask(kept); v.Verdict != "due" || v.Seq != 1 || v.LeafIndex != nil || v.Stream != promised.Stream || v.LeafHash != promised.Leaf.String() {
		t.Errorf("%+v", v)
	}
	w.Clock.Put(promised.SealBy.Add(time.Hour))
	if v := ask(kept); v.Verdict != "broken" {
		t.Errorf("%+v", v)
	}
	o := w.office(t)
	o.Seal(t)
	v := ask(kept)
	if v.Verdict != "sealed" || v.LeafIndex == nil || v.Proof == "" {
		t.Fatalf("%+v", v)
	}
	const leaf = `SELECT count(*) FROM audit.leaves WHERE leaf_index = $1 AND leaf_hash = $2 AND $3 = '/api/v1/audit/entries/' || entry_id || '/proof'`
	if n := w.count(t, leaf, *v.LeafIndex, promised.Leaf[:], v.Proof); n != 1 {
		t.Errorf("leaf %d at %s is not the one promised", *v.LeafIndex, v.Proof)
	}
	elsewhere := promised
	elsewhere.Leaf[0]++
	key, _ := receiptKey()
	other, err := note.Sign(&note.Note{Text: elsewhere.Text()}, key)
	if err != nil {
		t.Fatal(err)
	}
	if v := ask(string(other)); v.Verdict != "broken" { // another entry stands in its place
		t.Errorf("%+v", v)
	}
	forged, err := note.Sign(&note.Note{Text: promised.Text()}, o.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, kept := range []string{"x", string(forged), receipt.Header("nothing")} {
		w.as(t, "u-req-11").post("/api/v1/audit/receipts/check", map[string]string{"receipt": kept}).is(422, "FIELD").names("receipt")
	}
}
