package rest

import (
	"net/http"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/casework"
)

// deedBody is the body of a deed on a case.
type deedBody[B any] interface {
	*B
	api.Body
}

// shows makes the answer to a deed from the case as it left it.
type shows func(casework.Result) (answer, error)

// deed does what the body asks for to the thing that the path names.
func deed[B any, P deedBody[B]](s *service, noun caldicott.Noun, show shows) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		call, body, err := read[B, P](w, r)
		if err != nil {
			return err
		}
		id, err := idOf(r)
		if err != nil {
			return err
		}
		return do(w, call, show, func(call casework.Call) (casework.Result, error) {
			return s.Work.Do(r.Context(), call, casework.Target{Noun: noun, ID: id}, P(body).Deed())
		})
	}
}

// begin does a deed that begins a request.
func begin[B any, P deedBody[B]](s *service) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		call, body, err := read[B, P](w, r)
		if err != nil {
			return err
		}
		return do(w, call, s.begun, func(call casework.Call) (casework.Result, error) {
			return s.Work.Begin(r.Context(), call, P(body).Deed())
		})
	}
}

// do does a deed and answers with what it shows: encoded within the deed's transaction where it is kept under a key, and
// where the same question was answered before, as it was answered then.
func do(w http.ResponseWriter, call casework.Call, show shows, deed func(casework.Call) (casework.Result, error)) error {
	var given caldicott.GivenAnswer
	encode := func(r casework.Result) (caldicott.GivenAnswer, error) {
		a, err := show(r)
		if err != nil {
			return given, err
		}
		given, err = a.given()
		return given, err
	}
	if call.Retry != nil {
		call.Retry.Encode = encode
	}
	result, err := deed(call)
	switch {
	case err != nil:
		return err
	case result.Before != nil:
		given = *result.Before
	case call.Retry == nil:
		if _, err := encode(result); err != nil {
			return err
		}
	}
	write(w, given)
	return nil
}

// comment adds a remark. Its words are in the body only: a case is read without its comments.
func (s *service) comment(w http.ResponseWriter, r *http.Request) error {
	call, body, err := read[api.Commenting](w, r)
	if err != nil {
		return err
	}
	id, err := idOf(r)
	if err != nil {
		return err
	}
	show := func(done casework.Result) (answer, error) {
		remark := caldicott.Remark{ID: done.Subject, By: done.By.UserID, Text: body.Text, At: done.At}
		return answer{status: http.StatusCreated, body: api.FromComment(id, remark)}, nil
	}
	return do(w, call, show, func(call casework.Call) (casework.Result, error) {
		return s.Work.Do(r.Context(), call, casework.Target{Noun: caldicott.Requests, ID: id}, body.Deed())
	})
}

// disclose records what left under an authorisation.
func (s *service) disclose(w http.ResponseWriter, r *http.Request) error {
	call, body, err := read[api.Disclosing](w, r)
	if err != nil {
		return err
	}
	id, err := idOf(r)
	if err != nil {
		return err
	}
	return do(w, call, s.disclosed, func(call casework.Call) (casework.Result, error) {
		return s.Work.Do(r.Context(), call, casework.Target{Noun: caldicott.Authorisations, ID: id}, body.Under(id))
	})
}
