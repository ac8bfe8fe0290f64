// Package server is what every request passes through before the API: its name, the log, headers, limits and sign-in.
package server

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/identity"
	"github.com/caldicott/caldicott/internal/reference"
	"github.com/caldicott/caldicott/internal/rest"
)

// Verifier says whom a token speaks for; identity.Verifier does.
type Verifier interface {
	Verify(ctx context.Context, token string) (identity.Subject, error)
}

// Config is what the server works with.
type Config struct {
	Verifier Verifier
	// Known finds who that is here, or refuses with AUTHORITY and records it.
	Known func(ctx context.Context, issuer, subject string) (caldicott.Actor, error)
	// API is mounted at rest.Base.
	API http.Handler
	// PublicLog gives what of the log is for everybody, at /log; nil where nothing is.
	PublicLog http.Handler
	// Contract is openapi.yaml.
	Contract []byte
	// Ready says why the service cannot do its work, or nil.
	Ready func(context.Context) error
	Log   *slog.Logger
	// MaxBody is the size of the largest body; 0 is rest.MaxBody.
	MaxBody int64
	// Patience is how long one request may take; 0 is half a minute.
	Patience time.Duration
}

// defaultPatience is more than any statement of the database may take.
const defaultPatience = 30 * time.Second

// house is the handlers' common ground.
type house struct{ Config }

// New gives the whole service as one handler.
func New(c Config) http.Handler {
	if c.MaxBody == 0 {
		c.MaxBody = rest.MaxBody
	}
	if c.Patience == 0 {
		c.Patience = defaultPatience
	}
	h := &house{c}
	r := chi.NewRouter()
	r.Use(h.name, h.log, h.recover, harden, h.bound, middleware.GetHead)
	r.NotFound(h.nothing)
	r.MethodNotAllowed(h.notSo(r))
	r.Get("/healthz", h.healthy)
	r.Get("/readyz", h.ready)
	r.Get("/openapi.yaml", h.contract)
	page := reference.Handler(h.nothing)
	r.Method(http.MethodGet, "/docs", page)
	r.Method(http.MethodGet, "/docs/*", page)
	if c.PublicLog != nil {
		r.Mount("/log", c.PublicLog)
	}
	r.With(h.signedIn).Mount(rest.Base, c.API)
	return r
}

// HTTP is the server for the handler, with the limits that keep slow and hostile callers from holding it up: a caller has
// ten seconds for the headers and half a minute for the whole question.
func HTTP(address string, handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Addr: address, Handler: handler,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 90 * time.Second, WriteTimeout: 120 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// nothing answers where there is no route.
func (h *house) nothing(w http.ResponseWriter, r *http.Request) {
	rest.Refuse(h.Log, w, r, caldicott.Errorf(caldicott.NotFound, caldicott.CodeNotFound, "There is no such thing."))
}

// methods are those that any route has.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut}

// notSo answers where there is a route, but not for this method.
func (h *house) notSo(routes chi.Routes) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, method := range methods {
			as := method
			if as == http.MethodHead {
				as = http.MethodGet
			}
			if routes.Match(chi.NewRouteContext(), as, r.URL.Path) {
				w.Header().Add("Allow", method)
			}
		}
		problem := rest.ProblemOf(r, caldicott.Errorf(caldicott.NotFound, caldicott.CodeNotFound, ""))
		problem.Type, problem.Title, problem.Status = "about:blank", "Method Not Allowed", http.StatusMethodNotAllowed
		problem.Code, problem.Detail = "METHOD", "This cannot be done here; Allow says what can."
		rest.WriteProblem(w, problem)
	}
}
