package caldicott

import (
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Suspending stops an authorisation for the time being, by a decision SUSPEND.
type Suspending struct {
	Reason     string
	Conditions []ConditionAsked
	ReviewDate string
	Capacities Claim
}

// Reinstating lets a suspended authorisation stand again.
type Reinstating struct {
	Reason     string
	Capacities Claim
}

// Revoking ends an authorisation, by a decision REVOKE; conditions may say what must happen to what was shared.
type Revoking struct {
	Reason     string
	Conditions []ConditionAsked
	ReviewDate string
	Capacities Claim
}

// Completing ends an authorisation whose data was returned or destroyed. Certificate is its reference, Document its id
// where it was attached.
type Completing struct {
	Certificate, Document string
	Ended                 Destruction
}

// SubmittingEvidence says how a condition was met, in its owner's words. Document is the id of one that shows it.
type SubmittingEvidence struct{ Text, Document string }

// AcceptingEvidence satisfies a condition.
type AcceptingEvidence struct{}

// RejectingEvidence sends the owner back.
type RejectingEvidence struct{ Reason string }

// WaivingCondition lets a condition go.
type WaivingCondition struct {
	Reason     string
	Capacities Claim
}

// BreachingCondition records that a condition was broken, with the incident's local number where there is one. An incident
// suspends the authorisation and starts the 72 hours, from AwareAt or now.
type BreachingCondition struct {
	Text, Incident string
	AwareAt        *time.Time
}

func (Suspending) Action() Action         { return Suspend }
func (Reinstating) Action() Action        { return Reinstate }
func (Revoking) Action() Action           { return Revoke }
func (Completing) Action() Action         { return Complete }
func (SubmittingEvidence) Action() Action { return SubmitEvidence }
func (AcceptingEvidence) Action() Action  { return AcceptEvidence }
func (RejectingEvidence) Action() Action  { return RejectEvidence }
func (WaivingCondition) Action() Action   { return WaiveCondition }
func (BreachingCondition) Action() Action { return BreachCondition }

// Texts of a suspension are its reason and its conditions'.
func (d Suspending) Texts() []Text {
	return append(conditionTexts(d.Conditions), Text{"reason", d.Reason})
}

// Texts of a revocation are its reason and its conditions'.
func (d Revoking) Texts() []Text {
	return append(conditionTexts(d.Conditions), Text{"reason", d.Reason})
}

func (d Reinstating) Texts() []Text        { return []Text{{"reason", d.Reason}} }
func (d SubmittingEvidence) Texts() []Text { return []Text{{"text", d.Text}} }
func (AcceptingEvidence) Texts() []Text    { return nil }
func (d RejectingEvidence) Texts() []Text  { return []Text{{"reason", d.Reason}} }
func (d WaivingCondition) Texts() []Text   { return []Text{{"reason", d.Reason}} }
func (d BreachingCondition) Texts() []Text { return []Text{{"text", d.Text}, {"incident", d.Incident}} }

// Texts are the certificate's reference and how the data was destroyed.
func (d Completing) Texts() []Text {
	return []Text{{"certificate", d.Certificate}, {"method", d.Ended.Method}, {"by", d.Ended.By}}
}

// Claim names the outcome that a delegation must cover.
func (d Suspending) Claim() (Claim, vocabulary.Outcome) {
	return d.Capacities, vocabulary.OutcomeSuspend
}

// Claim of a reinstatement covers any outcome.
func (d Reinstating) Claim() (Claim, vocabulary.Outcome) { return d.Capacities, "" }

// Claim names the outcome that a delegation must cover.
func (d Revoking) Claim() (Claim, vocabulary.Outcome) {
	return d.Capacities, vocabulary.OutcomeRevoke
}

// Claim of a waiver covers any outcome.
func (d WaivingCondition) Claim() (Claim, vocabulary.Outcome) { return d.Capacities, "" }

func (d Suspending) do(t *Turn) error {
	return t.restrain(vocabulary.OutcomeSuspend, d.Reason, d.ReviewDate, d.Conditions)
}

func (d Revoking) do(t *Turn) error {
	return t.restrain(vocabulary.OutcomeRevoke, d.Reason, d.ReviewDate, d.Conditions)
}

// restrain writes the decision that suspends or revokes; it needs no judgement of the principles. Its conditions are the
// decision's own: they hold up no authorisation.
func (t *Turn) restrain(outcome vocabulary.Outcome, reason, review string, conditions []ConditionAsked) error {
	t.require("reason", reason)
	a, _ := t.Case.Authorisation(t.Subject)
	d := t.decides(Decision{
		Outcome: outcome, Version: a.Version, Rationale: reason, ReviewDate: review, Authorisation: a.ID,
	})
	t.asks(d, "", conditions, nil)
	t.Change.Done.Details.Reason = reason
	return nil
}

func (d Reinstating) do(t *Turn) error {
	t.require("reason", d.Reason)
	t.Change.Done.Details.Reason = d.Reason
	return nil
}

func (d Completing) do(t *Turn) error {
	a, _ := t.Case.Authorisation(t.Subject)
	if isTrue(t.Case.Decided[a.Version].Retention.CertificateRequired) {
		t.require("certificate", d.Certificate)
	}
	if d.Ended.On > Today(t.Now) {
		t.wrong("destroyed_on", CodeField, "must not lie in the future")
	}
	t.Change.Done.Details.Certificate = d.Certificate
	if d.Ended != (Destruction{}) {
		t.Change.Done.Details.Ended = &d.Ended
	}
	t.evidence("document", d.Document)
	return nil
}

func (d SubmittingEvidence) do(t *Turn) error {
	t.require("text", d.Text)
	t.Change.Done.Details.Text = d.Text
	t.evidence("document", d.Document)
	return nil
}

func (AcceptingEvidence) do(*Turn) error { return nil }

func (d RejectingEvidence) do(t *Turn) error {
	t.require("reason", d.Reason)
	t.Change.Done.Details.Reason = d.Reason
	return nil
}

func (d WaivingCondition) do(t *Turn) error {
	t.require("reason", d.Reason)
	t.Change.Done.Details.Reason = d.Reason
	return nil
}

func (d BreachingCondition) do(t *Turn) error {
	t.Change.Done.Details.Text, t.Change.Done.Details.Incident = d.Text, d.Incident
	if d.AwareAt != nil && blank(d.Incident) {
		t.wrong("incident", CodeRequired, "must be given: its clock runs from when it was noticed")
	}
	if !blank(d.Incident) {
		x, _ := t.Case.Condition(t.Subject)
		report := IncidentReport{Number: d.Incident, AwareAt: d.AwareAt, Authorisation: t.governed(x), Suspends: true}
		t.incidentTimes(report)
		t.Change.Done.Details.Report = &report
	}
	return nil
}

// governed is the newest authorisation that the condition governs, "" where it governs none.
func (t *Turn) governed(x Condition) string {
	for i := len(t.Case.Authorisations) - 1; i >= 0; i-- {
		if a := t.Case.Authorisations[i]; t.Case.Governs(x, a) {
			return a.ID
		}
	}
	return ""
}
