package rest

import (
	"net/http"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// showVocabulary shows every coded list.
func (s *service) showVocabulary(w http.ResponseWriter, r *http.Request) error {
	if _, err := ask(r); err != nil {
		return err
	}
	return shown(api.FromVocabulary(vocabulary.Lists()), 0).write(w)
}

// showPolicy shows the lines in force.
func (s *service) showPolicy(w http.ResponseWriter, r *http.Request) error {
	if _, err := ask(r); err != nil {
		return err
	}
	return shown(api.PolicyView{Digest: s.Work.Policy.Digest(), Lines: s.PolicyLines()}, 0).write(w)
}
