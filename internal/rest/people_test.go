package rest_test

import (
	"slices"
	"testing"

	"github.com/caldicott/caldicott/api"
)

func TestANewGuardianTakesTwoAdministrators(t *testing.T) {
	t.Parallel()
	w := open(t)
	one, two := w.as(t, "u-admin1"), w.as(t, "u-admin2")
	ann := map[string]any{"user_id": "u-ann", "display_name": "Ann", "job_title": "Consultant", "issuer": "https://issuer.test", "subject": "u-ann"}
	w.as(t, "u-ig1").post("/api/v1/people", ann).is(403, "POLICY")
	one.post("/api/v1/people", ann).is(201)
	one.post("/api/v1/people", ann).is(409, "EXISTS")
	ann["user_id"], ann["org_code"] = "u-bob", "TST99"
	one.post("/api/v1/people", ann).is(422, "FIELD").names("org_code")
	w.as(t, "u-ig1").post("/api/v1/people", ann).is(403, "POLICY")
	r := one.post("/api/v1/appointments", map[string]any{"person": "u-ann", "role": "CALDICOTT_GUARDIAN", "valid_from": "2026-11-01"}).is(201)
	at := r.header.Get("Location")
	var a api.AppointmentView
	if r.into(&a); a.State != api.Proposed {
		t.Errorf("the appointment is %s", a.State)
	}
	one.post(at+"/confirmation", nil).is(403, "SD8")
	w.as(t, "u-ann").post(at+"/confirmation", nil).is(403, "SD8")
	w.as(t, "u-req-11").post(at+"/confirmation", nil).is(404, "NOT_FOUND")
	two.post(at+"/confirmation", nil).is(200)
	two.post(at+"/confirmation", nil).is(409, "STATE")
	if w.as(t, "u-ann").get(at).is(200).into(&a); a.State != api.InForce {
		t.Errorf("the appointment is %s", a.State)
	}
	one.post(at+"/ending", map[string]string{"reason": "left"}).is(200)
	one.post(at+"/ending", map[string]string{"reason": "left"}).is(409, "STATE")
}

func TestADeputyActsUnderADelegation(t *testing.T) {
	t.Parallel()
	w := open(t)
	path, etag := walk(t, w)
	r := w.as(t, "u-guardian").post(path+"/hand-back", map[string]string{"reason": "away", "to": "u-deputy"}, match(etag)).is(200)
	opening := map[string]any{"conflict": map[string]string{"type": "NONE"}}
	deputy := w.as(t, "u-deputy")
	deputy.post(path+"/opening", opening, match(r.etag())).is(403, "AUTHORITY")
	lent := w.as(t, "u-guardian").post("/api/v1/delegations", map[string]any{
		"to": "u-deputy", "reason": "PLANNED_ABSENCE", "valid_from": "2026-11-01", "valid_to": "2026-12-01",
	}).is(201)
	at := lent.header.Get("Location")
	w.as(t, "u-req-11").get(at).is(404)
	w.as(t, "u-req-ed").post(at+"/acceptance", nil).is(403, "POLICY")
	deputy.post(path+"/opening", opening, match(r.etag())).is(403, "AUTHORITY")
	deputy.post(at+"/acceptance", nil).is(200)
	deputy.post(at+"/acceptance", nil).is(409, "STATE")
	r = deputy.post(path+"/opening", opening, match(r.etag())).is(200)
	deputy.post(path+"/decisions", decisionOf(t, "CALDICOTT_GUARDIAN"), match(r.etag())).is(403, "AUTHORITY")
	w.as(t, "u-guardian").post(at+"/revocation", map[string]string{"reason": "back"}).is(200)
	deputy.post(path+"/decisions", decisionOf(t, "DEPUTY_GUARDIAN"), match(r.etag())).is(403, "AUTHORITY")
	deputy.post(path+"/hand-back", map[string]string{"reason": "over", "to": "u-guardian"}, match(r.etag())).is(403, "AUTHORITY")
	// The case is not stuck with somebody whose authority has ended: the guardian takes it back and decides.
	r = w.as(t, "u-guardian").post(path+"/hand-back", map[string]string{"reason": "The delegation is over.", "to": "u-guardian"}, match(r.etag())).is(200)
	w.as(t, "u-guardian").post(path+"/opening", opening, match(r.etag())).is(200)
	if names, _ := w.as(t, "u-ig1").all("/api/v1/delegations?to=u-deputy"); len(names) != 1 {
		t.Errorf("there are %d delegations", len(names))
	}
}

// decisionOf is S03's decision in another capacity.
func decisionOf(t testing.TB, role string) any {
	body := decision(t)
	body["acting_as"] = []byte(`"` + role + `"`)
	return body
}

func TestTheDirectoryIsKept(t *testing.T) {
	t.Parallel()
	w := open(t)
	admin, staff := w.as(t, "u-admin1"), w.as(t, "u-req-ed")
	r := admin.post("/api/v1/organisations", map[string]string{"code": "TST20", "name": "Hospice", "type": "CHARITY"}).is(201)
	at := r.header.Get("Location")
	admin.put(at, map[string]string{"name": "Hospice of Northmere", "type": "CHARITY"}).is(428)
	r = admin.put(at, map[string]string{"name": "Hospice of Northmere", "type": "CHARITY"}, match(r.etag())).is(200)
	admin.put(at, map[string]string{"name": "Hospice", "type": "CHARITY"}, match(`"1"`)).is(412)
	admin.put("/api/v1/organisations/TST05", map[string]string{"name": "Mine", "type": "CHARITY"}, match(`"1"`)).is(403, "POLICY")
	staff.get(at).is(200)
	r = w.as(t, "u-iglead").post("/api/v1/assets", map[string]string{"name": "Renal", "owner": "u-iao-ehr"}).is(201)
	asset := r.header.Get("Location")
	r = w.as(t, "u-iglead").put(asset, map[string]string{"name": "Renal system", "owner": "u-iao-ehr"}, match(r.etag())).is(200)
	w.as(t, "u-iglead").put(asset, map[string]string{"name": "Renal system", "owner": "u-nobody"}, match(r.etag())).is(422).names("owner")
	staff.get(asset).is(200)
	w.as(t, "u-req-11").get(asset).is(404)
	person := w.as(t, "u-req-11").get("/api/v1/people/u-req-11").is(200)
	w.as(t, "u-req-11").get("/api/v1/people/u-guardian").is(404)
	admin.put("/api/v1/people/u-req-11", map[string]any{"display_name": "X", "job_title": "Y", "active": false}, match(person.etag())).is(404)
	r = admin.get("/api/v1/people/u-req-ed").is(200)
	var seen api.PersonView
	if r.into(&seen); seen.Subject != "u-req-ed" {
		t.Errorf("the administrator sees %+v", seen)
	}
	if staff.get("/api/v1/people/u-dpo").is(200).into(&seen); seen.UserID != "u-dpo" {
		t.Errorf("staff see %+v", seen)
	}
	admin.put("/api/v1/people/u-req-ed", map[string]any{"display_name": "E", "job_title": "N", "issuer": "https://issuer.test", "subject": "u-req-ed", "active": false}, match(r.etag())).is(200)
	staff.get("/api/v1/me").is(403, "AUTHORITY")
}

func TestEverybodyIsToldWhatTheyMayBegin(t *testing.T) {
	t.Parallel()
	w := open(t)
	for who, deeds := range map[string][]string{
		"u-req-ed": {"draft", "record_emergency"}, "u-auditor": nil, "u-board": nil,
		"u-guardian": {"draft", "record_emergency", "delegate"}, "u-iglead": {"draft", "record_emergency", "register_asset"},
		"u-admin1": {"enrol", "appoint", "register_organisation", "register_asset"}, "u-req-11": {"draft", "record_emergency"},
	} {
		var me api.Me
		w.as(t, who).get("/api/v1/me").is(200).into(&me)
		var begins []string
		for _, p := range me.Permitted {
			begins = append(begins, string(p.Deed))
		}
		if !slices.Equal(begins, deeds) {
			t.Errorf("%s may begin %v, not %v", who, begins, deeds)
		}
	}
	w.as(t, "u-req-ed").get("/api/v1/vocabulary").is(200)
	w.as(t, "u-req-ed").get("/api/v1/policy").is(200)
	for _, path := range []string{"/healthz", "/readyz", "/openapi.yaml"} {
		w.as(t, "").get(path).is(200)
	}
}
