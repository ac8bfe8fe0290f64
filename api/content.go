package api

import (
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Content is the document of a request as it is answered: the domain's own, an absent list as [].
type Content struct{ caldicott.Content }

// MarshalJSON writes the bytes that the digest is taken over.
func (c Content) MarshalJSON() ([]byte, error) { return c.Bytes(), nil }

// Confirming is what every body of a deed may carry.
type Confirming struct {
	NotIdentifiers []NotIdentifier `json:"not_identifiers,omitempty" validate:"max=200,dive"`
}

// NotIdentifier is the author's word that what looks like an NHS number in a field is none, and why.
type NotIdentifier struct {
	Field  string `json:"field" validate:"filled,max=200"`
	Reason string `json:"reason" validate:"filled,max=10000"`
}

// Confirmed gives what the author confirmed.
func (c Confirming) Confirmed() []caldicott.Confirmation {
	return convert(c.NotIdentifiers, func(n NotIdentifier) caldicott.Confirmation { return caldicott.Confirmation(n) })
}

// Body is what an operation that does a deed to a case receives. Deed is what it asks for; Confirmed what its author says
// is no NHS number.
type Body interface {
	Deed() caldicott.Deed
	Confirmed() []caldicott.Confirmation
}

// Drafting begins a request.
type Drafting struct {
	caldicott.Content
	Confirming
}

// Amending gives a draft its whole content anew.
type Amending struct {
	caldicott.Content
	Confirming
}

// RecordingEmergency records a disclosure that could not wait for a decision.
type RecordingEmergency struct {
	caldicott.Content
	Confirming
}

// Checking asks what would be found in a content, and changes nothing.
type Checking struct {
	caldicott.Content
	Confirming
}

// Submitting hands the draft in. It has nothing to say.
type Submitting struct {
	Rechecked []vocabulary.Recheck `json:"rechecked,omitempty" validate:"max=10,dive,code=recheck"`
	Confirming
}

// SeekingRatification asks the guardian to look at an emergency.
type SeekingRatification struct{ Confirming }

// Answering answers the questions, with a new content where it changed.
type Answering struct {
	Answers []AnswerGiven      `json:"answers" validate:"max=200,dive"`
	Content *caldicott.Content `json:"content,omitempty"`
	Confirming
}

// AnswerGiven answers the question of that number.
type AnswerGiven struct {
	Question int    `json:"question" validate:"min=1,max=1000000"`
	Text     string `json:"text" validate:"max=10000"`
}

// Resubmitting brings a deferred or referred request back with a new content.
type Resubmitting struct {
	Content *caldicott.Content `json:"content" validate:"required"`
	Confirming
}

func (b Drafting) Deed() caldicott.Deed { return caldicott.Drafting{Content: b.Content} }
func (b Amending) Deed() caldicott.Deed { return caldicott.Amending{Content: b.Content} }

func (b RecordingEmergency) Deed() caldicott.Deed {
	return caldicott.RecordingEmergency{Content: b.Content}
}

func (b Submitting) Deed() caldicott.Deed        { return caldicott.Submitting{Rechecked: b.Rechecked} }
func (SeekingRatification) Deed() caldicott.Deed { return caldicott.SeekingRatification{} }

func (b Answering) Deed() caldicott.Deed {
	return caldicott.Answering{
		Answers: convert(b.Answers, func(a AnswerGiven) caldicott.Answered { return caldicott.Answered(a) }),
		Content: b.Content,
	}
}

// Deed is what the body asks for; Check has refused one without a content.
func (b Resubmitting) Deed() caldicott.Deed {
	if b.Content == nil {
		return caldicott.Resubmitting{}
	}
	return caldicott.Resubmitting{Content: *b.Content}
}

// convert turns each element of a list; none stays none.
func convert[A, B any](list []A, f func(A) B) []B {
	if list == nil {
		return nil
	}
	converted := make([]B, len(list))
	for i, a := range list {
		converted[i] = f(a)
	}
	return converted
}

// listed turns each element of a list for an answer, in which no list is null.
func listed[A, B any](list []A, f func(A) B) []B {
	if len(list) == 0 {
		return []B{}
	}
	return convert(list, f)
}

// same gives a list for an answer as it is.
func same[A any](list []A) []A { return listed(list, func(a A) A { return a }) }
