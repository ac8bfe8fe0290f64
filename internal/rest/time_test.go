package rest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/api"
)

func TestARequestIsShownAsItStood(t *testing.T) {
	t.Parallel()
	w := open(t)
	content := scenario(t, "S03")
	researcher := w.as(t, "u-req-research")
	r := researcher.post("/api/v1/requests", content).is(201)
	path := r.header.Get("Location")
	drafted := w.Service.Now().Format(time.RFC3339)
	content["title"] = "Another title"
	r = researcher.put(path, content, match(r.etag())).is(200)
	researcher.put(path, content, match(`"1"`)).is(412, "STALE")
	researcher.put(path, content).is(428)
	amended := w.Service.Now().Format(time.RFC3339)
	r = researcher.post(path+"/submission", nil, match(r.etag())).is(200)
	researcher.put(path, content, match(r.etag())).is(409, "STATE")
	for query, want := range map[string]request{
		"": {State: "SUBMITTED", Title: "Another title", Version: 2}, "?as_of=" + drafted: {State: "DRAFT", Title: scenario(t, "S03")["title"].(string), Version: 1},
		"?as_of=" + amended: {State: "DRAFT", Title: "Another title", Version: 2},
	} {
		then := researcher.get(path + query).is(200)
		view := then.request()
		if view.State != want.State || view.Title != want.Title || view.Version != want.Version || (then.etag() == "") != (query != "") {
			t.Errorf("%s: %s %q %d, ETag %s", query, view.State, view.Title, view.Version, then.etag())
		}
	}
	if view := researcher.get(path + "?version=1").is(200).request(); view.Title == "Another title" || len(view.Permitted) > 0 || view.State != "DRAFT" || len(view.Steps) != 1 {
		t.Errorf("version 1 is %q, %s after %d steps, and %v may be done", view.Title, view.State, len(view.Steps), view.Permitted)
	}
	var difference api.Difference
	researcher.get(path + "/difference?from=1&to=2").is(200).into(&difference)
	if len(difference.Changes) != 1 || difference.Changes[0].Path != "title" {
		t.Errorf("the difference is %+v", difference)
	}
}

func TestAnEmergencyIsRecordedAndRatified(t *testing.T) {
	t.Parallel()
	w := open(t)
	content := scenario(t, "S05")
	content["disclosed_at"], content["approved_by"] = "2026-11-01T23:00:00Z", "u-oncall"
	nurse := w.as(t, "u-req-ed")
	content["requester"] = map[string]string{"department": "ED"}
	r := nurse.post("/api/v1/emergencies", content).is(201)
	path := r.header.Get("Location")
	if view := r.request(); view.State != "EMERGENCY_RECORDED" || !strings.HasPrefix(view.Reference, "CG-TST01-2026-") {
		t.Errorf("the emergency is %+v", view)
	}
	var list api.List[api.DisclosureView]
	nurse.get(path + "/disclosures").is(200).into(&list)
	if len(list.Items) != 1 || !list.Items[0].Exception {
		t.Fatalf("the disclosures are %+v", list.Items)
	}
	nurse.post(path+"/withdrawal", map[string]string{"reason": "x"}, match(r.etag())).is(409, "STATE")
	r = nurse.post(path+"/ratification-request", nil, match(r.etag())).is(200)
	r = w.as(t, "u-guardian").post(path+"/opening", map[string]any{"conflict": map[string]string{"type": "NONE"}}, match(r.etag())).is(200)
	ratify := decision(t)
	for name := range ratify {
		if name != "principles" && name != "rationale" {
			delete(ratify, name)
		}
	}
	ratify["outcome"] = []byte(`"RATIFY"`)
	r = w.as(t, "u-guardian").post(path+"/decisions", ratify, match(r.etag()))
	r.is(200)
	var disclosure api.DisclosureView
	nurse.get("/api/v1/disclosures/" + list.Items[0].ID).is(200).into(&disclosure)
	if !disclosure.Regularised {
		t.Errorf("the disclosure is %+v", disclosure)
	}
}

// The trail of a request is for whoever may see it; what is private to those who handle it stays so.
func TestHistoriesKeepPrivateWhatIsPrivate(t *testing.T) {
	t.Parallel()
	w := open(t)
	path, _ := walk(t, w)
	w.as(t, "u-ig1").post(path+"/comments", map[string]string{"text": "careful"}).is(201)
	w.as(t, "u-ig1").get(path).is(200)
	w.as(t, "u-req-11").get(path).is(404)
	w.as(t, "u-req-research").get(path+"/comments").is(403, "POLICY")
	actions := func(who string) map[string]bool {
		var list api.List[api.HistoryEntry]
		w.as(t, who).get(path + "/history?limit=200").is(200).into(&list)
		seen := map[string]bool{}
		for i, e := range list.Items {
			if i > 0 && e.Entry >= list.Items[i-1].Entry {
				t.Errorf("entry %d comes after %d", e.Entry, list.Items[i-1].Entry)
			}
			seen[string(e.Action)+" by "+e.Actor] = true
		}
		return seen
	}
	handler, requester := actions("u-ig1"), actions("u-req-research")
	for _, private := range []string{"comment by u-ig1", "viewed by u-ig1", "view by u-req-11"} {
		if !handler[private] || requester[private] {
			t.Errorf("%s: the officer sees %v, the requester %v", private, handler[private], requester[private])
		}
	}
	for _, shared := range []string{"draft by u-req-research", "triage by u-ig1", "open by u-guardian", "view_comments by u-req-research"} {
		if !handler[shared] || !requester[shared] {
			t.Errorf("%s: the officer sees %v, the requester %v", shared, handler[shared], requester[shared])
		}
	}
	w.as(t, "u-req-11").get(path + "/history").is(404)
}
