package rest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/casework"
)

// body is what every operation that does something receives.
type body[B any] interface {
	*B
	Confirmed() []caldicott.Confirmation
}

// read takes a question apart: the body and the headers that go with it. What makes it unreadable is an error, which is
// answered before anything is looked up; what is merely wrong is carried to its turn in the call.
func read[B any, P body[B]](w http.ResponseWriter, r *http.Request) (casework.Call, P, error) {
	if _, err := ask(r); err != nil {
		return casework.Call{}, nil, err
	}
	return readBody[B, P](w, r)
}

// readBody is read for an operation that has parameters too.
func readBody[B any, P body[B]](w http.ResponseWriter, r *http.Request) (casework.Call, P, error) {
	into := P(new(B))
	data, err := bodyOf(w, r)
	if err != nil {
		return casework.Call{}, nil, err
	}
	if err := api.Decode(bytes.NewReader(data), (*B)(into)); err != nil {
		return casework.Call{}, nil, err
	}
	call := casework.Call{By: actorOf(r.Context()), Invalid: api.Check(into), Confirmed: into.Confirmed()}
	if conditional(r.Method, into) {
		if call.IfMatch, err = ifMatch(r); err != nil {
			return casework.Call{}, nil, err
		}
	}
	call.Retry, err = retryOf(r, data)
	return call, into, err
}

// additions are the deeds that only add, and take away nobody's ground: the contract knows no If-Match for them.
var additions = []caldicott.Action{
	caldicott.Draft, caldicott.RecordEmergency, caldicott.Comment, caldicott.Advise, caldicott.Disclose, caldicott.SubmitEvidence,
	caldicott.RequestReview, caldicott.InviteReviewer, caldicott.RecordDissent, caldicott.AnswerDissent, caldicott.RecordNotFollowed,
	caldicott.LinkIncident, caldicott.UpdateIncident, caldicott.LinkRisk, caldicott.Attach, caldicott.EraseDocument,
}

// conditional says whether the contract knows an If-Match for the operation.
func conditional(method string, body any) bool {
	deed, ok := body.(api.Body)
	return method == http.MethodPut || ok && !slices.Contains(additions, deed.Deed().Action())
}

// bodyOf reads the body, if it is JSON and not too large.
func bodyOf(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, caldicott.Errorf(caldicott.TooLarge, api.CodeTooLarge, "The body is too large: 1 MiB is the most.")
	}
	if err != nil {
		return nil, &caldicott.Error{
			Kind: caldicott.Unreadable, Code: caldicott.CodeUnreadable, Message: "The body did not arrive whole.", Err: err,
		}
	}
	if len(data) > 0 && !isJSON(r.Header) {
		return nil, caldicott.Errorf(caldicott.NotJSON, api.CodeNotJSON, "Send application/json.")
	}
	return data, nil
}

// isJSON says whether the headers describe plain JSON, neither compressed nor in another character set.
func isJSON(h http.Header) bool {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || kind != "application/json" || len(h.Values("Content-Type")) > 1 {
		return false
	}
	charset, named := params["charset"]
	encoding := h.Get("Content-Encoding")
	return (!named || strings.EqualFold(charset, "utf-8")) && (encoding == "" || strings.EqualFold(encoding, "identity"))
}

// unreadable refuses a header or a parameter.
func unreadable(field, message string) error {
	return &caldicott.Error{
		Kind: caldicott.Unreadable, Code: caldicott.CodeUnreadable, Message: field + " cannot be read: it " + message + ".",
		Fields: []caldicott.FieldError{{Field: field, Code: caldicott.CodeUnreadable, Message: message}},
	}
}

// aRevision is the form of an entity tag that this service gives.
var aRevision = regexp.MustCompile(`^"[0-9]+"$`)

// noRevision is no revision of anything: what was named can only be stale.
const noRevision = -1

// ifMatch is the revision that the caller has seen; 0 where they did not say.
func ifMatch(r *http.Request) (int, error) {
	values := r.Header.Values("If-Match")
	switch {
	case len(values) == 0:
		return 0, nil
	case len(values) > 1 || !aRevision.MatchString(values[0]):
		return 0, unreadable("If-Match", "must be one ETag, as it was read")
	}
	if n, ok := api.Revision(values[0]); ok && n > 0 {
		return n, nil
	}
	return noRevision, nil
}

// aKey is the form of an Idempotency-Key.
var aKey = regexp.MustCompile(`^[!-~]{1,255}$`)

// retryOf lets a POST be sent again under its key; nil where it has none.
func retryOf(r *http.Request, data []byte) (*casework.Retry, error) {
	values := r.Header.Values("Idempotency-Key")
	switch {
	case len(values) == 0 || r.Method != http.MethodPost:
		return nil, nil
	case len(values) > 1 || !aKey.MatchString(values[0]):
		return nil, unreadable("Idempotency-Key", "must be 1 to 255 visible characters")
	}
	h := sha256.New()
	h.Write([]byte(r.Method + "\n" + r.URL.EscapedPath() + "\n"))
	h.Write(data)
	return &casework.Retry{Key: values[0], Digest: [32]byte(h.Sum(nil))}, nil
}

// A path that does not name anything by its form names nothing.
var (
	aUserID  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
	aCode    = regexp.MustCompile(`^[A-Z0-9]{3,10}$`)
	aVersion = regexp.MustCompile(`^[1-9][0-9]{0,8}$`)
)

// named gives a part of the path, if it has the form of a name of that kind.
func named(r *http.Request, part string, form func(string) bool) (string, error) {
	name := chi.URLParam(r, part)
	if !form(name) {
		return "", caldicott.Errorf(caldicott.NotFound, caldicott.CodeNotFound, "There is no such thing, or you may not see it.")
	}
	return name, nil
}

func idOf(r *http.Request) (string, error) { return named(r, "id", api.IsID) }
