package api

import "github.com/caldicott/caldicott/internal/caldicott"

// Suspending stops an authorisation for the time being.
type Suspending struct {
	Reason     string           `json:"reason" validate:"max=10000"`
	Conditions []ConditionAsked `json:"conditions,omitempty" validate:"max=200,dive"`
	ReviewDate string           `json:"review_date,omitempty" validate:"omitempty,date"`
	Claiming
	Confirming
}

// Reinstating lets a suspended authorisation stand again.
type Reinstating struct {
	Reason string `json:"reason" validate:"max=10000"`
	Claiming
	Confirming
}

// Revoking ends an authorisation; conditions may say what must happen to what was shared.
type Revoking struct {
	Reason     string           `json:"reason" validate:"max=10000"`
	Conditions []ConditionAsked `json:"conditions,omitempty" validate:"max=200,dive"`
	ReviewDate string           `json:"review_date,omitempty" validate:"omitempty,date"`
	Claiming
	Confirming
}

// Completing ends an authorisation whose data was returned or destroyed, with the certificate's reference where the
// request needs one.
type Completing struct {
	Certificate string `json:"certificate,omitempty" validate:"max=1000"`
	Document    string `json:"document,omitempty" validate:"omitempty,id"`
	DestroyedOn string `json:"destroyed_on,omitempty" validate:"omitempty,date"`
	Method      string `json:"method,omitempty" validate:"max=1000"`
	DestroyedBy string `json:"destroyed_by,omitempty" validate:"max=1000"`
	Confirming
}

// SubmittingEvidence says how a condition was met.
type SubmittingEvidence struct {
	Text     string `json:"text" validate:"max=10000"`
	Document string `json:"document,omitempty" validate:"omitempty,id"`
	Confirming
}

// AcceptingEvidence satisfies a condition. It has nothing to say.
type AcceptingEvidence struct{ Confirming }

// RejectingEvidence sends the owner of a condition back.
type RejectingEvidence struct {
	Reason string `json:"reason" validate:"max=10000"`
	Confirming
}

// WaivingCondition lets a condition go.
type WaivingCondition struct {
	Reason string `json:"reason" validate:"max=10000"`
	Claiming
	Confirming
}

// BreachingCondition records that a condition was broken, with the incident's local number where there is one.
type BreachingCondition struct {
	Text     string `json:"text,omitempty" validate:"max=10000"`
	Incident string `json:"incident,omitempty" validate:"max=1000"`
	AwareAt  string `json:"aware_at,omitempty" validate:"omitempty,instant"`
	Confirming
}

func (b Suspending) Deed() caldicott.Deed {
	return caldicott.Suspending{
		Reason: b.Reason, Conditions: convert(b.Conditions, ConditionAsked.asked), ReviewDate: b.ReviewDate,
		Capacities: b.claim(),
	}
}

func (b Reinstating) Deed() caldicott.Deed {
	return caldicott.Reinstating{Reason: b.Reason, Capacities: b.claim()}
}

func (b Revoking) Deed() caldicott.Deed {
	return caldicott.Revoking{
		Reason: b.Reason, Conditions: convert(b.Conditions, ConditionAsked.asked), ReviewDate: b.ReviewDate,
		Capacities: b.claim(),
	}
}

func (b Completing) Deed() caldicott.Deed {
	return caldicott.Completing{
		Certificate: b.Certificate, Document: b.Document,
		Ended: caldicott.Destruction{On: b.DestroyedOn, Method: b.Method, By: b.DestroyedBy},
	}
}

func (b SubmittingEvidence) Deed() caldicott.Deed {
	return caldicott.SubmittingEvidence{Text: b.Text, Document: b.Document}
}

func (AcceptingEvidence) Deed() caldicott.Deed { return caldicott.AcceptingEvidence{} }

func (b RejectingEvidence) Deed() caldicott.Deed {
	return caldicott.RejectingEvidence{Reason: b.Reason}
}

func (b WaivingCondition) Deed() caldicott.Deed {
	return caldicott.WaivingCondition{Reason: b.Reason, Capacities: b.claim()}
}

func (b BreachingCondition) Deed() caldicott.Deed {
	return caldicott.BreachingCondition{Text: b.Text, Incident: b.Incident, AwareAt: instantIf(b.AwareAt)}
}
