// Package casework is the deeds: load, ask the policy, apply, save, record.
package casework

import (
	"context"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Policy answers who may do what; internal/access reads it from policy/.
type Policy interface {
	// May rules on a deed by how the person stands to the thing; a prohibition beats any permission.
	May(a caldicott.Action, standings []caldicott.Standing) caldicott.Ruling
	// Reach gives the standings of the roles that the policy allows, and those that it forbids.
	Reach(a caldicott.Action, roles []vocabulary.Role) (allowed, denied []caldicott.Standing)
	// Digest names the policy in force.
	Digest() string
}

// Service does the deeds.
type Service struct {
	Store  caldicott.Store
	Policy Policy
	House  *caldicott.House
	// Clock tells the time; NewID gives a fresh UUIDv7.
	Clock func() time.Time
	NewID func() string
	// Endpoints are the webhooks of each organisation, by its code.
	Endpoints map[string][]string
	// Vault keeps the bytes of documents, and Files tells what they are; nil where none can be kept. Scans says that they
	// wait for a scanner.
	Vault Vault
	Files Files
	Scans bool
	// Promise signs a receipt for the entry of a deed, as the header Audit-Receipt has it; nil where none are given. It gives
	// "", and says why in the log, where it cannot: no deed is lost for want of its receipt.
	Promise func(caldicott.Appended) string
}

// Now is the instant of a deed: UTC and whole microseconds, as PostgreSQL keeps them. A hash of what was written would
// otherwise not be the hash of what is read.
func (s *Service) Now() time.Time { return s.Clock().UTC().Truncate(time.Microsecond) }

// A Call is one person's wish, besides the deed itself.
type Call struct {
	By caldicott.Actor
	// IfMatch is the revision that the caller has seen; 0 where they did not say.
	IfMatch int
	// Invalid is what was already found wrong with the body. It is answered in its turn, after everything that is refused
	// whatever the body says.
	Invalid   []caldicott.FieldError
	Confirmed []caldicott.Confirmation
	Retry     *Retry
}

// Retry lets a POST be sent again: the same key and question get the first answer. Encode is run inside the deed's
// transaction, so that deed and answer are kept together or not at all.
type Retry struct {
	Key    string
	Digest [32]byte
	Encode func(Result) (caldicott.GivenAnswer, error)
}

// Result is the case as a deed left it, with who asked and what was known; or the answer given to this question before.
type Result struct {
	Case      caldicott.Case
	By        caldicott.Actor
	Guardians []caldicott.Guardian
	At        time.Time
	Subject   string // the decision, authorisation, condition, disclosure or comment that the deed made or was done to
	Given
	Pace *Pace // the house's own history for this kind, where it was read and there is enough of it
}

// Given is what an answer says besides the thing: the answer given to this question before, in whose place it comes, or the
// receipt for the entry of the deed.
type Given struct {
	Before  *caldicott.GivenAnswer
	Receipt string
}

// promise gives the receipt for an entry. It is the last thing that a deed does before its answer is kept: the time promised
// begins when all the waiting is over.
func (s *Service) promise(entry caldicott.Appended) string {
	if s.Promise == nil {
		return ""
	}
	return s.Promise(entry)
}

// Target is what a deed is done to: a request, or something under it.
type Target struct {
	Noun caldicott.Noun
	ID   string
}

// Do does a deed on something that exists. Everything that decides the outcome happens in one transaction, on the locked
// row; a refusal is recorded in a second, tiny one, because the first takes its own record with it when it rolls back.
func (s *Service) Do(ctx context.Context, call Call, target Target, deed caldicott.Deed) (Result, error) {
	request, err := s.requestOf(ctx, target)
	if err != nil {
		return Result{}, err
	}
	m := move{service: s, call: call, deed: deed}
	if target.Noun != caldicott.Requests {
		m.subject = target.ID
	}
	err = s.Store.InTx(ctx, func(tx caldicott.Tx) error {
		m.start(tx)
		c, err := tx.LockCase(ctx, request)
		if err != nil {
			return err
		}
		return m.step(ctx, c)
	})
	return m.end(ctx, err)
}

// Begin does a deed that begins a request: draft or record_emergency.
func (s *Service) Begin(ctx context.Context, call Call, deed caldicott.Deed) (Result, error) {
	m := move{service: s, call: call, deed: deed, begins: true}
	id := s.NewID()
	err := s.Store.InTx(ctx, func(tx caldicott.Tx) error {
		m.start(tx)
		return m.step(ctx, caldicott.Case{Request: caldicott.Request{
			ID: id, OrganisationID: call.By.OrganisationID, OrgCode: call.By.OrgCode, Requester: call.By.UserID,
			Emergency: deed.Action() == caldicott.RecordEmergency,
		}})
	})
	return m.end(ctx, err)
}

func (s *Service) requestOf(ctx context.Context, target Target) (string, error) {
	if target.Noun == caldicott.Requests {
		return target.ID, nil
	}
	return s.Store.CaseOf(ctx, target.Noun, target.ID)
}

// Vault keeps the bytes of documents, sealed, under their ids.
type Vault interface {
	Keep(ctx context.Context, id string, content []byte) error
	Fetch(ctx context.Context, id string) ([]byte, error)
	Erase(ctx context.Context, id string) error
}

// needsMatch are the deeds that nobody should do on a state that they have not seen. draft and record_emergency begin; the
// others only add.
func needsMatch(a caldicott.Action) bool {
	switch a {
	case caldicott.Draft, caldicott.RecordEmergency, caldicott.Comment, caldicott.Advise, caldicott.Disclose, caldicott.SubmitEvidence,
		caldicott.RequestReview, caldicott.RecordDissent, caldicott.AnswerDissent, caldicott.RecordNotFollowed, caldicott.LinkIncident,
		caldicott.UpdateIncident, caldicott.LinkRisk, caldicott.Attach, caldicott.EraseDocument, caldicott.InviteReviewer:
		return false
	}
	return true
}
