package rest_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/api"
)

const thisAutumn = "from=2026-10-01&to=2026-11-30&purpose=INTERNAL_AUDIT"

func TestAnAuditorWhoAsksIsAnsweredAndOnTheRecord(t *testing.T) {
	t.Parallel()
	w := open(t)
	path, etag := walk(t, w)
	w.as(t, "u-guardian").post(path+"/decisions", decision(t), match(etag)).is(200)
	auditor := w.as(t, "u-auditor")
	var all api.Controls
	if auditor.get("/api/v1/audit/controls?" + thisAutumn).is(200).into(&all); len(all.Items) != 29 || all.Items[0].Verdict != "pass" || all.Items[0].Rows != 1 {
		t.Fatalf("%d questions, the first: %+v", len(all.Items), all.Items[0])
	}
	var one api.ControlView
	if auditor.get("/api/v1/audit/controls/1?kind=RESEARCH&" + thisAutumn).is(200).into(&one); one.Rows != 1 || len(one.Trend) != 12 || one.Trend[11].Rows != 1 {
		t.Errorf("question 1: %+v", one)
	}
	if auditor.get("/api/v1/audit/controls/1?kind=CLINICAL_AUDIT&" + thisAutumn).is(200).into(&one); one.Rows != 0 {
		t.Errorf("question 1 of another kind: %+v", one)
	}
	var rows api.List[api.ControlRowView]
	auditor.get("/api/v1/audit/controls/1/rows?" + thisAutumn).is(200).into(&rows)
	if len(rows.Items) != 1 || rows.Items[0].Entry == 0 || rows.Items[0].Request != strings.TrimPrefix(path, "/api/v1/requests/") {
		t.Errorf("rows: %+v", rows)
	}
	// Who asked what, for what, is the answer to question 21.
	auditor.get("/api/v1/audit/controls/21/rows?" + thisAutumn).is(200).into(&rows)
	var asked []string
	for _, r := range rows.Items {
		facts, _ := r.Facts.(map[string]any)
		if said, ok := facts["said"].(map[string]any); ok && facts["person"] == "u-auditor" {
			asked = append(asked, fmt.Sprintf("%v %v %v %v", said["control"], said["purpose"], said["filter_kind"], facts["auditor"]))
		}
	}
	want := []string{
		"all INTERNAL_AUDIT <nil> true", "1 INTERNAL_AUDIT given true", "1 INTERNAL_AUDIT given true", "1 INTERNAL_AUDIT <nil> true", "21 INTERNAL_AUDIT <nil> true",
	}
	if !slices.Equal(asked, want) {
		t.Errorf("on the record: %q", asked)
	}
	// A page after the other.
	path, n := "/api/v1/audit/controls/21/rows?limit=2&marked=false&as_at=2999-01-01T00%3A00%3A00Z&"+thisAutumn, 0
	for seen := map[int64]bool{}; path != "" && n < 100; n++ {
		reply := auditor.get(path).is(200)
		var page api.List[api.ControlRowView]
		reply.into(&page)
		for _, r := range page.Items {
			if seen[r.Entry] {
				t.Errorf("entry %d comes twice", r.Entry)
			}
			seen[r.Entry] = true
		}
		if path = ""; page.Next != "" && n < 2 {
			path = "/api/v1/audit/controls/21/rows?limit=2&marked=false&as_at=2999-01-01T00%3A00%3A00Z&" + thisAutumn + "&cursor=" + url.QueryEscape(page.Next)
		}
	}
	if n < 3 {
		t.Errorf("%d pages", n)
	}
}

func TestTheQuestionsAreForThoseWhoAnswerForConfidentiality(t *testing.T) {
	t.Parallel()
	w := open(t)
	for who, status := range map[string][2]int{
		"u-auditor": {200, 200}, "u-guardian": {200, 200}, "u-iglead": {200, 200}, "u-dpo": {200, 200}, "u-siro": {200, 200},
		"u-board": {200, 403}, "u-ig1": {403, 403}, "u-req-ed": {403, 403}, "u-admin1": {403, 403},
	} {
		w.as(t, who).get("/api/v1/audit/controls/13?" + thisAutumn).is(status[0])
		w.as(t, who).get("/api/v1/audit/controls/13/rows?" + thisAutumn).is(status[1])
	}
	db, err := sqlx.Open("postgres", w.Database.Superuser)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var refused int
	if err := db.Get(&refused, `SELECT count(*) FROM audit.entries WHERE action IN ('review_controls', 'trace_controls') AND outcome = 'refused' AND rule = 'POLICY'`); err != nil || refused != 7 {
		t.Errorf("%d refusals are on the record, %v", refused, err)
	}
}

func TestAQuestionWithoutPurposeOrPeriodIsNotAnswered(t *testing.T) {
	t.Parallel()
	w := open(t)
	auditor := w.as(t, "u-auditor")
	for _, query := range []string{
		"", "from=2026-10-01&to=2026-11-30", "from=2026-10-01&to=2026-11-30&purpose=CURIOSITY", "to=2026-11-30&purpose=FOI", "from=2026-10-01&purpose=FOI",
		"from=2026-12-01&to=2026-11-30&purpose=FOI", "from=2026-02-30&to=2026-11-30&purpose=FOI", thisAutumn + "&as_at=yesterday", thisAutumn + "&kind=BANANA",
		thisAutumn + "&system=ward-book", thisAutumn + "&banana=1", thisAutumn + "&recipient=nobody",
	} {
		auditor.get("/api/v1/audit/controls?" + query).is(400)
		auditor.get("/api/v1/audit/controls/1?" + query).is(400)
		auditor.get("/api/v1/audit/controls/1/rows?" + query).is(400)
	}
	for _, n := range []string{"0", "30", "x", "01"} {
		auditor.get("/api/v1/audit/controls/" + n + "?" + thisAutumn).is(404)
		auditor.get("/api/v1/audit/controls/" + n + "/rows?" + thisAutumn).is(404)
	}
	auditor.get("/api/v1/audit/controls/1/rows?" + thisAutumn + "&cursor=banana").is(400)
}
