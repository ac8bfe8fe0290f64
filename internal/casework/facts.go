package casework

import (
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Facts are what the rules say of a case at an instant, beside what is written in it.
type Facts struct {
	Findings  []caldicott.Finding
	Missing   []string // required at submission and blank
	Mandatory []vocabulary.Role
	Deadlines caldicott.Deadlines
}

// Facts holds a case against the rules.
func (s *Service) Facts(r Result) Facts {
	return Facts{
		Findings:  s.House.Rules.Findings(r.Case.Content(), r.Case.Circumstances(r.Guardians, r.At)),
		Missing:   s.House.Rules.Missing(r.Case.Content()),
		Mandatory: s.House.Consultees.Mandatory(r.Case.Content()),
		Deadlines: s.House.Targets.Deadlines(s.House.Calendar, r.Case.Clock(r.At)),
	}
}

// CheckContent is the dry run: what would be found in a content that is not kept. It changes and records nothing.
func (s *Service) CheckContent(by caldicott.Actor, content caldicott.Content, guardians []caldicott.Guardian, confirmed []caldicott.Confirmation) Facts {
	now := s.Now()
	content.Requester.UserID, content.Requester.OrgCode = by.UserID, by.OrgCode
	content.Conflicts = caldicott.StructuralConflicts(content, guardians)
	return Facts{
		Findings:  s.House.Rules.Findings(content, caldicott.Circumstances{Now: now, Guardians: guardians, Confirmed: confirmed}),
		Missing:   s.House.Rules.Missing(content),
		Mandatory: s.House.Consultees.Mandatory(content),
	}
}

// Permit is a deed that the caller may do now, with the policy line that says so.
type Permit struct {
	Deed caldicott.Action
	caldicott.Ruling
}

// Permitted lists what the caller may do now to the request, or to one authorisation or condition of it (subject).
func (s *Service) Permitted(r Result, actions []caldicott.Action, subject string) []Permit {
	var permits []Permit
	for _, a := range actions {
		t := &caldicott.Turn{
			House: s.House, By: r.By, Now: r.At, Guardians: r.Guardians, Case: &r.Case, Subject: subject, NewID: s.NewID,
		}
		deed := caldicott.Probe(a)
		m := move{service: s, deed: deed, turn: t, at: r.At}
		if a == caldicott.Draft || a == caldicott.RecordEmergency || m.allow() != nil {
			continue
		}
		permits = append(permits, Permit{a, s.Policy.May(a, []caldicott.Standing{t.Chosen})})
	}
	return permits
}
