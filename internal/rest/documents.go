package rest

import (
	"net/http"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/casework"
)

// document shows what is known of the document that something was done to.
func (s *service) document(r casework.Result) (answer, error) {
	d, ok := r.Case.Document(r.Subject)
	if !ok {
		return answer{}, gone()
	}
	view := api.FromDocument(&r.Case, d)
	return shown(view, view.Revision), nil
}

// attached shows the document that was added.
func (s *service) attached(r casework.Result) (answer, error) {
	a, err := s.document(r)
	a.status, a.location = http.StatusCreated, Base+"/documents/"+r.Subject
	return a, err
}

// attach keeps a file and adds it to a request.
func (s *service) attach(http.ResponseWriter, *http.Request) error { return gone() }

// fetchDocument sends a document's bytes.
func (s *service) fetchDocument(http.ResponseWriter, *http.Request) error { return gone() }
