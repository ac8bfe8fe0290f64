package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caldicott/caldicott/api"
)

// walk brings S03 as far as the guardian's desk, opened, and gives its path and its newest ETag.
func walk(t testing.TB, w *town) (path, etag string) {
	t.Helper()
	r := w.as(t, "u-req-research").post("/api/v1/requests", scenario(t, "S03")).is(201)
	path = "/api/v1/requests/" + r.request().ID
	r = w.as(t, "u-req-research").post(path+"/submission", nil, match(r.etag())).is(200)
	r = w.as(t, "u-ig1").post(path+"/triage", nil, match(r.etag())).is(200)
	r = w.as(t, "u-ig1").post(path+"/consultations", stepBody(t, "S03", "consult"), match(r.etag())).is(200)
	for who, role := range map[string]string{"u-rd": "RESEARCH_OFFICE", "u-dpo": "DPO", "u-iao-ehr": "IAO"} {
		r = w.as(t, who).post(path+"/advice", map[string]string{"role": role, "view": "SUPPORT", "text": "No objection."}).is(200)
	}
	r = w.as(t, "u-iglead").post(path+"/readiness", map[string]string{"recommendation": "supported"}, match(r.etag())).is(200)
	r = w.as(t, "u-guardian").post(path+"/opening", map[string]any{"conflict": map[string]string{"type": "NONE"}}, match(r.etag())).is(200)
	return path, r.etag()
}

func TestAResearchRequestWalksFromDraftToDisclosure(t *testing.T) {
	t.Parallel()
	w := open(t)
	researcher := w.as(t, "u-req-research")
	var check api.CheckResult
	researcher.post("/api/v1/requests/check", scenario(t, "S03")).is(200).into(&check)
	if len(check.Findings) != 1 || check.Findings[0].Rule != "V018" || len(check.MandatoryConsultees) != 3 {
		t.Errorf("check says %+v", check)
	}
	path, etag := walk(t, w)
	r := w.as(t, "u-guardian").post(path+"/decisions", decision(t), match(etag)).is(200)
	view := r.request()
	if view.State != "DECIDED" || len(view.Decisions) != 1 || len(view.Authorisations) != 1 || view.Authorisations[0].State != "ACTIVE" {
		t.Fatalf("after the decision: %+v", view)
	}
	authorisation := "/api/v1/authorisations/" + view.Authorisations[0].ID
	var a struct {
		State      string
		Conditions []struct{ ID, Label string }
	}
	if researcher.get(authorisation).is(200).into(&a); a.State != "ACTIVE" || len(a.Conditions) != 3 {
		t.Errorf("authorisation is %+v", a)
	}
	var covered api.Coverage
	if researcher.get(authorisation + "/check?recipient=TST05").is(200).into(&covered); !covered.Covered {
		t.Errorf("a release to TST05 is not covered: %+v", covered)
	}
	if researcher.get(authorisation + "/check?recipient=TST06").is(200).into(&covered); covered.Covered {
		t.Errorf("a release to TST06 is covered: %+v", covered)
	}
	left := researcher.post(authorisation+"/disclosures", map[string]any{"recipient": "TST05", "records": 8888, "method": "SFTP"}).is(201)
	var disclosure api.DisclosureView
	if left.into(&disclosure); disclosure.Exception {
		t.Errorf("the disclosure is an exception: %+v", disclosure)
	}
	researcher.get(left.header.Get("Location")).is(200)
	afterwards(t, w, path, authorisation, a.Conditions[0].ID)
	for _, word := range []string{"Kidney", "No objection", "Synthetic", "regulation 5", "u-guardian"} {
		if strings.Contains(w.log.String(), word) {
			t.Errorf("the log holds %q", word)
		}
	}
}

// afterwards looks at everything that the walk has left, and settles a condition.
func afterwards(t *testing.T, w *town, path, authorisation, condition string) {
	t.Helper()
	for _, where := range []string{"", "/versions", "/versions/1", "/consultations", "/decisions", "/disclosures", "/comments", "/difference?from=1&to=1"} {
		w.as(t, "u-iglead").get(path + where).is(200)
	}
	var history api.List[api.HistoryEntry]
	if w.as(t, "u-iglead").get(path + "/history").is(200).into(&history); len(history.Items) < 12 {
		t.Errorf("the history has %d entries", len(history.Items))
	}
	at := "/api/v1/conditions/" + condition
	w.as(t, "u-ig1").post(at+"/evidence", map[string]string{"text": "done"}).is(403, "POLICY")
	r := w.as(t, "u-req-research").post(at+"/evidence", map[string]string{"text": "done"}).is(200)
	w.as(t, "u-req-research").post(at+"/acceptance", nil, match(r.etag())).is(403, "SD11")
	r = w.as(t, "u-ig1").post(at+"/acceptance", nil, match(r.etag())).is(200)
	w.as(t, "u-ig1").post(at+"/acceptance", nil, match(r.etag())).is(409, "STATE")
	r = w.as(t, "u-guardian").get(authorisation).is(200)
	reason := map[string]string{"reason": "support is in doubt"}
	r = w.as(t, "u-guardian").post(authorisation+"/suspension", reason, match(r.etag())).is(200)
	r = w.as(t, "u-guardian").post(authorisation+"/reinstatement", reason, match(r.etag())).is(200)
	w.as(t, "u-guardian").post(authorisation+"/revocation", reason, match(r.etag())).is(200)
	r = w.as(t, "u-ig1").get(path).is(200)
	w.as(t, "u-ig1").post(path+"/closure", nil, match(r.etag())).is(200)
	for _, list := range []string{"/requests", "/decisions", "/authorisations", "/disclosures"} {
		w.as(t, "u-auditor").get("/api/v1" + list).is(200)
	}
}

func TestNobodySeesOrDoesWhatIsNotTheirs(t *testing.T) {
	t.Parallel()
	w := open(t)
	path, etag := walk(t, w)
	for _, stranger := range []string{"u-req-audit", "u-req-11", "u-board", "u-admin1"} {
		w.as(t, stranger).get(path).is(404, "NOT_FOUND")
		w.as(t, stranger).post(path+"/decisions", decision(t), match(etag)).is(404, "NOT_FOUND")
	}
	hidden := w.as(t, "u-req-11").get(path).is(404)
	absent := w.as(t, "u-req-11").get("/api/v1/requests/0199dbf1-2a40-7c31-9e57-5b0a4d1f6c21").is(404)
	if hidden.problem().Detail != absent.problem().Detail {
		t.Errorf("what is hidden is told from what is absent: %q, %q", hidden.problem().Detail, absent.problem().Detail)
	}
	w.as(t, "u-req-research").post(path+"/decisions", decision(t), match(etag)).is(403, "SD1")
	w.as(t, "u-ig1").post(path+"/decisions", decision(t), match(etag)).is(403, "SD3")
	w.as(t, "u-ig2").post(path+"/decisions", decision(t), match(etag)).is(403, "POLICY")
	w.as(t, "u-deputy").post(path+"/decisions", decision(t), match(etag)).is(403, "AUTHORITY")
	w.as(t, "u-guardian").post(path+"/decisions", decision(t)).is(428, "PRECONDITION")
	w.as(t, "u-guardian").post(path+"/decisions", decision(t), match(`"1"`)).is(412, "STALE")
	w.as(t, "u-guardian").post(path+"/decisions", decision(t), match(`"0"`)).is(412, "STALE")
	for _, bad := range []string{"*", `W/"1"`, `"1", "2"`, "1", `"x"`, ""} {
		w.as(t, "u-guardian").post(path+"/decisions", decision(t), match(bad)).is(400, "UNREADABLE").names("If-Match")
	}
	w.as(t, "u-guardian").post(path+"/decisions", `{"outcome":"APPROVE"}`, match(etag)).is(422, "V022").names("rationale").names("principles.CP8")
	w.as(t, "u-guardian").post(path+"/triage", nil, match(etag)).is(403, "POLICY")
	w.as(t, "u-ig2").post(path+"/triage", nil, match(etag)).is(409, "STATE")
	if n := w.count(t, `SELECT count(*) FROM casework.decisions`); n != 0 {
		t.Errorf("%d decisions were made", n)
	}
	if r := w.as(t, "u-guardian").get(path).is(http.StatusOK).request(); !r.permits("decide") || r.permits("triage") {
		t.Errorf("the guardian is permitted %+v", r.Permitted)
	}
}
