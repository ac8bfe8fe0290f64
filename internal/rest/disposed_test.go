package rest_test

import (
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/certificate"
	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/receipt"
)

// chained are the entries of a request's chain, in their order.
func (w *town) chained(t testing.TB, path string) []int64 {
	return ask[int64](t, w, `SELECT id FROM audit.entries WHERE stream = 'request:' || $1 ORDER BY seq`, path[len("/api/v1/requests/"):])
}

// erase has two people erase the words of entries.
func (w *town) erase(t testing.TB, entries []int64) {
	t.Helper()
	wish := map[string]any{"entries": entries, "ground": "ART17_1_D", "reason": "Not ours to keep."}
	at := w.as(t, "u-dpo").post("/api/v1/audit/erasures", wish).is(201).header.Get("Location")
	w.as(t, "u-guardian").post(at+"/confirmation", nil).is(200)
}

// wrong is how many things in a pack are said not to match.
func (o opened) wrong(t testing.TB) int {
	t.Helper()
	var section struct{ Figures struct{ Wrong int } }
	o.json(t, "pack.json", &section)
	return section.Figures.Wrong
}

func TestWhatIsReadOfARequestWhoseWordsWereErasedIsTrue(t *testing.T) {
	t.Parallel()
	w := open(t)
	o := w.office(t)
	request := decided(t, w)
	o.Seal(t)
	var before, after api.List[api.DecisionView]
	w.as(t, "u-guardian").get(request + "/decisions").is(200).into(&before)
	place := "/api/v1/decisions/" + before.Items[0].ID + "/certificate"
	certified := func() (certificate.Certificate, api.CertificateView) {
		t.Helper()
		var v api.CertificateView
		w.as(t, "u-guardian").get(place).is(200).into(&v)
		c, err := documentOf(v).Check(receipt.Suffix, o.allKeys(t))
		if err != nil {
			t.Error(err)
		}
		return c, v
	}
	old, _ := certified()
	entries := w.chained(t, request)
	w.erase(t, entries)
	o.Seal(t)

	// The certificate is still one of the version that was decided, and of words it says that they are gone.
	c, v := certified()
	if c.Get("digest") != old.Get("digest") || c.Get("rationale") != "erased" || len(v.Words) != 0 {
		t.Errorf("certified is %s with %d words", v.Certificate, len(v.Words))
	}
	for _, l := range c.Lines {
		if l.Name == "condition" && !strings.HasSuffix(l.Value, " erased") {
			t.Errorf("a condition: %s", l.Value)
		}
	}
	// The pack marks them, and finds nothing wrong.
	pack := unzipped(t, w.as(t, "u-auditor").get(packOf(request, "ICO", "REGULATOR")).is(200).body)
	erased := 0
	for _, l := range pack.verified(t, o.Key.Verifier())[""] {
		if l.Words == "erased" {
			erased++
		}
	}
	if page := string(pack["index.html"]); erased != len(entries) || pack.wrong(t) != 0 || pack["versions/1.json"] != nil || !strings.Contains(page, "[erased]") || strings.Contains(page, "DOES NOT MATCH") {
		t.Errorf("the pack has %d entries of %d without words, %d wrong, and version 1 as %q", erased, len(entries), pack.wrong(t), pack["versions/1.json"])
	}
	for name, data := range pack {
		if bytes.Contains(data, []byte("Zaffre")) || bytes.Contains(data, []byte("Quokka")) {
			t.Errorf("%s has the words", name)
		}
	}
	// The log, one entry and a copy of it.
	var view api.AuditEntryView
	w.as(t, "u-auditor").get(fmt.Sprintf("/api/v1/audit/entries/%d?purpose=COMPLAINT", entries[0])).is(200).into(&view)
	if view.Words == nil || view.Words.ErasedAt.IsZero() || view.Words.Body != "" || view.Words.Salt != "" || view.Canon == "" || view.Disposed != 0 {
		t.Errorf("the entry is shown as %+v, its words as %+v", view, view.Words)
	}
	// What the case's readers and its next deeds make of it.
	w.as(t, "u-guardian").get(request + "/decisions").is(200).into(&after)
	if after.Items[0].Rationale != "[erased]" || after.Items[0].Outcome != before.Items[0].Outcome {
		t.Errorf("the decision reads %+v", after.Items[0])
	}
	for _, path := range []string{"/versions/1", "/versions", "/history", "?as_of=" + before.Items[0].At.Format(time.RFC3339Nano), "/disclosures", "/comments"} {
		if body := w.as(t, "u-ig1").get(request + path).is(200).body; bytes.Contains(body, []byte("Zaffre")) || bytes.Contains(body, []byte("Quokka")) {
			t.Errorf("%s: %s", path, body)
		}
	}
	for _, path := range []string{"/api/v1/requests?q=erased", "/api/v1/requests", "/api/v1/authorisations", "/api/v1/decisions", "/api/v1/disclosures", "/api/v1/tasks"} {
		w.as(t, "u-ig1").get(path).is(200)
	}
	w.as(t, "u-req-research").post("/api/v1/authorisations/"+before.Items[0].Authorisation+"/disclosures",
		map[string]any{"recipient": "TST05", "records": 10, "method": "SFTP"}).is(201)
	w.verified(t)
}

// over walks a request to its refusal and closes it. It gives the path, and the receipt of the decision.
func (w *town) over(t testing.TB) (request, promised string) {
	t.Helper()
	request, etag := walk(t, w)
	body := decision(t)
	body["outcome"] = json.RawMessage(`"REFUSE"`)
	for _, name := range []string{"conditions", "review_date", "expiry_date"} {
		delete(body, name)
	}
	r := w.as(t, "u-guardian").post(request+"/decisions", body, match(etag)).is(200)
	w.as(t, "u-ig1").post(request+"/closure", map[string]string{"reason": "Refused."}, match(r.etag())).is(200)
	return request, r.header.Get("Audit-Receipt")
}

// dispose has two people dispose of the research that is over, once its time of keeping is.
func (w *town) dispose(t testing.TB) (done api.DisposalView) {
	t.Helper()
	w.Clock.Put(w.Clock.At().AddDate(21, 0, 0)) // research is kept for 20
	at := w.as(t, "u-iglead").post("/api/v1/audit/disposals", map[string]any{"kind": "RESEARCH", "reason": "Over."}).is(201).header.Get("Location")
	w.as(t, "u-dpo").post(at+"/confirmation", nil).is(200).into(&done)
	return done
}

func TestABundleIsGivenWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.fill(t, merkle.TileWidth) // beyond the tile with the entries of other organisations
	request, _ := w.over(t)
	w.office(t).Seal(t)
	last := ask[int](t, w, `SELECT CAST(leaf_index AS int) FROM audit.leaves WHERE entry_id = $1`, w.chained(t, request)[0])[0]
	auditor, why := w.as(t, "u-auditor"), header("Purpose", "EXTERNAL_AUDIT")
	upTo := func(leaf int) string {
		return fmt.Sprintf("/api/v1/audit/log/tile/entries/001.p/%d", leaf+1-merkle.TileWidth)
	}
	auditor.get(upTo(last), why).is(200)
	w.dispose(t)
	auditor.get(upTo(last), why).is(404, "DISPOSED")
	auditor.get(upTo(last-1), why).is(200)
}

func TestWhatIsReadOfWhatWasDisposedOfIsItsPlaceAndItsHash(t *testing.T) {
	t.Parallel()
	w := open(t)
	request, promised := w.over(t)
	var decisions api.List[api.DecisionView]
	w.as(t, "u-guardian").get(request + "/decisions").is(200).into(&decisions)
	l := w.office(t)
	l.Seal(t)
	from := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	entries := w.chained(t, request)
	readings := ask[int64](t, w, `SELECT id FROM audit.entries WHERE seq IS NULL AND request_id = CAST($1 AS uuid)`, path.Base(request))
	leaf := ask[string](t, w, `SELECT encode(leaf_hash, 'hex') FROM audit.entries WHERE id = $1`, entries[0])[0]

	done := w.dispose(t)
	l.Seal(t)
	if err := l.Sealer.Sweep(t.Context()); err != nil {
		t.Fatalf("the nightly sweep: %v", err)
	}
	w.office(t).Seal(t) // by somebody who takes over
	auditor := w.as(t, "u-auditor")
	asking := "purpose=INTERNAL_AUDIT&request=" + path.Base(request)

	// One entry, a list of them, and the history.
	left := func(e api.AuditEntry, seq int) bool {
		bare := api.AuditEntry{Entry: e.Entry, LeafIndex: e.LeafIndex, LeafHash: e.LeafHash, RecordedAt: e.RecordedAt, Seq: seq, Disposed: done.Certificate, Facts: e.Facts}
		return e.LeafIndex != nil && len(e.LeafHash) == 64 && !e.RecordedAt.IsZero() && len(e.Facts) == 0 && fmt.Sprint(e) == fmt.Sprint(bare)
	}
	var view api.AuditEntryView
	auditor.get(fmt.Sprintf("/api/v1/audit/entries/%d?purpose=COMPLAINT", entries[0])).is(200).into(&view)
	if !left(view.AuditEntry, 1) || view.Canon != "" || view.Words != nil || view.LeafHash != leaf || view.CheckpointSize <= *view.LeafIndex {
		t.Errorf("the entry is shown as %+v", view)
	}
	var list api.List[api.AuditEntry]
	auditor.get("/api/v1/audit/entries?limit=200&" + asking).is(200).into(&list)
	gone := 0
	for _, e := range list.Items {
		if e.Disposed == 0 {
			continue
		}
		if gone++; !left(e, slices.Index(entries, e.Entry)+1) {
			t.Errorf("the list has %+v", e)
		}
	}
	if gone != len(entries)+len(readings) {
		t.Errorf("the list has %d disposed entries of %d and %d", gone, len(entries), len(readings))
	}
	var told api.List[api.HistoryEntry]
	w.as(t, "u-ig1").get(request + "/history?limit=200").is(200).into(&told)
	if i := slices.IndexFunc(told.Items, func(e api.HistoryEntry) bool { return e.Entry == entries[0] }); i < 0 ||
		told.Items[i] != (api.HistoryEntry{Entry: entries[0], Seq: 1, Disposed: done.Certificate}) {
		t.Errorf("the history tells %+v", told.Items)
	}

	// Copies.
	ndjson := auditor.get("/api/v1/audit/export?format=ndjson&" + asking).is(200)
	gone = 0
	for line := range bytes.Lines(ndjson.body) {
		var row map[string]any
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		if row["disposed"] == nil {
			continue
		}
		gone++
		for name := range maps.Keys(row) {
			if !slices.Contains([]string{"entry", "leaf_index", "leaf_hash", "recorded_at", "seq", "disposed"}, name) {
				t.Errorf("a copy says %s of %v", name, row)
			}
		}
	}
	table, err := csv.NewReader(bytes.NewReader(auditor.get("/api/v1/audit/export?format=csv&" + asking).is(200).body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := func(name string) int { return slices.Index(table[0], name) }
	for _, row := range table[1:] {
		if row[column("disposed")] == "" {
			continue
		}
		gone++
		if row[column("leaf_hash")] == "" || row[column("action")] != "" || row[column("user_id")] != "" || row[column("at")] != "" || row[column("entry")] == fmt.Sprint(entries[1]) && row[column("seq")] != "2" {
			t.Errorf("the table has %q", row)
		}
	}
	for line := range bytes.Lines(auditor.get("/api/v1/audit/export?format=fhir&" + asking).is(200).body) {
		if bytes.Contains(line, []byte("urn:caldicott:entry")) {
			gone++
			for _, must := range []string{`"resourceType":"AuditEvent"`, `"type":{`, `"recorded":"`, `"agent":[{`, `"source":{"observer":{`, fmt.Sprintf(`"entry-%d"`, done.Certificate)} {
				if !bytes.Contains(line, []byte(must)) {
					t.Errorf("%s is not in %s", must, line)
				}
			}
			if bytes.Contains(line, []byte(`"outcome"`)) || bytes.Contains(line, []byte(`"period"`)) {
				t.Errorf("invented: %s", line)
			}
		}
	}
	if gone != 3*(len(entries)+len(readings)) {
		t.Errorf("three copies have %d disposed entries", gone)
	}
	id := ndjson.header.Get("Export-Id")
	auditor.get("/api/v1/audit/exports/" + id + "?purpose=FOI").is(200)

	// Proofs need the hash only.
	proof, err := merkle.ParseProof(string(auditor.get(fmt.Sprintf("/api/v1/audit/entries/%d/proof", entries[0])).is(200).body))
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(proof.Note, "\n\n")
	checkpoint, err := tlog.ParseTree([]byte("go.sum database tree\n" + strings.SplitN(text, "\n", 2)[1] + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hex.DecodeString(leaf)
	if err != nil {
		t.Fatal(err)
	}
	if err := merkle.CheckInclusion(proof.Path, merkle.Tree{Size: checkpoint.N, Root: merkle.Hash(checkpoint.Hash)}, proof.Index, merkle.Hash(hash)); err != nil {
		t.Error(err)
	}
	var proofs api.RequestProofs
	w.as(t, "u-ig1").get("/api/v1/audit/requests/" + path.Base(request) + "/proof").is(200).into(&proofs)
	if !slices.ContainsFunc(proofs.Proofs, func(p api.EntryProof) bool { return p.Entry == entries[0] }) {
		t.Errorf("of the request is proved %+v", proofs)
	}
	var kept api.ReceiptView
	w.as(t, "u-req-11").post("/api/v1/audit/receipts/check", map[string]string{"receipt": promised}).is(200).into(&kept)
	if kept.Verdict != "sealed" {
		t.Errorf("the receipt: %+v", kept)
	}
	w.as(t, "u-guardian").get("/api/v1/decisions/"+decisions.Items[0].ID+"/certificate").is(404, "DISPOSED")

	// The evidence pack.
	pack := unzipped(t, auditor.get(packOf(request, "ICO", "REGULATOR")).is(200).body)
	if page := string(pack["index.html"]); !strings.Contains(page, fmt.Sprintf("disposed of under certificate %d", done.Certificate)) || pack.wrong(t) != 0 {
		t.Error("the pack does not mark what was disposed of, or finds it wrong")
	}
	if !strings.Contains(string(pack["README.txt"]), "were disposed of when their time of keeping was over") {
		t.Error("the README does not say what can be proved of what was disposed of")
	}

	// A statement about what went with the bytes says that it cannot tell.
	s := w.wired(t)
	to := ask[time.Time](t, w, `SELECT clock_timestamp()`)[0].UTC().Format(time.RFC3339Nano)
	l.Seal(t)
	for query, want := range map[string]string{
		"action=decide&actor=u-guardian": "0 1", "action=decide": "1 0", "action=decide&acting=CALDICOTT_GUARDIAN": "0 1", "action=decide&outcome=refused&actor=u-guardian": "0 0",
	} {
		var x api.Statement
		got := fetch(t, s, "u-auditor", "/api/v1/audit/statements/absence?purpose=REGULATOR&from="+from+"&to="+to+"&"+query)
		if err := json.NewDecoder(got.Body).Decode(&x); err != nil {
			t.Fatal(err)
		}
		count, disposed, _ := strings.Cut(want, " ")
		if fmt.Sprint(x.Count, " ", x.Disposed) != want || !strings.Contains(x.Note, "\ncount "+count+"\ndisposed "+disposed+"\n") {
			t.Errorf("%s: %s %+v", query, got.Status, x)
		}
	}
	for _, path := range []string{request, request + "/decisions", request + "/versions/1", "/api/v1/requests", "/api/v1/decisions", "/api/v1/tasks"} {
		w.as(t, "u-ig1").get(path).is(200)
	}
	w.verified(t)
}
