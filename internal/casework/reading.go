package casework

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Moment says as of when, or as of which version (the last instant at which it stood), a request is to be shown; zero members
// mean now.
type Moment struct {
	AsOf    time.Time
	Version int
}

// Show reads a request for somebody who may see it. The reading is on the record before anything is returned.
func (s *Service) Show(ctx context.Context, by caldicott.Actor, target Target, moment Moment) (Result, error) {
	r, err := s.look(ctx, by, target, caldicott.View)
	if err != nil {
		return Result{}, err
	}
	now := r.At
	if target.Noun == caldicott.Requests {
		pace, enough, err := s.Pace(ctx, r.Case.Request.OrganisationID, r.Case.Content().Kind)
		if err != nil {
			return Result{}, err
		}
		if enough {
			r.Pace = &pace
		}
	}
	if r, err = s.then(ctx, r, moment); err != nil {
		return Result{}, err
	}
	return r, s.seen(ctx, r, target, caldicott.View, now)
}

// then puts the case back to the moment: what was true, by whom, and by what was known.
func (s *Service) then(ctx context.Context, r Result, moment Moment) (Result, error) {
	if moment.Version == r.Case.Current.N && moment.AsOf.IsZero() {
		return r, nil
	}
	if moment.Version != 0 {
		moment.AsOf = lastOf(r.Case, moment.Version)
	}
	if !moment.AsOf.IsZero() {
		past, existed := r.Case.AsOf(moment.AsOf)
		if !existed {
			return Result{}, notFound()
		}
		guardians, err := s.Store.Guardians(ctx, r.Case.Request.OrganisationID, moment.AsOf)
		if err != nil {
			return Result{}, err
		}
		r.Case, r.At, r.Guardians, r.Pace = past, moment.AsOf, guardians, nil // what the house knew of its own pace is of today
		if moment.Version == 0 {
			moment.Version = past.Request.Version
		}
	}
	if moment.Version == 0 || moment.Version == r.Case.Current.N {
		return r, nil
	}
	v, err := s.Store.ReadVersion(ctx, r.Case.Request.ID, moment.Version)
	r.Case.Current, r.Case.Request.Version = v, moment.Version
	return r, err
}

// lastOf is the instant of the newest deed under the version: the last at which it is known to have stood. Zero where there
// is no such version.
func lastOf(c caldicott.Case, version int) time.Time {
	for _, d := range slices.Backward(c.Done) {
		if d.Version == version {
			return d.At
		}
	}
	return time.Time{}
}

// Look reads a case for a purpose that shows no content of it, and so leaves no reading behind; a refusal it does.
func (s *Service) Look(ctx context.Context, by caldicott.Actor, target Target) (Result, error) {
	return s.look(ctx, by, target, caldicott.View)
}

// see is look, and then the record of having seen.
func (s *Service) see(ctx context.Context, by caldicott.Actor, target Target, a caldicott.Action) (Result, error) {
	r, err := s.look(ctx, by, target, a)
	if err != nil {
		return Result{}, err
	}
	return r, s.seen(ctx, r, target, a, r.At)
}

// seen records a reading: of what, in which version, and by which line of the policy.
func (s *Service) seen(ctx context.Context, r Result, target Target, a caldicott.Action, at time.Time) error {
	e := s.access(r.By, r.Case.Request, caldicott.Viewed, caldicott.OutcomeDone, "", at)
	if target.Noun != caldicott.Requests {
		e.Subject = target.ID
	}
	e.Version = r.Case.Request.Version
	e.PolicyLine = s.Policy.May(a, caldicott.Standings(r.By, &r.Case, "", caldicott.InForceAt(at))).Line
	return s.record(ctx, nil, e)
}

func (s *Service) look(ctx context.Context, by caldicott.Actor, target Target, a caldicott.Action) (Result, error) {
	request, err := s.requestOf(ctx, target)
	if err != nil {
		return Result{}, err
	}
	c, err := s.Store.ReadCase(ctx, request)
	if err != nil {
		return Result{}, err
	}
	now := s.Now()
	c.Pass(now)
	standings := caldicott.Standings(by, &c, "", caldicott.InForceAt(now))
	if !s.Policy.May(caldicott.View, standings).Allowed {
		refusal := notFound()
		return Result{}, s.record(ctx, refusal, s.access(by, c.Request, caldicott.View, caldicott.OutcomeRefused, caldicott.CodeNotFound, now))
	}
	if a == caldicott.ViewComments && !s.Policy.May(a, caldicott.Private(standings, &c, by.UserID)).Allowed {
		refusal := caldicott.Errorf(caldicott.Forbidden, caldicott.CodePolicy, "The policy does not allow you to see this.")
		return Result{}, s.record(ctx, refusal, s.access(by, c.Request, a, caldicott.OutcomeRefused, caldicott.CodePolicy, now))
	}
	guardians, err := s.Store.Guardians(ctx, c.Request.OrganisationID, now)
	return Result{Case: c, By: by, Guardians: guardians, At: now, Subject: target.ID}, err
}

// access is an event about a reading.
func (s *Service) access(by caldicott.Actor, r caldicott.Request, a caldicott.Action, outcome, rule string, at time.Time) caldicott.Event {
	return caldicott.Event{
		Stream: accessStream(at), Action: a, Outcome: outcome, Rule: rule, At: at, Actor: by.ID,
		Organisation: r.OrganisationID, Request: r.ID, PolicyDigest: s.Policy.Digest(),
	}
}

// Comments reads the private remarks of a request.
func (s *Service) Comments(ctx context.Context, by caldicott.Actor, id string) ([]caldicott.Remark, error) {
	if _, err := s.see(ctx, by, Target{caldicott.Requests, id}, caldicott.ViewComments); err != nil {
		return nil, err
	}
	return s.Store.Remarks(ctx, id)
}

// Versions reads when each version of a request's content came, and from whom.
func (s *Service) Versions(ctx context.Context, by caldicott.Actor, id string) ([]caldicott.VersionMark, error) {
	if _, err := s.see(ctx, by, Target{caldicott.Requests, id}, caldicott.View); err != nil {
		return nil, err
	}
	return s.Store.VersionMarks(ctx, id)
}

// Difference reads two versions to be compared, as one reading.
func (s *Service) Difference(ctx context.Context, by caldicott.Actor, id string, from, to int) (before, after caldicott.Version, err error) {
	if _, err = s.see(ctx, by, Target{caldicott.Requests, id}, caldicott.View); err != nil {
		return before, after, err
	}
	if before, err = s.Store.ReadVersion(ctx, id, from); err != nil {
		return before, after, err
	}
	after, err = s.Store.ReadVersion(ctx, id, to)
	return before, after, err
}

// Version reads one state of a request's content.
func (s *Service) Version(ctx context.Context, by caldicott.Actor, id string, n int) (caldicott.Version, error) {
	r, err := s.Show(ctx, by, Target{caldicott.Requests, id}, Moment{Version: n})
	return r.Case.Current, err
}

// List gives one page of what the person may see. Auditors' searches are on the record: which filters, how many rows.
func (s *Service) List(ctx context.Context, by caldicott.Actor, noun caldicott.Noun, filter caldicott.Filter, page caldicott.Page) ([]caldicott.Listed, error) {
	rows, err := s.Store.List(ctx, noun, s.Reach(by, s.Now()), filter, page)
	if err != nil {
		return nil, err
	}
	return rows, s.searched(ctx, by, string(noun), filter, page, len(rows))
}

// searched records an auditor's search: in what, by which filters, and how many rows they were shown.
func (s *Service) searched(ctx context.Context, by caldicott.Actor, noun string, filter caldicott.Filter, page caldicott.Page, rows int) error {
	now := s.Now()
	appointment, audits := by.Appointment(vocabulary.RoleAuditor, "", now)
	if !audits {
		return nil
	}
	if page.Ahead && rows == page.Limit {
		rows--
	}
	facts := map[string]string{"noun": noun, "count": strconv.Itoa(rows)}
	for name := range filter {
		facts["filter_"+name] = "given"
	}
	return s.record(ctx, nil, caldicott.Event{
		Stream: accessStream(now), Action: caldicott.Searched, Outcome: caldicott.OutcomeDone, At: now, Actor: by.ID,
		Organisation: appointment.OrganisationID, PolicyDigest: s.Policy.Digest(), Facts: facts,
		ActingAs: string(appointment.Role), Appointment: appointment.ID,
	})
}

// ListCases is List with the whole cases behind the rows, for lists that show computed states.
func (s *Service) ListCases(ctx context.Context, by caldicott.Actor, noun caldicott.Noun, filter caldicott.Filter, page caldicott.Page) ([]caldicott.Listed, map[string]caldicott.Case, error) {
	rows, err := s.List(ctx, by, noun, filter, page)
	if err != nil {
		return nil, nil, err
	}
	cases := map[string]caldicott.Case{}
	var ids []string
	for _, r := range rows {
		if _, seen := cases[r.Request.ID]; !seen {
			cases[r.Request.ID] = caldicott.Case{}
			ids = append(ids, r.Request.ID)
		}
	}
	read, err := s.Store.Outlines(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	now := s.Now()
	for _, c := range read {
		c.Pass(now)
		cases[c.Request.ID] = c
	}
	return rows, cases, nil
}

// Reach turns the policy's lines about `view` into what the store can look for: it mirrors caldicott.Standings, and a
// property test holds the two together.
func (s *Service) Reach(by caldicott.Actor, at time.Time) caldicott.Reach {
	reach := caldicott.Reach{UserID: by.UserID}
	if !by.Active {
		return reach
	}
	roles := []vocabulary.Role{vocabulary.RoleRequester, vocabulary.RoleSponsor, vocabulary.RoleIao}
	for _, a := range by.Appointments {
		roles = append(roles, a.Role)
		if a.Role == vocabulary.RoleCaldicottGuardian { // who may be invited to hear another organisation's review
			roles = append(roles, vocabulary.RoleReviewGuardian)
		}
	}
	allowed, denied := s.Policy.Reach(caldicott.View, roles)
	for _, st := range allowed {
		switch st {
		case caldicott.Standing{Role: vocabulary.RoleRequester, Whose: caldicott.Own}:
			reach.Own = true
		case caldicott.Standing{Role: vocabulary.RoleRequester, Whose: caldicott.Assigned}:
			reach.Owned = true
		case caldicott.Standing{Role: vocabulary.RoleSponsor, Whose: caldicott.Assigned}:
			reach.Sponsored = true
		case caldicott.Standing{Role: vocabulary.RoleIao, Whose: caldicott.Assigned}:
			reach.AssetOwned = true
		}
	}
	for _, a := range by.Appointments {
		if a.InForce(at) {
			widen(&reach, a, allowed, denied)
		}
	}
	return reach
}

// widen adds what one appointment opens or closes.
func widen(reach *caldicott.Reach, a caldicott.Appointment, allowed, denied []caldicott.Standing) {
	for _, st := range denied {
		if st.Role == a.Role && st.Whose == caldicott.Organisation {
			reach.Denied = append(reach.Denied, a.OrganisationID)
		}
	}
	for _, st := range allowed {
		switch {
		case st.Role == vocabulary.RoleReviewGuardian && st.Whose == caldicott.Assigned && a.Role == vocabulary.RoleCaldicottGuardian:
			reach.Sent = append(reach.Sent, a.OrganisationID)
		case st.Role != a.Role:
		case st.Whose == caldicott.Organisation:
			reach.Organisations = append(reach.Organisations, a.OrganisationID)
		case st.Whose == caldicott.Assigned && a.Role == vocabulary.RoleReviewGuardian:
			reach.Handed = true
		case st.Whose == caldicott.Assigned && a.Role != vocabulary.RoleIao:
			reach.Consulted = append(reach.Consulted, caldicott.RoleAt{Role: string(a.Role), OrganisationID: a.OrganisationID})
		}
	}
}
