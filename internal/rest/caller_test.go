package rest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caldicott/caldicott/api"
)

// caller is somebody at their desk.
type caller struct {
	town *town
	t    testing.TB
	who  string
}

func (w *town) as(t testing.TB, who string) caller { return caller{w, t, who} }

// option changes a request before it is sent.
type option func(*http.Request)

func header(name, value string) option {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

func match(etag string) option { return header("If-Match", etag) }
func key(k string) option      { return header("Idempotency-Key", k) }

// reply is what came back.
type reply struct {
	t      testing.TB
	asked  string
	status int
	header http.Header
	body   []byte
}

// raw sends bytes as they are.
func (c caller) raw(method, path string, body []byte, options ...option) reply {
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	if len(body) == 0 {
		r.Body = http.NoBody
		r.ContentLength = 0
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.who != "" {
		r.Header.Set("Authorization", "Bearer "+c.who)
	}
	for _, o := range options {
		o(r)
	}
	w := httptest.NewRecorder()
	c.town.handler.ServeHTTP(w, r)
	return reply{c.t, method + " " + path + " by " + c.who, w.Code, w.Result().Header, w.Body.Bytes()}
}

func (c caller) get(path string, options ...option) reply {
	return c.raw(http.MethodGet, path, nil, options...)
}

func (c caller) post(path string, body any, options ...option) reply {
	return c.raw(http.MethodPost, path, encoded(c.t, body), options...)
}

func (c caller) put(path string, body any, options ...option) reply {
	return c.raw(http.MethodPut, path, encoded(c.t, body), options...)
}

func encoded(t testing.TB, body any) []byte {
	switch b := body.(type) {
	case nil:
		return nil
	case []byte:
		return b
	case string:
		return []byte(b)
	}
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// is checks the status, and for a problem its code.
func (r reply) is(status int, code ...string) reply {
	r.t.Helper()
	said := ""
	if r.status >= 400 {
		said = r.problem().Code
	}
	if r.status != status || len(code) > 0 && said != code[0] {
		r.t.Fatalf("%s: %d %s, not %d %v: %s", r.asked, r.status, said, status, code, r.body)
	}
	return r
}

func (r reply) into(v any) {
	r.t.Helper()
	if err := json.Unmarshal(r.body, v); err != nil {
		r.t.Fatalf("%s: %v in %s", r.asked, err, r.body)
	}
}

func (r reply) problem() (p api.Problem) {
	r.t.Helper()
	r.into(&p)
	return p
}

// names says whether the problem names the field.
func (r reply) names(field string) reply {
	r.t.Helper()
	for _, e := range r.problem().Errors {
		if e.Field == field {
			return r
		}
	}
	r.t.Fatalf("%s: %s is not named in %s", r.asked, field, r.body)
	return r
}

func (r reply) etag() string { return r.header.Get("ETag") }

// request is the view of a request, as far as tests look at it. api.RequestView writes its content only.
type request struct {
	ID, Reference, State, Title string
	Version, Revision           int
	Content                     json.RawMessage
	Findings                    []api.Finding
	Missing                     []string
	MandatoryConsultees         []string `json:"mandatory_consultees"`
	Deadlines                   api.Deadlines
	Decisions                   []api.DecisionRow
	Authorisations              []api.AuthorisationRow
	Steps                       []api.Step
	Permitted                   []api.Permitted
}

func (r reply) request() (view request) {
	r.t.Helper()
	r.into(&view)
	return view
}

// permits says whether the request may be treated so by who read it.
func (v request) permits(deed string) bool {
	for _, p := range v.Permitted {
		if string(p.Deed) == deed {
			return true
		}
	}
	return false
}
