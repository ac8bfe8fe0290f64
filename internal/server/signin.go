package server

import (
	"errors"
	"net/http"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/identity"
	"github.com/caldicott/caldicott/internal/rest"
)

// signedIn lets pass who is known here, and says to the API who that is.
func (h *house) signedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		by, err := h.whoIs(r)
		if err != nil {
			if challenge := challengeOf(err); challenge != "" {
				w.Header().Set("WWW-Authenticate", challenge)
			}
			rest.Refuse(h.Log, w, r, refusal(err))
			return
		}
		tracing(r.Context()).actor = by.ID
		next.ServeHTTP(w, r.WithContext(rest.WithActor(r.Context(), by)))
	})
}

// whoIs finds the person that the request's token speaks for.
func (h *house) whoIs(r *http.Request) (caldicott.Actor, error) {
	token, err := identity.FromHeader(r)
	if err != nil {
		return caldicott.Actor{}, err
	}
	subject, err := h.Verifier.Verify(r.Context(), token)
	if err != nil {
		return caldicott.Actor{}, err
	}
	return h.Known(r.Context(), subject.Issuer, subject.Subject)
}

// refusal gives the errors of sign-in their kind.
func refusal(err error) error {
	switch {
	case errors.Is(err, identity.ErrToken):
		return &caldicott.Error{
			Kind: caldicott.Unauthenticated, Code: caldicott.CodeUnauthenticated, Message: "Sign in to go on.", Err: err,
		}
	case errors.Is(err, identity.ErrIssuerAway):
		return &caldicott.Error{
			Kind: caldicott.Unavailable, Code: caldicott.CodeUnavailable,
			Message: "Sign-in cannot be checked at the moment; please try again.", Err: err,
		}
	}
	return err
}

// challengeOf says how to sign in (RFC 6750), and in our own word what was wrong with a token that came.
func challengeOf(err error) string {
	why, ok := errors.AsType[identity.Reason](err)
	switch {
	case !ok:
		return ""
	case why == identity.Missing:
		return `Bearer realm="caldicott"`
	}
	return `Bearer realm="caldicott", error="invalid_token", error_description="` + string(why) + `"`
}
