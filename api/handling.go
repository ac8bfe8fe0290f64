package api

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Triaging takes a submitted request up. It has nothing to say.
type Triaging struct{ Confirming }

// Asking puts questions to the requester.
type Asking struct {
	Questions []QuestionAsked `json:"questions" validate:"max=200,dive"`
	Confirming
}

// QuestionAsked is a question, tied to a field of the content or general.
type QuestionAsked struct {
	Field string `json:"field,omitempty" validate:"max=200"`
	Text  string `json:"text" validate:"max=10000"`
}

// Consulting asks roles for their view; the mandatory ones are added by the service.
type Consulting struct {
	Consultees []vocabulary.Role `json:"consultees" validate:"max=50,dive,code=role"`
	Due        string            `json:"due,omitempty" validate:"omitempty,date"`
	Confirming
}

// Advising gives a consultee's own view.
type Advising struct {
	Role vocabulary.Role `json:"role" validate:"required,code=role"`
	View vocabulary.View `json:"view" validate:"omitempty,code=consultation_view"`
	Text string          `json:"text" validate:"max=10000"`
	Confirming
}

// Waiving goes on without a consultee's view.
type Waiving struct {
	Consultee vocabulary.Role `json:"consultee" validate:"omitempty,code=role"`
	Reason    string          `json:"reason" validate:"max=10000"`
	Confirming
}

// PuttingForward hands the case to who decides.
type PuttingForward struct {
	Recommendation string `json:"recommendation" validate:"max=10000"`
	Confirming
}

// SettingAside says at triage that no guardian's decision is needed: NOT_REQUIRED or OUT_OF_REMIT.
type SettingAside struct {
	Outcome      vocabulary.Outcome    `json:"outcome" validate:"omitempty,code=decision_outcome"`
	Reason       string                `json:"reason" validate:"max=10000"`
	StandingRule string                `json:"standing_rule,omitempty" validate:"max=1000"`
	ReferTo      []vocabulary.Referral `json:"refer_to,omitempty" validate:"max=20,dive,code=referral_target"`
	Confirming
}

// Withdrawing ends a request before it is decided.
type Withdrawing struct {
	Reason string `json:"reason" validate:"max=10000"`
	Confirming
}

// Closing ends a decided request under which nothing is open.
type Closing struct {
	Reason string `json:"reason,omitempty" validate:"max=10000"`
	Confirming
}

// Commenting adds a remark that only those who handle the request read.
type Commenting struct {
	Text string `json:"text" validate:"max=10000"`
	Confirming
}

// Disclosing records what really left. Without Records it is not known how many; without DisclosedAt it was now.
type Disclosing struct {
	Recipient   RecipientName             `json:"recipient" validate:"omitempty,recipient"`
	Records     *int                      `json:"records,omitempty" validate:"omitempty,min=0,max=1000000000"`
	Method      vocabulary.TransferMethod `json:"method" validate:"omitempty,code=transfer_method"`
	DisclosedAt string                    `json:"disclosed_at,omitempty" validate:"omitempty,instant"`
	Note        string                    `json:"note,omitempty" validate:"max=10000"`
	Confirming
}

// mostRecipients is how many a content may name.
const mostRecipients = 200

// RecipientName says who received: an organisation's code ("TST05"), or the position in the version's list (0 or "0").
type RecipientName string

// UnmarshalJSON takes a text or a position.
func (n *RecipientName) UnmarshalJSON(b []byte) error {
	var said any
	if err := json.Unmarshal(b, &said); err != nil {
		return err
	}
	switch said := said.(type) {
	case string:
		*n = RecipientName(said)
	case float64:
		position, err := strconv.Atoi(string(b))
		if err != nil || position < 0 || position >= mostRecipients {
			return errors.New("must be a position, from 0 to 199")
		}
		*n = RecipientName(strconv.Itoa(position))
	case nil:
	default:
		return errors.New("must be an organisation's code or a position")
	}
	return nil
}

func (Triaging) Deed() caldicott.Deed { return caldicott.Triaging{} }

func (b Asking) Deed() caldicott.Deed {
	return caldicott.Asking{Questions: convert(b.Questions, func(q QuestionAsked) caldicott.Question {
		return caldicott.Question{Field: q.Field, Text: q.Text}
	})}
}

func (b Consulting) Deed() caldicott.Deed {
	return caldicott.Consulting{Consultees: b.Consultees, Due: b.Due}
}

func (b Advising) Deed() caldicott.Deed {
	return caldicott.Advising{Role: b.Role, View: b.View, Text: b.Text}
}

func (b Waiving) Deed() caldicott.Deed {
	return caldicott.Waiving{Consultee: b.Consultee, Reason: b.Reason}
}

func (b PuttingForward) Deed() caldicott.Deed {
	return caldicott.PuttingForward{Recommendation: b.Recommendation}
}

func (b SettingAside) Deed() caldicott.Deed {
	return caldicott.SettingAside{Outcome: b.Outcome, Reason: b.Reason, StandingRule: b.StandingRule, ReferTo: b.ReferTo}
}

func (b Withdrawing) Deed() caldicott.Deed { return caldicott.Withdrawing{Reason: b.Reason} }
func (b Closing) Deed() caldicott.Deed     { return caldicott.Closing{Reason: b.Reason} }
func (b Commenting) Deed() caldicott.Deed  { return caldicott.Commenting{Text: b.Text} }

// Deed is a disclosure that names no authorisation.
func (b Disclosing) Deed() caldicott.Deed { return b.Under("") }

// Under is a disclosure recorded against the authorisation.
func (b Disclosing) Under(authorisation string) caldicott.Deed {
	return caldicott.Disclosing{
		Authorisation: authorisation, Recipient: string(b.Recipient), Records: b.Records, Method: b.Method,
		DisclosedAt: instantOf(b.DisclosedAt), Note: b.Note,
	}
}

// instantOf reads an instant that Check has passed; "" is the zero time.
func instantOf(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}
