package api

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// Problem is an error on the wire (RFC 9457). Detail is a sentence for the person who caused it; it never holds what they
// sent, nor why the service itself failed.
type Problem struct {
	Type      string         `json:"type"`
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail"`
	Instance  string         `json:"instance"`
	Code      string         `json:"code"`
	RequestID string         `json:"request_id"`
	Errors    []FieldProblem `json:"errors,omitempty"`
}

// FieldProblem says what is wrong with one field.
type FieldProblem struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Codes that the domain has no use for.
const (
	CodeTooLarge = "TOO_LARGE"
	CodeNotJSON  = "NOT_JSON"
	CodeTooMany  = "TOO_MANY"
	CodeInternal = "INTERNAL"
)

// kinds is the one table from the kind of an error to what is answered. Answer names the description in the contract.
var kinds = map[caldicott.Kind]struct {
	status        int
	answer, title string
}{
	caldicott.Internal:        {http.StatusInternalServerError, "Internal", "Something went wrong in the service"},
	caldicott.Unreadable:      {http.StatusBadRequest, "Unreadable", "This cannot be read"},
	caldicott.Unauthenticated: {http.StatusUnauthorized, "Unauthenticated", "Sign in first"},
	caldicott.Forbidden:       {http.StatusForbidden, "Forbidden", "You may not do this"},
	caldicott.NotFound:        {http.StatusNotFound, "NotFound", "There is no such thing"},
	caldicott.Conflict:        {http.StatusConflict, "Conflict", "This is not possible now"},
	caldicott.Stale:           {http.StatusPreconditionFailed, "Stale", "Somebody was here before you"},
	caldicott.TooLarge:        {http.StatusRequestEntityTooLarge, "TooLarge", "This is too large"},
	caldicott.NotJSON:         {http.StatusUnsupportedMediaType, "NotJSON", "This is not JSON"},
	caldicott.Invalid:         {http.StatusUnprocessableEntity, "Invalid", "Something has to be put right"},
	caldicott.Precondition:    {http.StatusPreconditionRequired, "Precondition", "Say which revision you mean"},
	caldicott.TooMany:         {http.StatusTooManyRequests, "TooMany", "Slow down"},
	caldicott.Unavailable:     {http.StatusServiceUnavailable, "Unavailable", "Try again soon"},
}

// ProblemOf writes an error. Instance is the path that was asked, requestID what the log knows it by.
func ProblemOf(err error, instance, requestID string) Problem {
	e, ok := errors.AsType[*caldicott.Error](err)
	kind := kinds[caldicott.KindOf(err)]
	if kind.status == 0 || !ok || e.Kind == caldicott.Internal {
		kind = kinds[caldicott.Internal]
		e = caldicott.Errorf(caldicott.Internal, CodeInternal, "Nothing was changed. Please tell us the request id.")
	}
	return Problem{
		Type: "/openapi.yaml#/components/responses/" + kind.answer, Title: kind.title, Status: kind.status,
		Detail: e.Message, Instance: instance, Code: e.Code, RequestID: requestID,
		Errors: convert(e.Fields, func(f caldicott.FieldError) FieldProblem { return FieldProblem(f) }),
	}
}

// Seconds after which to try again.
const (
	retryBusy = 1
	retryAway = 5
)

// RetryAfter is the header of that name, "" where trying again is of no use.
func (p Problem) RetryAfter() string {
	switch {
	case p.Code == caldicott.CodeKeyBusy, p.Code == caldicott.CodeUnsealed:
		return strconv.Itoa(retryBusy)
	case p.Status == http.StatusServiceUnavailable, p.Status == http.StatusTooManyRequests:
		return strconv.Itoa(retryAway)
	}
	return ""
}
