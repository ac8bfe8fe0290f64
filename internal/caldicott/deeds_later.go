package caldicott

import (
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Varying is a guardian's new decision on what is authorised: other dates, further conditions. What the earlier decision
// asked for still stands. Who receives and what is shared do not change without a new request (renew).
type Varying struct {
	Rationale              string
	Principles             Principles
	Conditions             []ConditionAsked
	ReviewDate, ExpiryDate string
	Capacities             Claim
}

// Renewing begins a request for the time after an authorisation ends, filled in from what was authorised.
type Renewing struct{}

// RecordingSupport is what was heard of section 251 support after the decision.
type RecordingSupport struct{ Support Support }

// LinkingIncident ties an incident to the request; where it names an authorisation and Suspends, that is suspended at once.
type LinkingIncident struct{ Report IncidentReport }

// UpdatingIncident adds what became known: the report, its number, the lessons.
type UpdatingIncident struct{ Report IncidentReport }

// LinkingRisk ties an entry of a risk register or the Board Assurance Framework to the request.
type LinkingRisk struct{ Risk Risking }

func (Varying) Action() Action          { return Vary }
func (Renewing) Action() Action         { return Renew }
func (RecordingSupport) Action() Action { return RecordSupport }
func (LinkingIncident) Action() Action  { return LinkIncident }
func (UpdatingIncident) Action() Action { return UpdateIncident }
func (LinkingRisk) Action() Action      { return LinkRisk }

// Texts are everything the guardian wrote.
func (d Varying) Texts() []Text {
	return Deciding{Rationale: d.Rationale, Principles: d.Principles, Conditions: d.Conditions}.Texts()
}

func (Renewing) Texts() []Text           { return nil }
func (d RecordingSupport) Texts() []Text { return []Text{{"reference", d.Support.Reference}} }
func (d LinkingIncident) Texts() []Text  { return d.Report.texts() }
func (d UpdatingIncident) Texts() []Text { return d.Report.texts() }
func (d LinkingRisk) Texts() []Text      { return []Text{{"reference", d.Risk.Reference}} }

func (r IncidentReport) texts() []Text {
	return []Text{
		{"number", r.Number}, {"dspt_reference", r.DSPTReference}, {"not_reportable", r.NotReportable}, {"lessons", r.Lessons},
	}
}

// Claim names the outcome that a delegation must cover.
func (d Varying) Claim() (Claim, vocabulary.Outcome) { return d.Capacities, vocabulary.OutcomeVary }

func (d Varying) do(t *Turn) error {
	under, _ := t.Case.Authorisation(t.Subject)
	said := Deciding{
		Outcome: vocabulary.OutcomeVary, Rationale: d.Rationale, Principles: d.Principles, Conditions: d.Conditions,
		ReviewDate: orElse(d.ReviewDate, under.ReviewDate), ExpiryDate: orElse(d.ExpiryDate, under.ExpiryDate),
	}
	c := t.Case.supportedNow(under)
	findings := t.House.Rules.AtDecision(c, t.Case.Circumstances(t.Guardians, t.Now), Proposal{
		Outcome: said.Outcome, ReviewDate: said.ReviewDate, ExpiryDate: said.ExpiryDate,
		Waiting: t.Case.Waiting(t.House.Consultees.Mandatory(c)),
	})
	for _, f := range findings {
		if said.blockedBy(f, c) && !t.resolvedBefore(f.Rule, under) {
			t.problems = append(t.problems, fieldError(f))
		}
	}
	t.checkPrinciples(said)
	t.require("rationale", d.Rationale)
	if d.ReviewDate == "" && d.ExpiryDate == "" && len(d.Conditions) == 0 {
		t.wrong("conditions", CodeRequired, "or a date must be given: nothing would be varied")
	}
	made := t.decides(Decision{
		Outcome: said.Outcome, Version: under.Version, Rationale: d.Rationale, Principles: d.Principles, Law: lawOf(c.Legal),
		ReviewDate: said.ReviewDate, ExpiryDate: said.ExpiryDate, Findings: findings, Authorisation: under.ID,
	})
	t.asks(made, t.authorisesInPlaceOf(made, under.ID), d.Conditions, findings)
	return nil
}

// supportedNow is the authorised content with section 251 support as it was heard of last.
func (c *Case) supportedNow(a Authorisation) Content {
	content := c.Decided[a.Version]
	for _, d := range c.Done {
		if s := d.Details.Support; d.Deed == RecordSupport && c.descends(a, d.Subject) && s != nil && content.Legal.S251 != nil {
			newer := *content.Legal.S251
			newer.Status, newer.AnnualReviewDue = s.Status, orElse(s.AnnualReviewDue, newer.AnnualReviewDue)
			content.Legal.S251 = &newer
		}
	}
	return content
}

// resolvedBefore says whether a condition that still governs the authorisation resolves the rule: it was asked for when the
// finding was first met, cannot be waived, and stands.
func (t *Turn) resolvedBefore(rule vocabulary.Rule, a Authorisation) bool {
	return slices.ContainsFunc(t.Case.Conditions, func(x Condition) bool {
		return t.Case.Governs(x, a) && slices.Contains(x.Resolves, rule) && x.State(t.Case.Done, t.Now) != vocabulary.ConditionStateBreached
	})
}

// authorisesInPlaceOf gives birth to an authorisation that takes the place of another at once.
func (t *Turn) authorisesInPlaceOf(d *Decision, before string) string {
	id := t.authorises(d)
	t.Change.Authorisation.Supersedes = before
	for i := range t.Case.Authorisations {
		switch x := &t.Case.Authorisations[i]; x.ID {
		case id:
			x.Supersedes = before
		case before:
			x.SupersededAt = t.Now
		}
	}
	return id
}

func (Renewing) do(t *Turn) error {
	t.Change.Done.Target = t.Begins
	return nil
}

func (d RecordingSupport) do(t *Turn) error {
	t.require("status", string(d.Support.Status))
	t.Change.Done.Details.Support = &d.Support
	return nil
}

func (d LinkingIncident) do(t *Turn) error {
	t.require("number", d.Report.Number)
	t.incidentTimes(d.Report)
	if d.Report.Suspends && d.Report.Authorisation == "" {
		t.wrong("authorisation", CodeRequired, "must be given where the incident suspends it")
	}
	if a := d.Report.Authorisation; a != "" {
		if x, ok := t.Case.Authorisation(a); !ok || x.ID != a {
			t.wrong("authorisation", CodeField, "must name an authorisation of this request")
		}
	}
	t.Change.Done.Details.Report = &d.Report
	return nil
}

func (d UpdatingIncident) do(t *Turn) error {
	if r := d.Report; r.ReportedAt == nil && r.DSPTReference == "" && r.NotReportable == "" && r.Lessons == "" {
		t.wrong("lessons", CodeRequired, "or something else that became known must be given")
	}
	t.incidentTimes(d.Report)
	t.Change.Done.Details.Report = &d.Report
	return nil
}

// incidentTimes refuses instants that have not passed.
func (t *Turn) incidentTimes(r IncidentReport) {
	for _, x := range []struct {
		field string
		at    *time.Time
	}{{"aware_at", r.AwareAt}, {"reported_at", r.ReportedAt}} {
		if x.at != nil && x.at.After(t.Now) {
			t.wrong(x.field, CodeField, "must be an instant that has passed")
		}
	}
}

func (d LinkingRisk) do(t *Turn) error {
	t.require("register", string(d.Risk.Register))
	t.require("reference", d.Risk.Reference)
	if a := d.Risk.Authorisation; a != "" {
		if x, ok := t.Case.Authorisation(a); !ok || x.ID != a {
			t.wrong("authorisation", CodeField, "must name an authorisation of this request")
		}
	}
	t.Change.Done.Details.Risk = &d.Risk
	return nil
}

// rechecks are what somebody must have looked at again before a renewal is submitted.
var rechecks = []vocabulary.Recheck{
	vocabulary.RecheckOptOut, vocabulary.RecheckSection251, vocabulary.RecheckDspt, vocabulary.RecheckRecipients,
	vocabulary.RecheckAgreements,
}

// Prefill is the content with which a renewal begins: what was authorised, less what belongs to that one time, with each
// recipient's standing under the Toolkit as it is on record.
func Prefill(c Content, assurances []Assurance, today string) Content {
	c.Attachments, c.DisclosedAt, c.ApprovedBy = nil, "", ""
	c.Recipients = slices.Clone(c.Recipients)
	for i, r := range c.Recipients {
		for _, x := range assurances {
			if x.OrgCode != r.OrgCode || r.OrgCode == "" {
				continue
			}
			c.Recipients[i].DSPTStatus = x.Status
			if x.ValidTo != "" && x.ValidTo < today {
				c.Recipients[i].DSPTStatus = vocabulary.DSPTNotPublished
			}
		}
	}
	return c
}

// BeginsRenewal is the draft that renew makes beside its own deed.
func (t *Turn) BeginsRenewal(content Content) {
	t.require("title", content.Title)
	t.revise(content)
}
