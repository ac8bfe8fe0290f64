package casework_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
)

// allAtOnce runs f n times, none before all are ready, and gives the errors.
func allAtOnce(n int, f func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// patience bounds what waits for others, so that a hang is a failure with a name.
func patience(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// warm plays a case to its end, so that every statement is known to the server before many transactions ask at once:
// what happens when they are not is a matter of internal/postgres (TestMoreTransactionsThanConnectionsAllEnd).
func (s *stage) warm() {
	s.t.Helper()
	c := s.answered("", sound()).by("u-deputy", caldicott.Opening{Conflict: vocabulary.ConflictNone}).c
	decide := func(match int) {
		call := casework.Call{By: s.people["u-deputy"], IfMatch: match, Retry: retry("warm", "decide")}
		_, _ = s.service.Do(s.ctx, call, casework.Target{Noun: caldicott.Requests, ID: c.Request.ID}, decision(vocabulary.OutcomeApprove))
	}
	decide(999)
	decide(c.Request.Revision)
	decide(c.Request.Revision)
	c = s.scene("", sound()).c
	s.must("u-lead", c, caldicott.Commenting{Text: "Noted."})
}

func TestOfFiftyDecisionsAtOnceOneIsMade(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	s.warm()
	c := s.answered("", sound()).by("u-guardian", caldicott.Opening{Conflict: vocabulary.ConflictNone}).c
	errs := allAtOnce(50, func(i int) error {
		outcome := []vocabulary.Outcome{vocabulary.OutcomeApprove, vocabulary.OutcomeRefuse}[i%2]
		_, err := s.may("u-guardian", c, "", decision(outcome))
		return err
	})
	made := 0
	for _, err := range errs {
		switch {
		case err == nil:
			made++
		case caldicott.KindOf(err) != caldicott.Conflict && caldicott.KindOf(err) != caldicott.Stale:
			t.Errorf("a decision too many was answered %v", err)
		}
	}
	if made != 1 {
		t.Errorf("%d decisions were made", made)
	}
	db := s.superuser()
	for query, want := range map[string]int{
		`SELECT count(*) FROM casework.decisions WHERE request_id = $1`:                                                             1,
		`SELECT count(*) FROM casework.deeds WHERE deed = 'decide' AND request_id = $1`:                                             1,
		`SELECT count(*) FROM audit.entries WHERE action = 'decide' AND outcome = 'done' AND request_id = $1`:                       1,
		`SELECT count(*) FROM audit.entries WHERE action = 'decide' AND outcome = 'refused' AND rule = 'STATE' AND request_id = $1`: 49,
	} {
		if n := count(t, db, query, c.Request.ID); n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
}

// Different deeds at once: the loser is told, and the trail's chain has no gap.
func TestDeedsAtOnceLeaveOneChainWithoutGaps(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	s.warm()
	c := s.answered("", sound()).by("u-guardian", caldicott.Opening{Conflict: vocabulary.ConflictNone}).c
	errs := allAtOnce(40, func(i int) error {
		switch i % 4 {
		case 0:
			_, err := s.may("u-guardian", c, "", decision(vocabulary.OutcomeRefuse))
			return err
		case 1:
			_, err := s.may("u-guardian", c, "", caldicott.HandingBack{Reason: "Conflict.", To: "u-deputy"})
			return err
		case 2:
			_, err := s.may("u-asks", c, "", caldicott.Withdrawing{Reason: "No."})
			return err
		}
		_, err := s.may("u-lead", c, "", caldicott.Commenting{Text: "Noted."})
		return err
	})
	moved, noted := 0, 0
	for i, err := range errs {
		switch {
		case err == nil && i%4 == 3:
			noted++
		case err == nil:
			moved++
		case i%4 == 3 || caldicott.KindOf(err) != caldicott.Conflict && caldicott.KindOf(err) != caldicott.Stale:
			t.Errorf("deed %d was answered %v", i, err)
		}
	}
	if moved != 1 || noted != 10 {
		t.Errorf("%d deeds moved the request, want 1; %d of 10 comments were kept", moved, noted)
	}
	dense(t, s.superuser(), c.Request.ID)
}

// dense says that every deed of the request has exactly one chained entry, and the chain no gap.
func dense(t testing.TB, db *sqlx.DB, request string) {
	t.Helper()
	var entries, deeds []struct {
		Seq    int    `db:"seq"`
		Action string `db:"action"`
	}
	if err := db.Select(&entries, `SELECT seq, action FROM audit.entries WHERE stream = 'request:' || $1 ORDER BY seq`, request); err != nil {
		t.Fatal(err)
	}
	if err := db.Select(&deeds, `SELECT row_number() OVER (ORDER BY entry_id) AS seq, deed AS action FROM casework.deeds WHERE request_id = $1 ORDER BY entry_id`, request); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(entries, deeds) {
		t.Errorf("the chain and the deeds differ:\n%v\n%v", entries, deeds)
	}
}

func TestTwentySubmissionsAtOnceGetDenseReferences(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	s.warm()
	drafts := make([]caldicott.Case, 24)
	for i := range drafts {
		content := sound()
		if i >= 20 {
			content.Summary = "" // never to be submitted: its number goes back
		}
		drafts[i] = s.begin("u-asks", caldicott.Drafting{Content: content}).Case
	}
	var mu sync.Mutex
	var references []string
	errs := allAtOnce(len(drafts), func(i int) error {
		r, err := s.may("u-asks", drafts[i], "", caldicott.Submitting{})
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			references = append(references, r.Case.Request.Reference)
		}
		return err
	})
	for i, err := range errs {
		if want := map[bool]string{true: "REQUIRED"}[i >= 20]; code(err) != want {
			t.Errorf("submission %d: %v", i, err)
		}
	}
	slices.Sort(references) // the first was given to the case that warmed the house
	for i, r := range references {
		if want := fmt.Sprintf("CG-TST01-2026-%04d", i+2); r != want {
			t.Errorf("reference %d is %s, want %s", i, r, want)
		}
	}
	if len(references) != 20 {
		t.Errorf("%d references", len(references))
	}
}

// meanwhile is a store in which something happens just before a transaction gets its lock on the case.
type meanwhile struct {
	caldicott.Store
	before func()
}

type meanwhileTx struct {
	caldicott.Tx
	before func()
}

func (m meanwhile) InTx(ctx context.Context, f func(caldicott.Tx) error) error {
	return m.Store.InTx(ctx, func(tx caldicott.Tx) error { return f(meanwhileTx{tx, m.before}) })
}

func (m meanwhileTx) LockCase(ctx context.Context, id string) (caldicott.Case, error) {
	m.before()
	return m.Tx.LockCase(ctx, id)
}

// waiting gives the stage another store's deeds while its own stand before the lock.
func (s *stage) behind(before func()) *stage {
	c := *s
	service := *s.service
	var once sync.Once
	service.Store = meanwhile{s.store, func() { once.Do(before) }}
	c.service, c.store = &service, service.Store
	return &c
}

// "Revoking takes effect at once": a deputy who stood in the queue for the case when the delegation was revoked decides
// no more, though the deed was begun before.
func TestADelegationRevokedWhileTheDeputyWaitsForTheCaseNoLongerCounts(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	s.clock.Step = time.Second
	c := s.answered("", sound()).by("u-deputy", caldicott.Opening{Conflict: vocabulary.ConflictNone}).c
	slow := s.behind(func() { s.revoke("u-deputy") })
	r, err := slow.may("u-deputy", c, "", decision(vocabulary.OutcomeApprove))
	if code(err) != "AUTHORITY" {
		t.Errorf("the deputy was answered %v, want AUTHORITY: decided at %s, the delegation was revoked at %s",
			err, at(r.Case.Decisions), s.meet("u-deputy").Delegations[0].Revoked.Format(time.TimeOnly))
	}
}

func TestAnAppointmentEndedWhileTheGuardianWaitsForTheCaseNoLongerCounts(t *testing.T) {
	t.Parallel()
	s := open(t, append(everybody(), member{user: "u-two-posts", roles: []vocabulary.Role{vocabulary.RoleIgOfficer, vocabulary.RoleCaldicottGuardian}})...)
	s.clock.Step = time.Second
	c := s.answered("", sound()).by("u-two-posts", caldicott.Opening{Conflict: vocabulary.ConflictNone}).c
	slow := s.behind(func() { s.end("u-two-posts", vocabulary.RoleCaldicottGuardian) })
	r, err := slow.may("u-two-posts", c, "", decision(vocabulary.OutcomeApprove))
	if code(err) != "AUTHORITY" {
		t.Errorf("the guardian was answered %v, want AUTHORITY (decided at %s)", err, at(r.Case.Decisions))
	}
}

func at(decisions []caldicott.Decision) string {
	if len(decisions) == 0 {
		return "never"
	}
	return decisions[len(decisions)-1].At.Format(time.TimeOnly)
}

// A deed that waited for the case was done after the one that it waited for: the order of the instants is the order of
// the chain, or no state as of an instant could be trusted.
func TestTheInstantsOfDeedsFollowTheOrderOfTheChain(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	s.clock.Step = time.Second
	c := s.scene("", sound()).by("u-asks", caldicott.Submitting{}).c
	slow := s.behind(func() { c = s.must("u-officer", c, caldicott.Triaging{}) })
	r, err := slow.may("u-lead", c, "", caldicott.Commenting{Text: "Begun first, done second."})
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range r.Case.Done[1:] {
		if before := r.Case.Done[i]; !d.At.After(before.At) {
			t.Errorf("%s was done at %s, after %s at %s", d.Deed, d.At.Format(time.TimeOnly), before.Deed, before.At.Format(time.TimeOnly))
		}
	}
	for _, d := range r.Case.Done {
		if past, ok := r.Case.AsOf(d.At); !ok || past.Request.State != d.To {
			t.Errorf("as of %s, when %s was done, the request is %s, not %s", d.At.Format(time.TimeOnly), d.Deed, past.Request.State, d.To)
		}
	}
}

// delegation gives the person's delegation as it stands.
func (s *stage) delegation(user string) caldicott.Delegation { return s.meet(user).Delegations[0] }

// revoke takes the person's delegation away.
func (s *stage) revoke(user string) {
	s.t.Helper()
	d := s.delegation(user)
	if _, err := s.service.RevokeDelegation(s.ctx, casework.Call{By: s.people["u-guardian"], IfMatch: d.Revision}, nil, d.ID, "Back."); err != nil {
		s.t.Fatalf("revoke: %v", err)
	}
}

// end ends the person's appointment to the role, at once.
func (s *stage) end(user string, role vocabulary.Role) {
	s.t.Helper()
	for _, a := range s.meet(user).Appointments {
		if a.Role != role || !a.Ended.IsZero() {
			continue
		}
		if _, err := s.service.EndAppointment(s.ctx, casework.Call{By: s.people["u-admin"], IfMatch: a.Revision}, nil, a.ID, "Left.", ""); err != nil {
			s.t.Fatalf("end: %v", err)
		}
	}
}

// Whoever comes first: a decision under a delegation that was revoked before it would be a decision by nobody.
func TestRevokingAndDecidingAtOnceLeaveNoDecisionWithoutAuthority(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	s.warm()
	s.clock.Step = time.Second
	for trial := range 12 {
		c := s.answered("", sound()).by("u-deputy", caldicott.Opening{Conflict: vocabulary.ConflictNone}).c
		d := s.delegation("u-deputy")
		errs := allAtOnce(2, func(i int) error {
			if i == 0 {
				_, err := s.may("u-deputy", c, "", decision(vocabulary.OutcomeRefuse))
				return err
			}
			_, err := s.service.RevokeDelegation(s.ctx, casework.Call{By: s.people["u-guardian"], IfMatch: d.Revision}, nil, d.ID, "Back.")
			return err
		})
		if errs[1] != nil || errs[0] != nil && code(errs[0]) != "AUTHORITY" {
			t.Fatalf("trial %d: %v", trial, errs)
		}
		now, err := s.store.ReadCase(t.Context(), c.Request.ID)
		if err != nil {
			t.Fatal(err)
		}
		revoked := s.delegation("u-deputy")
		if last, ok := now.Decision(); ok != (errs[0] == nil) || ok && !revoked.InForce(last.At) {
			t.Errorf("trial %d: decided (%v) at %s, revoked at %s", trial, ok, at(now.Decisions), revoked.Revoked.Format(time.TimeOnly))
		}
		renewed := revoked
		renewed.Revoked, renewed.Revision = time.Time{}, revoked.Revision+1
		s.put(s.trust, caldicott.DirectoryRows{Delegations: []caldicott.Delegation{renewed}})
	}
}

// lateSave is a store in which something happens after a directory deed has looked and before it writes.
type lateSave struct {
	caldicott.Store
	before func()
}

type lateSaveTx struct {
	caldicott.Tx
	before func()
}

func (l lateSave) InTx(ctx context.Context, f func(caldicott.Tx) error) error {
	return l.Store.InTx(ctx, func(tx caldicott.Tx) error { return f(lateSaveTx{tx, l.before}) })
}

func (l lateSaveTx) SaveDirectory(ctx context.Context, e caldicott.Event, rows caldicott.DirectoryRows) error {
	l.before()
	return l.Tx.SaveDirectory(ctx, e, rows)
}

// The same at its worst: the deputy decides after the instant of the revocation and before it is written. Either the one
// must wait for the other, or the record says that the deputy decided under a delegation already revoked.
func TestADecisionBetweenTheInstantOfARevocationAndItsCommitIsNotMadeUnderIt(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	s.clock.Step = time.Second
	c := s.answered("", sound()).by("u-deputy", caldicott.Opening{Conflict: vocabulary.ConflictNone}).c
	d := s.delegation("u-deputy")
	db := s.superuser()
	decided := make(chan error, 1)
	slow := *s.service
	slow.Store = lateSave{s.store, func() {
		go func() {
			_, err := s.may("u-deputy", c, "", decision(vocabulary.OutcomeRefuse))
			decided <- err
		}()
		finishedOrBlocked(t, db, decided)
	}}
	if _, err := slow.RevokeDelegation(t.Context(), casework.Call{By: s.people["u-guardian"], IfMatch: d.Revision}, nil, d.ID, "Back."); err != nil {
		t.Fatal(err)
	}
	err := <-decided
	now, readErr := s.store.ReadCase(t.Context(), c.Request.ID)
	if readErr != nil {
		t.Fatal(readErr)
	}
	revoked := s.delegation("u-deputy")
	if last, ok := now.Decision(); ok && !revoked.InForce(last.At) {
		t.Errorf("the deputy was answered %v: decided at %s under a delegation revoked at %s", err, at(now.Decisions), revoked.Revoked.Format(time.TimeOnly))
	}
}

// finishedOrBlocked returns when the other deed has ended (its answer stays in the channel) or waits for a lock.
func finishedOrBlocked(t testing.TB, db *sqlx.DB, finished chan error) {
	t.Helper()
	for {
		select {
		case err := <-finished:
			finished <- err
			return
		default:
		}
		var waits int
		if err := db.Get(&waits, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0`); err != nil {
			t.Errorf("who waits: %v", err)
			return
		}
		if waits > 0 {
			return
		}
	}
}
