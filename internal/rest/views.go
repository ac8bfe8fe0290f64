package rest

import (
	"net/http"
	"slices"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/casework"
)

// gone is what is answered where a case that was found does not hold what the path names.
func gone() error {
	return caldicott.Errorf(caldicott.NotFound, caldicott.CodeNotFound, "There is no such thing, or you may not see it.")
}

// requestView is the request with what the rules say of it and what the reader may do.
func (s *service) requestView(r casework.Result, permitted []api.Permitted) api.RequestView {
	facts := s.Work.Facts(r)
	beside := api.Beside{
		Judged: judged(facts), Due: facts.Deadlines, Clock: s.clock(r), Chase: s.Work.House.Chase(&r.Case), Permitted: permitted,
	}
	for _, x := range r.Case.Reviews() {
		beside.Reviews = append(beside.Reviews, s.reviewView(r, x))
	}
	if s.Work.Handles(r) {
		after := api.FromAftermath(&r.Case)
		beside.After = &after
	}
	return api.FromRequest(&r.Case, r.At, beside)
}

func judged(f casework.Facts) api.Judged {
	return api.Judged{Findings: f.Findings, Missing: f.Missing, MandatoryConsultees: f.Mandatory}
}

// permitted is what the reader may do now, each with its line.
func (s *service) permitted(r casework.Result, actions []caldicott.Action, subject string) []api.Permitted {
	return permits(s.Work.Permitted(r, actions, subject))
}

func permits(list []casework.Permit) []api.Permitted {
	var views []api.Permitted
	for _, p := range list {
		views = append(views, api.Permit(p.Deed, p.Ruling))
	}
	return views
}

// request shows the request as it stands.
func (s *service) request(r casework.Result) answer {
	view := s.requestView(r, s.permitted(r, caldicott.RequestDeeds(), ""))
	return shown(view, r.Case.Request.Revision)
}

// requestNow is request as the answer to a deed.
func (s *service) requestNow(r casework.Result) (answer, error) { return s.request(r), nil }

// begun shows the request that came to be.
func (s *service) begun(r casework.Result) (answer, error) {
	a := s.request(r)
	a.status, a.location = http.StatusCreated, Base+"/requests/"+r.Case.Request.ID
	return a, nil
}

// authorisation shows the authorisation that something was done to, or that was asked for.
func (s *service) authorisation(r casework.Result) (answer, error) {
	a, ok := r.Case.Authorisation(r.Subject)
	if !ok {
		return answer{}, gone()
	}
	var conditions []api.ConditionView
	for _, x := range r.Case.Conditions {
		if r.Case.Governs(x, a) {
			conditions = append(conditions, s.conditionView(r, x))
		}
	}
	revision := casework.AuthorisationRevision(&r.Case, a.ID)
	permitted := s.permitted(r, caldicott.AuthorisationDeeds(), a.ID)
	return shown(api.FromAuthorisation(&r.Case, a, r.At, revision, conditions, permitted), revision), nil
}

// condition shows the condition that something was done to, or that was asked for.
func (s *service) condition(r casework.Result) (answer, error) {
	x, ok := r.Case.Condition(r.Subject)
	if !ok {
		return answer{}, gone()
	}
	return shown(s.conditionView(r, x), casework.RevisionOf(&r.Case, x.ID)), nil
}

func (s *service) conditionView(r casework.Result, x caldicott.Condition) api.ConditionView {
	permitted := s.permitted(r, caldicott.ConditionDeeds(), x.ID)
	return api.FromCondition(&r.Case, x, r.At, casework.RevisionOf(&r.Case, x.ID), permitted)
}

// decisionView is a decision with its conditions as they stand now.
func (s *service) decisionView(r casework.Result, d caldicott.Decision) api.DecisionView {
	var conditions []api.ConditionView
	for _, x := range r.Case.Conditions {
		if x.Decision == d.ID {
			conditions = append(conditions, s.conditionView(r, x))
		}
	}
	return api.FromDecision(&r.Case, d, conditions)
}

// decision shows a decision by itself, with the version decided on. It never changes; what is done to its conditions
// moves its revision.
func (s *service) decision(r casework.Result) (answer, error) {
	i := slices.IndexFunc(r.Case.Decisions, func(d caldicott.Decision) bool { return d.ID == r.Subject })
	if i < 0 {
		return answer{}, gone()
	}
	d := r.Case.Decisions[i]
	view := s.decisionView(r, d)
	revision := 1
	for _, x := range view.Conditions {
		revision += x.Revision - 1
	}
	return shown(view.WithContent(r.Case.Decided[d.Version]), revision), nil
}

// disclosure shows a disclosure. It never changes; that it was put right moves its revision.
func (s *service) disclosure(r casework.Result) (answer, error) {
	i := slices.IndexFunc(r.Case.Disclosures, func(d caldicott.Disclosure) bool { return d.ID == r.Subject })
	if i < 0 {
		return answer{}, gone()
	}
	revision := 1
	if r.Case.Regularised(r.Case.Disclosures[i]) {
		revision = 2
	}
	return shown(api.FromDisclosure(&r.Case, r.Case.Disclosures[i]), revision), nil
}
