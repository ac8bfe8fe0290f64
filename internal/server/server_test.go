package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/identity"
	"github.com/caldicott/caldicott/internal/rest"
	"github.com/caldicott/caldicott/internal/server"
)

// secret is what no log and no answer may ever hold.
const secret = "9434765919"

// names takes a person at their word.
type names struct{}

func (names) Verify(_ context.Context, token string) (identity.Subject, error) {
	switch token {
	case "expired":
		return identity.Subject{}, identity.Expired
	case "away":
		return identity.Subject{}, fmt.Errorf("%w: dial tcp", identity.ErrIssuerAway)
	}
	return identity.Subject{Issuer: "https://issuer.test", Subject: token}, nil
}

func known(_ context.Context, _, subject string) (caldicott.Actor, error) {
	switch subject {
	case "stranger":
		return caldicott.Actor{}, caldicott.Errorf(caldicott.Forbidden, caldicott.CodeAuthority, "Nobody is enrolled here under this sign-in.")
	case "broken":
		return caldicott.Actor{}, errors.New("the database said " + secret)
	}
	return caldicott.Actor{Person: caldicott.Person{ID: "0199dbf1-2a40-7c31-9e57-5b0a4d1f6c21", UserID: subject, Active: true}}, nil
}

// place is a server with an API that misbehaves as the test wants.
type place struct {
	handler http.Handler
	log     *bytes.Buffer
	ready   error
}

func open() *place {
	p := &place{log: &bytes.Buffer{}}
	routes := chi.NewRouter()
	routes.Get("/things/{id}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) })
	routes.Post("/things", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
	})
	routes.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("a patient's number is " + secret) })
	routes.Get("/index", func(_ http.ResponseWriter, r *http.Request) { fmt.Println([]string{}[len(r.Method)]) })
	routes.Get("/deadline", func(w http.ResponseWriter, r *http.Request) {
		if _, ok := r.Context().Deadline(); !ok {
			w.WriteHeader(http.StatusTeapot)
		}
	})
	p.handler = server.New(server.Config{
		Verifier: names{}, Known: known, API: routes, Contract: []byte("openapi: 3.1.0\n"), MaxBody: 1000,
		Ready: func(context.Context) error { return p.ready }, Log: slog.New(slog.NewJSONHandler(p.log, nil)),
	})
	return p
}

func (p *place) ask(method, path, token string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	return w
}

func problemOf(t *testing.T, w *httptest.ResponseRecorder) (problem api.Problem) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || problem.Status != w.Code || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %v is no problem: %s", w.Code, w.Header(), w.Body)
	}
	return problem
}

func TestNobodyComesInWithoutSigningIn(t *testing.T) {
	t.Parallel()
	p := open()
	for _, c := range []struct {
		token, code, challenge string
		status                 int
	}{
		{"", "UNAUTHENTICATED", `Bearer realm="caldicott"`, 401},
		{"expired", "UNAUTHENTICATED", `Bearer realm="caldicott", error="invalid_token", error_description="expired"`, 401},
		{"a b", "UNAUTHENTICATED", `Bearer realm="caldicott", error="invalid_token", error_description="malformed"`, 401},
		{"away", "UNAVAILABLE", "", 503}, {"stranger", "AUTHORITY", "", 403}, {"broken", "INTERNAL", "", 500},
	} {
		for _, path := range []string{"/api/v1/things/1", "/api/v1/nothing", "/api/v1"} {
			w := p.ask("GET", path, c.token)
			problem := problemOf(t, w)
			if w.Code != c.status || problem.Code != c.code || w.Header().Get("WWW-Authenticate") != c.challenge {
				t.Errorf("%q at %s: %d %s %q", c.token, path, w.Code, problem.Code, w.Header().Get("WWW-Authenticate"))
			}
			if after := w.Header().Get("Retry-After"); (after != "") != (c.status == 503) {
				t.Errorf("%q: Retry-After is %q", c.token, after)
			}
			if strings.Contains(w.Body.String(), secret) {
				t.Errorf("%q: %s", c.token, w.Body)
			}
		}
	}
	if w := p.ask("GET", "/api/v1/things/1", "ann"); w.Code != 200 {
		t.Errorf("ann: %d", w.Code)
	}
}

func TestPanicsAreAnsweredAndLoggedWithoutContent(t *testing.T) {
	t.Parallel()
	p := open()
	for _, path := range []string{"/api/v1/panic", "/api/v1/index"} {
		problem := problemOf(t, p.ask("GET", path+"?q="+secret, "ann"))
		if problem.Status != 500 || problem.Code != "INTERNAL" || problem.RequestID == "" {
			t.Errorf("%s: %+v", path, problem)
		}
	}
	log := p.log.String()
	if strings.Contains(log, secret) || !strings.Contains(log, "server_test.go") || !strings.Contains(log, "index out of range") {
		t.Errorf("the log says: %s", log)
	}
}

func TestEveryRequestHasALineWithoutContent(t *testing.T) {
	t.Parallel()
	p := open()
	w := p.ask("GET", "/api/v1/things/"+secret+"?q="+secret, "ann", func(r *http.Request) { r.Header.Set("X-Request-Id", "0192f3a0-0000-7000-8000-00000000000a") })
	if id := w.Header().Get("X-Request-Id"); id != "0192f3a0-0000-7000-8000-00000000000a" {
		t.Errorf("the request id is %q", id)
	}
	var line map[string]any
	if err := json.Unmarshal(p.log.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"msg": "request", "method": "GET", "route": "/api/v1/things/{id}", "status": 200.0, "request_id": "0192f3a0-0000-7000-8000-00000000000a",
		"actor": "0199dbf1-2a40-7c31-9e57-5b0a4d1f6c21",
	} {
		if line[name] != want {
			t.Errorf("%s is %v, not %v", name, line[name], want)
		}
	}
	if strings.Contains(p.log.String(), secret) {
		t.Errorf("the log says: %s", p.log)
	}
	for _, bad := range []string{"short", "has space in it", strings.Repeat("x", 65), `quoted"quoted`, "bad\tbad\tbad"} {
		w := p.ask("GET", "/healthz", "", func(r *http.Request) { r.Header.Set("X-Request-Id", bad) })
		if id := w.Header().Get("X-Request-Id"); id == bad || len(id) != 36 {
			t.Errorf("%q was taken as %q", bad, id)
		}
	}
}

func TestWhatIsNotThereIsAProblem(t *testing.T) {
	t.Parallel()
	p := open()
	for _, c := range []struct {
		method, path, allow string
		status              int
	}{
		{"GET", "/nothing", "", 404}, {"GET", "/", "", 404}, {"GET", "/api/v1/nothing", "", 404}, {"GET", "/api/v2", "", 404},
		{"POST", "/healthz", "GET, HEAD", 405}, {"DELETE", "/api/v1/things/1", "GET, HEAD", 405}, {"OPTIONS", "/api/v1/things/1", "GET, HEAD", 405},
		{"GET", "/api/v1/things", "POST", 405}, {"BREW", "/api/v1/things", "POST", 405}, {"TRACE", "/openapi.yaml", "GET, HEAD", 405},
	} {
		w := p.ask(c.method, c.path, "ann")
		problemOf(t, w)
		if allow := strings.Join(w.Header().Values("Allow"), ", "); w.Code != c.status || allow != c.allow {
			t.Errorf("%s %s: %d, Allow %q", c.method, c.path, w.Code, allow)
		}
	}
	if problem := problemOf(t, p.ask("GET", "/api/v1/"+secret+"%20x", "ann")); strings.Contains(problem.Instance, secret) {
		t.Errorf("the instance is %q", problem.Instance)
	}
}

func TestTheServiceSpeaksOfItself(t *testing.T) {
	t.Parallel()
	p := open()
	if w := p.ask("GET", "/healthz", ""); w.Code != 200 || strings.TrimSpace(w.Body.String()) != `{"status":"ok"}` {
		t.Errorf("health: %d %s", w.Code, w.Body)
	}
	if w := p.ask("HEAD", "/healthz", ""); w.Code != 200 {
		t.Errorf("HEAD: %d", w.Code)
	}
	if w := p.ask("GET", "/openapi.yaml", ""); w.Code != 200 || w.Header().Get("Content-Type") != "application/yaml" {
		t.Errorf("contract: %d %v", w.Code, w.Header())
	}
	if w := p.ask("GET", "/readyz", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"ready":true`) {
		t.Errorf("ready: %d %s", w.Code, w.Body)
	}
	p.ready = errors.New("password of " + secret)
	if w := p.ask("GET", "/readyz", ""); w.Code != 503 || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), secret) {
		t.Errorf("not ready: %d %s", w.Code, w.Body)
	}
}

// The page has a policy of its own, which harden's must not overrule; what is not there is hardened like all else.
func TestTheReferenceIsOpenToEverybody(t *testing.T) {
	t.Parallel()
	p := open()
	for _, path := range []string{"/docs", "/docs/", "/docs/init.js"} {
		w := p.ask("GET", path, "")
		if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'self';") || w.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if w := p.ask("HEAD", path, ""); w.Code != 200 || w.Body.Len() != 0 {
			t.Errorf("HEAD %s: %d", path, w.Code)
		}
	}
	w := p.ask("GET", "/docs/nothing", "")
	if problemOf(t, w); w.Code != 404 || w.Header().Get("Content-Security-Policy") != "default-src 'none'; frame-ancestors 'none'" {
		t.Errorf("what is not there: %d %v", w.Code, w.Header())
	}
	if w := p.ask("POST", "/docs", ""); w.Code != 405 {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestEveryAnswerIsHardened(t *testing.T) {
	t.Parallel()
	p := open()
	for _, path := range []string{"/healthz", "/nothing", "/api/v1/things/1", "/api/v1/panic"} {
		w := p.ask("GET", path, "ann")
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Strict-Transport-Security": "",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
	w := p.ask("GET", "/healthz", "", func(r *http.Request) { r.TLS = &tls.ConnectionState{} })
	if w.Header().Get("Strict-Transport-Security") == "" {
		t.Error("TLS is not insisted on")
	}
	big := func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", 1001))) }
	if w := p.ask("POST", "/api/v1/things", "ann", big); w.Code != 413 {
		t.Errorf("a large body: %d", w.Code)
	}
	if w := p.ask("GET", "/api/v1/deadline", "ann"); w.Code != 200 {
		t.Errorf("there is no deadline: %d", w.Code)
	}
}

func TestTheServerIsBounded(t *testing.T) {
	t.Parallel()
	s := server.HTTP(":0", http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	for name, limit := range map[string]time.Duration{
		"header": s.ReadHeaderTimeout, "read": s.ReadTimeout, "write": s.WriteTimeout, "idle": s.IdleTimeout,
	} {
		if limit == 0 {
			t.Errorf("%s has no limit", name)
		}
	}
	if s.MaxHeaderBytes == 0 || rest.MaxBody != 1<<20 {
		t.Error("sizes are not bounded")
	}
}
