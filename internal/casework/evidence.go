package casework

import (
	"context"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// Export is what somebody wants to take out of the house as evidence, and why: of a request, or, Request "", of a period of
// their own organisation.
type Export struct {
	Request          string
	From, To         time.Time
	Profile, Purpose string
	// Seed is what the pack's digests of withheld things come from. It is kept with the record and given to nobody.
	Seed [32]byte
	// Operated says that a command did it in the person's name.
	Operated bool
}

// Exported is the export as it was allowed: for a request's the case as it stands.
type Exported struct {
	Result
	OrganisationID, OrgCode string
	event                   caldicott.Event
}

// Recorded says whether it is on record that the evidence was asked for.
func (e Exported) Recorded() bool { return e.event.Action != "" }

// Export asks the policy, and puts on record that evidence is taken out, before any of it is. Whoever may not even see the
// request is told that there is none.
func (s *Service) Export(ctx context.Context, by caldicott.Actor, e Export) (Exported, error) {
	out := Exported{Result: Result{By: by, At: s.Now()}, OrganisationID: by.OrganisationID, OrgCode: by.OrgCode}
	d := &desk{by: by, now: out.At, organisation: caldicott.OrganisationRecord{ID: by.OrganisationID}}
	standings := office{action: caldicott.ExportEvidence}.standings(d, []string{by.OrganisationID}, false)
	if e.Request != "" {
		c, err := s.Store.ReadCase(ctx, e.Request)
		if err != nil {
			return Exported{}, err
		}
		c.Pass(out.At)
		out.Case, out.OrganisationID, out.OrgCode = c, c.Request.OrganisationID, c.Request.OrgCode
		standings = caldicott.Standings(by, &c, "", caldicott.InForceAt(out.At))
	}
	request := out.Case.Request
	request.OrganisationID = out.OrganisationID
	ruling := s.Policy.May(caldicott.ExportEvidence, standings)
	if !ruling.Allowed {
		refusal, rule := error(notFound()), caldicott.CodeNotFound
		if e.Request == "" || s.Policy.May(caldicott.View, standings).Allowed {
			refusal, rule = caldicott.Errorf(caldicott.Forbidden, caldicott.CodePolicy, "The policy does not allow you to take evidence out."), caldicott.CodePolicy
		}
		return Exported{}, s.record(ctx, refusal, s.access(by, request, caldicott.ExportEvidence, caldicott.OutcomeRefused, rule, out.At))
	}
	out.event = s.access(by, request, caldicott.Exported, caldicott.OutcomeDone, "", out.At)
	out.event.PolicyLine, out.event.Facts = ruling.Line, e.facts("asked")
	i := slices.IndexFunc(by.Appointments, func(a caldicott.Appointment) bool {
		return a.OrganisationID == out.OrganisationID && a.InForce(out.At) &&
			s.Policy.May(caldicott.ExportEvidence, []caldicott.Standing{{Role: a.Role, Whose: caldicott.Organisation}}).Allowed
	})
	if i >= 0 {
		out.event.ActingAs, out.event.Appointment = string(by.Appointments[i].Role), by.Appointments[i].ID
	}
	asked := out.event
	asked.Detail = caldicott.Words(struct{ Seed string }{hex.EncodeToString(e.Seed[:])})
	if err := s.record(ctx, nil, asked); err != nil {
		return Exported{}, err
	}
	return out, nil
}

func (e Export) facts(stage string) map[string]string {
	facts := map[string]string{"profile": e.Profile, "purpose": e.Purpose, "stage": stage}
	if e.Operated {
		facts["through"] = "command"
	}
	if e.Request == "" {
		facts["from"], facts["to"] = e.From.UTC().Format(time.RFC3339), e.To.UTC().Format(time.RFC3339)
	}
	return facts
}

// Given puts on record what was sent: how large it was and its SHA-256, or that it broke off.
func (s *Service) Given(ctx context.Context, e Export, out Exported, size int64, sum [32]byte, whole bool) error {
	sent := out.event
	sent.At = s.Now()
	sent.Stream = accessStream(sent.At)
	sent.Facts = e.facts("sent")
	if whole {
		sent.Facts["pack"] = hex.EncodeToString(sum[:])
	} else {
		sent.Facts["stage"] = "broken_off"
	}
	sent.Facts["bytes"] = strconv.FormatInt(size, 10)
	return s.record(ctx, nil, sent)
}

// CaseThen is a case as it stood at an instant, for evidence of a period; false where there was none yet.
func (s *Service) CaseThen(ctx context.Context, id string, at time.Time) (caldicott.Case, bool, error) {
	c, err := s.Store.ReadCase(ctx, id)
	if err != nil {
		return caldicott.Case{}, false, err
	}
	c.Pass(s.Now())
	past, existed := c.AsOf(at)
	return past, existed, nil
}
