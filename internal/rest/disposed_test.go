package rest_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
)

// disposeOf takes the bytes of entries as a disposal does, by the hand of a superuser.
func (w *town) disposeOf(t testing.TB, which string, args ...any) (gone []int64) {
	t.Helper()
	db := sqlx.MustConnect("postgres", w.Database.Superuser)
	defer db.Close()
	gone = ask[int64](t, w, `SELECT id FROM audit.entries WHERE `+which+` ORDER BY id`, args...)
	certificate := ask[int64](t, w, `SELECT max(id) FROM audit.entries`)[0]
	db.MustExec(`ALTER TABLE audit.entries DISABLE TRIGGER ALL; ALTER TABLE audit.details DISABLE TRIGGER ALL`)
	for _, entry := range gone {
		db.MustExec(`INSERT INTO audit.disposals (entry_id, certificate_entry) VALUES ($1, $2)`, entry, certificate)
		db.MustExec(`DELETE FROM audit.details WHERE entry_id = $1`, entry)
		db.MustExec(`UPDATE audit.entries SET canon = NULL, actor_id = NULL WHERE id = $1`, entry)
	}
	if len(gone) == 0 {
		t.Fatal("nothing was disposed of")
	}
	return gone
}

// What was disposed of keeps its place in the log, and does not keep anybody from reading the rest.
func TestTheLogIsReadAndTakenAwayWithWhatWasDisposedOf(t *testing.T) {
	t.Parallel()
	w, request := busy(t)
	decision := ask[string](t, w, `SELECT CAST(id AS text) FROM casework.decisions`)[0]
	l := w.sealed(t)
	l.seal(t)
	gone := w.disposeOf(t, `request_id = $1 AND seq IS NOT NULL`, request)
	auditor := w.as(t, "u-auditor")
	found, _ := auditor.all(searching + "&request=" + request)
	for _, entry := range gone {
		if !slices.Contains(found, fmt.Sprint(entry)) {
			t.Errorf("entry %d is not in the list", entry)
		}
	}
	var one struct {
		Canon      string
		DisposedBy int64 `json:"disposed_by"`
		Action     string
		Seq        int
		LeafHash   string `json:"leaf_hash"`
	}
	auditor.get(fmt.Sprintf("/api/v1/audit/entries/%d?purpose=INTERNAL_AUDIT", gone[0])).is(200).into(&one)
	if one.Canon != "" || one.DisposedBy == 0 || one.Action != "draft" || one.Seq != 1 || len(one.LeafHash) != 64 {
		t.Errorf("the first entry is shown as %+v", one)
	}
	auditor.get("/api/v1/requests/" + request + "/history").is(200)
	auditor.get("/api/v1/decisions/"+decision+"/certificate").is(404, "DISPOSED")

	s := w.wired(t, l.voice)
	take := func(format string) []byte {
		got := fetch(t, s, "u-auditor", "/api/v1/audit/export?purpose=EXTERNAL_AUDIT&request="+request+"&format="+format)
		body, err := io.ReadAll(got.Body)
		if err != nil || got.StatusCode != http.StatusOK {
			t.Fatal(format, got.Status, err, string(body))
		}
		return body
	}
	disposed := 0
	for line := range bytes.Lines(take("ndjson")) {
		var row struct {
			Canon    json.RawMessage
			Disposed *struct {
				Certificate int64
				Action      string
			}
		}
		if err := json.Unmarshal(line, &row); err != nil || (string(row.Canon) == "null") != (row.Disposed != nil) {
			t.Errorf("%v: %s", err, line)
		}
		if row.Disposed != nil && row.Disposed.Certificate > 0 && row.Disposed.Action != "" {
			disposed++
		}
	}
	if disposed != len(gone) {
		t.Errorf("%d entries are marked as disposed of, and %d were", disposed, len(gone))
	}
	table, err := csv.NewReader(bytes.NewReader(take("csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	action, by, at := slices.Index(table[0], "action"), slices.Index(table[0], "disposed_by"), slices.Index(table[0], "at")
	if first := table[1]; first[action] != "draft" || first[by] == "" || len(first[at]) < 20 {
		t.Errorf("the first line is %q", first)
	}
	for line := range bytes.Lines(take("fhir")) {
		if !json.Valid(line) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

// Who acted is disposed of with the entry: that somebody did nothing cannot be signed any more.
func TestNothingIsStatedAboutWhatWasDisposedOf(t *testing.T) {
	t.Parallel()
	w, request := busy(t)
	l := w.sealed(t)
	l.seal(t)
	w.disposeOf(t, `request_id = $1 AND action = 'decide' AND seq IS NOT NULL`, request)
	s := w.wired(t, l.voice)
	const stating = "/api/v1/audit/statements/absence?purpose=EXTERNAL_AUDIT&from=2020-01-01T00:00:00Z&to=%s&"
	for filter, want := range map[string]int{"actor=u-deputy": 400, "acting=CALDICOTT_GUARDIAN": 400, "action=decide": 200} {
		to := ask[string](t, w, `SELECT to_char(max(sealed_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') FROM audit.checkpoints`)[0]
		got := fetch(t, s, "u-auditor", fmt.Sprintf(stating, to)+filter)
		if body, _ := io.ReadAll(got.Body); got.StatusCode != want {
			t.Errorf("%s: %s %s", filter, got.Status, body)
		}
	}
}

// What was decided on is what was brought, whatever has been erased of it since.
func TestACertificateNamesTheVersionAsItWasBroughtAfterItsErasure(t *testing.T) {
	t.Parallel()
	w, request := busy(t)
	type brought struct {
		Entry    int64
		Digest   string
		Decision string
	}
	v := ask[brought](t, w, `
		SELECT v.entry_id AS entry, encode(v.digest, 'hex') AS digest, CAST(d.id AS text) AS decision
		FROM casework.decisions d JOIN casework.versions v ON v.request_id = d.request_id AND v.n = d.version WHERE d.request_id = $1`, request)[0]
	wish := map[string]any{"entries": []int64{v.Entry}, "ground": "ART17_1_D", "reason": "A name."}
	path := w.as(t, "u-dpo").post("/api/v1/audit/erasures", wish).is(201).header.Get("Location")
	w.as(t, "u-guardian").post(path+"/confirmation", nil).is(200)
	var shown struct{ Certificate string }
	w.as(t, "u-auditor").get("/api/v1/decisions/" + v.Decision + "/certificate").is(200).into(&shown)
	if !strings.Contains(shown.Certificate, "digest "+v.Digest+"\n") {
		t.Errorf("the decision was on %s, and its certificate says\n%s", v.Digest, shown.Certificate)
	}
}
