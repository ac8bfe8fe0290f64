package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/go-chi/chi/v5"
	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/access"
	"github.com/caldicott/caldicott/internal/auditdb"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/identity"
	"github.com/caldicott/caldicott/internal/pgtest"
	"github.com/caldicott/caldicott/internal/postgres"
	"github.com/caldicott/caldicott/internal/rest"
	"github.com/caldicott/caldicott/internal/server"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// town is a house with its people, answering over HTTP; whatever is exchanged is held against the contract.
type town struct {
	*housetest.House
	handler http.Handler
	routes  chi.Routes
	log     *lines
}

// pattern is the route that a path takes.
func (w *town) pattern(method, path string) string {
	return w.routes.Find(chi.NewRouteContext(), method, path)
}

// open gives a test a town of its own.
func open(t testing.TB) *town {
	t.Helper()
	h := housetest.New(t)
	h.Enrol(t)
	return serve(t, h, h.Service)
}

// serve answers over HTTP for casework on the house's database.
func serve(t testing.TB, h *housetest.House, work *casework.Service) *town {
	t.Helper()
	reader, err := postgres.OpenReader(postgres.Settings{URL: housetest.ReaderURL(h.Database), Application: "history", Connections: 2, StatementTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	log := &lines{}
	whole := stack(h, work, reader, slog.New(slog.NewJSONHandler(log, nil)))
	return &town{House: h, handler: checked(t, whole), routes: whole.(chi.Routes), log: log}
}

// stack is the service as cmd wires it, but for the sign-in.
func stack(h *housetest.House, work *casework.Service, reader *sqlx.DB, log *slog.Logger) http.Handler {
	return server.New(server.Config{
		Verifier: names{}, Known: work.Known, Contract: h.Contract, Log: log, Ready: h.DB.Ping,
		API: rest.New(rest.Config{Work: work, History: trail{auditdb.History{DB: reader}}, PolicyLines: func() []api.PolicyLine { return linesOf(h.Policy) }, Log: log}),
	})
}

// names is a sign-in that takes a person at their word: the token is the user id.
type names struct{}

func (names) Verify(_ context.Context, token string) (identity.Subject, error) {
	switch token {
	case "expired":
		return identity.Subject{}, identity.Expired
	case "away":
		return identity.Subject{}, fmt.Errorf("%w: somewhere", identity.ErrIssuerAway)
	}
	return identity.Subject{Issuer: housetest.Issuer, Subject: token}, nil
}

// trail reads histories as cmd wires it.
type trail struct{ read auditdb.History }

func (h trail) History(ctx context.Context, id string) ([]rest.HistoryRow, error) {
	read, err := h.read.Of(ctx, id)
	rows := make([]rest.HistoryRow, len(read))
	for i, l := range read {
		rows[i] = rest.HistoryRow{
			Entry: l.Entry, Seq: l.Seq, Action: l.Action, Outcome: l.Outcome, Rule: l.Rule, At: l.At, Actor: l.Actor,
			Acting: l.Acting, From: l.From, To: l.To, Version: l.Version, Line: l.PolicyLine,
		}
	}
	return rows, err
}

func linesOf(p *access.Policy) []api.PolicyLine {
	var views []api.PolicyLine
	for _, l := range p.Lines() {
		views = append(views, api.PolicyLine{
			Line: fmt.Sprintf("policy.csv:%d", l.Number), Role: l.Role, Action: l.Action, Whose: l.Whose, Ruling: l.Ruling, Comment: l.Comment,
		})
	}
	return views
}

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

// scenario is a case's content as the body of a draft.
func scenario(t testing.TB, id string) map[string]any {
	t.Helper()
	for _, c := range housetest.Scenarios(t).Cases {
		if c.ID != id {
			continue
		}
		var content map[string]any
		if err := json.Unmarshal(c.Content, &content); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"id", "reference", "submitted_at", "expected", "setup", "steps"} {
			delete(content, name)
		}
		delete(content, "conflicts")
		delete(content, "attachments")
		return content
	}
	t.Fatalf("there is no scenario %s", id)
	return nil
}

// stepBody is the body of a scenario's step.
func stepBody(t testing.TB, id, deed string) map[string]json.RawMessage {
	t.Helper()
	for _, c := range housetest.Scenarios(t).Cases {
		for _, s := range c.Steps {
			if c.ID == id && string(s.Deed) == deed {
				return s.Body
			}
		}
	}
	t.Fatalf("scenario %s has no step %s", id, deed)
	return nil
}

// decision is S03's decision as a body: a condition's state is not part of it.
func decision(t testing.TB) map[string]json.RawMessage {
	t.Helper()
	body := stepBody(t, "S03", "decide")
	var conditions []map[string]any
	if err := json.Unmarshal(body["conditions"], &conditions); err != nil {
		t.Fatal(err)
	}
	for _, c := range conditions {
		delete(c, "state")
	}
	body["conditions"] = encoded(t, conditions)
	return body
}

// again is the same service started anew: nothing but the database is the same.
func (w *town) again(t testing.TB) *town {
	t.Helper()
	db, err := postgres.Open(postgres.Settings{URL: housetest.AppURL(w.Database), Application: "again", Connections: 8, StatementTimeout: 30 * time.Second}, house.Scribe)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return serve(t, w.House, &casework.Service{Store: db, Policy: w.Policy, House: w.House.House, Clock: w.Clock.Now, NewID: house.NewID})
}

// count asks the database.
func (w *town) count(t testing.TB, query string, args ...any) (n int) {
	t.Helper()
	db, err := sqlx.Connect("postgres", w.Database.Superuser)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Get(&n, query, args...); err != nil {
		t.Fatal(err)
	}
	return n
}

// stored counts everything that deeds store.
func (w *town) stored(t testing.TB) int {
	return w.count(t, `SELECT (SELECT count(*) FROM casework.requests) + (SELECT count(*) FROM casework.versions) +
		(SELECT count(*) FROM casework.deeds) + (SELECT count(*) FROM casework.people) + (SELECT count(*) FROM casework.appointments) +
		(SELECT count(*) FROM casework.comments) + (SELECT count(*) FROM casework.answers_given)`)
}

// lines keeps the log.
type lines struct {
	mu  sync.Mutex
	buf strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// unopened is casework without a database, for what needs none.
func unopened(h *housetest.House) *casework.Service {
	return &casework.Service{Policy: h.Policy, House: h.House, Clock: time.Now, NewID: house.NewID}
}
