package casework_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Who is told what.

// told is a notice, with the deed that it follows from.
type told struct {
	Deed      caldicott.Action  `db:"deed"`
	By        string            `db:"by"`
	Event     vocabulary.Notice `db:"event"`
	Recipient string            `db:"recipient"`
	Endpoint  string            `db:"endpoint"`
	Request   string            `db:"request"`
	Key       string            `db:"key"`
}

// tellings are all notices about requests, in the order in which they were written.
func tellings(t testing.TB, db *sqlx.DB) (all []told) {
	t.Helper()
	err := db.Select(&all, `SELECT d.deed, COALESCE(d.actor, '') AS by, n.event, n.recipient, n.endpoint, CAST(n.request_id AS text) AS request, n.key
		FROM casework.notices n JOIN casework.deeds d ON CAST(d.id AS text) = split_part(n.key, '/', 1) ORDER BY n.place`)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWhoIsToldOfWhatHappensToARequest(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	scenes := s.scenes()
	for _, sc := range scenes {
		sc.by("u-lead", caldicott.Commenting{Text: "Noted."})
	}
	s.until("2027-01-10", 9, 0, 0)
	s.keep()
	db := s.superuser()
	all := tellings(t, db)
	t.Run("nobody is told of their own deed, nor twice of any, nor at all of a comment", func(t *testing.T) {
		seen, events := map[told]bool{}, map[vocabulary.Notice]bool{}
		for _, x := range all {
			if x.Recipient == x.By || x.Deed == caldicott.Comment {
				t.Errorf("told of their own deed, or of a comment: %+v", x)
			}
			same := x
			same.Key = x.Key[:len("00000000-0000-0000-0000-000000000000")]
			if seen[same] {
				t.Errorf("told twice: %+v", x)
			}
			seen[same], events[x.Event] = true, true
		}
		if n := count(t, db, `SELECT count(*) FROM casework.notices WHERE request_id IS NOT NULL`); n != len(all) || n < 400 || len(events) < 25 {
			t.Errorf("%d notices, %d of them follow from deeds, of %d kinds: this proves little", n, len(all), len(events))
		}
		if n := count(t, db, `SELECT count(*) FROM casework.notices n WHERE recipient IN (SELECT user_id FROM casework.people WHERE NOT active)`); n != 0 {
			t.Errorf("%d notices go to people who have left", n)
		}
	})
	// docs/decisions/0016: "Deputies are told what their guardian is told exactly while a delegation is in force."
	t.Run("a deputy is told what the guardian is told while a delegation is in force", func(t *testing.T) { sameForDeputies(t, scenes, all) })
}

func sameForDeputies(t *testing.T, scenes []*scene, all []told) {
	of := func(who string, request string) (list []string) {
		for _, x := range all {
			if x.Recipient == who && x.Request == request {
				list = append(list, string(x.Deed)+" "+string(x.Event))
			}
		}
		return list
	}
	compared, only := 0, map[string]int{}
	for _, sc := range scenes {
		involved := func(who string) bool { // who did something is told otherwise, and so is whom a case was handed to
			return slices.ContainsFunc(sc.did, func(d deedBy) bool { return d.by == who }) || sc.handedTo == who
		}
		if idle := of("u-deputy-idle", sc.c.Request.ID); len(idle) > 0 {
			t.Errorf("%s: a deputy to whom nothing is delegated was told %q", sc.name, idle)
		}
		if involved("u-guardian-b") || involved("u-deputy") {
			continue
		}
		guardian, deputy := of("u-guardian-b", sc.c.Request.ID), of("u-deputy", sc.c.Request.ID)
		compared += len(guardian)
		for _, x := range guardian {
			if !slices.Contains(deputy, x) {
				only["the guardian: "+x]++
			}
		}
		for _, x := range deputy {
			if !slices.Contains(guardian, x) {
				only["the deputy: "+x]++
			}
		}
	}
	if len(only) > 0 {
		t.Errorf("told to one of the two only, and how often: %v", only)
	}
	if compared < 50 {
		t.Errorf("the guardian was told %d things: this proves little", compared)
	}
}

func TestADeputyIsToldNothingBeforeAcceptingAndNothingAfterTheDelegationEnds(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	reaches := func() bool {
		t.Helper()
		c := s.answered("", sound()).c
		return slices.ContainsFunc(tellings(t, s.superuser()), func(x told) bool {
			return x.Request == c.Request.ID && x.Deed == caldicott.PutForward && x.Recipient == "u-deputy-idle"
		})
	}
	made, err := s.service.Delegate(s.ctx, callBy(s.meet("u-guardian"), 0), nil, caldicott.Delegation{
		To: "u-deputy-idle", Reason: vocabulary.DelegationReasonPlannedAbsence, ValidFrom: "2026-11-03", ValidTo: "2026-11-04",
	})
	if err != nil {
		t.Fatal(whole(err))
	}
	s.until("2026-11-03", 0, 0, 0)
	if reaches() {
		t.Error("told before the delegation was accepted")
	}
	if _, err := s.service.AcceptDelegation(s.ctx, callBy(s.meet("u-deputy-idle"), 1), nil, made.Delegation.ID); err != nil {
		t.Fatal(whole(err))
	}
	for _, x := range []struct {
		at   time.Time
		want bool
	}{
		{inLondon(t, "2026-11-03", 0, 0, 0), true}, {inLondon(t, "2026-11-04", 23, 59, 59), true}, {inLondon(t, "2026-11-05", 0, 0, 0), false},
	} {
		s.clock.Put(x.at)
		if got := reaches(); got != x.want {
			t.Errorf("at %s told: %v, want %v", x.at, got, x.want)
		}
	}
}

func TestARefusedDeedTellsNobodyAndOneThatIsSentAgainTellsOnce(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	c := s.scene("", sound()).c
	db := s.superuser()
	if _, err := s.may("u-lead", c, "", caldicott.Submitting{}); code(err) != "POLICY" {
		t.Fatal(err)
	}
	if _, err := s.on(undoing{s.store}).may("u-asks", c, "", caldicott.Submitting{}); !errors.As(err, new(undone)) {
		t.Fatal(err)
	}
	if all := tellings(t, db); len(all) != 0 {
		t.Errorf("nothing was done and somebody was told: %+v", all)
	}
	for range 2 {
		call := callBy(s.people["u-asks"], c.Request.Revision)
		call.Retry = retry("key", "submit")
		if _, err := s.service.Do(s.ctx, call, target(c), caldicott.Submitting{}); err != nil {
			t.Fatal(whole(err))
		}
	}
	var who []string
	for _, x := range tellings(t, db) {
		who = append(who, x.Recipient)
	}
	slices.Sort(who)
	if want := []string{"u-lead", "u-lead-deputy", "u-officer", "u-officer-b", "u-was-guardian"}; !slices.Equal(who, want) {
		t.Errorf("told of the submission: %q, want %q", who, want)
	}
}

// A webhook is the organisation's own: it is told of every deed, whoever did it, and nothing is wanted of it.
func TestAWebhookIsToldOnceOfEachDeedOfItsOrganisation(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	s.service.Endpoints = map[string][]string{"TST01": {"board"}, "TST02": {"elsewhere"}}
	c := s.scene("", sound()).by("u-asks", caldicott.Submitting{}).c
	for _, x := range tellings(t, s.superuser()) {
		if x.Endpoint != "" && (x.Endpoint != "board" || x.Event != vocabulary.NoticeSubmitted || x.Recipient != "") {
			t.Errorf("told: %+v", x)
		}
	}
	if n := count(t, s.superuser(), `SELECT count(*) FROM casework.notices WHERE endpoint <> '' AND wanted = '' AND request_id = $1`, c.Request.ID); n != 1 {
		t.Errorf("the webhook was told %d times", n)
	}
}

// Whose decision is looked at again, and who asked for that, know who hears it and until when.
func TestWhoDecidedAndWhoAskedAreToldWhoHearsAReviewAndUntilWhen(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc := s.decidedOn("", decision(vocabulary.OutcomeApprove)).by("u-asks", heardBy("u-review"))
	first := newest(sc.c, caldicott.RequestReview)
	s.clock.Put(monday.AddDate(0, 0, 7))
	sc.c = s.mustTo("u-guardian", sc.c, sc.c.Authorisations[0].ID, caldicott.Suspending{Reason: "Incident."})
	sc.by("u-asks", heardBy("u-review-idle"))
	sc.c = s.mustTo("u-lead", sc.c, first, caldicott.InvitingReviewer{Reviewer: "u-foreign", Reason: "Not free."})
	invited := func(who string) bool {
		return slices.ContainsFunc(tellings(t, s.superuser()), func(x told) bool {
			return x.Recipient == who && x.Event == vocabulary.NoticeReviewerInvited && x.Deed == caldicott.InviteReviewer
		})
	}
	for _, who := range []string{"u-guardian", "u-asks", "u-foreign"} {
		if !invited(who) {
			t.Errorf("%s is not told that the review was sent to another", who)
		}
	}
	for who, want := range map[string]time.Time{ // twenty working days after each was asked for
		"u-review": inLondon(t, "2026-11-30", 17, 0, 0), "u-review-idle": inLondon(t, "2026-12-07", 17, 0, 0), "u-foreign": inLondon(t, "2026-11-30", 17, 0, 0),
	} {
		notices, err := s.service.Notices(s.ctx, s.people[who], "", 10)
		if err != nil || len(notices) != 1 || !notices[0].Due.Equal(want) {
			t.Errorf("%s is told %+v, want one notice due %s (%v)", who, notices, want, err)
		}
	}
}
