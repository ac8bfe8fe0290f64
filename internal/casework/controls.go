package casework

import (
	"context"
	"maps"
	"slices"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Audit says of which organisation somebody may ask the auditors' questions (ReviewControls), or see what stands behind
// them (TraceControls), and puts the asking on the record with its purpose: before the answer, and without it there is none.
func (s *Service) Audit(ctx context.Context, by caldicott.Actor, a caldicott.Action, purpose vocabulary.LogPurpose, asked map[string]string) (organisationID string, err error) {
	now := s.Now()
	e := caldicott.Event{
		Stream: accessStream(now), Action: caldicott.Searched, Outcome: caldicott.OutcomeDone, At: now, Actor: by.ID,
		Organisation: by.OrganisationID, PolicyDigest: s.Policy.Digest(), Facts: map[string]string{},
	}
	appointment, ruling := s.auditing(by, a)
	if !ruling.Allowed {
		e.Action, e.Outcome, e.Rule = a, caldicott.OutcomeRefused, caldicott.CodePolicy
		return "", s.record(ctx, caldicott.Errorf(caldicott.Forbidden, caldicott.CodePolicy, "The policy does not allow you to ask the auditors' questions."), e)
	}
	e.Organisation, e.PolicyLine = appointment.OrganisationID, ruling.Line
	e.ActingAs, e.Appointment = string(appointment.Role), appointment.ID
	maps.Copy(e.Facts, asked)
	e.Facts["purpose"] = string(purpose)
	return appointment.OrganisationID, s.record(ctx, nil, e)
}

// auditing finds the appointment in force under which the policy allows it, one of the person's own organisation first.
// Every role held in an organisation counts there, because a prohibition beats any permission.
func (s *Service) auditing(by caldicott.Actor, a caldicott.Action) (caldicott.Appointment, caldicott.Ruling) {
	if !by.Active {
		return caldicott.Appointment{}, caldicott.Ruling{}
	}
	now := s.Now()
	inForce := slices.DeleteFunc(slices.Clone(by.Appointments), func(x caldicott.Appointment) bool { return !x.InForce(now) })
	standings := func(organisation string) (list []caldicott.Standing) {
		for _, x := range inForce {
			if x.OrganisationID == organisation {
				list = append(list, caldicott.Standing{Role: x.Role, Whose: caldicott.Organisation})
			}
		}
		return list
	}
	slices.SortStableFunc(inForce, func(x, y caldicott.Appointment) int {
		return compare(foreign(x, by), foreign(y, by))
	})
	for _, x := range inForce {
		one := s.Policy.May(a, []caldicott.Standing{{Role: x.Role, Whose: caldicott.Organisation}})
		if one.Allowed && s.Policy.May(a, standings(x.OrganisationID)).Allowed {
			return x, one
		}
	}
	return caldicott.Appointment{}, caldicott.Ruling{}
}

// foreign sorts appointments elsewhere behind those at home.
func foreign(x caldicott.Appointment, by caldicott.Actor) string {
	if x.OrganisationID == by.OrganisationID {
		return ""
	}
	return x.OrganisationID
}
