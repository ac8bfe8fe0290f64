package api

import (
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// DecisionRow is a decision in a list: no words that somebody wrote.
type DecisionRow struct {
	ID            string             `json:"id"`
	Request       string             `json:"request"`
	Reference     string             `json:"reference,omitempty"`
	N             int                `json:"n"`
	Version       int                `json:"version"`
	Outcome       vocabulary.Outcome `json:"outcome"`
	DecidedBy     string             `json:"decided_by"`
	ActingAs      vocabulary.Role    `json:"acting_as,omitempty"`
	At            time.Time          `json:"at"`
	ReviewDate    string             `json:"review_date,omitempty"`
	ExpiryDate    string             `json:"expiry_date,omitempty"`
	Authorisation string             `json:"authorisation,omitempty"`
}

// FromDecisionRow writes a decision of the case as a row.
func FromDecisionRow(c *caldicott.Case, d caldicott.Decision) DecisionRow {
	return DecisionRow{
		ID: d.ID, Request: c.Request.ID, Reference: c.Request.Reference, N: d.N, Version: d.Version, Outcome: d.Outcome,
		DecidedBy: d.DecidedBy, ActingAs: d.ActingAs, At: d.At, ReviewDate: d.ReviewDate, ExpiryDate: d.ExpiryDate,
		Authorisation: authorisationOf(c, d),
	}
}

// authorisationOf is the authorisation that the decision gave birth to, or that it was about.
func authorisationOf(c *caldicott.Case, d caldicott.Decision) string {
	for _, a := range c.Authorisations {
		if a.Decision == d.ID {
			return a.ID
		}
	}
	return d.Authorisation
}

// DecisionView is what somebody with authority said about one version. It never changes. Content is that version, where
// the decision is shown by itself.
type DecisionView struct {
	ID                 string                `json:"id"`
	Request            string                `json:"request"`
	Reference          string                `json:"reference,omitempty"`
	N                  int                   `json:"n"`
	Version            int                   `json:"version"`
	Outcome            vocabulary.Outcome    `json:"outcome"`
	Rationale          string                `json:"rationale"`
	DecidedBy          string                `json:"decided_by"`
	ActingAs           vocabulary.Role       `json:"acting_as,omitempty"`
	Appointment        string                `json:"appointment,omitempty"`
	Delegation         string                `json:"delegation,omitempty"`
	At                 time.Time             `json:"at"`
	EnteredAt          time.Time             `json:"entered_at,omitzero"`
	Principles         *Principles           `json:"principles,omitempty"`
	Law                Law                   `json:"law"`
	Conditions         []ConditionView       `json:"conditions"`
	ReviewDate         string                `json:"review_date,omitempty"`
	ExpiryDate         string                `json:"expiry_date,omitempty"`
	ReferTo            []vocabulary.Referral `json:"refer_to"`
	HarmStatement      string                `json:"harm_statement,omitempty"`
	AlternativeOffered string                `json:"alternative_offered,omitempty"`
	StandingRule       string                `json:"standing_rule,omitempty"`
	Findings           []Finding             `json:"findings"`
	Authorisation      string                `json:"authorisation,omitempty"`
	Content            *Content              `json:"content,omitempty"`
}

// FromDecision writes a decision of the case with its conditions, as they stand now.
func FromDecision(c *caldicott.Case, d caldicott.Decision, conditions []ConditionView) DecisionView {
	return DecisionView{
		ID: d.ID, Request: c.Request.ID, Reference: c.Request.Reference, N: d.N, Version: d.Version, Outcome: d.Outcome,
		Rationale: d.Rationale, DecidedBy: d.DecidedBy, ActingAs: d.ActingAs, Appointment: d.Appointment,
		Delegation: d.Delegation, At: d.At, Principles: principlesOf(d.Principles), Law: Law(d.Law),
		Conditions: same(conditions), ReviewDate: d.ReviewDate, ExpiryDate: d.ExpiryDate, ReferTo: same(d.ReferTo),
		HarmStatement: d.HarmStatement, AlternativeOffered: d.AlternativeOffered, StandingRule: d.StandingRule,
		Findings: listed(d.Findings, fromFinding), Authorisation: authorisationOf(c, d), EnteredAt: d.EnteredAt,
	}
}

// WithContent adds the version decided on.
func (v DecisionView) WithContent(c caldicott.Content) DecisionView {
	v.Content = &Content{c}
	return v
}

// ConditionView is what a decision asks for, and how far it has come.
type ConditionView struct {
	ID               string                    `json:"id"`
	Label            string                    `json:"label"`
	Request          string                    `json:"request"`
	Decision         string                    `json:"decision"`
	Authorisation    string                    `json:"authorisation,omitempty"`
	Type             vocabulary.ConditionType  `json:"type"`
	Text             string                    `json:"text"`
	Owner            string                    `json:"owner"`
	Due              string                    `json:"due,omitempty"`
	EvidenceExpected string                    `json:"evidence_expected,omitempty"`
	Resolves         []vocabulary.Rule         `json:"resolves"`
	State            vocabulary.ConditionState `json:"state"`
	Revision         int                       `json:"revision"`
	Events           []Step                    `json:"events"`
	Permitted        []Permitted               `json:"permitted"`
}

// FromCondition writes a condition of the case as it stands at the instant.
func FromCondition(c *caldicott.Case, x caldicott.Condition, at time.Time, revision int, permitted []Permitted) ConditionView {
	return ConditionView{
		ID: x.ID, Label: x.Label, Request: c.Request.ID, Decision: x.Decision, Authorisation: x.Authorisation,
		Type: x.Type, Text: x.Text, Owner: x.Owner, Due: x.Due, EvidenceExpected: x.EvidenceExpected,
		Resolves: same(x.Resolves), State: x.State(c.Done, at), Revision: revision,
		Events:    stepsOf(c, func(d caldicott.Done) bool { return d.Subject == x.ID }),
		Permitted: same(permitted),
	}
}
