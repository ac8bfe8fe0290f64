package caldicott

import (
	"fmt"
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Triaging takes a submitted request up.
type Triaging struct{}

// Asking puts questions to the requester and stops the clock.
type Asking struct{ Questions []Question }

// Consulting asks roles for their view; the mandatory ones are added by the service.
type Consulting struct {
	Consultees []vocabulary.Role
	Due        string
}

// Advising gives a consultee's own view.
type Advising struct {
	Role vocabulary.Role
	View vocabulary.View
	Text string
}

// Waiving lets a consultation go.
type Waiving struct {
	Consultee vocabulary.Role
	Reason    string
}

// PuttingForward hands the case to who decides, with a recommendation.
type PuttingForward struct{ Recommendation string }

// SettingAside decides at triage that no guardian's decision is needed.
type SettingAside struct {
	Outcome      vocabulary.Outcome
	Reason       string
	StandingRule string
	ReferTo      []vocabulary.Referral
}

// Withdrawing ends a request before it is decided.
type Withdrawing struct{ Reason string }

// Closing ends a decided request under which nothing is open.
type Closing struct{ Reason string }

// Commenting adds a private remark.
type Commenting struct{ Text string }

// Disclosing records what really left. Recipient is an organisation's code or the position in the version's list.
type Disclosing struct {
	Authorisation string
	Recipient     string
	Records       *int
	Method        vocabulary.TransferMethod
	DisclosedAt   time.Time // zero: now
	Note          string
}

func (Triaging) Action() Action       { return Triage }
func (Asking) Action() Action         { return Ask }
func (Consulting) Action() Action     { return Consult }
func (Advising) Action() Action       { return Advise }
func (Waiving) Action() Action        { return Waive }
func (PuttingForward) Action() Action { return PutForward }
func (SettingAside) Action() Action   { return SetAside }
func (Withdrawing) Action() Action    { return Withdraw }
func (Closing) Action() Action        { return Close }
func (Commenting) Action() Action     { return Comment }
func (Disclosing) Action() Action     { return Disclose }

func (Triaging) Texts() []Text         { return nil }
func (Consulting) Texts() []Text       { return nil }
func (d Advising) Texts() []Text       { return []Text{{"text", d.Text}} }
func (d Waiving) Texts() []Text        { return []Text{{"reason", d.Reason}} }
func (d PuttingForward) Texts() []Text { return []Text{{"recommendation", d.Recommendation}} }
func (d Withdrawing) Texts() []Text    { return []Text{{"reason", d.Reason}} }
func (d Closing) Texts() []Text        { return []Text{{"reason", d.Reason}} }
func (d Commenting) Texts() []Text     { return []Text{{"text", d.Text}} }
func (d Disclosing) Texts() []Text     { return []Text{{"recipient", d.Recipient}, {"note", d.Note}} }

// Texts are the reason and the name of the standing rule.
func (d SettingAside) Texts() []Text {
	return []Text{{"reason", d.Reason}, {"standing_rule", d.StandingRule}}
}

// Texts are the questions.
func (d Asking) Texts() []Text {
	var texts []Text
	for i, q := range d.Questions {
		texts = append(texts, Text{fmt.Sprintf("questions[%d].text", i), q.Text}, Text{fmt.Sprintf("questions[%d].field", i), q.Field})
	}
	return texts
}

func (Triaging) do(*Turn) error { return nil }

func (d Asking) do(t *Turn) error {
	if len(d.Questions) == 0 {
		t.wrong("questions", CodeRequired, "must hold at least one question")
	}
	asked := len(t.Case.Questions())
	for i, q := range d.Questions {
		t.require(fmt.Sprintf("questions[%d].text", i), q.Text)
		q.N = asked + i + 1
		t.Change.Done.Details.Questions = append(t.Change.Done.Details.Questions, q)
	}
	return nil
}

func (d Consulting) do(t *Turn) error {
	mandatory := t.House.Consultees.Mandatory(t.Case.Content())
	roles := slices.Concat(mandatory, d.Consultees)
	if len(roles) == 0 {
		t.wrong("consultees", CodeRequired, "must name somebody: nobody has to be asked for this kind of request")
	}
	if d.Due != "" && d.Due < Today(t.Now) {
		t.wrong("due", CodeField, "must not lie in the past")
	}
	for i, role := range roles {
		if !Consultable(role) {
			t.wrong(fmt.Sprintf("consultees[%d]", i-len(mandatory)), CodeField, "is not a role that gives its view")
			continue
		}
		if role == vocabulary.RoleIao && t.Case.Content().AssetOwner == "" {
			t.wrong(fmt.Sprintf("consultees[%d]", i-len(mandatory)), CodeField, "cannot be asked: the request names no information asset owner")
			continue
		}
		if _, asked := t.Case.Asked(role); asked {
			continue
		}
		x := Consultation{
			ID: t.NewID(), Role: role, Mandatory: slices.Contains(mandatory, role), Due: d.Due, By: t.By.UserID, At: t.Now,
		}
		t.Case.Consultations = append(t.Case.Consultations, x)
		t.Change.Consultations = append(t.Change.Consultations, x)
	}
	return nil
}

// Consultable says whether a role may be asked for its view. Those who decide, audit or look on may not.
func Consultable(r vocabulary.Role) bool {
	return slices.Contains([]vocabulary.Role{
		vocabulary.RoleIao, vocabulary.RoleDpo, vocabulary.RoleSiro, vocabulary.RoleLegal, vocabulary.RoleCyber,
		vocabulary.RoleResearchOffice, vocabulary.RoleSafeguardingLead, vocabulary.RoleClinicalSafetyOfficer,
	}, r)
}

func (d Advising) do(t *Turn) error {
	t.require("view", string(d.View))
	t.require("text", d.Text)
	a := Advice{
		ID: t.NewID(), Role: d.Role, View: d.View, Text: d.Text, Version: t.Case.Request.Version, By: t.By.UserID, At: t.Now,
	}
	t.Case.Advice = append(t.Case.Advice, a)
	t.Change.Advice, t.Change.Done.Details.Role = &a, d.Role
	return nil
}

func (d Waiving) do(t *Turn) error {
	t.require("consultee", string(d.Consultee))
	t.require("reason", d.Reason)
	w := Waiver{ID: t.NewID(), Role: d.Consultee, Reason: d.Reason, By: t.By.UserID, At: t.Now}
	t.Case.Waivers = append(t.Case.Waivers, w)
	t.Change.Waiver, t.Change.Done.Details.Role = &w, d.Consultee
	return nil
}

func (d PuttingForward) do(t *Turn) error {
	t.require("recommendation", d.Recommendation)
	t.Change.Done.Details.Recommendation = d.Recommendation
	t.Change.Done.Details.Missing = t.Case.Waiting(t.House.Consultees.Mandatory(t.Case.Content()))
	return nil
}

func (d SettingAside) do(t *Turn) error {
	t.require("reason", d.Reason)
	if d.Outcome != vocabulary.OutcomeNotRequired && d.Outcome != vocabulary.OutcomeOutOfRemit {
		t.wrong("outcome", CodeField, "must be NOT_REQUIRED or OUT_OF_REMIT")
	}
	if d.StandingRule != "" && t.RuleOff != nil {
		off, err := t.RuleOff(t.Case.Content().Kind)
		if err != nil {
			return err
		}
		if off {
			t.wrong("standing_rule", CodeField, "is switched off for this kind of request until a guardian has reviewed it")
		}
	}
	t.decides(Decision{
		Outcome: d.Outcome, Rationale: d.Reason, StandingRule: d.StandingRule, ReferTo: d.ReferTo,
		Law:      lawOf(t.Case.Content().Legal),
		Findings: t.House.Rules.Findings(t.Case.Content(), t.Case.Circumstances(t.Guardians, t.Now)),
	})
	return nil
}

func (d Withdrawing) do(t *Turn) error {
	t.require("reason", d.Reason)
	t.Change.Done.Details.Reason = d.Reason
	return nil
}

func (d Closing) do(t *Turn) error {
	t.Change.Done.Details.Reason = d.Reason
	return nil
}

func (d Commenting) do(t *Turn) error {
	t.require("text", d.Text)
	t.Change.Remark = &Remark{ID: t.NewID(), By: t.By.UserID, Text: d.Text, At: t.Now}
	return nil
}

func (d Disclosing) do(t *Turn) error {
	t.require("recipient", d.Recipient)
	t.require("method", string(d.Method))
	at := d.DisclosedAt
	if at.IsZero() {
		at = t.Now
	}
	if at.After(t.Now) {
		t.wrong("disclosed_at", CodeField, "must be an instant that has passed")
	}
	under, exception := t.Case.Covers(d.Authorisation, d.Recipient, at)
	t.discloses(Disclosure{
		Authorisation: under.ID, Recipient: d.Recipient, Records: d.Records, Method: d.Method,
		DisclosedAt: at, Exception: exception, Note: d.Note,
	})
	t.Change.Done.Subject = t.Change.Disclosure.ID
	return nil
}
