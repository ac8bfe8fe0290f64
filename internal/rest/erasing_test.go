package rest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/caldicott/caldicott/api"
)

func TestWordsAreErasedOverTheWireByTwoPeople(t *testing.T) {
	t.Parallel()
	w := open(t)
	dpo, guardian, legal := w.as(t, "u-dpo"), w.as(t, "u-guardian"), w.as(t, "u-legal")
	made := w.as(t, "u-req-ed").post("/api/v1/requests", map[string]any{"title": "Mrs Popocatepetl", "kind": "RESEARCH"}).is(201)
	var request row
	made.into(&request)
	var entry int64
	if entry = int64(w.count(t, `SELECT id FROM audit.entries WHERE request_id = CAST($1 AS uuid) AND seq = 1`, request.ID)); entry == 0 {
		t.Fatal("the draft has no entry")
	}
	wish := map[string]any{"entries": []int64{entry}, "ground": "ART17_1_D", "reason": "A name."}
	w.as(t, "u-req-ed").post("/api/v1/audit/erasures", wish).is(403, "POLICY")
	dpo.post("/api/v1/audit/erasures", map[string]any{"entries": []int64{}, "ground": "ART17_1_D", "reason": "A name."}).is(422)
	dpo.post("/api/v1/audit/erasures", `{"entries":[1.5],"ground":"ART17_1_D","reason":"A name."}`).is(400)
	proposed := dpo.post("/api/v1/audit/erasures", wish, key("once")).is(201)
	path := proposed.header.Get("Location")
	if again := dpo.post("/api/v1/audit/erasures", wish, key("once")).is(201); string(again.body) != string(proposed.body) {
		t.Errorf("asked again: %s", again.body)
	}
	dpo.post(path+"/confirmation", nil).is(403, "SD13")

	hold := legal.post("/api/v1/audit/holds", map[string]any{"request": request.ID, "ground": "LITIGATION", "reason": "A claim."}).is(201).header.Get("Location")
	guardian.post(path+"/confirmation", nil).is(409, "HOLD")
	legal.post(hold+"/release", map[string]any{"reason": "Settled."}).is(403, "SD13")
	dpo.post(hold+"/release", map[string]any{"reason": "Settled."}).is(200)
	var view api.ErasureView
	guardian.post(path+"/confirmation", nil).is(200).into(&view)
	if len(view.Erased) != 1 || view.Erased[0].Entry != entry || view.Revision != 2 {
		t.Errorf("%+v", view)
	}
	guardian.post(path+"/confirmation", nil).is(409, "STATE")
	w.as(t, "u-auditor").get(path).is(200)
	w.as(t, "u-auditor").get("/api/v1/audit/erasures").is(200)
	w.as(t, "u-auditor").get("/api/v1/audit/holds").is(200)
	legal.get(hold).is(200)
	w.as(t, "u-req-ed").get(path).is(403, "POLICY")
	if body := string(w.as(t, "u-req-ed").get("/api/v1/requests/" + request.ID).is(200).body); strings.Contains(body, "Popocatepetl") || !strings.Contains(body, "[erased]") {
		t.Errorf("the draft reads %s", body)
	}
	var told struct{ Items []api.HistoryEntry }
	w.as(t, "u-req-ed").get("/api/v1/requests/" + request.ID + "/history").is(200).into(&told)
	for action, want := range map[string]bool{"erased": true, "hold": false} { // of a hold the requester is not told
		if slices.ContainsFunc(told.Items, func(e api.HistoryEntry) bool { return string(e.Action) == action }) != want {
			t.Errorf("the history tells %+v", told.Items)
		}
	}
	w.as(t, "u-iglead").post("/api/v1/audit/disposals", map[string]any{"kind": "RESEARCH", "reason": "Over."}).is(422)
	w.as(t, "u-auditor").get("/api/v1/audit/disposals").is(200)
}
