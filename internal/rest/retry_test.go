package rest_test

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// together sends the same thing many times at once.
func together(n int, send func(i int) reply) []reply {
	replies := make([]reply, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { replies[i] = send(i) })
	}
	wait.Wait()
	return replies
}

// once checks that everybody was given the one answer, or was told that it is being worked on; and gives it.
func once(t *testing.T, replies []reply) reply {
	t.Helper()
	var first *reply
	for _, r := range replies {
		if r.status == http.StatusConflict {
			if r.is(409, "KEY_BUSY"); r.header.Get("Retry-After") != "1" {
				t.Errorf("Retry-After is %q", r.header.Get("Retry-After"))
			}
			continue
		}
		if first == nil {
			first = &r
		}
		same(t, *first, r)
	}
	if first == nil {
		t.Fatal("nobody was answered")
	}
	return *first
}

func same(t *testing.T, a, b reply) {
	t.Helper()
	if a.status != b.status || !bytes.Equal(a.body, b.body) || a.etag() != b.etag() || a.header.Get("Location") != b.header.Get("Location") {
		t.Errorf("answers differ: %d %s %s\n%d %s %s", a.status, a.etag(), a.body, b.status, b.etag(), b.body)
	}
}

func TestTheSameQuestionHasOneEffectAndOneAnswer(t *testing.T) {
	t.Parallel()
	w := open(t)
	draft := scenario(t, "S03")
	send := func(w *town) func(int) reply {
		return func(int) reply { return w.as(t, "u-req-research").post("/api/v1/requests", draft, key("k-1")) }
	}
	first := once(t, together(20, send(w)))
	again := w.again(t)
	for i := range 3 {
		same(t, first.is(201), send(again)(i))
		same(t, first, send(w)(i))
	}
	if n := w.count(t, `SELECT count(*) FROM casework.requests`); n != 1 {
		t.Errorf("there are %d requests", n)
	}
	researcher := again.as(t, "u-req-research")
	researcher.post("/api/v1/requests", map[string]string{"title": "T", "kind": "RESEARCH"}, key("k-1")).is(422, "KEY_REUSED")
	researcher.post("/api/v1/emergencies", draft, key("k-1")).is(422, "KEY_REUSED")
	w.as(t, "u-req-audit").post("/api/v1/requests", map[string]string{"title": "T", "kind": "RESEARCH"}, key("k-1")).is(201)
	researcher.post("/api/v1/requests", map[string]string{"title": "T"}, key("k-2")).is(422, "REQUIRED")
	researcher.post("/api/v1/requests", map[string]string{"title": "T", "kind": "RESEARCH"}, key("k-2")).is(201)
}

func TestDeedsOfEveryKindCanBeSentAgain(t *testing.T) {
	t.Parallel()
	w := open(t)
	path, etag := walk(t, w)
	for i, o := range []operation{
		{"u-guardian", "POST", path + "/decisions", []option{match(etag)}, decision(t)},
		{"u-ig1", "POST", path + "/comments", nil, map[string]any{"text": "noted"}},
		{"u-ig1", "POST", path + "/disclosures", nil, map[string]any{"recipient": "TST05", "method": "SFTP"}},
		{"u-admin1", "POST", "/api/v1/people", nil, map[string]any{"user_id": "u-new", "display_name": "New", "job_title": "Nurse"}},
		{"u-admin1", "POST", "/api/v1/appointments", nil, map[string]any{"person": "u-new", "role": "DPO", "valid_from": "2026-11-01"}},
		{"u-iglead", "POST", "/api/v1/assets", nil, map[string]any{"name": "Record", "owner": "u-iao-ehr"}},
	} {
		o.options = append(o.options, key(fmt.Sprint("key-", i)))
		before := w.count(t, `SELECT count(*) FROM audit.entries WHERE outcome = 'done'`)
		first := once(t, together(5, func(int) reply { return w.as(t, o.who).post(o.path, o.right, o.options...) }))
		same(t, first, w.again(t).as(t, o.who).post(o.path, o.right, o.options...))
		if after := w.count(t, `SELECT count(*) FROM audit.entries WHERE outcome = 'done'`); first.status >= 300 || after != before+1 {
			t.Errorf("%s: %d, and %d entries", o.path, first.status, after-before)
		}
	}
}

func TestOfFiftyDecisionsAtOnceOneIsMade(t *testing.T) {
	t.Parallel()
	w := open(t)
	path, etag := walk(t, w)
	made := 0
	for _, r := range together(50, func(int) reply { return w.as(t, "u-guardian").post(path+"/decisions", decision(t), match(etag)) }) {
		switch r.status {
		case http.StatusOK:
			made++
		case http.StatusConflict, http.StatusPreconditionFailed:
		default:
			t.Errorf("%d: %s", r.status, r.body)
		}
	}
	id := path[len("/api/v1/requests/"):]
	entries := w.count(t, `SELECT count(*) FROM audit.entries WHERE action = 'decide' AND outcome = 'done' AND request_id = $1`, id)
	if n := w.count(t, `SELECT count(*) FROM casework.decisions WHERE request_id = $1`, id); made != 1 || n != 1 || entries != 1 {
		t.Errorf("%d answers, %d decisions, %d entries", made, n, entries)
	}
}
