package casework

import (
	"context"
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// move is one deed on its way through a transaction. The closure that holds it may run twice, so start wipes whatever an
// attempt has left.
type move struct {
	service *Service
	call    Call
	deed    caldicott.Deed
	subject string
	begins  bool

	tx       caldicott.Tx
	at       time.Time
	turn     *caldicott.Turn
	line     string
	recorded *caldicott.Event // what a refusal is to be recorded as
	refusal  error
	result   Result
}

func (m *move) start(tx caldicott.Tx) {
	m.tx, m.turn, m.recorded, m.refusal, m.line, m.result = tx, nil, nil, nil, "", Result{}
}

// step is the shape of all casework: everything that decides the outcome, in the order of checks, then one write. The
// instant of the deed is taken when case and person are locked: what was revoked or done before it is seen, and nothing
// else can be dated before it.
func (m *move) step(ctx context.Context, c caldicott.Case) error {
	if err := m.tx.LockPerson(ctx, m.call.By.ID, false); err != nil {
		return err
	}
	m.at = m.service.Now()
	if m.begins {
		c.Request.CreatedAt = m.at
	} else if last := c.Done[len(c.Done)-1].At; m.at.Before(last) {
		m.at = last // another replica's clock is ahead: a deed is never dated before the one it follows
	}
	by, guardians, err := m.tx.Standing(ctx, m.call.By.ID, c.Request.OrganisationID, m.at)
	if err != nil {
		return err
	}
	if !m.begins {
		if err := m.service.catchUp(ctx, m.tx, &c, m.at); err != nil {
			return err
		}
	}
	m.turn = &caldicott.Turn{
		House: m.service.House, By: by, Now: m.at, Guardians: guardians, Case: &c, Subject: m.subject,
		Confirmed: m.call.Confirmed, NewID: m.service.NewID,
		Reference: func(year int) (string, error) {
			return m.tx.NextReference(ctx, c.Request.OrganisationID, c.Request.OrgCode, year)
		},
		Acquainted: func(named map[string]string) ([]caldicott.FieldError, error) { return m.acquainted(ctx, named) },
		Appointed: func(userID string, role vocabulary.Role, at time.Time) (bool, error) {
			return m.appointed(ctx, userID, role, at)
		},
		FindReviewer: func() (string, error) { return m.findReviewer(ctx) },
		RuleOff: func(kind vocabulary.Kind) (bool, error) {
			return m.service.ruleOff(ctx, m.tx, c.Request.OrganisationID, kind)
		},
	}
	if m.deed.Action() == caldicott.Renew {
		m.turn.Begins = m.service.NewID()
	}
	if err := m.admit(ctx); err != nil || m.result.Before != nil {
		return err
	}
	if err := m.allow(); err != nil {
		return m.refuse(err)
	}
	if m.deed.Action() == caldicott.EraseDocument {
		if err := unheld(ctx, m.tx, c.Request.OrganisationID, c.Request.ID); err != nil {
			return m.refuse(err)
		}
	}
	if m.call.IfMatch != 0 && m.call.IfMatch != Revision(m.turn.Case, m.deed.Action(), m.subject) {
		return caldicott.Errorf(caldicott.Stale, caldicott.CodeStale, "It has changed since you read it; please read it again.")
	}
	if err := m.turn.Take(m.deed, m.call.Invalid); err != nil {
		return m.refuse(err)
	}
	return m.save(ctx)
}

// admit answers 404, 428 and the stored answer.
func (m *move) admit(ctx context.Context) error {
	if !m.begins {
		ruling := m.service.Policy.May(caldicott.View, caldicott.Standings(m.turn.By, m.turn.Case, "", caldicott.InForceAt(m.at)))
		if !ruling.Allowed {
			return m.refuse(notFound())
		}
	}
	if needsMatch(m.deed.Action()) && m.call.IfMatch == 0 {
		return caldicott.Errorf(caldicott.Precondition, caldicott.CodePrecondition, "If-Match is needed: say which revision you have read.")
	}
	before, err := answered(ctx, m.tx, m.call, m.at)
	if err != nil || before == nil {
		return err
	}
	m.result.Before = before
	if !m.begins || before.RequestID == "" {
		return nil
	}
	return m.readmit(ctx, before.RequestID)
}

// readmit asks whether the person may still see the request that they began, before its answer is given again.
func (m *move) readmit(ctx context.Context, id string) error {
	c, err := m.tx.ReadCase(ctx, id)
	if err != nil {
		return err
	}
	if m.service.Policy.May(caldicott.View, caldicott.Standings(m.turn.By, &c, "", caldicott.InForceAt(m.at))).Allowed {
		return nil
	}
	m.result.Before, m.begins, m.turn.Case = nil, false, &c
	return m.refuse(notFound())
}

func notFound() error {
	return caldicott.Errorf(caldicott.NotFound, caldicott.CodeNotFound, "There is no such thing, or you may not see it.")
}

// answered finds the answer given under the call's key, if any.
func answered(ctx context.Context, tx caldicott.Tx, call Call, at time.Time) (*caldicott.GivenAnswer, error) {
	if call.Retry == nil {
		return nil, nil
	}
	before, found, err := tx.Answer(ctx, call.By.ID, call.Retry.Key, at.Add(-caldicott.AnswersKept))
	if err != nil || !found {
		return nil, err
	}
	if before.Digest != call.Retry.Digest {
		return nil, caldicott.Errorf(caldicott.Invalid, caldicott.CodeKeyReused, "This Idempotency-Key was used for another question.")
	}
	return &before, nil
}

// allow answers 403 and 409: separation of duties, the policy, authority at this instant, and the workflow.
func (m *move) allow() error {
	t, a := m.turn, m.deed.Action()
	if err := t.Separate(m.deed); err != nil {
		return err
	}
	if !m.service.Policy.May(a, t.Standings(m.deed, true)).Allowed {
		return caldicott.Errorf(caldicott.Forbidden, caldicott.CodePolicy, "The policy does not allow you to %s this.", a)
	}
	if err := t.Authorise(m.deed, func(st caldicott.Standing) bool {
		return m.service.Policy.May(a, []caldicott.Standing{st}).Allowed
	}); err != nil {
		return err
	}
	m.line = m.service.Policy.May(a, []caldicott.Standing{t.Chosen}).Line
	return t.Guard(m.deed)
}

// save writes the change with its entry, what the guard saw, and the answer for whoever asks again.
func (m *move) save(ctx context.Context) error {
	t := m.turn
	t.Change.Event.PolicyDigest, t.Change.Event.PolicyLine = m.service.Policy.Digest(), m.line
	if err := m.tx.SaveCase(ctx, t.Change); err != nil {
		return err
	}
	entry := m.tx.Appended() // the deed's own: what follows from it is appended after it
	if a := t.Change.Authorisation; a != nil && a.Supersedes != "" && t.Case.Request.Renews != "" {
		if err := m.tx.Recall(ctx, a.Supersedes); err != nil {
			return err
		}
	}
	for _, f := range t.Fired {
		if err := m.tx.Note(ctx, m.event(caldicott.GuardFired, caldicott.OutcomeDone, string(f.Rule), f)); err != nil {
			return err
		}
	}
	if err := m.service.follow(ctx, m.tx, t.Case, m.at); err != nil {
		return err
	}
	m.result = Result{Case: *t.Case, By: t.By, Guardians: t.Guardians, At: m.at, Subject: subjectOf(t)}
	if t.Begins != "" {
		if err := m.beginRenewal(ctx); err != nil {
			return err
		}
	}
	m.result.Receipt = m.service.promise(entry)
	if m.call.Retry == nil {
		return nil
	}
	answer, err := m.call.Retry.Encode(m.result)
	if err != nil {
		return err
	}
	answer.Digest, answer.At, answer.RequestID = m.call.Retry.Digest, m.at, t.Case.Request.ID
	answer.Receipt = m.result.Receipt
	return m.tx.KeepAnswer(ctx, m.call.By.ID, m.call.Retry.Key, answer)
}

// subjectOf is what the answer to the deed shows.
func subjectOf(t *caldicott.Turn) string {
	if t.Change.Remark != nil {
		return t.Change.Remark.ID
	}
	switch t.Change.Done.Deed {
	case caldicott.Vary:
		return t.Change.Authorisation.ID
	case caldicott.RequestReview, caldicott.RecordDissent, caldicott.LinkIncident, caldicott.Attach:
		return t.Change.Done.ID // what the deed made is known by the deed's own id
	}
	return t.Change.Done.Subject
}

// refuse remembers how the refusal is to be recorded, and passes it on.
func (m *move) refuse(err error) error {
	if caldicott.KindOf(err) == caldicott.Invalid {
		m.refusal = err
	}
	if onRecord(err) {
		e := m.event(m.deed.Action(), caldicott.OutcomeRefused, caldicott.CodeOf(err), caldicott.Finding{})
		m.recorded = &e
	}
	return err
}

// onRecord are the refusals that belong in the trail: 403, 404 of what exists, 409 by the state, 422 by a rule.
func onRecord(err error) bool {
	switch caldicott.KindOf(err) {
	case caldicott.Forbidden, caldicott.NotFound:
		return true
	case caldicott.Conflict:
		return caldicott.CodeOf(err) == caldicott.CodeState || caldicott.CodeOf(err) == caldicott.CodeHold
	case caldicott.Invalid:
		return caldicott.ByRule(caldicott.CodeOf(err))
	}
	return false
}

// event is an event outside the chain: what was refused, read or seen by the guard.
func (m *move) event(a caldicott.Action, outcome, rule string, f caldicott.Finding) caldicott.Event {
	r := m.turn.Case.Request
	e := caldicott.Event{
		Stream: accessStream(m.at), Action: a, Outcome: outcome, Rule: rule, At: m.at, Actor: m.turn.By.ID,
		Organisation: r.OrganisationID, Request: r.ID, Subject: m.subject, PolicyDigest: m.service.Policy.Digest(),
	}
	if m.begins && outcome == caldicott.OutcomeRefused {
		e.Request = "" // it never came to be
	}
	if f.Field != "" {
		e.Facts = map[string]string{"field": f.Field, "severity": string(f.Severity)}
	}
	return e
}

// accessStream gathers a day's refusals and readings: they have no row to lock and so no chain.
func accessStream(at time.Time) string { return "access:" + at.Format("20060102") }

// end records a refusal, which must not be lost: without its record the answer is that the service is away.
func (m *move) end(ctx context.Context, err error) (Result, error) {
	if err == nil {
		return m.result, nil
	}
	var events []caldicott.Event
	if m.recorded != nil {
		events = append(events, *m.recorded)
	}
	for _, f := range m.fired() {
		events = append(events, m.event(caldicott.GuardFired, caldicott.OutcomeRefused, string(f.Rule), f))
	}
	if len(events) == 0 {
		return Result{}, err
	}
	return Result{}, m.service.record(ctx, err, events...)
}

// fired is what the guard saw in a body that was refused; nothing where it did not come to that, or where the fault was the
// database's and the deed may be sent again.
func (m *move) fired() []caldicott.Finding {
	if m.turn == nil || m.refusal == nil {
		return nil
	}
	return m.turn.Fired
}

// recordWithin is how long a refusal may wait to be recorded, whether or not its caller is still there.
const recordWithin = 10 * time.Second

// record writes events in a transaction of their own and gives back the error they stand for.
func (s *Service) record(ctx context.Context, refusal error, events ...caldicott.Event) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	err := s.Store.InTx(ctx, func(tx caldicott.Tx) error {
		for _, e := range events {
			if err := tx.Note(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return &caldicott.Error{
			Kind: caldicott.Unavailable, Code: caldicott.CodeUnavailable,
			Message: "The service could not record this; please try again.", Err: err,
		}
	}
	return refusal
}

// Revision is the number behind the ETag of what a deed is done to: the request's own, or how often something was done
// to the authorisation or the condition.
func Revision(c *caldicott.Case, a caldicott.Action, subject string) int {
	switch {
	case slices.Contains(caldicott.ConditionDeeds(), a), slices.Contains(caldicott.HangingDeeds(), a):
		return RevisionOf(c, subject)
	case slices.Contains(caldicott.AuthorisationDeeds(), a):
		return AuthorisationRevision(c, subject)
	}
	return c.Request.Revision
}

// RevisionOf counts the deeds done to something, from 1. What the keeper records was true before and is not counted.
func RevisionOf(c *caldicott.Case, subject string) int {
	n := 1
	for _, d := range c.Done {
		if d.Subject == subject && d.By != "" {
			n++
		}
	}
	return n
}

// AuthorisationRevision counts those on its conditions too: they move its state.
func AuthorisationRevision(c *caldicott.Case, id string) int {
	n := RevisionOf(c, id)
	for _, x := range c.Conditions {
		if a, ok := c.Authorisation(id); ok && c.Governs(x, a) {
			n += RevisionOf(c, x.ID) - 1
		}
	}
	return n
}
