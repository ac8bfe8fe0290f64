package rest_test

import (
	"net/http"
	"testing"
)

// Whatever is sent, the service answers for itself: 201 or a refusal, and never a failure of its own.
func FuzzPostRequests(f *testing.F) {
	w := open(f)
	w.handler = w.routes.(http.Handler) // the contract is held elsewhere: here only failures count
	for _, seed := range []string{
		`{}`, `null`, ``, `{"title":"T","kind":"RESEARCH"}`, `{"title":"\u0000"}`, `{"data_items":[{}]}`, `{"title":"a","title":"b"}`,
		`{"data_subjects":{"estimated_count":1e3}}`, `{"recipients":[{"user_ids":["a"]}]}`, `{"disclosed_at":"0000-01-01T00:00:00Z"}`, "{\"title\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Add(encoded(f, scenario(f, "S03")))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, path := range []string{"/api/v1/requests", "/api/v1/emergencies", "/api/v1/requests/check"} {
			if r := w.as(t, "u-req-research").raw("POST", path, body); r.status >= 500 {
				t.Errorf("%s: %d %s", path, r.status, r.body)
			}
		}
	})
}
