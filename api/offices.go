package api

import (
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// RecordingAssurance is another organisation's standing under the Data Security and Protection Toolkit, as it was read there.
type RecordingAssurance struct {
	Status  vocabulary.DSPT `json:"status" validate:"required,code=dspt_status"`
	ValidTo string          `json:"valid_to,omitempty" validate:"omitempty,date"`
	Confirming
}

// Rostering is a time as emergency approver: from the one instant until just before the other.
type Rostering struct {
	Person string `json:"person" validate:"required,user_id"`
	From   string `json:"from" validate:"required,instant"`
	To     string `json:"to" validate:"required,instant"`
	Confirming
}

// Times are the two instants, whose form was checked.
func (b Rostering) Times() (from, to time.Time) { return instantOf(b.From), instantOf(b.To) }

// EndingShift takes somebody off duty at once.
type EndingShift struct {
	Reason string `json:"reason" validate:"filled,max=10000"`
	Confirming
}

// JudgingSample is the guardian's word on one sampled decision.
type JudgingSample struct {
	Decision string `json:"decision" validate:"required,id"`
	Agrees   *bool  `json:"agrees" validate:"required"`
	Reason   string `json:"reason,omitempty" validate:"max=10000"`
	Confirming
}

// ReviewingStandingRule says why a standing rule may be used again.
type ReviewingStandingRule struct {
	Reason string `json:"reason" validate:"filled,max=10000"`
	Confirming
}

// Preferring is how somebody wants to be told.
type Preferring struct {
	Mail vocabulary.MailPreference `json:"mail" validate:"required,code=mail_preference"`
	Confirming
}

// ResendingNotice sends a notice again. It has nothing to say.
type ResendingNotice struct{ Confirming }

// AssuranceView is another organisation's standing, as it was put on record.
type AssuranceView struct {
	ID      string          `json:"id"`
	OrgCode string          `json:"org_code"`
	Status  vocabulary.DSPT `json:"status"`
	ValidTo string          `json:"valid_to,omitempty"`
	By      string          `json:"by"`
	At      time.Time       `json:"at"`
}

// FromAssurance writes an assurance.
func FromAssurance(x caldicott.Assurance) AssuranceView {
	return AssuranceView{ID: x.ID, OrgCode: x.OrgCode, Status: x.Status, ValidTo: x.ValidTo, By: x.By, At: x.At}
}

// Assurances are what is on record, oldest first.
type Assurances struct {
	Items []AssuranceView `json:"items"`
}

// FromAssurances writes them.
func FromAssurances(list []caldicott.Assurance) Assurances {
	return Assurances{listed(list, FromAssurance)}
}

// ShiftView is a time as emergency approver.
type ShiftView struct {
	ID       string    `json:"id"`
	OrgCode  string    `json:"org_code"`
	Person   string    `json:"person"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	By       string    `json:"by"`
	At       time.Time `json:"at"`
	EndedAt  time.Time `json:"ended_at,omitzero"`
	Revision int       `json:"revision"`
}

// Rota are shifts, in order of time.
type Rota struct {
	Items []ShiftView `json:"items"`
}

// SampleView is the decisions of a quarter that the guardian looks at, with what makes the drawing repeatable.
type SampleView struct {
	ID         string          `json:"id"`
	OrgCode    string          `json:"org_code"`
	Quarter    string          `json:"quarter"`
	Seed       string          `json:"seed"`
	Population int             `json:"population"`
	Digest     string          `json:"digest"`
	Drawn      []SampledView   `json:"drawn"`
	Judgements []JudgementView `json:"judgements"`
	At         time.Time       `json:"at"`
	Revision   int             `json:"revision"`
}

// SampledView is a decision that was drawn.
type SampledView struct {
	Decision  string             `json:"decision"`
	Request   string             `json:"request"`
	Reference string             `json:"reference"`
	Kind      vocabulary.Kind    `json:"kind"`
	Outcome   vocabulary.Outcome `json:"outcome"`
	DecidedBy string             `json:"decided_by"`
}

// FromSampled writes one.
func FromSampled(x caldicott.Samplable) SampledView { return SampledView(x) }

// JudgementView is what the guardian said of a sampled decision.
type JudgementView struct {
	Decision string    `json:"decision"`
	Agrees   bool      `json:"agrees"`
	Reason   string    `json:"reason,omitempty"`
	By       string    `json:"by"`
	At       time.Time `json:"at"`
}

// Samples are all of an organisation, oldest first.
type Samples struct {
	Items []SampleView `json:"items"`
}

// StandingRuleView says whether a kind of request may be set aside under a standing rule.
type StandingRuleView struct {
	Kind          vocabulary.Kind `json:"kind"`
	Off           bool            `json:"off"`
	Disagreements int             `json:"disagreements"`
	ReviewedAt    time.Time       `json:"reviewed_at,omitzero"`
	ReviewedBy    string          `json:"reviewed_by,omitempty"`
}

// StandingRules are by kind of request.
type StandingRules struct {
	Items []StandingRuleView `json:"items"`
}
