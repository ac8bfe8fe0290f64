package rest

import (
	"net/http"
	"slices"
	"time"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
)

// The lists of what hangs on requests, by the time at which it came to be.
var (
	requestList = list{
		name: "requests", sorted: true, key: isTime, id: api.IsID,
		filters: []param{words, coded("state", "request_state"), coded("kind", "request_kind"), coded("urgency", "urgency"), person("requester")},
	}
	decisionList = list{
		name: "decisions", sorted: true, key: isTime, id: api.IsID,
		filters: []param{coded("outcome", "decision_outcome"), person("decided_by")},
	}
	authorisationList = list{name: "authorisations", sorted: true, key: isTime, id: api.IsID}
	disclosureList    = list{name: "disclosures", sorted: true, key: isTime, id: api.IsID, filters: []param{whether, receiver}}
)

// The lists of what hangs on one request and grows, in the order in which it came to be.
var (
	versionList           = list{name: "versions", key: noKey, id: isNumber}
	commentList           = list{name: "comments", key: noKey, id: api.IsID}
	requestDisclosureList = list{name: "disclosures of a request", key: noKey, id: api.IsID}
)

// found is a row of a list with the whole case behind it.
type found struct {
	caldicott.Listed
	in caldicott.Case
	at time.Time
}

func (f found) place() (key, id string) { return f.Key, f.ID }

// caseList shows a page of what the reader may see.
func caseList[View any](s *service, l list, noun caldicott.Noun, view func(found) View) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, err := l.page(r)
		if err != nil {
			return err
		}
		rows, cases, err := s.Work.ListCases(r.Context(), actorOf(r.Context()), noun, p.filter, p.keyset())
		if err != nil {
			return err
		}
		at := s.Work.Now()
		finds := make([]found, len(rows))
		for i, row := range rows {
			finds[i] = found{row, cases[row.Request.ID], at}
		}
		return writePage(w, r, p, finds, found.place, view)
	}
}

func (s *service) requestRow(f found) api.RequestRow {
	due := s.Work.House.Targets.Deadlines(s.Work.House.Calendar, f.in.Clock(f.at))
	return api.FromRequestRow(&f.in, due)
}

func decisionRow(f found) api.DecisionRow {
	i := slices.IndexFunc(f.in.Decisions, func(d caldicott.Decision) bool { return d.ID == f.ID })
	return api.FromDecisionRow(&f.in, f.in.Decisions[i])
}

func authorisationRow(f found) api.AuthorisationRow {
	a, _ := f.in.Authorisation(f.ID)
	return api.FromAuthorisationRow(&f.in, a, f.at)
}

func disclosureRow(f found) api.DisclosureView {
	i := slices.IndexFunc(f.in.Disclosures, func(d caldicott.Disclosure) bool { return d.ID == f.ID })
	return api.FromDisclosure(&f.in, f.in.Disclosures[i]).Row()
}

// checkCoverage says whether a release would be covered. It shows no content, and leaves no reading behind.
func (s *service) checkCoverage(w http.ResponseWriter, r *http.Request) error {
	asked, err := ask(r, recipient, at)
	if err != nil {
		return err
	}
	to, err := asked.need(recipient)
	if err != nil {
		return err
	}
	result, err := s.look(r, caldicott.Authorisations)
	if err != nil {
		return err
	}
	a, ok := result.Case.Authorisation(result.Subject)
	if !ok {
		return gone()
	}
	if when := asked.instant(at); !when.IsZero() {
		result.At = when
	}
	return shown(api.FromCoverage(&result.Case, a, to, result.At), 0).write(w)
}
