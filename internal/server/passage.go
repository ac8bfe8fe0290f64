package server

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/google/uuid"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/rest"
)

// trace is what becomes known of a request on its way, for its line in the log.
type trace struct{ actor string }

type traceKey struct{}

func tracing(ctx context.Context) *trace {
	if t, ok := ctx.Value(traceKey{}).(*trace); ok {
		return t
	}
	return &trace{}
}

// aRequestID is what a caller may name a request by: a UUID. Anything else might be content, and it goes into the log.
var aRequestID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// name gives every request its id: the caller's own, if it is a UUID.
func (h *house) name(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !aRequestID.MatchString(id) {
			id = uuid.Must(uuid.NewV7()).String()
		}
		w.Header().Set("X-Request-Id", id)
		ctx := context.WithValue(rest.WithRequestID(r.Context(), id), traceKey{}, &trace{})
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// log writes one line for each request: ids, the route's pattern, no path and never a query.
func (h *house) log(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		seen := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(seen, r)
		ctx := r.Context()
		h.Log.InfoContext(ctx, "request", "request_id", rest.RequestIDOf(ctx), "method", methodOf(r),
			"route", chi.RouteContext(ctx).RoutePattern(), "status", seen.Status(), "bytes", seen.BytesWritten(),
			"duration", time.Since(began), "actor", tracing(ctx).actor)
	})
}

// methodOf is the method, where it is one that exists: a caller may invent others.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions:
		return r.Method
	}
	return "other"
}

// recover answers where the service panicked. What it panicked with may hold content, unless the runtime says it.
func (h *house) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if cause == http.ErrAbortHandler { //nolint:errorlint // this very value
				panic(cause)
			}
			said := fmt.Sprintf("%T", cause)
			if err, ok := cause.(runtime.Error); ok {
				said = err.Error()
			}
			h.Log.ErrorContext(r.Context(), "panic", "request_id", rest.RequestIDOf(r.Context()), "cause", said, "stack", string(debug.Stack()))
			rest.Refuse(h.Log, w, r, caldicott.Errorf(caldicott.Internal, "PANIC", "Something went wrong."))
		}()
		next.ServeHTTP(w, r)
	})
}

// harden sets the headers that keep a browser from making anything else of an answer.
func harden(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		if r.TLS != nil {
			header.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
		}
		next.ServeHTTP(w, r)
	})
}

// bound limits how much a request may bring and how long it may take.
func (h *house) bound(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), h.Patience)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, h.MaxBody)
		next.ServeHTTP(w, r)
	})
}
