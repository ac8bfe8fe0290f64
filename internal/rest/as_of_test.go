package rest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/caldicott/caldicott/api"
)

// asOfParam is the parameter for an instant.
func asOfParam(t time.Time) string { return "as_of=" + t.UTC().Format(time.RFC3339Nano) }

func decoded[T any](t *testing.T, r reply) (v T) {
	t.Helper()
	if err := json.Unmarshal(r.is(200).body, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSomebodysRecordIsShownAsItStood(t *testing.T) {
	t.Parallel()
	w := open(t)
	admin, nurse := w.as(t, "u-admin1"), "/api/v1/people/u-new"
	before := w.Clock.At()
	admin.post("/api/v1/people", map[string]any{"user_id": "u-new", "display_name": "New", "job_title": "Nurse"}).is(201)
	enrolled := w.Clock.At()
	w.Clock.Put(enrolled.Add(time.Hour))
	admin.put(nurse, map[string]any{"display_name": "Married", "job_title": "Matron", "active": false}, match(`"1"`)).is(200)
	amended := w.Clock.At()

	for _, c := range []struct {
		at     time.Time
		name   string
		active bool
	}{{enrolled, "New", true}, {amended.Add(-time.Minute), "New", true}, {amended, "Married", false}} {
		r := admin.get(nurse + "?" + asOfParam(c.at))
		if p := decoded[api.PersonView](t, r); p.DisplayName != c.name || p.Active != c.active || r.etag() != "" {
			t.Errorf("at %s: %+v, ETag %q", c.at, p, r.etag())
		}
	}
	if p := decoded[api.PersonView](t, admin.get(nurse)); p.DisplayName != "Married" || p.Revision != 2 {
		t.Errorf("now: %+v", p)
	}
	admin.get(nurse + "?" + asOfParam(before)).is(404)
	admin.get(nurse + "?" + asOfParam(w.Clock.At().Add(time.Hour))).is(400).names("as_of")
	admin.get(nurse + "?as_of=yesterday").is(400).names("as_of")
	if p := decoded[api.PersonView](t, w.as(t, "u-req-audit").get(nurse+"?"+asOfParam(enrolled))); p.DisplayName != "New" || p.Mail != "" {
		t.Errorf("to a colleague: %+v", p)
	}
}

func TestAuthorityIsListedAsItStood(t *testing.T) {
	t.Parallel()
	w := open(t)
	first, second := w.as(t, "u-admin1"), w.as(t, "u-admin2")
	first.post("/api/v1/people", map[string]any{"user_id": "u-new", "display_name": "New", "job_title": "Nurse"}).is(201)
	before := w.Clock.At()
	made := first.post("/api/v1/appointments", map[string]any{"person": "u-new", "role": "DEPUTY_GUARDIAN", "valid_from": "2026-11-01"}).is(201)
	place := made.header.Get("Location")
	proposed := w.Clock.At()
	confirmed := second.post(place+"/confirmation", nil, match(made.etag())).is(200)
	inForce := w.Clock.At()
	delegated := w.as(t, "u-guardian").post("/api/v1/delegations", map[string]any{
		"to": "u-new", "reason": "PLANNED_ABSENCE", "valid_from": "2026-11-02", "valid_to": "2026-11-30",
	}).is(201)
	offered := w.Clock.At()
	w.as(t, "u-guardian").post(delegated.header.Get("Location")+"/revocation", map[string]any{"reason": "Back already."}, match(delegated.etag())).is(200)
	first.post(place+"/ending", map[string]any{"reason": "Left."}, match(confirmed.etag())).is(200)

	for _, c := range []struct {
		list, at string
		want     string
	}{
		{"/api/v1/appointments?person=u-new", asOfParam(before), ""}, {"/api/v1/appointments?person=u-new", asOfParam(proposed), api.Proposed},
		{"/api/v1/appointments?person=u-new", asOfParam(inForce), api.InForce}, {"/api/v1/appointments?person=u-new", asOfParam(w.Clock.At()), api.Ended},
		{"/api/v1/delegations?to=u-new", asOfParam(inForce), ""}, {"/api/v1/delegations?to=u-new", asOfParam(offered), api.Offered},
		{"/api/v1/delegations?to=u-new", asOfParam(w.Clock.At()), api.Revoked},
	} {
		rows := decoded[api.List[struct{ State string }]](t, first.get(c.list+"&"+c.at)).Items
		if len(rows) > 1 || c.want == "" && len(rows) > 0 || c.want != "" && (len(rows) == 0 || rows[0].State != c.want) {
			t.Errorf("%s&%s: %+v, not %q", c.list, c.at, rows, c.want)
		}
	}
	first.get("/api/v1/appointments?" + asOfParam(w.Clock.At().Add(time.Hour))).is(400).names("as_of")
	first.get("/api/v1/delegations?" + asOfParam(w.Clock.At().Add(time.Hour))).is(400).names("as_of")
}

// A finding that an answer has settled since is found again as of before it, and nobody's authority of today counts.
func TestFindingsAreThoseOfTheInstant(t *testing.T) {
	t.Parallel()
	w := open(t)
	requester := w.as(t, "u-req-research")
	draft := scenario(t, "S03")
	purpose := draft["purpose"]
	delete(draft, "purpose")
	made := requester.post("/api/v1/requests", draft).is(201)
	path := made.header.Get("Location")
	incomplete := w.Clock.At()
	draft["purpose"] = purpose
	requester.put(path, draft, match(made.etag())).is(200)

	check := func(query string) api.CheckResult {
		t.Helper()
		return decoded[api.CheckResult](t, requester.post(path+"/check"+query, map[string]any{}))
	}
	lacks := func(r api.CheckResult) bool {
		for _, field := range r.Missing {
			if field == "purpose" {
				return true
			}
		}
		return false
	}
	if lacks(check("")) || !lacks(check("?"+asOfParam(incomplete))) || !lacks(check("?version=1")) || lacks(check("?"+asOfParam(w.Clock.At()))) {
		t.Errorf("%v now, %v then, %v in version 1", check("").Missing, check("?"+asOfParam(incomplete)).Missing, check("?version=1").Missing)
	}
	requester.post(path+"/check?"+asOfParam(w.Clock.At().Add(time.Hour)), map[string]any{}).is(400).names("as_of")
	requester.post(path+"/check?"+asOfParam(incomplete.AddDate(-1, 0, 0)), map[string]any{}).is(404)
}
