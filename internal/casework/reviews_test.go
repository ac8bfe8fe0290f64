package casework_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
)

// Reviews: who hears them, what an invited guardian sees, and what comes of them.

var overturning = caldicott.DecidingReview{Outcome: vocabulary.OutcomeReviewOverturned, Reason: "Weighed wrongly."}

// heardBy asks that the newest decision be looked at again, by somebody.
func heardBy(reviewer string) caldicott.RequestingReview {
	d := askingAgain
	d.Reviewer = reviewer
	return d
}

// managed says who manages somebody.
func (s *stage) managed(user, by string) {
	s.t.Helper()
	p := s.meet(user).Person
	p.Manager, p.Revision = by, p.Revision+1
	s.put(p.OrganisationID, caldicott.DirectoryRows{People: []caldicott.Person{p}})
	s.meet(user)
}

// u-both is a review guardian who has other work in the same organisation.
func withBoth() []member {
	return append(everybody(), member{user: "u-both", roles: []vocabulary.Role{
		vocabulary.RoleReviewGuardian, vocabulary.RoleIgOfficer, vocabulary.RoleDpo,
	}})
}

// SD5: "A reviewer took no part in the request". docs/decisions/0014: "Whoever did anything on the request, owns a condition of it,
// or is managed by who decided, does not hear it".
func TestWhoTookPartInARequestIsNotAskedToHearAReviewOfIt(t *testing.T) {
	t.Parallel()
	s := open(t, withBoth()...)
	triage, consult, forward := caldicott.Triaging{}, caldicott.Consulting{}, caldicott.PuttingForward{Recommendation: "Refuse."}
	refuse := decision(vocabulary.OutcomeRefuse)
	begun := func() *scene { return s.scene("", sound()).by("u-asks", caldicott.Submitting{}) }
	ready := func() *scene { return begun().by("u-officer", triage, consult, forward) }
	owned := refuse
	owned.Conditions = []caldicott.ConditionAsked{{Type: vocabulary.ConditionTypeOngoing, Text: "Ask again with more.", Owner: "u-both"}}
	for name, sc := range map[string]*scene{
		"triaged":     begun().by("u-both", triage).by("u-officer", consult, forward).by("u-guardian", unconflicted, refuse),
		"consulted":   begun().by("u-officer", triage).by("u-both", consult).by("u-officer", forward).by("u-guardian", unconflicted, refuse),
		"put forward": begun().by("u-officer", triage, consult).by("u-both", forward).by("u-guardian", unconflicted, refuse),
		"advised":     begun().by("u-officer", triage, consult).by("u-both", supports).by("u-officer", forward).by("u-guardian", unconflicted, refuse),
		"asked the requester": begun().by("u-officer", triage).by("u-both", caldicott.Asking{Questions: []caldicott.Question{{Text: "Why?"}}}).
			by("u-asks", caldicott.Answering{Answers: []caldicott.Answered{{Question: 1, Text: "So."}}}).by("u-officer", consult, forward).by("u-guardian", unconflicted, refuse),
		"recorded a disclosure": ready().by("u-both", caldicott.Disclosing{Recipient: "TST02", Method: vocabulary.TransferMethodMesh}).by("u-guardian", unconflicted, refuse),
		"linked an incident":    ready().by("u-guardian", unconflicted, refuse).by("u-both", caldicott.LinkingIncident{Report: caldicott.IncidentReport{Number: "INC-1"}}),
		"added a paper":         ready().by("u-both", attaching()).by("u-guardian", unconflicted, refuse),
		"owns a condition":      ready().by("u-guardian", unconflicted, owned),
		"opened it and handed it back": ready().by("u-guardian", unconflicted, caldicott.HandingBack{Reason: "Conflict.", To: "u-both"}).
			by("u-both", unconflicted, caldicott.HandingBack{Reason: "Mine too.", To: "u-guardian-b"}).by("u-guardian-b", unconflicted, refuse),
		"decided it":                          ready().by("u-guardian", unconflicted, caldicott.HandingBack{Reason: "Conflict.", To: "u-both"}).by("u-both", unconflicted, refuse),
		"read it a second time, as a comment": ready().by("u-both", caldicott.Commenting{Text: "I would refuse this."}).by("u-guardian", unconflicted, refuse),
	} {
		for user, want := range map[string]bool{"u-both": false, "u-review": true} {
			_, err := s.on(undoing{s.store}).may("u-asks", sc.c, "", heardBy(user))
			if may := errors.As(err, new(undone)); may != want || !may && code(err) != "SD5" && !slices.Equal(faults(err), []string{"reviewer FIELD"}) {
				t.Errorf("%s: sent to %s: %v, want done: %v", name, user, err, want)
			}
		}
		if sc.by("u-asks", askingAgain); sentTo(sc.c) != "u-review" {
			t.Errorf("%s: of itself the service sends it to %q", name, sentTo(sc.c))
		}
	}
	plain := ready().by("u-guardian", unconflicted, refuse)
	if plain.by("u-asks", askingAgain); sentTo(plain.c) != "u-both" {
		t.Errorf("the organisation's own review guardian, who took no part, is not asked first but %q", sentTo(plain.c))
	}
	for _, party := range []string{"u-asks", "u-sponsor", "u-iao", "u-guardian", "u-guardian-b", "u-lead", "u-auditor", "u-gone", "u-nobody"} {
		sc := ready().by("u-guardian", unconflicted, refuse)
		if _, err := s.may("u-asks", sc.c, "", heardBy(party)); code(err) != "SD5" && !slices.Equal(faults(err), []string{"reviewer FIELD"}) {
			t.Errorf("sent to %s: %v", party, err)
		}
	}
}

// The same once it was sent to them: what they do afterwards, elsewhere than in hearing it, makes them a part of it.
func TestWhoTakesPartAfterTheReviewWasSentToThemDoesNotDecideIt(t *testing.T) {
	t.Parallel()
	s := open(t, withBoth()...)
	number := caldicott.IncidentReport{Number: "INC-1"}
	sent := func() *scene {
		return s.decidedOn("", decision(vocabulary.OutcomeApprove)).by("u-asks", heardBy("u-both")).about(caldicott.Reviews, caldicott.RequestReview)
	}
	permit := func(sc *scene) string { return sc.c.Authorisations[0].ID }
	to := func(sc *scene, user, subject string, d caldicott.Deed) *scene {
		sc.c = s.mustTo(user, sc.c, subject, d)
		return sc
	}
	withCondition := caldicott.Suspending{Reason: "Incident.", Conditions: []caldicott.ConditionAsked{{Type: vocabulary.ConditionTypeOngoing, Text: "Look into it.", Owner: "u-both"}}}
	for name, c := range map[string]struct {
		sc   *scene
		want string
	}{
		"nothing since":                  {sent(), ""},
		"linked an incident":             {sent().by("u-both", caldicott.LinkingIncident{Report: number}), "SD5"},
		"linked a risk":                  {sent().by("u-both", caldicott.LinkingRisk{Risk: caldicott.Risking{Register: "RISK_REGISTER", Reference: "R-1"}}), "SD5"},
		"said against the decision":      {sent().by("u-both", caldicott.RecordingDissent{View: "I would not."}), "SD5"},
		"completed the authorisation":    {func() *scene { sc := sent(); return to(sc, "u-both", permit(sc), caldicott.Completing{}) }(), "SD5"},
		"was made a condition's owner":   {func() *scene { sc := sent(); return to(sc, "u-guardian", permit(sc), withCondition) }(), "SD5"},
		"talked it over, in comments":    {sent().by("u-both", caldicott.Commenting{Text: "Why so?"}), ""},
		"added a paper about the review": {sent().by("u-both", attaching()), ""},
	} {
		_, err := s.on(undoing{s.store}).may("u-both", c.sc.c, c.sc.subject, overturning)
		if got := code(err); got != c.want && !(c.want == "" && errors.As(err, new(undone))) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	sc := sent()
	for _, managed := range []struct{ by, want string }{{"u-guardian-b", ""}, {"u-guardian", "SD5"}} {
		s.managed("u-both", managed.by)
		if _, err := s.on(undoing{s.store}).may("u-both", sc.c, sc.subject, overturning); code(err) != managed.want && !(managed.want == "" && errors.As(err, new(undone))) {
			t.Errorf("managed by %s: %v, want %q", managed.by, err, managed.want)
		}
	}
	again := s.decidedOn("", decision(vocabulary.OutcomeRefuse))
	if _, err := s.may("u-asks", again.c, "", heardBy("u-both")); code(err) != "SD5" && !slices.Equal(faults(err), []string{"reviewer FIELD"}) {
		t.Errorf("sent to somebody whom the decider manages: %v", err)
	}
	if again.by("u-asks", askingAgain); sentTo(again.c) != "u-review" {
		t.Errorf("of itself the service sends it to %q", sentTo(again.c))
	}
}

// docs/decisions/0014: "another organisation's Caldicott Guardian, who then sees that one case and nothing else".
func TestAnInvitedGuardianOfAnotherOrganisationSeesThatOneCaseAndNothingElse(t *testing.T) {
	t.Parallel()
	s := open(t, append(everybody(), member{user: "u-foreign-too", roles: []vocabulary.Role{vocabulary.RoleCaldicottGuardian}, elsewhere: true})...)
	other := s.decidedOn("", decision(vocabulary.OutcomeRefuse)).by("u-asks", heardBy("u-review"))
	sc := s.decidedOn("", decision(vocabulary.OutcomeApprove)).by("u-asks", heardBy("u-review")).about(caldicott.Reviews, caldicott.RequestReview)
	sees := func(who string) (requests, decisions []string) {
		t.Helper()
		page := caldicott.Page{Limit: 50}
		for noun, ids := range map[caldicott.Noun]*[]string{caldicott.Requests: &requests, caldicott.Decisions: &decisions} {
			rows, err := s.service.List(s.ctx, s.meet(who), noun, nil, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				*ids = append(*ids, r.Request.ID)
			}
		}
		return requests, decisions
	}
	if requests, decisions := sees("u-foreign"); len(requests)+len(decisions) != 0 {
		t.Errorf("before the invitation they see %q", requests)
	}
	sc.by("u-lead", caldicott.InvitingReviewer{Reviewer: "u-foreign", Reason: "Not free."})
	only := []string{sc.c.Request.ID}
	if requests, decisions := sees("u-foreign"); !slices.Equal(requests, only) || !slices.Equal(decisions, only) {
		t.Errorf("they see the requests %q and decisions of %q, want %q", requests, decisions, only)
	}
	if requests, _ := sees("u-foreign-too"); len(requests) != 0 {
		t.Errorf("their colleague sees %q", requests)
	}
	for _, x := range []struct {
		who  string
		c    caldicott.Case
		want string
	}{{"u-foreign", sc.c, ""}, {"u-foreign", other.c, "NOT_FOUND"}, {"u-foreign-too", sc.c, "NOT_FOUND"}, {"u-review", sc.c, ""}} {
		if _, err := s.service.Show(s.ctx, s.people[x.who], target(x.c), casework.Moment{}); code(err) != x.want {
			t.Errorf("%s reads: %v, want %q", x.who, err, x.want)
		}
	}
	for deed, want := range map[caldicott.Deed]string{
		caldicott.Commenting{Text: "Why?"}:                    "",
		caldicott.Opening{Conflict: "NONE"}:                   "AUTHORITY", // it was not handed to them
		caldicott.Closing{Reason: "No."}:                      "POLICY",
		caldicott.RecordingNotFollowed{Who: "X", Reason: "Y"}: "POLICY",
	} {
		if _, err := s.on(undoing{s.store}).may("u-foreign", sc.c, "", deed); code(err) != want && !(want == "" && errors.As(err, new(undone))) {
			t.Errorf("%s by the invited guardian: %v, want %q", deed.Action(), err, want)
		}
	}
	if _, err := s.may("u-foreign", sc.c, sc.c.Authorisations[0].ID, caldicott.Suspending{Reason: "No."}); code(err) != "POLICY" {
		t.Errorf("suspend by the invited guardian: %v", err)
	}
	if sc.by("u-foreign", overturning); sc.c.AuthorisationState(sc.c.Authorisations[0], s.clock.At()) != "REVOKED" {
		t.Errorf("what was overturned is %s", sc.c.AuthorisationState(sc.c.Authorisations[0], s.clock.At()))
	}
	s.dismiss("u-foreign")
	if requests, _ := sees("u-foreign"); len(requests) != 0 {
		t.Errorf("once they are guardian no more they see %q", requests)
	}
}

// dismiss ends whatever somebody of the other organisation is appointed to, which has no administrator here.
func (s *stage) dismiss(user string) {
	s.t.Helper()
	a := s.meet(user).Appointments[0]
	a.Ended, a.Revision = s.clock.At(), a.Revision+1
	s.put(s.other, caldicott.DirectoryRows{Appointments: []caldicott.Appointment{a}})
}

// "within 20 working days", which end as every limit in working days does: at 17:00 of the last.
func TestAReviewIsAskedForOnceAndWithinTwentyWorkingDays(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc := s.decidedOn("", decision(vocabulary.OutcomeRefuse))
	trial := s.on(undoing{s.store})
	for at, want := range map[time.Time]bool{
		inLondon(t, "2026-11-30", 17, 0, 0):                       true,
		inLondon(t, "2026-11-30", 17, 0, 0).Add(time.Microsecond): false,
	} {
		trial.clock.Put(at)
		_, err := trial.may("u-asks", sc.c, "", askingAgain)
		if may := errors.As(err, new(undone)); may != want || !may && code(err) != "STATE" {
			t.Errorf("asked for at %s: %v", at, err)
		}
	}
	sc.by("u-asks", askingAgain).about(caldicott.Reviews, caldicott.RequestReview)
	for _, when := range []string{"while it is heard", "once it is decided"} {
		if _, err := s.may("u-lead", sc.c, "", askingAgain); code(err) != "STATE" {
			t.Errorf("asked for again %s: %v", when, err)
		}
		if when == "while it is heard" {
			sc.by("u-review", caldicott.DecidingReview{Outcome: vocabulary.OutcomeReviewUpheld, Reason: "Weighed well."})
		}
	}
	of := askingAgain
	of.Decision = sc.c.Decisions[1].ID
	if _, err := s.may("u-lead", sc.c, "", of); code(err) != "FIELD" {
		t.Errorf("of the review itself: %v", err)
	}
}

func TestWhatComesOfAReview(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	heard := func(outcome vocabulary.Outcome, d caldicott.DecidingReview) (*scene, caldicott.Case) {
		sc := s.decidedOn("", decision(outcome)).by("u-asks", askingAgain).about(caldicott.Reviews, caldicott.RequestReview)
		before := sc.c
		return sc.by("u-review", d), before
	}
	varied := caldicott.DecidingReview{
		Outcome: vocabulary.OutcomeReviewVaried, Reason: "A little stricter.", ReviewDate: "2026-11-20",
		Conditions: []caldicott.ConditionAsked{{Type: vocabulary.ConditionTypeOngoing, Text: "Report.", Owner: "u-owner"}},
	}
	state := func(sc *scene, n int) vocabulary.AuthorisationState {
		return sc.c.AuthorisationState(sc.c.Authorisations[n], s.clock.At())
	}
	upheld, before := heard(vocabulary.OutcomeApprove, caldicott.DecidingReview{Outcome: vocabulary.OutcomeReviewUpheld, Reason: "Weighed well."})
	if state(upheld, 0) != "ACTIVE" || len(upheld.c.Authorisations) != 1 || upheld.c.Request.State != before.Request.State {
		t.Errorf("upheld: %s", state(upheld, 0))
	}
	over, _ := heard(vocabulary.OutcomeApprove, overturning)
	if state(over, 0) != "REVOKED" || over.c.Request.State != "DECIDED" {
		t.Errorf("overturned: %s", state(over, 0))
	}
	strict, _ := heard(vocabulary.OutcomeApprove, varied)
	if len(strict.c.Authorisations) != 2 {
		t.Fatalf("varied: %+v", strict.c.Authorisations)
	}
	if a := strict.c.Authorisations[1]; state(strict, 0) != "SUPERSEDED" || state(strict, 1) != "ACTIVE" || a.ReviewDate != "2026-11-20" || a.ExpiryDate != "2026-12-31" ||
		len(strict.c.Conditions) != 1 || strict.c.Conditions[0].Authorisation != a.ID {
		t.Errorf("varied: %s and %s, %+v", state(strict, 0), state(strict, 1), a)
	}
	for _, sc := range []*scene{upheld, over, strict} {
		first, last := sc.c.Decisions[0], sc.c.Decisions[len(sc.c.Decisions)-1]
		if first.DecidedBy != "u-guardian" || last.DecidedBy != "u-review" || last.ActingAs != vocabulary.RoleReviewGuardian || last.N != first.N+1 || last.Appointment == "" {
			t.Errorf("the review is no new decision of the reviewer: %+v", last)
		}
		dense(t, s.superuser(), sc.c.Request.ID)
	}
}

// docs/decisions/0014: "of anything else it lets the requester bring the request back, to be decided by somebody else (SD9)".
func TestWhatAReviewOverturnedIsDecidedBySomebodyElse(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc := s.decidedOn("", decision(vocabulary.OutcomeRefuse)).by("u-asks", askingAgain).about(caldicott.Reviews, caldicott.RequestReview).by("u-review", overturning)
	sc.by("u-asks", caldicott.Resubmitting{Content: sc.content()}).by("u-officer", caldicott.Triaging{}, caldicott.PuttingForward{Recommendation: "Approve."})
	if _, err := s.on(undoing{s.store}).may("u-guardian", sc.c, "", unconflicted); code(err) != "SD9" {
		t.Errorf("opened again by whose refusal was overturned: %v, want SD9", err)
	}
	sc.by("u-guardian-b", unconflicted, decision(vocabulary.OutcomeApprove))
}

// A review of a suspension is about the suspension: the request was approved and is not asked anew.
func TestAReviewThatOverturnsASuspensionLetsTheAuthorisationStandAndNothingMore(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc := s.decidedOn("", decision(vocabulary.OutcomeApprove))
	a := sc.c.Authorisations[0]
	sc.c = s.mustTo("u-guardian", sc.c, a.ID, caldicott.Suspending{Reason: "Incident."})
	s.clock.Put(monday.Add(time.Hour))
	sc.by("u-asks", askingAgain).about(caldicott.Reviews, caldicott.RequestReview)
	s.clock.Put(monday.Add(2 * time.Hour))
	sc.by("u-review", overturning)
	if got := sc.c.AuthorisationState(a, s.clock.At()); got != "ACTIVE" {
		t.Errorf("the authorisation is %s", got)
	}
	if _, err := s.may("u-asks", sc.c, "", caldicott.Resubmitting{Content: sc.content()}); code(err) != "STATE" {
		t.Errorf("an approved request was resubmitted while it is authorised: %v", err)
	}
	if waits(s, "u-asks", vocabulary.TaskResubmit, sc.c) {
		t.Error("the requester is asked to bring an approved request back")
	}
}

// Overturning what a guardian did is no guardian's reinstatement of what a trip-wire did (docs/decisions/0013).
func TestAReviewThatOverturnsASuspensionLeavesWhatATripWireSuspended(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	for _, first := range []string{"the incident", "the guardian"} {
		sc := s.decidedOn("", decision(vocabulary.OutcomeApprove))
		a := sc.c.Authorisations[0]
		incident := func() {
			s.clock.Put(s.clock.At().Add(time.Hour))
			sc.by("u-officer-b", sc.suspending())
		}
		if first == "the incident" {
			incident()
		}
		s.clock.Put(s.clock.At().Add(time.Hour))
		sc.c = s.mustTo("u-guardian", sc.c, a.ID, caldicott.Suspending{Reason: "To be sure."})
		if first == "the guardian" {
			incident()
		}
		s.clock.Put(s.clock.At().Add(time.Hour))
		sc.by("u-asks", askingAgain).about(caldicott.Reviews, caldicott.RequestReview).by("u-review", overturning)
		s.clock.Put(s.clock.At().Add(time.Hour))
		if got := s.stands(sc.c, a); got != "SUSPENDED" {
			t.Errorf("%s came first; with the incident answered by no guardian it is %s", first, got)
		}
	}
}

// lifecycle.md, "Request: possible steps": "What is not in it cannot happen."
func TestAReviewDoesNotTakeAResubmittedRequestOutOfItsRound(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	for _, outcome := range []vocabulary.Outcome{vocabulary.OutcomeReviewOverturned, vocabulary.OutcomeReviewVaried, vocabulary.OutcomeReviewUpheld} {
		sc := s.decidedOn("", deferredUntil("2026-11-20")).by("u-asks", askingAgain)
		review := newest(sc.c, caldicott.RequestReview)
		sc.by("u-asks", caldicott.Resubmitting{Content: sc.content()}).by("u-officer", caldicott.Triaging{})
		_, err := s.may("u-review", sc.c, review, caldicott.DecidingReview{Outcome: outcome, Reason: "Weighed."})
		if err != nil && code(err) != "STATE" {
			t.Errorf("%s: %v", outcome, err)
		}
		if now := s.read(sc.c); now.Request.State != "TRIAGE" {
			t.Errorf("%s took a request that was in TRIAGE to %s", outcome, now.Request.State)
		}
	}
}
