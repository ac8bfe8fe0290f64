package casework

import (
	"context"
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// A DirectoryResult is what a deed on people or the directory left behind.
type DirectoryResult struct {
	Organisation caldicott.OrganisationRow
	Person       caldicott.Person
	Appointment  caldicott.Appointment
	Delegation   caldicott.Delegation
	Asset        caldicott.Asset
	Shift        Shift
	Assurance    caldicott.Assurance
	Sample       Sample
	StandingRule StandingRule
	Notice       caldicott.Notice
	Erasure      Erasure
	Hold         LegalHold
	Disposal     Disposal
	At           time.Time
	Given
}

// DirectoryRetry is Retry for deeds on people and the directory.
type DirectoryRetry func(DirectoryResult) (caldicott.GivenAnswer, error)

// office is one deed on people or the directory: what it is about, and what it makes of it. check gives the separation of
// duties, state the 409, make the 422 and the rows. Everything runs under the lock of the organisation.
type office struct {
	action       caldicott.Action
	organisation string // code
	own          vocabulary.Role
	amends       bool // PUT: an If-Match is needed; without one, the others go by the state alone

	load  func(ctx context.Context, tx caldicott.Tx, d *desk) error
	check func(d *desk) error
	state func(d *desk) string
	make  func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError)
	after func(ctx context.Context, tx caldicott.Tx, d *desk) error // what follows from it, in the same transaction
	said  any                                                       // the words of the deed, which the trail commits to
	texts []caldicott.Text
	facts map[string]string
	about func() string // the request that it is about, once it was loaded; nil for none
	held  bool          // not done while a legal hold is in force over what it is about
}

// request is what the deed is about; "" where that is no request.
func (o office) request() string {
	if o.about == nil {
		return ""
	}
	return o.about()
}

// desk is what an office works on, inside its transaction.
type desk struct {
	by           caldicott.Actor
	organisation caldicott.OrganisationRecord
	now          time.Time
	newID        func() string
	person       caldicott.Actor
	appointment  caldicott.Appointment
	delegation   caldicott.Delegation
	asset        caldicott.Asset
	known        caldicott.OrganisationRow
	ruling       caldicott.Ruling
	acting       caldicott.Appointment // by which the person does it; zero where it takes none
	fired        []caldicott.Finding
	result       DirectoryResult
}

// run does the office's deed in the order of checks.
func (s *Service) run(ctx context.Context, call Call, encode DirectoryRetry, o office) (DirectoryResult, error) {
	var d desk
	var recorded []caldicott.Event
	err := s.Store.InTx(ctx, func(tx caldicott.Tx) error {
		d, recorded = desk{newID: s.NewID}, nil
		refused, err := s.office(ctx, tx, call, encode, o, &d)
		if err != nil && refused && onRecord(err) {
			e := s.directoryEvent(o, &d, caldicott.OutcomeRefused)
			e.Stream, e.Rule = accessStream(d.now), caldicott.CodeOf(err)
			recorded = append(recorded, e)
		}
		if err != nil && refused {
			recorded = append(recorded, s.firings(o, &d, caldicott.OutcomeRefused)...)
		}
		return err
	})
	switch {
	case err != nil && len(recorded) > 0:
		return DirectoryResult{}, s.record(ctx, err, recorded...)
	case err != nil:
		return DirectoryResult{}, err
	}
	d.result.At = d.now
	return d.result, nil
}

// office does the deed; refused says that an error is this deed's refusal and not the database's.
func (s *Service) office(ctx context.Context, tx caldicott.Tx, call Call, encode DirectoryRetry, o office, d *desk) (refused bool, err error) {
	if d.organisation, err = tx.LockOrganisation(ctx, o.organisation); err != nil {
		return false, err
	}
	if o.load != nil {
		if err := o.load(ctx, tx, d); err != nil {
			return false, err
		}
	}
	if err := lockBoth(ctx, tx, call.By.ID, d); err != nil {
		return false, err
	}
	d.now = s.Now()
	if d.by, _, err = tx.Standing(ctx, call.By.ID, d.organisation.ID, d.now); err != nil {
		return false, err
	}
	if o.load != nil && d.person.ID != "" { // once more: it may have changed while we waited
		if err := o.load(ctx, tx, d); err != nil {
			return false, err
		}
	}
	if o.amends && call.IfMatch == 0 {
		return false, caldicott.Errorf(caldicott.Precondition, caldicott.CodePrecondition, "If-Match is needed: say which revision you have read.")
	}
	before, err := answered(ctx, tx, call, d.now)
	if err != nil {
		return false, err
	}
	if before != nil { // given again only to somebody who still may
		d.result.Before = before
		return true, s.mayStill(ctx, tx, o, d)
	}
	if err := s.mayOffice(ctx, tx, call, o, d); err != nil {
		return true, err
	}
	rows, problems := o.make(d)
	problems = append(problems, call.Invalid...)
	d.fired = s.House.Rules.Guard.Look(o.texts, call.Confirmed)
	for _, f := range d.fired {
		if f.Severity == vocabulary.SeverityBlockSubmit {
			problems = append(problems, caldicott.FieldError{Field: f.Field, Code: string(f.Rule), Message: f.Message})
		}
	}
	if err := caldicott.Refuse(problems); err != nil {
		return true, err
	}
	return false, s.file(ctx, tx, call, encode, o, d, rows)
}

// file writes the rows with their entry, what the guard saw, and the answer for whoever asks again.
func (s *Service) file(ctx context.Context, tx caldicott.Tx, call Call, encode DirectoryRetry, o office, d *desk, rows caldicott.DirectoryRows) error {
	if err := tx.SaveDirectory(ctx, s.doneEvent(o, d, caldicott.Used(call.Confirmed, d.fired)), rows); err != nil {
		return err
	}
	entry := tx.Appended()
	for _, e := range s.firings(o, d, caldicott.OutcomeDone) {
		if err := tx.Note(ctx, e); err != nil {
			return err
		}
	}
	if o.after != nil {
		if err := o.after(ctx, tx, d); err != nil {
			return err
		}
	}
	d.result.Receipt = s.promise(entry)
	if call.Retry == nil {
		return nil
	}
	d.result.At = d.now
	answer, err := encode(d.result)
	if err != nil {
		return err
	}
	answer.Digest, answer.At, answer.Receipt = call.Retry.Digest, d.now, d.result.Receipt
	return tx.KeepAnswer(ctx, call.By.ID, call.Retry.Key, answer)
}

// firings are the guard's firings as events.
func (s *Service) firings(o office, d *desk, outcome string) []caldicott.Event {
	var events []caldicott.Event
	for _, f := range d.fired {
		e := s.directoryEvent(o, d, outcome)
		e.Stream, e.Action, e.Rule = accessStream(d.now), caldicott.GuardFired, string(f.Rule)
		e.Facts = map[string]string{"field": f.Field, "severity": string(f.Severity)}
		events = append(events, e)
	}
	return events
}

// lockBoth locks who acts and whose authority changes, in the order of their ids, so that two administrators who change
// one another cannot wait for each other for ever.
func lockBoth(ctx context.Context, tx caldicott.Tx, by string, d *desk) error {
	ids := []string{by}
	if d.person.ID != "" && d.person.ID != by {
		ids = append(ids, d.person.ID)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if err := tx.LockPerson(ctx, id, id == d.person.ID); err != nil {
			return err
		}
	}
	return nil
}

// mayOffice answers 403, 409 and 412.
func (s *Service) mayOffice(ctx context.Context, tx caldicott.Tx, call Call, o office, d *desk) error {
	answers, err := answersFor(ctx, tx, d)
	if err != nil {
		return err
	}
	policy := caldicott.Errorf(caldicott.Forbidden, caldicott.CodePolicy, "The policy does not allow you to %s here.", o.action)
	stranger := d.by.OrganisationID != d.organisation.ID && len(o.standings(d, answers, true)) == 0
	if stranger { // separation of duties would tell them who holds what in another organisation
		return policy
	}
	if o.check != nil {
		if err := o.check(d); err != nil {
			return err
		}
	}
	if !s.Policy.May(o.action, o.standings(d, answers, true)).Allowed {
		return policy
	}
	if !s.Policy.May(o.action, o.standings(d, answers, false)).Allowed {
		return caldicott.Errorf(caldicott.Forbidden, caldicott.CodeAuthority, "No appointment in force gives authority for this.")
	}
	s.act(o, d, answers)
	if o.state != nil {
		if message := o.state(d); message != "" {
			return caldicott.Errorf(caldicott.Conflict, caldicott.CodeState, "%s", message)
		}
	}
	if o.held {
		if err := unheld(ctx, tx, d.organisation.ID, o.request()); err != nil {
			return err
		}
	}
	if call.IfMatch != 0 && call.IfMatch != o.revisionOf(d) {
		return caldicott.Errorf(caldicott.Stale, caldicott.CodeStale, "It has changed since you read it; please read it again.")
	}
	return nil
}

// unheld refuses what a legal hold forbids.
func unheld(ctx context.Context, tx caldicott.Tx, organisationID, requestID string) error {
	held, err := tx.Held(ctx, organisationID, requestID)
	if err == nil && held {
		return caldicott.Errorf(caldicott.Conflict, caldicott.CodeHold, "A legal hold is in force: nothing under it is erased.")
	}
	return err
}

// mayStill asks the policy anew before an answer is given again: what it shows may be for an office's holder only.
func (s *Service) mayStill(ctx context.Context, tx caldicott.Tx, o office, d *desk) error {
	answers, err := answersFor(ctx, tx, d)
	if err != nil || s.Policy.May(o.action, o.standings(d, answers, false)).Allowed {
		return err
	}
	d.result.Before = nil
	return caldicott.Errorf(caldicott.Forbidden, caldicott.CodeAuthority, "No appointment in force gives authority for this any more.")
}

// act finds the line of the policy and the appointment that the deed rests on.
func (s *Service) act(o office, d *desk, organisations []string) {
	for _, st := range o.standings(d, organisations, false) {
		ruling := s.Policy.May(o.action, []caldicott.Standing{st})
		if !ruling.Allowed {
			continue
		}
		d.ruling = ruling
		d.acting.Role = st.Role
		for _, a := range d.by.Appointments {
			if a.Role == st.Role && slices.Contains(organisations, a.OrganisationID) && a.InForce(d.now) {
				d.acting = a
				return
			}
		}
	}
}

// answersFor says which organisation's appointments count here: its own, and those of the one that registered it, for a
// partner that has no administrators in this service.
func answersFor(ctx context.Context, tx caldicott.Tx, d *desk) ([]string, error) {
	row, err := tx.OrganisationByCode(ctx, d.organisation.Code)
	if err != nil {
		return nil, err
	}
	return []string{d.organisation.ID, row.AnswersFor}, nil
}

// standings are how the person stands to the organisation, or to what is their own.
func (o office) standings(d *desk, organisations []string, lapsed bool) []caldicott.Standing {
	if !d.by.Active {
		return nil
	}
	var list []caldicott.Standing
	if d.by.OrganisationID == d.organisation.ID {
		list = append(list, caldicott.Standing{Role: vocabulary.RoleRequester, Whose: caldicott.Organisation})
	}
	if o.action == caldicott.Prefer {
		list = append(list, caldicott.Standing{Role: vocabulary.RoleRequester, Whose: caldicott.Own})
	}
	for _, a := range d.by.Appointments {
		if !slices.Contains(organisations, a.OrganisationID) || !a.InForce(d.now) && (!lapsed || a.Proposed()) {
			continue
		}
		if a.Role == vocabulary.RoleDeputyGuardian && o.guardians() && !lapsed && !deputises(d.by, a.OrganisationID, d.now) {
			continue // a deputy acts under a delegation in force
		}
		list = append(list, caldicott.Standing{Role: a.Role, Whose: caldicott.Organisation})
		if a.Role == o.own && o.mine(d) {
			list = append(list, caldicott.Standing{Role: a.Role, Whose: caldicott.Own})
		}
	}
	return list
}

// guardians says whether the deed is the guardian's own, which a deputy does only in their stead.
func (o office) guardians() bool {
	return o.action == caldicott.JudgeSample || o.action == caldicott.ReviewStandingRule
}

// mine says whether the thing is the person's own: a delegation they make out, or one made out to them.
func (o office) mine(d *desk) bool {
	switch o.action {
	case caldicott.Delegate:
		return true
	case caldicott.AcceptDelegation:
		return d.delegation.To == d.by.UserID
	}
	return false
}

func (o office) revisionOf(d *desk) int {
	switch o.action {
	case caldicott.AmendPerson, caldicott.Prefer:
		return d.person.Revision
	case caldicott.ConfirmAppointment, caldicott.EndAppointment:
		return d.appointment.Revision
	case caldicott.AcceptDelegation, caldicott.RevokeDelegation:
		return d.delegation.Revision
	case caldicott.AmendOrganisation:
		return d.known.Revision
	case caldicott.AmendAsset:
		return d.asset.Revision
	}
	return 0
}

// doneEvent is the chained event of the deed, with the commitment to what was said.
func (s *Service) doneEvent(o office, d *desk, confirmed []caldicott.Confirmation) caldicott.Event {
	e := s.directoryEvent(o, d, caldicott.OutcomeDone)
	e.Stream, e.Chained, e.Facts = caldicott.OrganisationStream(d.organisation.ID), true, o.facts
	e.Detail = caldicott.Words(struct {
		Said      any
		Confirmed []caldicott.Confirmation `json:",omitempty"`
	}{o.said, confirmed})
	return e
}

func (s *Service) directoryEvent(o office, d *desk, outcome string) caldicott.Event {
	e := caldicott.Event{
		Action: o.action, Outcome: outcome, At: d.now, Actor: d.by.ID, Organisation: d.organisation.ID, Request: o.request(),
		PolicyDigest: s.Policy.Digest(), PolicyLine: d.ruling.Line, ActingAs: string(d.acting.Role), Appointment: d.acting.ID,
	}
	for _, id := range []string{d.result.Appointment.ID, d.result.Delegation.ID, d.result.Asset.ID, d.result.Organisation.ID, d.result.Person.ID, d.result.Erasure.ID, d.result.Hold.ID, d.result.Disposal.ID} {
		if id != "" {
			e.Subject = id
			break
		}
	}
	return e
}
