package rest

import (
	"net/http"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/casework"
)

// showPrivate reads the thing that the path names for those who handle its case.
func (s *service) showPrivate(noun caldicott.Noun, show shows) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if _, err := ask(r); err != nil {
			return err
		}
		id, err := idOf(r)
		if err != nil {
			return err
		}
		result, err := s.Work.ShowPrivate(r.Context(), actorOf(r.Context()), casework.Target{Noun: noun, ID: id})
		if err != nil {
			return err
		}
		a, err := show(result)
		if err != nil {
			return err
		}
		return a.write(w)
	}
}

// reviewView is a review with what its reader may do. What was written with it is for who wrote it, who hears it and those
// who handle the case.
func (s *service) reviewView(r casework.Result, x caldicott.Review) api.ReviewView {
	permitted := s.permitted(r, []caldicott.Action{caldicott.InviteReviewer, caldicott.DecideReview}, x.ID)
	view := api.FromReview(&r.Case, x, s.Work.House.HearingDue(x), casework.RevisionOf(&r.Case, x.ID), permitted)
	if r.By.UserID != x.By && r.By.UserID != x.Reviewer && !s.Work.Handles(r) {
		view.Text = ""
	}
	return view
}

// review shows the review that something was done to, or that was asked for.
func (s *service) review(r casework.Result) (answer, error) {
	x, ok := r.Case.Review(r.Subject)
	if !ok {
		return answer{}, gone()
	}
	return shown(s.reviewView(r, x), casework.RevisionOf(&r.Case, x.ID)), nil
}

// dissent shows two views side by side.
func (s *service) dissent(r casework.Result) (answer, error) {
	x, ok := r.Case.Dissent(r.Subject)
	if !ok {
		return answer{}, gone()
	}
	view := api.FromDissent(&r.Case, x)
	return shown(view, view.Revision), nil
}

// incident shows an incident as it is known.
func (s *service) incident(r casework.Result) (answer, error) {
	x, ok := r.Case.Incident(r.Subject)
	if !ok {
		return answer{}, gone()
	}
	view := api.FromIncident(&r.Case, x)
	return shown(view, view.Revision), nil
}

// showRenewalDifference shows what a renewal would change.
func (s *service) showRenewalDifference(w http.ResponseWriter, r *http.Request) error {
	if _, err := ask(r); err != nil {
		return err
	}
	id, err := idOf(r)
	if err != nil {
		return err
	}
	before, after, err := s.Work.Renewed(r.Context(), actorOf(r.Context()), id)
	if err != nil {
		return err
	}
	difference, err := api.FromDifference(before, after)
	if err != nil {
		return err
	}
	return shown(difference, 0).write(w)
}
