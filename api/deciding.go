package api

import (
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Claiming says in which capacity the caller acts; what is absent is left to the service. A deputy acts under a
// delegation, named by its id.
type Claiming struct {
	ActingAs   vocabulary.Role `json:"acting_as,omitempty" validate:"omitempty,code=role"`
	Delegation string          `json:"delegation,omitempty" validate:"omitempty,id"`
}

func (c Claiming) claim() caldicott.Claim { return caldicott.Claim(c) }

// Opening takes a case up for decision, with a declaration of one's own interests.
type Opening struct {
	Conflict ConflictDeclared `json:"conflict"`
	Claiming
	Confirming
}

// ConflictDeclared is what the person says of their own interests; NONE where there are none.
type ConflictDeclared struct {
	Type vocabulary.Conflict `json:"type" validate:"omitempty,code=conflict_type"`
	Note string              `json:"note,omitempty" validate:"max=10000"`
}

// HandingBack gives the case to somebody else to decide.
type HandingBack struct {
	Reason string `json:"reason" validate:"max=10000"`
	To     string `json:"to" validate:"omitempty,user_id"`
	Confirming
}

// Deciding is a guardian's decision on the current version.
type Deciding struct {
	Outcome            vocabulary.Outcome    `json:"outcome" validate:"omitempty,code=decision_outcome"`
	Rationale          string                `json:"rationale" validate:"max=10000"`
	Principles         Principles            `json:"principles"`
	Law                *Law                  `json:"law,omitempty"`
	Conditions         []ConditionAsked      `json:"conditions,omitempty" validate:"max=200,dive"`
	ReviewDate         string                `json:"review_date,omitempty" validate:"omitempty,date"`
	ExpiryDate         string                `json:"expiry_date,omitempty" validate:"omitempty,date"`
	ReferTo            []vocabulary.Referral `json:"refer_to,omitempty" validate:"max=20,dive,code=referral_target"`
	HarmStatement      string                `json:"harm_statement,omitempty" validate:"max=10000"`
	AlternativeOffered string                `json:"alternative_offered,omitempty" validate:"max=10000"`
	Claiming
	Confirming
}

// Principles are the judgements of the eight Caldicott Principles.
type Principles struct {
	CP1 *Judgement `json:"CP1,omitempty"`
	CP2 *Judgement `json:"CP2,omitempty"`
	CP3 *Judgement `json:"CP3,omitempty"`
	CP4 *Judgement `json:"CP4,omitempty"`
	CP5 *Judgement `json:"CP5,omitempty"`
	CP6 *Judgement `json:"CP6,omitempty"`
	CP7 *Judgement `json:"CP7,omitempty"`
	CP8 *Judgement `json:"CP8,omitempty"`
}

// Judgement is how one principle is met. NOT_APPLICABLE needs a note.
type Judgement struct {
	Assessment vocabulary.Assessment `json:"assessment,omitempty" validate:"omitempty,code=principle_assessment"`
	Note       string                `json:"note,omitempty" validate:"max=10000"`
}

// Law is what a decision relies on: a part of what the version relies on, or all of it where absent.
type Law struct {
	Art6   []vocabulary.Art6  `json:"art6,omitempty" validate:"max=20,dive,code=art6_basis"`
	Art9   []vocabulary.Art9  `json:"art9,omitempty" validate:"max=20,dive,code=art9_condition"`
	Sch1   []vocabulary.Sch1  `json:"dpa_sch1,omitempty" validate:"max=30,dive,code=dpa_sch1_condition"`
	Basis  vocabulary.Basis   `json:"cldc_basis,omitempty" validate:"omitempty,code=cldc_basis"`
	Powers []vocabulary.Power `json:"statutory_power,omitempty" validate:"max=30,dive,code=statutory_power"`
}

// ConditionAsked is a condition as a decision words it. Its id is its label within the decision (C1); without one it is
// numbered.
type ConditionAsked struct {
	ID               string                   `json:"id,omitempty" validate:"max=20"`
	Type             vocabulary.ConditionType `json:"type" validate:"omitempty,code=condition_type"`
	Text             string                   `json:"text" validate:"max=10000"`
	Owner            string                   `json:"owner" validate:"omitempty,user_id"`
	Due              string                   `json:"due,omitempty" validate:"omitempty,date"`
	EvidenceExpected string                   `json:"evidence_expected,omitempty" validate:"max=10000"`
	Resolves         []vocabulary.Rule        `json:"resolves,omitempty" validate:"max=50,dive,code=validation_rule"`
}

func (b Opening) Deed() caldicott.Deed {
	return caldicott.Opening{Conflict: b.Conflict.Type, Note: b.Conflict.Note, Capacities: b.claim()}
}

func (b HandingBack) Deed() caldicott.Deed { return caldicott.HandingBack{Reason: b.Reason, To: b.To} }

func (b Deciding) Deed() caldicott.Deed {
	return caldicott.Deciding{
		Outcome: b.Outcome, Rationale: b.Rationale, Principles: b.Principles.judgements(), Law: (*caldicott.Law)(b.Law),
		Conditions: convert(b.Conditions, ConditionAsked.asked), ReviewDate: b.ReviewDate, ExpiryDate: b.ExpiryDate,
		ReferTo: b.ReferTo, HarmStatement: b.HarmStatement, AlternativeOffered: b.AlternativeOffered,
		Capacities: b.claim(),
	}
}

func (c ConditionAsked) asked() caldicott.ConditionAsked {
	return caldicott.ConditionAsked{
		Label: c.ID, Type: c.Type, Text: c.Text, Owner: c.Owner, Due: c.Due,
		EvidenceExpected: c.EvidenceExpected, Resolves: c.Resolves,
	}
}

// members gives each principle the member that holds its judgement.
func (p *Principles) members() map[vocabulary.Principle]**Judgement {
	return map[vocabulary.Principle]**Judgement{
		vocabulary.PrincipleCp1: &p.CP1, vocabulary.PrincipleCp2: &p.CP2, vocabulary.PrincipleCp3: &p.CP3,
		vocabulary.PrincipleCp4: &p.CP4, vocabulary.PrincipleCp5: &p.CP5, vocabulary.PrincipleCp6: &p.CP6,
		vocabulary.PrincipleCp7: &p.CP7, vocabulary.PrincipleCp8: &p.CP8,
	}
}

// judgements are those that were made.
func (p *Principles) judgements() caldicott.Principles {
	made := caldicott.Principles{}
	for principle, member := range p.members() {
		if *member != nil {
			made[principle] = caldicott.Judgement(**member)
		}
	}
	return made
}

// principlesOf writes the judgements of a decision; nil where it needed none.
func principlesOf(made caldicott.Principles) *Principles {
	if len(made) == 0 {
		return nil
	}
	var p Principles
	for principle, member := range p.members() {
		if j, ok := made[principle]; ok {
			*member = &Judgement{j.Assessment, j.Note}
		}
	}
	return &p
}
