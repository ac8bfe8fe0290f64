package api

import (
	"strings"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// RequestingReview asks that a decision be looked at again: the newest, unless another is named. Without a reviewer the
// service finds somebody who took no part.
type RequestingReview struct {
	Ground   vocabulary.ReviewGround `json:"ground" validate:"omitempty,code=review_ground"`
	Text     string                  `json:"text,omitempty" validate:"max=10000"`
	Decision string                  `json:"decision,omitempty" validate:"omitempty,id"`
	Reviewer string                  `json:"reviewer,omitempty" validate:"omitempty,user_id"`
	Confirming
}

// InvitingReviewer sends a review to somebody who may hear it.
type InvitingReviewer struct {
	Reviewer string `json:"reviewer" validate:"omitempty,user_id"`
	Reason   string `json:"reason" validate:"max=10000"`
	Confirming
}

// DecidingReview is the reviewer's own decision. Conditions and dates belong to REVIEW_VARIED.
type DecidingReview struct {
	Outcome    vocabulary.Outcome `json:"outcome" validate:"omitempty,code=decision_outcome"`
	Reason     string             `json:"reason" validate:"max=10000"`
	Conditions []ConditionAsked   `json:"conditions,omitempty" validate:"max=200,dive"`
	ReviewDate string             `json:"review_date,omitempty" validate:"omitempty,date"`
	ExpiryDate string             `json:"expiry_date,omitempty" validate:"omitempty,date"`
	Confirming
}

// RecordingDissent is a guardian's view against somebody else's decision.
type RecordingDissent struct {
	View     string `json:"view" validate:"max=10000"`
	Decision string `json:"decision,omitempty" validate:"omitempty,id"`
	Confirming
}

// AnsweringDissent is the decider's own view beside it.
type AnsweringDissent struct {
	View string `json:"view" validate:"max=10000"`
	Confirming
}

// RecordingNotFollowed says by whom a decision was not followed, and why.
type RecordingNotFollowed struct {
	Who      string `json:"who" validate:"max=1000"`
	Reason   string `json:"reason" validate:"max=10000"`
	Decision string `json:"decision,omitempty" validate:"omitempty,id"`
	Confirming
}

// LinkingIncident links an incident. Suspends is true unless it is said that it is not.
type LinkingIncident struct {
	Number        string `json:"number" validate:"max=200"`
	DSPTReference string `json:"dspt_reference,omitempty" validate:"max=200"`
	AwareAt       string `json:"aware_at,omitempty" validate:"omitempty,instant"`
	ReportedAt    string `json:"reported_at,omitempty" validate:"omitempty,instant"`
	NotReportable string `json:"not_reportable,omitempty" validate:"max=10000"`
	Lessons       string `json:"lessons,omitempty" validate:"max=10000"`
	Authorisation string `json:"authorisation,omitempty" validate:"omitempty,id"`
	Suspends      *bool  `json:"suspends,omitempty"`
	Confirming
}

// UpdatingIncident adds what became known; what is not said stays.
type UpdatingIncident struct {
	DSPTReference string `json:"dspt_reference,omitempty" validate:"max=200"`
	ReportedAt    string `json:"reported_at,omitempty" validate:"omitempty,instant"`
	NotReportable string `json:"not_reportable,omitempty" validate:"max=10000"`
	Lessons       string `json:"lessons,omitempty" validate:"max=10000"`
	Confirming
}

// LinkingRisk names a risk of a register.
type LinkingRisk struct {
	Register      vocabulary.RiskRegister `json:"register" validate:"omitempty,code=risk_register"`
	Reference     string                  `json:"reference" validate:"max=200"`
	Authorisation string                  `json:"authorisation,omitempty" validate:"omitempty,id"`
	Confirming
}

// Varying is a new decision on what is authorised; what is absent stays as it is.
type Varying struct {
	Rationale  string           `json:"rationale" validate:"max=10000"`
	Principles Principles       `json:"principles"`
	Conditions []ConditionAsked `json:"conditions,omitempty" validate:"max=200,dive"`
	ReviewDate string           `json:"review_date,omitempty" validate:"omitempty,date"`
	ExpiryDate string           `json:"expiry_date,omitempty" validate:"omitempty,date"`
	Claiming
	Confirming
}

// Renewing begins a request for the time after an authorisation ends. It has nothing to say.
type Renewing struct{ Confirming }

// RecordingSupport is what was heard of section 251 support after the decision.
type RecordingSupport struct {
	Status          vocabulary.S251Status `json:"status" validate:"omitempty,code=s251_status"`
	AnnualReviewDue string                `json:"annual_review_due,omitempty" validate:"omitempty,date"`
	Reference       string                `json:"reference,omitempty" validate:"max=1000"`
	Confirming
}

// ErasingDocument says why a document is destroyed.
type ErasingDocument struct {
	Reason string `json:"reason" validate:"max=10000"`
	Confirming
}

// Attaching is a file, and what it is: a form of several parts, not JSON. File is the name it was sent under; its bytes are
// read beside. NotIdentifiers is the JSON of a list as in Confirming.
type Attaching struct {
	File           string                  `json:"file" validate:"required,max=26214400"`
	Type           vocabulary.DocumentType `json:"type,omitempty" validate:"omitempty,code=linked_document_type"`
	NotIdentifiers string                  `json:"not_identifiers,omitempty" validate:"max=65536"`
}

// Confirmed gives what the author confirmed, and what is wrong with it; an error where the list cannot be read.
func (b Attaching) Confirmed() ([]caldicott.Confirmation, []caldicott.FieldError, error) {
	if b.NotIdentifiers == "" {
		return nil, nil, nil
	}
	var said Confirming
	if err := Decode(strings.NewReader(`{"not_identifiers":`+b.NotIdentifiers+`}`), &said); err != nil {
		return nil, nil, err
	}
	return said.Confirmed(), Check(said), nil
}

func (b RequestingReview) Deed() caldicott.Deed {
	return caldicott.RequestingReview{Ground: b.Ground, Text: b.Text, Decision: b.Decision, Reviewer: b.Reviewer}
}

func (b InvitingReviewer) Deed() caldicott.Deed {
	return caldicott.InvitingReviewer{Reviewer: b.Reviewer, Reason: b.Reason}
}

func (b DecidingReview) Deed() caldicott.Deed {
	return caldicott.DecidingReview{
		Outcome: b.Outcome, Reason: b.Reason, Conditions: convert(b.Conditions, ConditionAsked.asked),
		ReviewDate: b.ReviewDate, ExpiryDate: b.ExpiryDate,
	}
}

func (b RecordingDissent) Deed() caldicott.Deed {
	return caldicott.RecordingDissent{Decision: b.Decision, View: b.View}
}

func (b AnsweringDissent) Deed() caldicott.Deed { return caldicott.AnsweringDissent{View: b.View} }

func (b RecordingNotFollowed) Deed() caldicott.Deed {
	return caldicott.RecordingNotFollowed{Decision: b.Decision, Who: b.Who, Reason: b.Reason}
}

func (b LinkingIncident) Deed() caldicott.Deed {
	return caldicott.LinkingIncident{Report: caldicott.IncidentReport{
		Number: b.Number, DSPTReference: b.DSPTReference, AwareAt: instantIf(b.AwareAt), ReportedAt: instantIf(b.ReportedAt),
		NotReportable: b.NotReportable, Lessons: b.Lessons, Authorisation: b.Authorisation,
		Suspends: b.Authorisation != "" && (b.Suspends == nil || *b.Suspends) || b.Suspends != nil && *b.Suspends,
	}}
}

func (b UpdatingIncident) Deed() caldicott.Deed {
	return caldicott.UpdatingIncident{Report: caldicott.IncidentReport{
		DSPTReference: b.DSPTReference, ReportedAt: instantIf(b.ReportedAt), NotReportable: b.NotReportable, Lessons: b.Lessons,
	}}
}

func (b LinkingRisk) Deed() caldicott.Deed {
	return caldicott.LinkingRisk{Risk: caldicott.Risking{Register: b.Register, Reference: b.Reference, Authorisation: b.Authorisation}}
}

func (b Varying) Deed() caldicott.Deed {
	return caldicott.Varying{
		Rationale: b.Rationale, Principles: b.Principles.judgements(), Conditions: convert(b.Conditions, ConditionAsked.asked),
		ReviewDate: b.ReviewDate, ExpiryDate: b.ExpiryDate, Capacities: b.claim(),
	}
}

func (Renewing) Deed() caldicott.Deed { return caldicott.Renewing{} }

func (b RecordingSupport) Deed() caldicott.Deed {
	return caldicott.RecordingSupport{Support: caldicott.Support{
		Status: b.Status, AnnualReviewDue: b.AnnualReviewDue, Reference: b.Reference,
	}}
}

func (b ErasingDocument) Deed() caldicott.Deed { return caldicott.ErasingDocument{Reason: b.Reason} }

// instantIf is the instant of a text whose form was checked; nil where there is none.
func instantIf(s string) *time.Time {
	if t := instantOf(s); !t.IsZero() {
		return &t
	}
	return nil
}
