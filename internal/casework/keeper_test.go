package casework_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
)

// What the keeper records, and that it is on the record before anybody builds on it.

// approvedUntil is an approval with a review and an end.
func approvedUntil(review, expiry string) caldicott.Deciding {
	d := decision(vocabulary.OutcomeApprove)
	d.ReviewDate, d.ExpiryDate = review, expiry
	return d
}

// deferredUntil is a deferral that lapses after the day.
func deferredUntil(review string) caldicott.Deciding {
	d := decision(vocabulary.OutcomeDefer)
	d.ReviewDate = review
	return d
}

// keep lets the keeper look at everything once.
func (s *stage) keep() int {
	s.t.Helper()
	n, err := s.service.Keep(s.ctx)
	if err != nil {
		s.t.Fatalf("the keeper: %v", err)
	}
	return n
}

// stands is the state of the authorisation as it is shown now.
func (s *stage) stands(c caldicott.Case, a caldicott.Authorisation) vocabulary.AuthorisationState {
	s.t.Helper()
	now := s.show("u-lead", c, casework.Moment{}).Case
	a, _ = now.Authorisation(a.ID)
	return now.AuthorisationState(a, s.clock.At())
}

// oneDated says that the keeper recorded the deed on the subject once, as of the instant.
func oneDated(t *testing.T, c caldicott.Case, deed caldicott.Action, subject string, at time.Time) caldicott.Done {
	t.Helper()
	all := kept(c, deed, subject)
	if len(all) != 1 || all[0].Details.Dated == nil || !all[0].Details.Dated.Equal(at) {
		t.Fatalf("%s of %q is recorded as %+v, want once as of %s", deed, subject, all, at)
	}
	return all[0]
}

func TestWhatADateDecidedIsOnTheRecordBeforeTheNextDeedBuildsOnIt(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc := s.decidedOn("", approvedUntil("2026-12-01", "2027-06-30"))
	a := sc.c.Authorisations[0].ID
	s.until("2027-07-05", 9, 0, 0)
	if _, err := s.may("u-guardian", sc.c, a, caldicott.Suspending{Reason: "Too late."}); code(err) != "STATE" {
		t.Fatalf("what has expired was suspended: %v", err)
	}
	if c := s.read(sc.c); len(c.Done) != len(sc.c.Done) {
		t.Errorf("a deed that was refused left something: %+v", c.Done[len(sc.c.Done):])
	}
	c := s.mustTo("u-officer-b", sc.c, a, caldicott.Completing{})
	due := oneDated(t, c, caldicott.FallDue, a, inLondon(t, "2026-12-01", 0, 0, 0))
	expired := oneDated(t, c, caldicott.Expire, a, inLondon(t, "2027-07-01", 0, 0, 0))
	completed := c.Done[len(c.Done)-1]
	if completed.Deed != caldicott.Complete || !expired.At.Equal(completed.At) || !due.At.Equal(completed.At) {
		t.Errorf("the keeper recorded at %s and %s, and last was done %+v", due.At, expired.At, completed)
	}
	if now := s.read(c); said(now) != said(c) {
		t.Errorf("what was answered is not what is kept: %s", unlike(said(c), said(now)))
	}
	dense(t, s.superuser(), c.Request.ID)
	if n := s.keep(); n != 0 {
		t.Errorf("the keeper still had to look at %d cases", n)
	}
}

func TestACommentTooComesAfterWhatADateDecided(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc := s.decidedOn("", deferredUntil("2026-11-20"))
	s.until("2026-11-21", 0, 0, 0)
	c := s.must("u-lead", sc.c, caldicott.Commenting{Text: "Nobody came back."})
	closed := oneDated(t, c, caldicott.Close, "", inLondon(t, "2026-11-21", 0, 0, 0))
	if last := c.Done[len(c.Done)-1]; last.Deed != caldicott.Comment || last.From != "CLOSED" || closed.To != "CLOSED" || c.Request.State != "CLOSED" {
		t.Errorf("%+v, then %+v", closed, last)
	}
	if n := s.keep(); n > 1 || len(s.read(c).Done) != len(c.Done) {
		t.Errorf("the keeper looked at %d cases and left %d deeds of %d", n, len(s.read(c).Done), len(c.Done))
	}
}

func TestTheKeeperRecordsEachMomentOnceHoweverOftenItLooks(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	permit := s.decidedOn("", approvedUntil("2026-12-01", "2026-12-31"))
	waiting := s.scene("", sound()).by("u-asks", caldicott.Submitting{})
	s.until("2027-01-10", 12, 0, 0)
	if n := s.keep(); n != 2 {
		t.Errorf("the keeper looked at %d cases, want both", n)
	}
	a, b := s.read(permit.c), s.read(waiting.c)
	oneDated(t, a, caldicott.Expire, permit.c.Authorisations[0].ID, inLondon(t, "2027-01-01", 0, 0, 0))
	if got := len(kept(b, caldicott.Escalate, "")); got != 6 { // triage and decision, three stages each
		t.Errorf("a request that nobody touched for months was escalated %d times", got)
	}
	for range 3 {
		if n := s.keep(); n != 0 {
			t.Errorf("the keeper found %d cases to look at again", n)
		}
		for _, c := range []caldicott.Case{a, b} {
			if err := s.service.KeepCase(s.ctx, c.Request.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	if again := s.read(permit.c); said(again) != said(a) || said(s.read(waiting.c)) != said(b) {
		t.Error("the keeper recorded something again")
	}
	dense(t, s.superuser(), a.Request.ID)
	dense(t, s.superuser(), b.Request.ID)
}

func TestKeepersAtOnceRecordEachMomentOnce(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	var cases []caldicott.Case
	for range 6 {
		cases = append(cases, s.decidedOn("", approvedUntil("2026-12-01", "2026-12-31")).c)
	}
	s.until("2027-01-10", 12, 0, 0)
	for _, err := range allAtOnce(4, func(int) error {
		_, err := s.service.Keep(s.ctx)
		return err
	}) {
		if err != nil {
			t.Errorf("a keeper: %v", err)
		}
	}
	s.until("2027-01-11", 12, 0, 0)
	for _, err := range allAtOnce(12, func(i int) error { // beside somebody's deeds
		if i%2 == 0 {
			return s.service.KeepCase(s.ctx, cases[i/2].Request.ID)
		}
		_, err := s.may("u-officer-b", cases[i/2], cases[i/2].Authorisations[0].ID, caldicott.Completing{})
		return err
	}) {
		if err != nil {
			t.Errorf("a keeper, or who completed beside it: %v", err)
		}
	}
	for _, c := range cases {
		now, once := s.read(c), map[string]bool{}
		for _, d := range now.Done {
			key := fmt.Sprint(d.Deed, d.Subject, d.Details.Moment)
			if d.By == "" && once[key] {
				t.Errorf("recorded twice: %+v", d)
			}
			once[key] = d.By == ""
		}
		oneDated(t, now, caldicott.Expire, c.Authorisations[0].ID, inLondon(t, "2027-01-01", 0, 0, 0))
		dense(t, s.superuser(), c.Request.ID)
	}
}

// broken is a store that cannot write some changes.
type broken struct {
	caldicott.Store
	writes func(caldicott.Change) bool
}

type brokenTx struct {
	caldicott.Tx
	broken
}

var errBroken = errors.New("the pen is broken")

func (b broken) InTx(ctx context.Context, f func(caldicott.Tx) error) error {
	return b.Store.InTx(ctx, func(tx caldicott.Tx) error { return f(brokenTx{tx, b}) })
}

func (b brokenTx) SaveCase(ctx context.Context, c caldicott.Change) error {
	if !b.writes(c) {
		return errBroken
	}
	return b.Tx.SaveCase(ctx, c)
}

func TestACaseThatCannotBeRecordedHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	var cases []caldicott.Case
	for range 5 {
		cases = append(cases, s.decidedOn("", approvedUntil("2026-12-01", "2026-12-31")).c)
	}
	s.until("2027-01-10", 12, 0, 0)
	ill := cases[1].Request.ID
	sick := s.on(broken{s.store, func(c caldicott.Change) bool { return c.Request.ID != ill }})
	for range 2 {
		if _, err := sick.service.Keep(s.ctx); !errors.Is(err, errBroken) || !strings.Contains(err.Error(), ill) {
			t.Errorf("the keeper said %v, which does not name the case", err)
		}
	}
	for _, c := range cases {
		want := 1
		if c.Request.ID == ill {
			want = 0
		}
		if got := kept(s.read(c), caldicott.Expire, c.Authorisations[0].ID); len(got) != want {
			t.Errorf("request %s (ill: %s) has %d records of its end", c.Request.ID, ill, len(got))
		}
	}
	if n := s.keep(); n != 1 {
		t.Errorf("the keeper looked at %d cases once it could write again", n)
	}
	oneDated(t, s.read(cases[1]), caldicott.Expire, cases[1].Authorisations[0].ID, inLondon(t, "2027-01-01", 0, 0, 0))
}

func TestADeferralLapsesAtMidnightInLondonOfTheDayAfterItsReviewDate(t *testing.T) {
	t.Parallel()
	for day, lapses := range map[string]time.Time{
		"2026-11-20": time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC),
		"2027-06-30": time.Date(2027, 6, 30, 23, 0, 0, 0, time.UTC), // summer time
		"2027-03-27": time.Date(2027, 3, 28, 0, 0, 0, 0, time.UTC),  // the clocks change an hour later
	} {
		t.Run(day, func(t *testing.T) {
			t.Parallel()
			s := open(t, everybody()...)
			sc := s.decidedOn("", deferredUntil(day))
			again := caldicott.Resubmitting{Content: sc.content()}
			before := s.on(undoing{s.store})
			before.clock.Put(lapses.Add(-time.Microsecond))
			if _, err := before.may("u-asks", sc.c, "", again); !errors.As(err, new(undone)) {
				t.Errorf("a moment before: %v", err)
			}
			if got := before.show("u-asks", sc.c, casework.Moment{}).Case.Request.State; got != "DECIDED" {
				t.Errorf("a moment before it is %s", got)
			}
			s.clock.Put(lapses)
			if got := s.show("u-asks", sc.c, casework.Moment{}).Case.Request.State; got != "CLOSED" {
				t.Errorf("at that instant it is shown as %s, though no keeper was needed to know", got)
			}
			if _, cases, err := s.service.ListCases(s.ctx, s.people["u-lead"], caldicott.Requests, nil, caldicott.Page{Limit: 5}); err != nil || cases[sc.c.Request.ID].Request.State != "CLOSED" {
				t.Errorf("in a list it is %s (%v)", cases[sc.c.Request.ID].Request.State, err)
			}
			if _, err := s.may("u-asks", sc.c, "", again); code(err) != "STATE" || caldicott.KindOf(err) != caldicott.Conflict {
				t.Errorf("resubmitted at that instant: %v", err)
			}
			if c := s.read(sc.c); c.Request.State != "DECIDED" || len(c.Done) != len(sc.c.Done) {
				t.Errorf("the refusal left %s with %d deeds", c.Request.State, len(c.Done))
			}
			s.keep()
			c := s.read(sc.c)
			d := oneDated(t, c, caldicott.Close, "", lapses)
			if c.Request.State != "CLOSED" || d.From != "DECIDED" || d.To != "CLOSED" {
				t.Errorf("the keeper left %s by %+v", c.Request.State, d)
			}
			if _, err := s.may("u-asks", c, "", again); code(err) != "STATE" {
				t.Errorf("resubmitted afterwards: %v", err)
			}
			if got := s.show("u-lead", c, casework.Moment{AsOf: lapses.Add(-time.Microsecond)}).Case.Request.State; got != "DECIDED" {
				t.Errorf("as of a moment before it is shown as %s", got)
			}
		})
	}
}

// docs/decisions/0011: "What the keeper records moves no ETag: it was true before."
func TestWhatTheKeeperRecordsMovesNoETag(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	permit, lapsing := s.decidedOn("", approvedUntil("2026-12-01", "2026-12-31")), s.decidedOn("", deferredUntil("2026-11-20"))
	s.until("2027-01-10", 12, 0, 0)
	s.keep()
	for name, sc := range map[string]*scene{"an authorisation that expired": permit, "a deferral that lapsed": lapsing} {
		was, now := sc.c, s.read(sc.c)
		if len(now.Done) == len(was.Done) || now.Request.Revision != was.Request.Revision {
			t.Errorf("%s: %d records of the keeper, revision %d became %d", name, len(now.Done)-len(was.Done), was.Request.Revision, now.Request.Revision)
		}
		for _, a := range was.Authorisations {
			if was, now := casework.AuthorisationRevision(&was, a.ID), casework.AuthorisationRevision(&now, a.ID); was != now {
				t.Errorf("%s: the authorisation's revision %d became %d", name, was, now)
			}
		}
	}
}

func TestAnAuthorisationBecomesActiveInTheTransactionOfTheEvidenceThatWasAccepted(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc := s.conditioned("", caldicott.ConditionAsked{Type: vocabulary.ConditionTypePrecedent})
	a, x := sc.c.Authorisations[0], sc.c.Conditions[0].ID
	s.clock.Put(monday.Add(time.Hour))
	c := s.mustTo("u-owner", sc.c, x, caldicott.SubmittingEvidence{Text: "Here."})
	s.clock.Put(monday.Add(2 * time.Hour))
	mute := s.on(broken{s.store, func(c caldicott.Change) bool { return c.Done.Deed != caldicott.Activate }})
	if _, err := mute.may("u-guardian", c, x, caldicott.AcceptingEvidence{}); err == nil {
		t.Error("evidence was accepted although what follows could not be recorded")
	}
	if now := s.read(c); said(now) != said(c) {
		t.Errorf("half of it was kept: %s", unlike(said(c), said(now)))
	}
	c = s.mustTo("u-guardian", c, x, caldicott.AcceptingEvidence{})
	d := oneDated(t, c, caldicott.Activate, a.ID, monday.Add(2*time.Hour))
	if last := c.Done[len(c.Done)-2:]; last[0].Deed != caldicott.AcceptEvidence || last[1].ID != d.ID || !d.At.Equal(last[0].At) {
		t.Errorf("the last deeds are %+v", last)
	}
	if got := c.AuthorisationState(a, s.clock.At()); got != "ACTIVE" || said(s.read(c)) != said(c) {
		t.Errorf("the authorisation is answered as %s; kept is %s", got, unlike(said(c), said(s.read(c))))
	}
	dense(t, s.superuser(), c.Request.ID)
}

func TestARenewedAuthorisationIsSupersededOnTheRecordOfItsOwnRequest(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	for _, who := range []string{"the keeper", "the next deed"} {
		t.Run(who, func(t *testing.T) {
			old := s.decidedOn("", decision(vocabulary.OutcomeApprove))
			a := old.c.Authorisations[0]
			renewal := s.renewal(old)
			s.clock.Put(s.clock.At().Add(time.Hour))
			if got := s.stands(old.c, a); got != "ACTIVE" {
				t.Errorf("before the renewal is decided the old one is %s", got)
			}
			renewal.by("u-guardian", decision(vocabulary.OutcomeRenew))
			at := s.clock.At()
			if got := s.stands(old.c, a); got != "SUPERSEDED" {
				t.Errorf("at that instant the old one is read as %s", got)
			}
			if got := renewal.c.Authorisations[0]; got.Supersedes != a.ID || renewal.c.AuthorisationState(got, at) != "ACTIVE" {
				t.Errorf("the new one is %+v", got)
			}
			s.clock.Put(at.Add(time.Hour))
			if who == "the keeper" {
				s.keep()
			} else {
				s.must("u-officer", old.c, caldicott.LinkingRisk{Risk: caldicott.Risking{Register: vocabulary.RiskRegisterRiskRegister, Reference: "R-1"}})
			}
			c := s.read(old.c)
			d := oneDated(t, c, caldicott.Supersede, a.ID, at)
			if was := c.AuthorisationState(a, at.Add(-time.Microsecond)); was != "ACTIVE" || c.Request.State != "DECIDED" || d.From != d.To {
				t.Errorf("a moment before it was %s; the request is %s", was, c.Request.State)
			}
			dense(t, s.superuser(), c.Request.ID)
			s.must("u-lead", c, caldicott.Closing{Reason: "Renewed."})
		})
	}
}

func TestARenewalTakesThePlaceOfWhatWasVariedMeanwhile(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	old := s.decidedOn("", decision(vocabulary.OutcomeApprove))
	renewal := s.renewal(old)
	s.clock.Put(s.clock.At().Add(time.Hour))
	old.c = s.read(old.c)
	old.c = s.mustTo("u-guardian", old.c, old.c.Authorisations[0].ID, varying)
	varied := old.c.Authorisations[1]
	if got := s.stands(old.c, varied); got != "ACTIVE" {
		t.Fatalf("once varied it is %s", got)
	}
	renewal.by("u-guardian", decision(vocabulary.OutcomeRenew))
	at := s.clock.At()
	if got := s.stands(old.c, varied); got != "SUPERSEDED" {
		t.Errorf("beside its renewal it is %s", got)
	}
	s.clock.Put(at.Add(time.Hour))
	s.keep()
	c := s.read(old.c)
	oneDated(t, c, caldicott.Supersede, varied.ID, at)
	if was := c.AuthorisationState(varied, at.Add(-time.Microsecond)); was != "ACTIVE" || said(s.read(c)) != said(c) {
		t.Errorf("a moment before it was %s", was)
	}
	s.must("u-lead", c, caldicott.Closing{Reason: "Renewed."})
}

func TestARenewalThatIsNotApprovedLeavesTheOldAuthorisationInForce(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	old := s.decidedOn("", decision(vocabulary.OutcomeApprove))
	s.renewal(old).by("u-guardian", decision(vocabulary.OutcomeRefuse))
	s.clock.Put(monday.Add(time.Hour))
	s.keep()
	c := s.read(old.c)
	if got := c.AuthorisationState(c.Authorisations[0], s.clock.At()); got != "ACTIVE" || len(kept(c, caldicott.Supersede, c.Authorisations[0].ID)) != 0 {
		t.Errorf("after a refusal the old one is %s", got)
	}
}

func TestAnIncidentSuspendsInItsOwnTransactionAndOneReinstatementAnswersOneTouch(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc := s.decidedOn("", decision(vocabulary.OutcomeApprove))
	a := sc.c.Authorisations[0]
	s.clock.Put(monday.Add(time.Hour))
	sc.by("u-asks", sc.suspending())
	oneDated(t, sc.c, caldicott.Trip, a.ID, monday.Add(time.Hour))
	gone := caldicott.Disclosing{Recipient: "TST02", Method: vocabulary.TransferMethodMesh}
	s.clock.Put(monday.Add(2 * time.Hour))
	sc.by("u-officer", gone)
	if x := sc.c.Disclosures[0]; sc.c.AuthorisationState(a, s.clock.At()) != "SUSPENDED" || x.Exception != "NOT_IN_FORCE" {
		t.Errorf("it is %s, and what left is an exception %q", sc.c.AuthorisationState(a, s.clock.At()), x.Exception)
	}
	s.clock.Put(monday.Add(3 * time.Hour))
	sc.c = s.mustTo("u-guardian", sc.c, a.ID, caldicott.Reinstating{Reason: "Contained."})
	s.clock.Put(monday.Add(4 * time.Hour))
	s.keep()
	if sc.now(); sc.c.AuthorisationState(a, s.clock.At()) != "ACTIVE" || len(kept(sc.c, caldicott.Trip, a.ID)) != 1 {
		t.Errorf("reinstated, it is %s", sc.c.AuthorisationState(a, s.clock.At()))
	}
	sc.by("u-asks", sc.suspending())
	if sc.c.AuthorisationState(a, s.clock.At()) != "SUSPENDED" || len(kept(sc.c, caldicott.Trip, a.ID)) != 2 {
		t.Errorf("another incident leaves it %s", sc.c.AuthorisationState(a, s.clock.At()))
	}
}

// assure puts on record how TST02 stands under the Toolkit.
func (s *stage) assure(status vocabulary.DSPT, until string) {
	s.t.Helper()
	if _, err := s.service.RecordAssurance(s.ctx, casework.Call{By: s.people["u-officer"]}, nil, "TST02", status, until); err != nil {
		s.t.Fatalf("assurance: %v", whole(err))
	}
}

func TestWhatIsPutOnRecordOfARecipientSuspendsWhatIsAuthorisedToIt(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc, unconcerned := s.decidedOn("", decision(vocabulary.OutcomeApprove)), s.decidedOn("", decision(vocabulary.OutcomeRefuse))
	a := sc.c.Authorisations[0]
	s.clock.Put(monday.Add(time.Hour))
	s.assure(vocabulary.DSPTStandardsNotMet, "")
	if got := s.stands(sc.c, a); got != "SUSPENDED" {
		t.Errorf("at that instant it is read as %s", got)
	}
	s.keep()
	oneDated(t, s.read(sc.c), caldicott.Trip, a.ID, monday.Add(time.Hour))
	if n := len(s.read(unconcerned.c).Done); n != len(unconcerned.c.Done) {
		t.Errorf("%d deeds on a request that authorises nothing, of %d", n, len(unconcerned.c.Done))
	}
}

// docs/decisions/0013: "a recipient below the Toolkit's standard in the organisation's own records, or past their last day". The
// last day is on record before the decision and comes after it.
func TestTheLastDayOfAnAssuranceIsRecordedWhenItComesAlthoughItWasOnRecordBeforeTheDecision(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	s.assure(vocabulary.DSPTStandardsMet, "2026-11-20")
	s.clock.Put(monday.Add(time.Hour))
	sc := s.decidedOn("", decision(vocabulary.OutcomeApprove))
	a, over := sc.c.Authorisations[0], inLondon(t, "2026-11-21", 0, 0, 0)
	s.clock.Put(over)
	if got := s.stands(sc.c, a); got != "SUSPENDED" {
		t.Fatalf("the day after it is read as %s", got)
	}
	s.keep()
	oneDated(t, s.read(sc.c), caldicott.Trip, a.ID, over)
	if !waits(s, "u-guardian-b", vocabulary.TaskReinstateOrRevoke, sc.c) {
		t.Error("no guardian is asked to look at it")
	}
}

// Rehearsal T20: "What is on record counts: nothing may leave until it is put right and a guardian has looked." So it does in the
// answer to the decision, and in its transaction.
func TestWhatIsOnRecordOfARecipientCountsInTheTransactionOfTheDecision(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	s.assure(vocabulary.DSPTStandardsNotMet, "")
	s.clock.Put(monday.Add(time.Hour))
	sc := s.decidedOn("", decision(vocabulary.OutcomeApprove))
	a := sc.c.Authorisations[0]
	if answered, read := sc.c.AuthorisationState(a, s.clock.At()), s.stands(sc.c, a); answered != "SUSPENDED" || read != answered {
		t.Errorf("the decision is answered with an authorisation that is %s, and is read as %s", answered, read)
	}
	oneDated(t, s.read(sc.c), caldicott.Trip, a.ID, s.clock.At())
}

// docs/decisions/0013: "one touch, one reinstatement: the same touch does not count again".
func TestAVariationDoesNotCountAgainWhatAGuardianHasAnswered(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc := s.decidedOn("", decision(vocabulary.OutcomeApprove))
	s.clock.Put(monday.Add(time.Hour))
	s.assure(vocabulary.DSPTStandardsNotMet, "")
	s.clock.Put(monday.Add(2 * time.Hour))
	sc.c = s.mustTo("u-guardian", sc.c, sc.c.Authorisations[0].ID, caldicott.Reinstating{Reason: "Care cannot wait."})
	s.clock.Put(monday.Add(3 * time.Hour))
	if got := s.stands(sc.c, sc.c.Authorisations[0]); got != "ACTIVE" {
		t.Fatalf("reinstated, it is %s", got)
	}
	sc.c = s.mustTo("u-guardian", sc.c, sc.c.Authorisations[0].ID, varying)
	s.clock.Put(monday.Add(4 * time.Hour))
	if got := s.stands(sc.c, sc.c.Authorisations[1]); got != "ACTIVE" {
		t.Errorf("varied an hour after it was reinstated, it is %s", got)
	}
}

func TestSupportThatWasHeardOfGoesOnHoldingWhatTookTheAuthorisationsPlace(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc := s.answered("", supported("2026-11-20")).by("u-guardian", unconflicted, approvedUntil("2026-11-10", "2026-11-15"))
	heard := caldicott.RecordingSupport{Support: caldicott.Support{Status: vocabulary.S251StatusFullSupport, AnnualReviewDue: "2027-11-20"}}
	s.clock.Put(monday.Add(time.Hour))
	sc.c = s.mustTo("u-officer", sc.c, sc.c.Authorisations[0].ID, heard)
	s.clock.Put(monday.Add(2 * time.Hour))
	sc.c = s.mustTo("u-guardian", sc.c, sc.c.Authorisations[0].ID, varying)
	s.until("2026-11-25", 9, 0, 0)
	s.keep()
	sc.now()
	if got := sc.c.AuthorisationState(sc.c.Authorisations[1], s.clock.At()); got != "ACTIVE" {
		t.Errorf("with support on record until 2027-11-20 it is %s: %+v", got, kept(sc.c, caldicott.Trip, sc.c.Authorisations[1].ID))
	}
}

// lifecycle.md, "In force": "A disclosure then, to a recipient of the authorised version, is covered".
func TestWhatLeftBeforeAVariationIsCoveredByWhatWasInForceThen(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc := s.decidedOn("", decision(vocabulary.OutcomeApprove))
	s.clock.Put(monday.Add(24 * time.Hour))
	sc.c = s.mustTo("u-guardian", sc.c, sc.c.Authorisations[0].ID, varying)
	s.clock.Put(monday.Add(25 * time.Hour))
	left := caldicott.Disclosing{Recipient: "TST02", Method: vocabulary.TransferMethodMesh, DisclosedAt: monday.Add(time.Hour)}
	sc.by("u-officer", left)
	if x := sc.c.Disclosures[0]; x.Exception != "" || x.Authorisation != sc.c.Authorisations[0].ID {
		t.Errorf("what left while %s was ACTIVE is recorded under %s as an exception %q", sc.c.Authorisations[0].ID, x.Authorisation, x.Exception)
	}
}

func TestALongAbsenceOfTheKeeperLosesNothingThatStillMatters(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc := s.conditioned("", caldicott.ConditionAsked{Type: vocabulary.ConditionTypeDeadline, Due: "2026-11-10"})
	a, x := sc.c.Authorisations[0].ID, sc.c.Conditions[0].ID
	s.until("2026-12-20", 9, 0, 0)
	s.keep()
	sc.now()
	oneDated(t, sc.c, caldicott.FallDue, x, inLondon(t, "2026-11-11", 0, 0, 0))
	oneDated(t, sc.c, caldicott.Trip, a, inLondon(t, "2026-11-18", 0, 0, 0)) // five working days later
	oneDated(t, sc.c, caldicott.FallDue, a, inLondon(t, "2026-12-01", 0, 0, 0))
	var when []time.Time
	for _, d := range sc.c.Done {
		if d.By == "" {
			when = append(when, *d.Details.Dated)
		}
	}
	if !slices.IsSortedFunc(when, time.Time.Compare) {
		t.Errorf("recorded out of order: %v", when)
	}
}
