package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
)

// handler answers, or says why it cannot. Every error is answered in one place.
type handler func(w http.ResponseWriter, r *http.Request) error

// serve makes a handler an http.HandlerFunc.
func (s *service) serve(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			Refuse(s.Log, w, r, err)
		}
	}
}

// Refuse answers an error as a problem, and logs it where the service itself failed.
func Refuse(log *slog.Logger, w http.ResponseWriter, r *http.Request, err error) {
	problem := ProblemOf(r, err)
	if problem.Status >= http.StatusInternalServerError {
		log.ErrorContext(r.Context(), "request failed", "request_id", problem.RequestID, "status", problem.Status,
			"code", problem.Code, "cause", causeOf(err))
	}
	WriteProblem(w, problem)
}

// ProblemOf is the problem that a request had.
func ProblemOf(r *http.Request, err error) api.Problem {
	return api.ProblemOf(unseen(err), instanceOf(r), RequestIDOf(r.Context()))
}

// unseen makes what is hidden and what does not exist one answer, word for word.
func unseen(err error) error {
	if caldicott.KindOf(err) != caldicott.NotFound || tellable(caldicott.CodeOf(err)) {
		return err
	}
	return caldicott.Errorf(caldicott.NotFound, caldicott.CodeNotFound, "There is no such thing, or you may not see it.")
}

// tellable are the codes of what is missing that tell nobody anything of somebody else's.
func tellable(code string) bool {
	return code == caldicott.CodeUnsealed || code == caldicott.CodeDisposed
}

// WriteProblem writes a problem with the headers that belong to it.
func WriteProblem(w http.ResponseWriter, problem api.Problem) {
	h := w.Header()
	h.Del("ETag")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/problem+json")
	if after := problem.RetryAfter(); after != "" {
		h.Set("Retry-After", after)
	}
	body, err := json.Marshal(problem)
	if err != nil {
		panic(fmt.Sprintf("a problem cannot be encoded: %v", err)) // texts and a number only
	}
	w.WriteHeader(problem.Status)
	_, _ = w.Write(body) //nolint:errcheck // nobody is left to tell
}

// plainPath are the paths that are repeated in a problem; others may hold anything.
var plainPath = regexp.MustCompile(`^/[A-Za-z0-9/_.-]{0,200}$`)

func instanceOf(r *http.Request) string {
	if path := r.URL.EscapedPath(); plainPath.MatchString(path) {
		return path
	}
	return "/"
}

// causeOf is what the log may know of an error. What the database says can quote a value, so only its code is kept.
func causeOf(err error) string {
	var sql interface{ SQLState() string }
	if errors.As(err, &sql) {
		return "SQLSTATE " + sql.SQLState()
	}
	return err.Error()
}

// answer is what a handler says: the status, what is shown, its entity tag, and where a new thing is.
type answer struct {
	status         int
	body           any
	etag, location string
}

// given encodes an answer as it goes over the wire, and as it is kept under an Idempotency-Key.
func (a answer) given() (caldicott.GivenAnswer, error) {
	body, err := json.Marshal(a.body)
	if err != nil {
		return caldicott.GivenAnswer{}, fmt.Errorf("answer: %w", err)
	}
	return caldicott.GivenAnswer{Status: a.status, ETag: a.etag, Location: a.location, Body: body}, nil
}

// write sends an answer.
func (a answer) write(w http.ResponseWriter) error {
	given, err := a.given()
	if err != nil {
		return err
	}
	write(w, given)
	return nil
}

// write sends an encoded answer, byte for byte.
func write(w http.ResponseWriter, given caldicott.GivenAnswer) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json")
	if given.ETag != "" {
		h.Set("ETag", given.ETag)
	}
	if given.Location != "" {
		h.Set("Location", given.Location)
	}
	if given.Receipt != "" {
		h.Set("Audit-Receipt", given.Receipt)
	}
	w.WriteHeader(given.Status)
	_, _ = w.Write(given.Body) //nolint:errcheck // nobody is left to tell
}

// shown is a 200 with the thing and its revision; 0 where it has none.
func shown(body any, revision int) answer {
	a := answer{status: http.StatusOK, body: body}
	if revision > 0 {
		a.etag = api.ETag(revision)
	}
	return a
}

// created is a 201 with the new thing, its revision and its place under Base.
func created(body any, revision int, place string) answer {
	return answer{status: http.StatusCreated, body: body, etag: api.ETag(revision), location: Base + place}
}
