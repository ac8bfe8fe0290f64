package api

import (
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// ReviewView is a decision that is looked at again by somebody who took no part.
type ReviewView struct {
	ID        string                  `json:"id"`
	Request   string                  `json:"request"`
	Reference string                  `json:"reference,omitempty"`
	Decision  string                  `json:"decision"`
	Ground    vocabulary.ReviewGround `json:"ground"`
	Text      string                  `json:"text,omitempty"`
	State     vocabulary.ReviewState  `json:"state"`
	By        string                  `json:"by"`
	At        time.Time               `json:"at"`
	Due       time.Time               `json:"due"`
	Reviewer  string                  `json:"reviewer,omitempty"`
	Outcome   vocabulary.Outcome      `json:"outcome,omitempty"`
	Result    string                  `json:"result,omitempty"`
	EndedAt   time.Time               `json:"ended_at,omitzero"`
	Revision  int                     `json:"revision"`
	Permitted []Permitted             `json:"permitted"`
}

// FromReview writes a review of the case.
func FromReview(c *caldicott.Case, r caldicott.Review, due time.Time, revision int, permitted []Permitted) ReviewView {
	return ReviewView{
		ID: r.ID, Request: c.Request.ID, Reference: c.Request.Reference, Decision: r.Decision, Ground: r.Ground, Text: r.Text,
		State: r.State(), By: r.By, At: r.At, Due: due, Reviewer: r.Reviewer, Outcome: r.Outcome, Result: r.Result,
		EndedAt: r.Ended, Revision: revision, Permitted: same(permitted),
	}
}

// DissentView is two views of one decision, side by side.
type DissentView struct {
	ID         string    `json:"id"`
	Request    string    `json:"request"`
	Decision   string    `json:"decision"`
	By         string    `json:"by"`
	View       string    `json:"view"`
	At         time.Time `json:"at"`
	AnsweredBy string    `json:"answered_by,omitempty"`
	Answer     string    `json:"answer,omitempty"`
	AnsweredAt time.Time `json:"answered_at,omitzero"`
	Revision   int       `json:"revision"`
}

// FromDissent writes a dissent of the case.
func FromDissent(c *caldicott.Case, x caldicott.Dissent) DissentView {
	revision := 1
	if x.AnsweredBy != "" {
		revision = 2
	}
	return DissentView{
		ID: x.ID, Request: c.Request.ID, Decision: x.Decision, By: x.By, View: x.View, At: x.At, AnsweredBy: x.AnsweredBy,
		Answer: x.Answer, AnsweredAt: x.AnsweredAt, Revision: revision,
	}
}

// NotFollowedView is that a decision was not followed.
type NotFollowedView struct {
	ID       string    `json:"id"`
	Decision string    `json:"decision"`
	Who      string    `json:"who"`
	Reason   string    `json:"reason"`
	By       string    `json:"by"`
	At       time.Time `json:"at"`
}

// IncidentView is an incident, as it is known now.
type IncidentView struct {
	ID            string    `json:"id"`
	Request       string    `json:"request"`
	Number        string    `json:"number"`
	DSPTReference string    `json:"dspt_reference,omitempty"`
	AwareAt       time.Time `json:"aware_at"`
	Due           time.Time `json:"due"`
	ReportedAt    time.Time `json:"reported_at,omitzero"`
	NotReportable string    `json:"not_reportable,omitempty"`
	Lessons       string    `json:"lessons,omitempty"`
	Settled       bool      `json:"settled"`
	Authorisation string    `json:"authorisation,omitempty"`
	Condition     string    `json:"condition,omitempty"`
	Suspends      bool      `json:"suspends"`
	By            string    `json:"by"`
	LinkedAt      time.Time `json:"linked_at"`
	Revision      int       `json:"revision"`
}

// FromIncident writes an incident of the case.
func FromIncident(c *caldicott.Case, x caldicott.Incident) IncidentView {
	v := IncidentView{
		ID: x.ID, Request: c.Request.ID, Number: x.Number, DSPTReference: x.DSPTReference, AwareAt: *x.AwareAt, Due: x.Due,
		NotReportable: x.NotReportable, Lessons: x.Lessons, Settled: x.Settled(), Authorisation: x.Authorisation,
		Condition: x.Condition, Suspends: x.Suspends, By: x.By, LinkedAt: x.LinkedAt, Revision: x.Updates + 1,
	}
	if x.ReportedAt != nil {
		v.ReportedAt = *x.ReportedAt
	}
	return v
}

// RiskView is a risk of a register that the request is tied to.
type RiskView struct {
	ID            string                  `json:"id"`
	Register      vocabulary.RiskRegister `json:"register"`
	Reference     string                  `json:"reference"`
	Authorisation string                  `json:"authorisation,omitempty"`
	By            string                  `json:"by"`
	At            time.Time               `json:"at"`
}

// DocumentView is what is known of a document besides its bytes.
type DocumentView struct {
	ID        string                   `json:"id"`
	Request   string                   `json:"request"`
	Name      string                   `json:"name"`
	MediaType string                   `json:"media_type"`
	Size      int64                    `json:"size"`
	SHA256    string                   `json:"sha256"`
	Type      vocabulary.DocumentType  `json:"type,omitempty"`
	State     vocabulary.DocumentState `json:"state"`
	By        string                   `json:"by"`
	At        time.Time                `json:"at"`
	Revision  int                      `json:"revision"`
}

// FromDocument writes a document of the case; its revision counts what became of it.
func FromDocument(c *caldicott.Case, d caldicott.Document) DocumentView {
	revision := 1
	switch d.State {
	case vocabulary.DocumentStateClean, vocabulary.DocumentStateInfected:
		revision = 2
	case vocabulary.DocumentStateErased:
		revision = 3
	}
	return DocumentView{
		ID: d.ID, Request: c.Request.ID, Name: d.Name, MediaType: d.MediaType, Size: d.Size, SHA256: d.SHA256, Type: d.Type,
		State: d.State, By: d.By, At: d.At, Revision: revision,
	}
}

// TripView is a trip-wire that was touched: what, when, and by what.
type TripView struct {
	Wire  vocabulary.TripWire `json:"wire"`
	At    time.Time           `json:"at"`
	Cause string              `json:"cause,omitempty"`
}

// tripsOf are those of the authorisation that were touched by the instant.
func tripsOf(c *caldicott.Case, a caldicott.Authorisation, at time.Time) []TripView {
	trips := []TripView{}
	for _, t := range c.Trips(a) {
		if !t.At.After(at) {
			trips = append(trips, TripView(t))
		}
	}
	return trips
}

// Aftermath is what only those who handle a case see of what followed its decisions.
type Aftermath struct {
	Dissents    []DissentView
	NotFollowed []NotFollowedView
	Incidents   []IncidentView
	Risks       []RiskView
}

// FromAftermath writes it.
func FromAftermath(c *caldicott.Case) Aftermath {
	return Aftermath{
		Dissents: listed(c.Dissents(), func(x caldicott.Dissent) DissentView { return FromDissent(c, x) }),
		NotFollowed: listed(c.NotFollowed(), func(x caldicott.NotFollowed) NotFollowedView {
			return NotFollowedView{ID: x.ID, Decision: x.Decision, Who: x.Who, Reason: x.Reason, By: x.By, At: x.At}
		}),
		Incidents: listed(c.Incidents(), func(x caldicott.Incident) IncidentView { return FromIncident(c, x) }),
		Risks: listed(c.Risks(), func(x caldicott.LinkedRisk) RiskView {
			return RiskView{ID: x.ID, Register: x.Register, Reference: x.Reference, Authorisation: x.Authorisation, By: x.By, At: x.At}
		}),
	}
}
