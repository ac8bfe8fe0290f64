package rest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/caldicott/caldicott/api"
)

// operation is one that takes a body: who sends it where, with which headers, and a body that is right.
type operation struct {
	who, method, path string
	options           []option
	right             any
}

// mutation is a body with one thing changed, at the field.
type mutation struct {
	field string
	body  any
}

// wrongs are what is put in the place of everything in a body, one after the other.
var wrongs = []any{
	json.Number("12345"), json.Number("-1"), json.Number("1.5"), json.Number("9007199254740993"), true, "banana", "BANANA", "Ünicode ☃ ",
	strings.Repeat("x", 301), strings.Repeat("x", 10001), "2026-02-30", "not a\x00 text", []any{}, []any{nil}, []any{json.Number("1")},
	map[string]any{}, map[string]any{"banana": true},
}

// mutate gives every body in which one thing is changed.
func mutate(field string, v any, whole func(any) any, each func(mutation)) {
	if field != "" {
		for _, wrong := range wrongs {
			each(mutation{field, whole(wrong)})
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			put := func(x any) any {
				changed := maps.Clone(v)
				changed[name] = x
				return whole(changed)
			}
			mutate(strings.TrimPrefix(field+"."+name, "."), v[name], put, each)
		}
	case []any:
		if len(v) == 0 {
			return
		}
		each(mutation{field, whole(slices.Repeat(v[:1], 201))})
		put := func(x any) any { return whole(append([]any{x}, v[1:]...)) }
		mutate(field+"[0]", v[0], put, each)
	}
}

// schemaOf is what the contract says of the operation's body.
func schemaOf(t testing.TB, w *town, o operation) *openapi3.Schema {
	t.Helper()
	doc, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	pattern := w.pattern(o.method, o.path)
	return doc.Paths.Find(pattern).GetOperation(o.method).RequestBody.Value.Content["application/json"].Schema.Value
}

// Whatever the contract calls wrong is refused by its name, and leaves nothing behind.
func TestWhatTheContractCallsWrongIsRefusedByName(t *testing.T) {
	t.Parallel()
	w := open(t)
	path, etag := walk(t, w)
	emergency := scenario(t, "S05")
	emergency["disclosed_at"], emergency["approved_by"] = "2026-11-01T23:00:00Z", "u-oncall"
	for _, o := range []operation{
		{"u-req-research", "POST", "/api/v1/requests", nil, scenario(t, "S03")},
		{"u-req-ed", "POST", "/api/v1/emergencies", nil, emergency},
		{"u-guardian", "POST", path + "/decisions", []option{match(etag)}, decision(t)},
		{"u-guardian", "POST", path + "/hand-back", []option{match(etag)}, map[string]any{"reason": "away", "to": "u-deputy"}},
		{"u-ig1", "POST", path + "/questions", []option{match(etag)}, map[string]any{"questions": []any{map[string]any{"field": "title", "text": "Why?"}}}},
		{"u-ig1", "POST", path + "/comments", nil, map[string]any{"text": "ok", "not_identifiers": []any{map[string]any{"field": "text", "reason": "a batch"}}}},
		{"u-ig1", "POST", path + "/disclosures", nil, map[string]any{"recipient": "TST05", "records": 5, "method": "SFTP", "disclosed_at": "2026-11-01T09:00:00Z", "note": "n"}},
		{"u-admin1", "POST", "/api/v1/people", nil, map[string]any{"user_id": "u-new", "display_name": "New", "job_title": "Nurse", "org_code": "TST01", "issuer": "https://issuer.test", "subject": "new"}},
		{"u-admin1", "POST", "/api/v1/appointments", nil, map[string]any{"person": "u-req-ed", "role": "DPO", "valid_from": "2026-11-01", "valid_to": "2027-11-01", "posts": []any{"RESEARCH_LEAD"}, "board_reference": "B1"}},
		{"u-guardian", "POST", "/api/v1/delegations", nil, map[string]any{"to": "u-deputy", "reason": "PLANNED_ABSENCE", "note": "n", "valid_from": "2026-11-01", "valid_to": "2026-12-01", "scope": map[string]any{"kinds": []any{"RESEARCH"}, "urgencies": []any{"URGENT"}, "outcomes": []any{"APPROVE"}}}},
		{"u-admin1", "POST", "/api/v1/organisations", nil, map[string]any{"code": "TST20", "name": "Twenty", "type": "OTHER"}},
		{"u-iglead", "POST", "/api/v1/assets", nil, map[string]any{"name": "Record", "owner": "u-iao-ehr"}},
	} {
		tryAll(t, w, o)
	}
}

// tryAll sends what the contract calls wrong: of a large body every third mutation, which still puts everything wrong in
// the place of something and something wrong in the place of everything.
func tryAll(t *testing.T, w *town, o operation) {
	t.Helper()
	schema := schemaOf(t, w, o)
	var right any
	if err := json.Unmarshal(encoded(t, o.right), &right); err != nil {
		t.Fatal(err)
	}
	if err := schema.VisitJSON(right); err != nil {
		t.Fatalf("%s: the right body is wrong: %v", o.path, err)
	}
	before, sent, n, every := w.stored(t), 0, 0, 1
	if len(encoded(t, o.right)) > 2000 {
		every = 3
	}
	mutate("", right, func(v any) any { return v }, func(m mutation) {
		body := encoded(t, m.body)
		if n++; n%every != 0 || !wrongBy(t, schema, body) {
			return
		}
		sent++
		r := w.as(t, o.who).raw(o.method, o.path, body, o.options...)
		if m.field == "acting_as" && r.status == http.StatusForbidden {
			return // who may is asked before what is wrong
		}
		if r.status != http.StatusBadRequest && r.status != http.StatusUnprocessableEntity || !namesPart(r.problem(), m.field) {
			t.Errorf("%s with %s wrong: %s answered with %s", o.path, m.field, cut(body), r.body)
		}
	})
	if after := w.stored(t); after != before || sent < 5 {
		t.Errorf("%s: %d wrong bodies were sent, and %d rows are there instead of %d", o.path, sent, after, before)
	}
}

// wrongBy says whether the contract calls the body wrong. That no text holds a NUL it cannot say.
func wrongBy(t *testing.T, schema *openapi3.Schema, body []byte) bool {
	t.Helper()
	var plain any
	if err := json.Unmarshal(body, &plain); err != nil {
		t.Fatal(err)
	}
	return schema.VisitJSON(plain) != nil || bytes.Contains(body, []byte(`\u0000`))
}

func cut(b []byte) string { return fmt.Sprintf("%.300s", b) }

// namesPart says whether the problem names the field, or something in it.
func namesPart(p api.Problem, field string) bool {
	return slices.ContainsFunc(p.Errors, func(e api.FieldProblem) bool {
		return e.Field == field || strings.HasPrefix(e.Field, field+".") || strings.HasPrefix(e.Field, field+"[")
	})
}

func TestRequiredFieldsAreAskedForByName(t *testing.T) {
	t.Parallel()
	w := open(t)
	before := w.stored(t)
	person := map[string]any{"user_id": "u-new", "display_name": "New", "job_title": "Nurse"}
	appointment := map[string]any{"person": "u-req-ed", "role": "DPO", "valid_from": "2026-11-01"}
	for _, o := range []operation{
		{"u-req-ed", "POST", "/api/v1/requests", nil, map[string]any{"title": "T", "kind": "RESEARCH"}},
		{"u-req-ed", "POST", "/api/v1/emergencies", nil, map[string]any{"disclosed_at": "2026-11-01T23:00:00Z", "data_items": []any{map[string]any{"category": "NAME"}}}},
		{"u-admin1", "POST", "/api/v1/people", nil, person},
		{"u-admin1", "POST", "/api/v1/appointments", nil, appointment},
		{"u-guardian", "POST", "/api/v1/delegations", nil, map[string]any{"to": "u-deputy", "reason": "PLANNED_ABSENCE", "valid_from": "2026-11-01", "valid_to": "2026-12-01"}},
		{"u-admin1", "POST", "/api/v1/organisations", nil, map[string]any{"code": "TST20", "name": "Twenty", "type": "OTHER"}},
		{"u-iglead", "POST", "/api/v1/assets", nil, map[string]any{"name": "Record", "owner": "u-iao-ehr"}},
	} {
		for name := range o.right.(map[string]any) {
			body := maps.Clone(o.right.(map[string]any))
			delete(body, name)
			w.as(t, o.who).raw(o.method, o.path, encoded(t, body)).is(422, "REQUIRED").names(name)
		}
	}
	if after := w.stored(t); after != before {
		t.Errorf("%d rows are there instead of %d", after, before)
	}
}

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	w := open(t)
	before := w.stored(t)
	deep := strings.Repeat(`{"a":`, 50_000) + "1" + strings.Repeat("}", 50_000)
	ed := w.as(t, "u-req-ed")
	for _, c := range []struct{ body, field string }{
		{"", ""}, {"null", ""}, {"[]", ""}, {`"x"`, ""}, {"{", ""}, {`{"title":"a"`, ""}, {`{"title":"a"} x`, ""}, {`{"title":"a"}{}`, ""},
		{`{"title":"a","title":"b"}`, "title"}, {`{"legal":{"art6":[],"art6":[]}}`, "legal.art6"}, {`{"Title":"a"}`, "Title"},
		{`{"title":"\u0000"}`, "title"}, {"{\"title\":\"\x00\"}", "title"}, {"{\"title\":\"\xff\xfe\"}", "title"}, {`{"title":"\ud800"}`, "title"},
		{"\xef\xbb\xbf{}", ""}, {`{"title":` + deep + `}`, "title"}, {strings.Repeat("[", 100_000), ""}, {`{"data_items":[null]}`, "data_items[0]"},
		{`{"risk":{"score":1e999}}`, "risk.score"}, {`{"risk":{"score":99999999999999999999}}`, "risk.score"}, {`{"is_individual_care":"yes"}`, "is_individual_care"},
		{`{"__proto__":{}}`, "__proto__"}, {`{"9434765919":"x"}`, "(unnamed)"}, {`{'title':'x'}`, ""}, {"{\"title\":\"a\nb\"}", "title"}, {"\x00", ""},
	} {
		r := ed.raw("POST", "/api/v1/requests", []byte(c.body))
		if r.is(400); c.field != "" {
			r.names(c.field)
		}
	}
	big := []byte(`{"title":"` + strings.Repeat("x", 10<<20) + `"}`)
	ed.raw("POST", "/api/v1/requests", big).is(413, "TOO_LARGE")
	for _, kind := range []string{"text/plain", "application/xml", "", "application/json; charset=latin1", "multipart/form-data", "application/jsonx", ";;"} {
		ed.raw("POST", "/api/v1/requests", []byte(`{}`), func(r *http.Request) { r.Header.Set("Content-Type", kind) }).is(415, "NOT_JSON")
	}
	ed.raw("POST", "/api/v1/requests", []byte(`{}`), header("Content-Encoding", "gzip")).is(415, "NOT_JSON")
	for _, k := range []string{"", " ", "a b", "ü", strings.Repeat("k", 256), "a\tb"} {
		ed.raw("POST", "/api/v1/requests", []byte(`{"title":"T","kind":"RESEARCH"}`), key(k)).is(400, "UNREADABLE").names("Idempotency-Key")
	}
	ed.raw("POST", "/api/v1/requests?dry=1", []byte(`{}`)).is(400, "UNKNOWN_FIELD").names("dry")
	if after := w.stored(t); after != before {
		t.Errorf("%d rows are there instead of %d", after, before)
	}
}

func TestAnNHSNumberIsRefusedAndRepeatedNowhere(t *testing.T) {
	t.Parallel()
	w := open(t)
	content := scenario(t, "S03")
	content["purpose"] = "Look at 943 476 5919 please."
	r := w.as(t, "u-req-research").post("/api/v1/requests", content).is(422, "V013").names("purpose")
	w.as(t, "u-req-research").get("/api/v1/requests?q=9434765919").is(200)
	w.as(t, "u-req-research").get("/api/v1/9434765919").is(404)
	for _, where := range []string{string(r.body), w.log.String()} {
		if strings.Contains(strings.ReplaceAll(where, " ", ""), "9434765919") {
			t.Errorf("the number is repeated: %s", where)
		}
	}
}

func TestQueriesAreReadStrictly(t *testing.T) {
	t.Parallel()
	w := open(t)
	ed := w.as(t, "u-req-ed")
	for query, field := range map[string]string{
		"/requests?limit=0": "limit", "/requests?limit=201": "limit", "/requests?limit=-1": "limit", "/requests?limit=1e1": "limit",
		"/requests?limit=": "limit", "/requests?limit=1&limit=2": "limit", "/requests?state=banana": "state", "/requests?kind=": "kind",
		"/requests?urgency=urgent": "urgency", "/requests?requester=U%00": "requester", "/requests?sort=title": "sort", "/requests?q=": "q",
		"/requests?q=%00": "q", "/requests?q=%ff": "q", "/requests?cursor=": "cursor", "/requests?cursor=abc": "cursor", "/requests?%zz": "query",
		"/requests?a;b": "query", "/requests?banana=1": "banana", "/requests?9434765919=1": "(unnamed)", "/decisions?outcome=x": "outcome",
		"/disclosures?exception=yes": "exception", "/disclosures?recipient=0": "recipient", "/people?role=DPO": "role", "/appointments?role=dpo": "role",
		"/delegations?to=%20": "to", "/vocabulary?x=1": "x", "/policy?x=1": "x", "/me?x=1": "x", "/organisations?q=": "q",
	} {
		ed.get("/api/v1" + query).is(400).names(field)
	}
	draft := ed.post("/api/v1/requests", map[string]string{"title": "T", "kind": "RESEARCH"}).is(201).header.Get("Location")
	for query, field := range map[string]string{
		"?as_of=2026-13-01T00:00:00Z": "as_of", "?as_of=2999-01-01T00:00:00Z": "as_of", "?as_of=yesterday": "as_of", "?version=0": "version",
		"?version=x": "version", "?version=99999999999": "version", "?as_of=2026-11-02T08:00:00Z&version=1": "version", "?from=1": "from",
		"/difference": "from", "/difference?from=1": "to", "/difference?from=0&to=1": "from", "/history?limit=x": "limit", "/history?cursor=bnVsbA": "cursor",
	} {
		ed.get(draft + query).is(400).names(field)
	}
	for _, path := range []string{"?as_of=2020-01-01T00:00:00Z", "?version=2", "/versions/0", "/versions/01", "/versions/2", "/versions/x", "/difference?from=1&to=9"} {
		ed.get(draft+path).is(404, "NOT_FOUND")
	}
	for _, path := range []string{"/requests/1", "/requests/%00", "/requests/0199DBF1-2A40-7C31-9E57-5B0A4D1F6C21", "/requests/..%2f", "/people/U%20X", "/people/nobody",
		"/organisations/x", "/organisations/TST99", "/assets/1", "/conditions/0199dbf1-2a40-7c31-9e57-5b0a4d1f6c21", "/nothing", "/requests/"} {
		ed.get("/api/v1"+path).is(404, "NOT_FOUND")
	}
}

// Whatever the contract allows can be read, even where the rules then refuse it. Every ninth body is tried.
func TestWhatTheContractAllowsIsNeverUnreadable(t *testing.T) {
	t.Parallel()
	w := open(t)
	var right any
	if err := json.Unmarshal(encoded(t, scenario(t, "S03")), &right); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/v1/requests", "/api/v1/requests/check", "/api/v1/emergencies"} {
		schema := schemaOf(t, w, operation{method: "POST", path: path})
		n := 0
		mutate("", right, func(v any) any { return v }, func(m mutation) {
			body := encoded(t, m.body)
			n++
			if n%9 != 0 || wrongBy(t, schema, body) {
				return
			}
			if r := w.as(t, "u-req-research").raw("POST", path, body); r.status >= 300 && r.status != http.StatusUnprocessableEntity {
				t.Errorf("%s with another %s: %s answered with %s", path, m.field, cut(body), r.body)
			}
		})
	}
}
