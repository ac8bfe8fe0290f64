package rest_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/rest"
)

// ask reads a column from the database, past the service.
func ask[T any](t testing.TB, w *town, query string, args ...any) (all []T) {
	t.Helper()
	db, err := sqlx.Connect("postgres", w.Database.Superuser)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Select(&all, query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return all
}

// lastEntry is the newest entry of the trail, read back.
func (w *town) lastEntry(t testing.TB) audit.Entry {
	t.Helper()
	canon := ask[string](t, w, `SELECT convert_from(canon, 'UTF8') FROM audit.entries ORDER BY id DESC LIMIT 1`)
	e, err := audit.ParseEntry([]byte(canon[0]))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// busy is a town with a decided request of one organisation, a request of another, refusals, a stranger and the service's
// own entries.
func busy(t testing.TB) (w *town, request string) {
	t.Helper()
	w = open(t)
	path, etag := walk(t, w)
	w.as(t, "u-req-research").post(path+"/decisions", decision(t), match(etag)).is(403, "SD1")
	w.as(t, "u-guardian").post(path+"/decisions", decision(t), match(etag)).is(200)
	w.as(t, "u-ig1").post(path+"/comments", map[string]string{"text": "careful with this one"}).is(201)
	w.as(t, "u-req-11").get(path).is(404)
	w.as(t, "u-req-11").post("/api/v1/requests", map[string]any{"title": "Elsewhere", "kind": "RESEARCH"}).is(201)
	w.as(t, "u-unknown").get("/api/v1/me").is(403, "AUTHORITY")
	if err := w.Service.Started(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w, path[len("/api/v1/requests/"):]
}

const searching = "/api/v1/audit/entries?purpose=INTERNAL_AUDIT&limit=200"

// mine are the entries about the auditor's organisation, and those about none, as the bytes of the trail have them.
const mine = `SELECT CAST(id AS text) FROM (SELECT id, recorded_at, convert_from(canon, 'UTF8')::jsonb AS c FROM audit.entries) e
	WHERE (c ->> 'organisation' IS NULL OR c ->> 'organisation' = (SELECT CAST(id AS text) FROM casework.organisations WHERE code = 'TST01'))
	AND id <= $1 AND `

func TestEveryFilterOfTheLogFindsWhatTheEntriesSay(t *testing.T) {
	t.Parallel()
	w, request := busy(t)
	auditor := w.as(t, "u-auditor")
	last := ask[int64](t, w, `SELECT max(id) FROM audit.entries`)[0]
	reference := ask[string](t, w, `SELECT reference FROM casework.requests WHERE id = $1`, request)[0]
	subject := ask[string](t, w, `SELECT CAST(id AS text) FROM casework.decisions`)[0]
	half := ask[time.Time](t, w, `SELECT recorded_at FROM audit.entries ORDER BY id LIMIT 1 OFFSET 12`)[0].UTC().Format(time.RFC3339Nano)
	when := ask[time.Time](t, w, `SELECT occurred_at FROM audit.entries WHERE action = 'decide' AND outcome = 'done'`)[0].UTC().Format(time.RFC3339Nano)
	for filter, condition := range map[string]string{
		"":                                     `true`,
		"actor=u-ig1":                          `c ->> 'actor' = (SELECT CAST(id AS text) FROM casework.people WHERE user_id = 'u-ig1')`,
		"request=" + request:                   `c ->> 'request' = '` + request + `'`,
		"request=" + reference:                 `c ->> 'request' = '` + request + `'`,
		"action=decide":                        `c ->> 'action' = 'decide'`,
		"outcome=refused":                      `c ->> 'outcome' = 'refused'`,
		"rule=SD1":                             `c ->> 'rule' = 'SD1'`,
		"subject=" + subject:                   `c ->> 'subject' = '` + subject + `'`,
		"stream=policy":                        `c ->> 'stream' = 'policy'`,
		"acting=IG_OFFICER":                    `c ->> 'acting' = 'IG_OFFICER'`,
		"acting=IAO":                           `c ->> 'acting' = 'IAO'`,
		"policy=" + w.Policy.Digest():          `c ->> 'policy' = '` + w.Policy.Digest() + `'`,
		"sealed=false":                         `true`,
		"from=" + when:                         `CAST(c ->> 'at' AS bigint) >= (SELECT CAST(convert_from(canon, 'UTF8')::jsonb ->> 'at' AS bigint) FROM audit.entries WHERE action = 'decide' AND outcome = 'done')`,
		"to=" + when:                           `CAST(c ->> 'at' AS bigint) < (SELECT CAST(convert_from(canon, 'UTF8')::jsonb ->> 'at' AS bigint) FROM audit.entries WHERE action = 'decide' AND outcome = 'done')`,
		"from=2026-11-02T09:00:00Z&to=" + when: `CAST(c ->> 'at' AS bigint) < (SELECT CAST(convert_from(canon, 'UTF8')::jsonb ->> 'at' AS bigint) FROM audit.entries WHERE action = 'decide' AND outcome = 'done')`,
		"as_at=" + half:                        `recorded_at <= (SELECT recorded_at FROM audit.entries ORDER BY id LIMIT 1 OFFSET 12)`,
		"actor=u-ig1&action=comment&outcome=done": `c ->> 'action' = 'comment'`,
	} {
		want := ask[string](t, w, mine+condition+` ORDER BY id DESC`, last)
		found, _ := auditor.all(searching + "&" + filter)
		found = slices.DeleteFunc(found, func(id string) bool {
			return len(id) > len(fmt.Sprint(last)) || len(id) == len(fmt.Sprint(last)) && id > fmt.Sprint(last)
		})
		if len(want) == 0 || !slices.Equal(found, want) {
			t.Errorf("%s finds %v, and there are %v", filter, found, want)
		}
	}
	if none, _ := auditor.all(searching + "&sealed=true"); len(none) > 0 {
		t.Errorf("nothing is sealed, and %v are", none)
	}
	if none, _ := auditor.all(searching + "&actor=u-nobody"); len(none) > 0 {
		t.Errorf("nobody did %v", none)
	}
	for bad, field := range map[string]string{
		"action=disclsoe": "action", "rule=%27": "rule", "request=1": "request", "stream=REQUEST": "stream", "sealed=maybe": "sealed", "as_at=now": "as_at",
		"from=2026-11-02T09:00:00Z&to=2026-11-02T09:00:00Z": "to", "organisation=TST11": "organisation",
	} {
		auditor.get(searching + "&" + bad).is(400).names(field)
	}
}

func TestTheLogComesInPagesThatAddUp(t *testing.T) {
	t.Parallel()
	w, request := busy(t)
	auditor := w.as(t, "u-auditor")
	list := "/api/v1/audit/entries?purpose=ASSURANCE&request=" + request
	whole, _ := auditor.all(list + "&limit=200")
	paged, pages := auditor.all(list + "&limit=4")
	if len(whole) < 12 || !slices.Equal(whole, paged) || pages != (len(whole)+3)/4 {
		t.Errorf("%d entries, and %d on %d pages", len(whole), len(paged), pages)
	}
	var page rows
	auditor.get(list + "&limit=4").is(200).into(&page)
	auditor.get("/api/v1/audit/entries?purpose=COMPLAINT&request=" + request + "&limit=4&cursor=" + page.Next).is(400).names("cursor")
}

// Whose entries somebody reads is the policy's to say, and never another organisation's.
func TestTheLogIsForThoseWhoAnswerForTheOrganisation(t *testing.T) {
	t.Parallel()
	w, _ := busy(t)
	elsewhere := ask[string](t, w, `SELECT CAST(id AS text) FROM audit.entries WHERE organisation_id = (SELECT id FROM casework.organisations WHERE code = 'TST11')`)
	nobodys := ask[string](t, w, `SELECT CAST(id AS text) FROM audit.entries WHERE organisation_id IS NULL`)
	if len(elsewhere) == 0 || len(nobodys) < 2 {
		t.Fatal("the town is too quiet")
	}
	for who, own := range map[string]bool{"u-auditor": true, "u-guardian": true, "u-dpo": false, "u-siro": false, "u-iglead": false} {
		seen, _ := w.as(t, who).all(searching)
		if slices.ContainsFunc(seen, func(id string) bool { return slices.Contains(elsewhere, id) }) {
			t.Errorf("%s sees what happened elsewhere", who)
		}
		for _, id := range nobodys {
			if slices.Contains(seen, id) != own {
				t.Errorf("%s sees entry %s of the service itself: %t", who, id, !own)
			}
		}
		w.as(t, who).get("/api/v1/audit/entries/" + elsewhere[0] + "?purpose=INCIDENT").is(404)
		if e := w.lastEntry(t); e.Outcome != audit.Refused || e.Rule != "NOT_FOUND" || e.Facts["entry"] != elsewhere[0] {
			t.Errorf("that it was hidden from %s left %+v", who, e)
		}
	}
	for _, who := range []string{"u-ig1", "u-req-research", "u-admin1", "u-board", "u-deputy", "u-req-11"} {
		w.as(t, who).get(searching).is(403, "POLICY")
		if e := w.lastEntry(t); e.Action != "search_log" || e.Outcome != audit.Refused || e.Rule != "POLICY" {
			t.Errorf("the refusal of %s left %+v", who, e)
		}
		w.as(t, who).get("/api/v1/audit/export?format=csv&purpose=FOI").is(403, "POLICY")
		if e := w.lastEntry(t); e.Action != "export_log" || e.Outcome != audit.Refused {
			t.Errorf("the refusal of %s left %+v", who, e)
		}
	}
	w.Clock.Put(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))
	var held struct {
		Items []struct{ ID string }
	}
	w.as(t, "u-iglead").get("/api/v1/appointments?person=u-siro").is(200).into(&held)
	view := w.as(t, "u-admin1").get("/api/v1/appointments/" + held.Items[0].ID).is(200)
	w.as(t, "u-admin1").post("/api/v1/appointments/"+held.Items[0].ID+"/ending", map[string]string{"reason": "left"}, match(view.etag())).is(200)
	w.as(t, "u-siro").get(searching).is(403, "AUTHORITY")
}

func TestWhoAsksTheLogIsInTheLog(t *testing.T) {
	t.Parallel()
	w, _ := busy(t)
	auditor := w.as(t, "u-auditor")
	auditor.get("/api/v1/audit/entries").is(400).names("purpose")
	auditor.get("/api/v1/audit/entries?purpose=CURIOSITY").is(400).names("purpose")
	auditor.get("/api/v1/audit/entries?purpose=COMPLAINT&actor=u-ig1&action=comment").is(200)
	e := w.lastEntry(t)
	want := map[string]string{"noun": "log", "purpose": "COMPLAINT", "count": "1", "filter_actor": "given", "filter_action": "given"}
	if e.Action != audit.Searched || e.Acting != "AUDITOR" || fmt.Sprint(e.Facts) != fmt.Sprint(want) || e.Line == "" {
		t.Errorf("the search left %+v", e)
	}
	// What it looked for may name people: it is among the words, which can be erased.
	words := ask[string](t, w, `SELECT convert_from(body, 'UTF8') FROM audit.details ORDER BY entry_id DESC LIMIT 1`)[0]
	if !strings.Contains(words, `"actor":"u-ig1"`) {
		t.Errorf("its words are %s", words)
	}
	seen := ask[string](t, w, `SELECT CAST(id AS text) FROM audit.entries WHERE action = 'decide' AND outcome = 'done'`)[0]
	auditor.get("/api/v1/audit/entries/" + seen + "?purpose=COMPLAINT").is(200)
	if e := w.lastEntry(t); e.Action != audit.Viewed || e.Facts["entry"] != seen || e.Facts["purpose"] != "COMPLAINT" {
		t.Errorf("the look left %+v", e)
	}
	var list api.List[api.AuditEntry]
	auditor.get(searching + "&action=searched").is(200).into(&list)
	if len(list.Items) != 1 || list.Items[0].Actor != "u-auditor" {
		t.Errorf("the searches are %+v", list.Items)
	}
}

func TestOneEntryIsShownAsItIsHashed(t *testing.T) {
	t.Parallel()
	w, _ := busy(t)
	id := ask[int64](t, w, `SELECT id FROM audit.entries WHERE action = 'comment'`)[0]
	path := fmt.Sprintf("/api/v1/audit/entries/%d?purpose=COMPLAINT", id)
	var view api.AuditEntryView
	w.as(t, "u-auditor").get(path).is(200).into(&view)
	if sum := sha256.Sum256(append([]byte{0}, view.Canon...)); hex.EncodeToString(sum[:]) != view.LeafHash {
		t.Errorf("%s is not hashed to %s", view.Canon, view.LeafHash)
	}
	if view.Action != "comment" || view.Actor != "u-ig1" || view.Organisation != "TST01" || view.LeafIndex != nil || view.CheckpointSize != 0 {
		t.Errorf("the entry is %+v", view)
	}
	if view.Words == nil || !strings.Contains(view.Words.Body, "careful with this one") {
		t.Fatalf("its words are %+v", view.Words)
	}
	salt, err := hex.DecodeString(view.Words.Salt)
	if err != nil {
		t.Fatal(err)
	}
	var said struct{ Detail string }
	if err := json.Unmarshal([]byte(view.Canon), &said); err != nil {
		t.Fatal(err)
	}
	if commitment := audit.Commit([32]byte(salt), []byte(view.Words.Body)); hex.EncodeToString(commitment[:]) != said.Detail {
		t.Errorf("the entry commits to %s", said.Detail)
	}
	// Who may search the log, but handles no requests, is not told the words.
	view = api.AuditEntryView{}
	if w.as(t, "u-siro").get(path).is(200).into(&view); view.Words != nil || view.Canon == "" {
		t.Errorf("the SIRO is told %+v", view)
	}
	for _, none := range []string{"0", "x", "007", "99999999999999999999", "9999999"} {
		w.as(t, "u-auditor").get("/api/v1/audit/entries/" + none + "?purpose=COMPLAINT").is(404)
	}
}

// No words of anybody leave by a list or by a copy.
func TestListsAndCopiesOfTheLogCarryNoWords(t *testing.T) {
	t.Parallel()
	w, _ := busy(t)
	for _, path := range []string{
		searching, "/api/v1/audit/export?format=csv&purpose=FOI", "/api/v1/audit/export?format=ndjson&purpose=FOI", "/api/v1/audit/export?format=fhir&purpose=FOI",
	} {
		if body := string(w.as(t, "u-auditor").get(path).is(200).body); strings.Contains(body, "careful with this one") || len(body) < 1000 {
			t.Errorf("%s tells what somebody wrote, or nothing", path)
		}
	}
}

// What was recorded and is not sealed yet could be of the kind that is asked for.
func TestNothingIsStatedBeforeItIsSealed(t *testing.T) {
	t.Parallel()
	w := open(t)
	now := ask[time.Time](t, w, `SELECT clock_timestamp()`)[0].UTC().Format(time.RFC3339Nano)
	w.as(t, "u-auditor").get("/api/v1/audit/statements/absence?action=disclose&purpose=REGULATOR&from=2026-01-01T00:00:00Z&to="+now).is(503, "UNAVAILABLE")
	w.as(t, "u-auditor").get("/api/v1/audit/statements/absence?action=disclose&purpose=REGULATOR&from=2026-01-01T00:00:00Z").is(400).names("to")
	w.as(t, "u-ig1").get("/api/v1/audit/statements/absence?"+url.Values{"purpose": {"FOI"}, "from": {"2026-01-01T00:00:00Z"}, "to": {"2026-02-01T00:00:00Z"}}.Encode()).is(403, "POLICY")
}

var _ rest.LogReader = asking{}
