package api

import (
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// RequestView is a request with everything about it that its readers share. The instants are UTC.
type RequestView struct {
	ID                  string             `json:"id"`
	Reference           string             `json:"reference,omitempty"`
	Organisation        string             `json:"organisation"`
	State               vocabulary.State   `json:"state"`
	Emergency           bool               `json:"emergency"`
	Title               string             `json:"title"`
	Kind                vocabulary.Kind    `json:"kind,omitempty"`
	Urgency             vocabulary.Urgency `json:"urgency,omitempty"`
	Requester           string             `json:"requester"`
	Version             int                `json:"version"`
	Revision            int                `json:"revision"`
	CreatedAt           time.Time          `json:"created_at"`
	SubmittedAt         time.Time          `json:"submitted_at,omitzero"`
	Content             Content            `json:"content"`
	Findings            []Finding          `json:"findings"`
	Missing             []string           `json:"missing"`
	MandatoryConsultees []vocabulary.Role  `json:"mandatory_consultees"`
	Deadlines           Deadlines          `json:"deadlines"`
	Clock               ClockView          `json:"clock"`
	Chase               []string           `json:"chase"`
	Renews              string             `json:"renews,omitempty"`
	Reviews             []ReviewView       `json:"reviews"`
	Documents           []DocumentView     `json:"documents"`
	Dissents            []DissentView      `json:"dissents,omitempty"`
	NotFollowed         []NotFollowedView  `json:"not_followed,omitempty"`
	Incidents           []IncidentView     `json:"incidents,omitempty"`
	Risks               []RiskView         `json:"risks,omitempty"`
	OpenedBy            string             `json:"opened_by,omitempty"`
	Questions           []QuestionView     `json:"questions"`
	Consultations       []ConsultationView `json:"consultations"`
	Declarations        []DeclarationView  `json:"declarations"`
	Decisions           []DecisionRow      `json:"decisions"`
	Authorisations      []AuthorisationRow `json:"authorisations"`
	Steps               []Step             `json:"steps"`
	Permitted           []Permitted        `json:"permitted"`
}

// Judged is what the rules say of a content: the answer to a check, and the facts of a RequestView.
type Judged struct {
	Findings            []caldicott.Finding
	Missing             []string // fields that submission needs and that are blank
	MandatoryConsultees []vocabulary.Role
}

// Beside is what a RequestView says beside the case itself. After is nil for those who do not handle the case.
type Beside struct {
	Judged    Judged
	Due       caldicott.Deadlines
	Clock     ClockView
	Chase     []string
	Reviews   []ReviewView
	After     *Aftermath
	Permitted []Permitted
}

// FromRequest writes a case as it stands at the instant.
func FromRequest(c *caldicott.Case, at time.Time, b Beside) RequestView {
	check := FromCheck(b.Judged)
	content := c.Content()
	v := RequestView{
		ID: c.Request.ID, Reference: c.Request.Reference, Organisation: c.Request.OrgCode, State: c.Request.State,
		Emergency: c.Request.Emergency, Title: content.Title, Kind: content.Kind, Urgency: content.Urgency,
		Requester: c.Request.Requester, Version: c.Request.Version, Revision: c.Request.Revision,
		CreatedAt: c.Request.CreatedAt, SubmittedAt: c.SubmittedAt(), Content: Content{content},
		Findings: check.Findings, Missing: check.Missing, MandatoryConsultees: check.MandatoryConsultees,
		Deadlines: FromDeadlines(b.Due), Clock: b.Clock, Chase: same(b.Chase), Renews: c.Request.Renews, Reviews: same(b.Reviews),
		Documents: listed(c.Documents(), func(d caldicott.Document) DocumentView { return FromDocument(c, d) }),
		OpenedBy:  c.OpenedBy(), Questions: FromQuestions(c),
		Consultations: FromConsultations(c),
		Declarations:  listed(c.Declarations, fromDeclaration),
		Decisions:     listed(c.Decisions, func(d caldicott.Decision) DecisionRow { return FromDecisionRow(c, d) }),
		Authorisations: listed(c.Authorisations, func(a caldicott.Authorisation) AuthorisationRow {
			return FromAuthorisationRow(c, a, at)
		}),
		Steps: FromSteps(c, b.After != nil), Permitted: same(b.Permitted),
	}
	if b.After != nil {
		v.Dissents, v.NotFollowed, v.Incidents, v.Risks = b.After.Dissents, b.After.NotFollowed, b.After.Incidents, b.After.Risks
	}
	return v
}

// RequestRow is a request in a list: no words that somebody wrote but its title.
type RequestRow struct {
	ID           string             `json:"id"`
	Reference    string             `json:"reference,omitempty"`
	Organisation string             `json:"organisation"`
	State        vocabulary.State   `json:"state"`
	Emergency    bool               `json:"emergency"`
	Title        string             `json:"title"`
	Kind         vocabulary.Kind    `json:"kind,omitempty"`
	Urgency      vocabulary.Urgency `json:"urgency,omitempty"`
	Requester    string             `json:"requester"`
	Version      int                `json:"version"`
	CreatedAt    time.Time          `json:"created_at"`
	SubmittedAt  time.Time          `json:"submitted_at,omitzero"`
	Deadlines    Deadlines          `json:"deadlines"`
}

// FromRequestRow writes a case as a row.
func FromRequestRow(c *caldicott.Case, due caldicott.Deadlines) RequestRow {
	content := c.Content()
	return RequestRow{
		ID: c.Request.ID, Reference: c.Request.Reference, Organisation: c.Request.OrgCode, State: c.Request.State,
		Emergency: c.Request.Emergency, Title: content.Title, Kind: content.Kind, Urgency: content.Urgency,
		Requester: c.Request.Requester, Version: c.Request.Version, CreatedAt: c.Request.CreatedAt,
		SubmittedAt: c.SubmittedAt(), Deadlines: FromDeadlines(due),
	}
}

// CheckResult is what would be found in a content today, and who would have to be consulted.
type CheckResult struct {
	Findings            []Finding         `json:"findings"`
	Missing             []string          `json:"missing"`
	MandatoryConsultees []vocabulary.Role `json:"mandatory_consultees"`
}

// FromCheck writes what the rules say.
func FromCheck(j Judged) CheckResult {
	return CheckResult{
		Findings: listed(j.Findings, fromFinding), Missing: same(j.Missing),
		MandatoryConsultees: same(j.MandatoryConsultees),
	}
}

// Finding is what one rule says about one field.
type Finding struct {
	Rule     vocabulary.Rule     `json:"rule"`
	Severity vocabulary.Severity `json:"severity"`
	Field    string              `json:"field"`
	Message  string              `json:"message"`
}

func fromFinding(f caldicott.Finding) Finding { return Finding(f) }

// Deadlines are the instants by which something is due, as far as there are such limits.
type Deadlines struct {
	TriageDue       time.Time `json:"triage_due,omitzero"`
	DecisionDue     time.Time `json:"decision_due,omitzero"`
	RecordDue       time.Time `json:"record_due,omitzero"`
	RatificationDue time.Time `json:"ratification_due,omitzero"`
	StatutoryDue    time.Time `json:"statutory_due,omitzero"`

	AcknowledgementDue time.Time `json:"acknowledgement_due,omitzero"`
}

// FromDeadlines writes the limits that there are.
func FromDeadlines(d caldicott.Deadlines) Deadlines {
	return Deadlines{
		TriageDue: d.Triage, DecisionDue: d.Decision, RecordDue: d.Record, RatificationDue: d.Ratification,
		StatutoryDue: d.Statutory, AcknowledgementDue: d.Acknowledgement,
	}
}

// DeclarationView is what the person who opened a case said about their own interests.
type DeclarationView struct {
	By      string              `json:"by"`
	Type    vocabulary.Conflict `json:"type"`
	Note    string              `json:"note,omitempty"`
	Version int                 `json:"version"`
	At      time.Time           `json:"at"`
}

func fromDeclaration(d caldicott.Declaration) DeclarationView {
	return DeclarationView{By: d.By, Type: d.Type, Note: d.Note, Version: d.Version, At: d.At}
}

// Step is a deed that was done, with its words. Comments are none: they are private.
type Step struct {
	Deed           caldicott.Action  `json:"deed"`
	By             string            `json:"by,omitempty"`
	ActingAs       string            `json:"acting_as,omitempty"`
	Delegation     string            `json:"delegation,omitempty"`
	At             time.Time         `json:"at"`
	From           vocabulary.State  `json:"from,omitempty"`
	To             vocabulary.State  `json:"to,omitempty"`
	Version        int               `json:"version"`
	Subject        string            `json:"subject,omitempty"`
	Target         string            `json:"target,omitempty"`
	Reason         string            `json:"reason,omitempty"`
	Text           string            `json:"text,omitempty"`
	Recommendation string            `json:"recommendation,omitempty"`
	Missing        []vocabulary.Role `json:"missing,omitempty"`
	Incident       string            `json:"incident,omitempty"`
	Certificate    string            `json:"certificate,omitempty"`
	Flags          []caldicott.Flag  `json:"flags,omitempty"`

	Wire     vocabulary.TripWire `json:"wire,omitempty"`
	Cause    string              `json:"cause,omitempty"`
	Limit    vocabulary.Limit    `json:"limit,omitempty"`
	Stage    string              `json:"stage,omitempty"`
	Due      time.Time           `json:"due,omitzero"`
	Since    time.Time           `json:"since,omitzero"`
	Document string              `json:"document,omitempty"`
}

// private are the deeds that only those who handle a case are told of.
var private = []caldicott.Action{
	caldicott.RecordDissent, caldicott.AnswerDissent, caldicott.RecordNotFollowed, caldicott.LinkIncident, caldicott.UpdateIncident,
	caldicott.LinkRisk,
}

// FromSteps writes everything that was done, but for the comments; whole for those who handle the case, for others without
// what is theirs alone.
func FromSteps(c *caldicott.Case, whole bool) []Step {
	steps := stepsOf(c, func(d caldicott.Done) bool {
		return d.Deed != caldicott.Comment && (whole || !slices.Contains(private, d.Deed))
	})
	for i := range steps {
		if steps[i].Deed == caldicott.RequestReview && !whole {
			steps[i].Text = "" // for who wrote it and who hears it: see the review itself
		}
	}
	return steps
}

// stepsOf writes the deeds that are wanted, in the order in which they were done.
func stepsOf(c *caldicott.Case, wanted func(caldicott.Done) bool) []Step {
	steps := []Step{}
	for _, d := range c.Done {
		if wanted(d) {
			steps = append(steps, fromDone(d))
		}
	}
	return steps
}

func fromDone(d caldicott.Done) Step {
	step := Step{
		Deed: d.Deed, By: d.By, ActingAs: d.ActingAs, Delegation: d.Delegation, At: d.At, From: d.From, To: d.To,
		Version: d.Version, Subject: d.Subject, Target: d.Target, Reason: d.Details.Reason, Text: d.Details.Text,
		Recommendation: d.Details.Recommendation, Missing: d.Details.Missing, Incident: d.Details.Incident,
		Certificate: d.Details.Certificate, Flags: d.Details.Flags, Wire: d.Details.Wire, Cause: d.Details.Cause,
		Limit: d.Details.Limit, Document: d.Details.Evidence,
	}
	if d.Deed == caldicott.Remind || d.Deed == caldicott.Escalate {
		step.Stage = d.Details.Moment
	}
	if d.Details.Due != nil {
		step.Due = *d.Details.Due
	}
	if d.Details.Dated != nil {
		step.Since = *d.Details.Dated
	}
	return step
}
