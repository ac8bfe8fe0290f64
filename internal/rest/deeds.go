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

// added shows what came to be under that place.
func added(show shows, under string) shows {
	return func(r casework.Result) (answer, error) {
		a, err := show(r)
		a.status, a.location = http.StatusCreated, Base+under+r.Subject
		return a, err
	}
}

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
		return s.act(w, r, call, casework.Target{Noun: noun, ID: id}, body.Deed(), show)
	}
}

// act does a deed on a case.
func (s *service) act(w http.ResponseWriter, r *http.Request, call casework.Call, target casework.Target, deed caldicott.Deed, show shows) error {
	return do(w, show, func(encode func(casework.Result) (caldicott.GivenAnswer, error)) (casework.Result, casework.Given, error) {
		if call.Retry != nil {
			call.Retry.Encode = encode
		}
		result, err := s.Work.Do(r.Context(), call, target, deed)
		return result, result.Given, err
	})
}

// begin does a deed that begins a request.
func begin[B any, P deedBody[B]](s *service) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		call, body, err := read[B, P](w, r)
		if err != nil {
			return err
		}
		return do(w, s.begun, func(encode func(casework.Result) (caldicott.GivenAnswer, error)) (casework.Result, casework.Given, error) {
			if call.Retry != nil {
				call.Retry.Encode = encode
			}
			result, err := s.Work.Begin(r.Context(), call, body.Deed())
			return result, result.Given, err
		})
	}
}

// do does a deed and answers with what it shows. Under an Idempotency-Key casework encodes the answer within the deed's
// transaction, perhaps twice, and gives the answer of before where the question was answered already.
func do[R any](w http.ResponseWriter, show func(R) (answer, error),
	deed func(encode func(R) (caldicott.GivenAnswer, error)) (R, casework.Given, error)) error {
	var given *caldicott.GivenAnswer
	encode := func(result R) (caldicott.GivenAnswer, error) {
		a, err := show(result)
		if err != nil {
			return caldicott.GivenAnswer{}, err
		}
		encoded, err := a.given()
		given = &encoded
		return encoded, err
	}
	result, beside, err := deed(encode)
	if err == nil && beside.Before == nil && given == nil {
		_, err = encode(result)
	}
	if err != nil {
		return err
	}
	if beside.Before != nil {
		given = beside.Before
	} else {
		given.Receipt = beside.Receipt
	}
	write(w, *given)
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
	return s.act(w, r, call, casework.Target{Noun: caldicott.Requests, ID: id}, body.Deed(), show)
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
	return s.act(w, r, call, casework.Target{Noun: caldicott.Authorisations, ID: id}, body.Under(id), added(s.disclosure, "/disclosures/"))
}
