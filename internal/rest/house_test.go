package rest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
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
	"github.com/caldicott/caldicott/internal/controls"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/identity"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
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
	if work.Promise == nil {
		work.Promise = promise
	}
	log := &lines{}
	whole := stack(h, work, reader, slog.New(slog.NewJSONHandler(log, nil)))
	return &town{House: h, handler: checked(t, whole), routes: whole.(chi.Routes), log: log}
}

// stack is the service as cmd wires it, but for the sign-in.
func stack(h *housetest.House, work *casework.Service, reader *sqlx.DB, log *slog.Logger) http.Handler {
	return stackOn(h, work, reader, asking{auditdb.Log{DB: reader}}, log)
}

// stackOn is the service on a reader of the log.
func stackOn(h *housetest.House, work *casework.Service, reader *sqlx.DB, entries rest.LogReader, log *slog.Logger) http.Handler {
	return server.New(server.Config{
		Verifier: names{}, Known: work.Known, Contract: h.Contract, Log: log, Ready: h.DB.Ping,
		API: rest.New(rest.Config{
			Work: work, History: trail{auditdb.History{DB: reader}}, Deeds: trail{auditdb.History{DB: reader}}, Trail: entries, Log: log,
			PolicyLines: func() []api.PolicyLine { return linesOf(h.Policy) }, Controls: controls.Book{DB: reader},
			Notary:     rest.NotaryOf{Proofs: notary.Proofs{Origin: logOrigin, Shelf: notarydb.Shelf{DB: reader}}, Alarm: func() string { return "" }},
			Signatures: signatures(), Speaks: receipts(),
			Evidence: packs(h, work, reader),
		}),
	})
}

const logOrigin = housetest.LogOrigin

// packs makes evidence as cmd wires it, but waits for nobody: the tests seal when they want to.
func packs(h *housetest.House, work *casework.Service, reader *sqlx.DB) rest.Evidence {
	return rest.Evidence{
		Work: work, Proofs: notary.Proofs{Origin: logOrigin, Shelf: notarydb.Shelf{DB: reader}},
		Trail: evidenceTrail{auditdb.Evidence{DB: reader}}, Profiles: h.Evidence,
		Signer: receipts(),
	}
}

type evidenceTrail struct{ auditdb.Evidence }

func (e evidenceTrail) Entries(ctx context.Context, asked rest.EvidenceAsked) ([]rest.EvidenceRow, error) {
	read, err := e.Evidence.Entries(ctx, auditdb.EvidenceAsked(asked))
	rows := make([]rest.EvidenceRow, len(read))
	for i, r := range read {
		rows[i] = rest.EvidenceRow(r)
	}
	return rows, err
}

func (e evidenceTrail) Waits(ctx context.Context, asked rest.EvidenceAsked, size int64) (bool, error) {
	return e.Evidence.Waits(ctx, auditdb.EvidenceAsked(asked), size)
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

func (h trail) History(ctx context.Context, asked rest.HistoryAsked) ([]rest.HistoryRow, error) {
	read, err := h.read.Of(ctx, auditdb.Asked(asked))
	rows := make([]rest.HistoryRow, len(read))
	for i, l := range read {
		rows[i] = rest.HistoryRow(l)
	}
	return rows, err
}

func (h trail) Decision(ctx context.Context, id string) (rest.DeedRow, error) {
	deed, err := h.read.Decision(ctx, id)
	return rest.DeedRow(deed), err
}

func linesOf(p *access.Policy) []api.PolicyLine {
	var views []api.PolicyLine
	for _, l := range p.Lines() {
		views = append(views, api.PolicyLine{
			Line: l.Place(), Role: l.Role, Action: l.Action, Whose: l.Whose, Ruling: l.Ruling, Comment: l.Comment,
		})
	}
	return views
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
