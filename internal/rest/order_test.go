package rest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/postgres"
)

// Of several things that are wrong, the first in the order of checks is answered (lifecycle.md).
func TestTheFirstCheckThatFailsAnswers(t *testing.T) {
	t.Parallel()
	w := open(t)
	path, etag := walk(t, w)
	const absent = "/api/v1/requests/0199dbf1-2a40-7c31-9e57-5b0a4d1f6c21"
	guardian, requester, deputy := w.as(t, "u-guardian"), w.as(t, "u-req-research"), w.as(t, "u-deputy")
	bad, wrong := `{"outcom":1}`, map[string]any{"outcome": "APPROVE", "rationale": "", "principles": map[string]any{}}

	nobody := w.as(t, "")
	nobody.post(absent+"/decisions", bad).is(401, "UNAUTHENTICATED")
	w.as(t, "expired").post(absent+"/decisions", bad).is(401, "UNAUTHENTICATED")
	w.as(t, "away").get(path).is(503, "UNAVAILABLE")
	w.as(t, "u-unknown").get(path).is(403, "AUTHORITY")
	guardian.post(absent+"/decisions", bad).is(400, "UNKNOWN_FIELD").names("outcom")
	guardian.raw("POST", absent+"/decisions", []byte("x"), func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }).is(415)
	guardian.post(absent+"/decisions", wrong, match("x")).is(400, "UNREADABLE")
	guardian.post(absent+"/decisions", wrong).is(404, "NOT_FOUND")
	guardian.post("/api/v1/requests/1/decisions", wrong).is(404, "NOT_FOUND")
	guardian.post("/api/v1/requests/1/decisions", bad).is(400)
	requester.post(path+"/decisions", wrong).is(428, "PRECONDITION")
	requester.post(path+"/decisions", wrong, match(`"1"`)).is(403, "SD1")
	w.as(t, "u-ig2").post(path+"/decisions", wrong, match(`"1"`)).is(403, "POLICY")
	deputy.post(path+"/decisions", wrong, match(`"1"`)).is(403, "AUTHORITY")
	guardian.post(path+"/opening", map[string]any{"conflict": map[string]string{"type": "NONE"}}, match(`"1"`)).is(409, "STATE")
	guardian.post(path+"/decisions", wrong, match(`"1"`)).is(412, "STALE")
	guardian.post(path+"/decisions", wrong, match(etag)).is(422).names("rationale")

	done := guardian.post(path+"/decisions", decision(t), match(etag), key("d")).is(200)
	same(t, done, guardian.post(path+"/decisions", decision(t), match(etag), key("d")))
	guardian.post(path+"/decisions", decision(t), key("d")).is(428)
	guardian.post(path+"/decisions", wrong, match(etag), key("d")).is(422, "KEY_REUSED")
	guardian.post(path+"/decisions", decision(t), match(etag)).is(409, "STATE")
	for _, where := range []string{"/decisions", "/comments", "/disclosures"} {
		w.as(t, "u-req-11").get(path + where).is(404)
	}
}

func TestADatabaseThatIsAwayIsNobodysFault(t *testing.T) {
	t.Parallel()
	w := open(t)
	db, err := postgres.Open(postgres.Settings{URL: "postgres://app@127.0.0.1:1/away?sslmode=disable", Application: "test", Connections: 2, StatementTimeout: time.Second}, house.Scribe)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	away := serve(t, w.House, &casework.Service{Store: db, Policy: w.Policy, House: w.House.House, Clock: w.Clock.Now, NewID: house.NewID})
	for _, r := range []reply{away.as(t, "u-ig1").get("/api/v1/requests"), away.as(t, "u-ig1").post("/api/v1/requests", scenario(t, "S03"))} {
		if r.is(503, "UNAVAILABLE"); r.header.Get("Retry-After") == "" {
			t.Errorf("%s: there is no Retry-After", r.asked)
		}
	}
}
