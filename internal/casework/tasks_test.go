package casework_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/house"
)

// What waits for whom.

// tasks are all that waits for the person now.
func tasks(s *stage, user string) []caldicott.TaskRow {
	s.t.Helper()
	rows, err := s.service.Tasks(s.ctx, s.meet(user), "", "", 1000)
	if err != nil {
		s.t.Fatal(err)
	}
	return rows
}

// waits says whether the task waits for the person on the case.
func waits(s *stage, user string, name vocabulary.Task, c caldicott.Case) bool {
	s.t.Helper()
	return slices.ContainsFunc(tasks(s, user), func(r caldicott.TaskRow) bool { return r.Name == name && r.Request.ID == c.Request.ID })
}

// worker is a person with any roles anywhere, and delegations that may or may not be in force.
func worker(names, organisations []string) *rapid.Generator[caldicott.Actor] {
	return rapid.Custom(func(t *rapid.T) caldicott.Actor {
		a := somebody(names, organisations).Draw(t, "somebody")
		for range rapid.IntRange(0, 2).Draw(t, "delegations") {
			a.Delegations = append(a.Delegations, caldicott.Delegation{
				ID: house.NewID(), OrganisationID: rapid.SampledFrom(organisations).Draw(t, "lent in"), To: a.UserID,
				ValidFrom: rapid.SampledFrom([]string{"2026-10-01", "2026-11-03"}).Draw(t, "lent from"), ValidTo: "2026-12-01",
				Accepted: monday.AddDate(0, -1, rapid.IntRange(0, 40).Draw(t, "accepted")),
			})
		}
		return a
	})
}

// awaited is what waits for the person, filtered out of everything that waits for anybody: by name, or by a role held in the
// request's organisation, a deputy's only under a delegation; nothing of where they administer, nothing from which separation of
// duties keeps them, nothing before its time.
func awaited(all map[string][]caldicott.Task, cases map[string]caldicott.Case, by caldicott.Actor, now time.Time) (keys []string) {
	for id, tasks := range all {
		c := cases[id]
		here := c.Request.OrganisationID
		for _, t := range tasks {
			mine := t.Person == by.UserID || t.Person == "" && slices.ContainsFunc(t.Roles, func(r vocabulary.Role) bool {
				lent := slices.ContainsFunc(by.Delegations, func(d caldicott.Delegation) bool { return d.OrganisationID == here && d.InForce(now) })
				return by.Holds(r, here, now) && (r != vocabulary.RoleDeputyGuardian || lent)
			})
			if by.Active && mine && !by.Holds(vocabulary.RoleSystemAdmin, here, now) && !slices.Contains(t.Not, by.UserID) && !t.From.After(now) {
				keys = append(keys, fmt.Sprint(id, t.Name, t.Subject, t.Due.UTC()))
			}
		}
	}
	slices.Sort(keys)
	return keys
}

func rowKeys(rows []caldicott.TaskRow) (keys []string) {
	for _, r := range rows {
		keys = append(keys, fmt.Sprint(r.Request.ID, r.Name, r.Subject, r.Due.UTC()))
	}
	slices.Sort(keys)
	return keys
}

func TestTasksOfEverybodyOnEveryKindOfRequest(t *testing.T) {
	t.Parallel()
	cast := append(everybody(),
		member{user: "u-reviewer-decides", roles: []vocabulary.Role{vocabulary.RoleReviewGuardian}, elsewhere: true},
		member{user: "u-many", roles: []vocabulary.Role{vocabulary.RoleIgOfficer, vocabulary.RoleCaldicottGuardian, vocabulary.RoleDpo}},
	)
	s := open(t, cast...)
	scenes := slices.Concat(s.scenes(), s.disputed())
	t.Run("they are everything that waits, the soonest first, over all pages", func(t *testing.T) { allThatWaits(t, s, scenes) })
	t.Run("whom a task waits for may do it", func(t *testing.T) { mayBeDone(t, s, cast, scenes) })
}

func allThatWaits(t *testing.T, s *stage, scenes []*scene) {
	all, cases := map[string][]caldicott.Task{}, map[string]caldicott.Case{}
	for _, sc := range scenes {
		c := s.read(sc.c)
		all[c.Request.ID], cases[c.Request.ID] = s.service.House.Tasks(&c, monday), c
	}
	names := []string{"u-asks", "u-iao", "u-owner", "u-officer", "u-lead", "u-guardian", "u-guardian-b", "u-deputy", "u-review", "u-foreign", "u-dpo"}
	organisations := []string{s.trust, s.trust, s.other}
	busy, idle := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		by := worker(names, organisations).Draw(t, "by")
		service, now := *s.service, monday.AddDate(0, 0, rapid.IntRange(0, 90).Draw(t, "days"))
		service.Clock = func() time.Time { return now }
		limit := rapid.IntRange(1, 30).Draw(t, "limit")
		var rows []caldicott.TaskRow
		for key, id := "", ""; ; key, id = rows[len(rows)-1].Key, rows[len(rows)-1].ID {
			page, err := service.Tasks(s.ctx, by, key, id, limit)
			if err != nil || len(page) > limit {
				t.Fatalf("%d rows on a page of %d: %v", len(page), limit, err)
			}
			rows = append(rows, page...)
			if len(page) < limit {
				break
			}
		}
		if !slices.IsSortedFunc(rows, soonest) {
			t.Errorf("not the soonest first: %v", rowKeys(rows))
		}
		rows = slices.DeleteFunc(rows, func(r caldicott.TaskRow) bool { _, known := all[r.Request.ID]; return !known }) // a renewal's own
		got, want := rowKeys(rows), awaited(all, cases, by, now)
		if !slices.Equal(got, want) {
			t.Fatalf("at %s\ngot  %q\nwant %q", now, got, want)
		}
		if len(want) == 0 {
			idle++
		} else if len(want) > limit {
			busy++
		}
	})
	if busy < 10 || idle < 10 {
		t.Errorf("%d people had more than a page and %d nothing: this proves little", busy, idle)
	}
}

// soonest orders by when something is due; what is due never comes last.
func soonest(a, b caldicott.TaskRow) int {
	switch {
	case a.Due.IsZero() && b.Due.IsZero():
		return 0
	case a.Due.IsZero():
		return 1
	case b.Due.IsZero():
		return -1
	}
	return a.Due.Compare(b.Due)
}

// ways are the deeds by which a task is done; any of them will do.
var ways = map[vocabulary.Task][]caldicott.Action{
	vocabulary.TaskSubmit: {caldicott.Submit}, vocabulary.TaskTriage: {caldicott.Triage}, vocabulary.TaskAnswer: {caldicott.Answer},
	vocabulary.TaskAdvise: {caldicott.Advise}, vocabulary.TaskPutForward: {caldicott.PutForward, caldicott.Consult}, vocabulary.TaskOpen: {caldicott.Open},
	vocabulary.TaskDecide: {caldicott.Decide}, vocabulary.TaskSeekRatification: {caldicott.SeekRatification},
	vocabulary.TaskSubmitEvidence: {caldicott.SubmitEvidence}, vocabulary.TaskJudgeEvidence: {caldicott.AcceptEvidence},
	vocabulary.TaskRenew: {caldicott.Renew}, vocabulary.TaskResubmit: {caldicott.Resubmit}, vocabulary.TaskComplete: {caldicott.Complete},
	vocabulary.TaskDecideReview: {caldicott.DecideReview, caldicott.InviteReviewer}, vocabulary.TaskAnswerDissent: {caldicott.AnswerDissent},
	vocabulary.TaskReportIncident: {caldicott.UpdateIncident}, vocabulary.TaskReinstateOrRevoke: {caldicott.Revoke},
}

// disputed are requests on which duties meet in one person, or guardians disagree.
func (s *stage) disputed() []*scene {
	content := sound()
	content.Sponsor = "u-many"
	night := emergency(monday.Add(-time.Hour))
	night.ApprovedBy = "u-guardian-b"
	submitted := func() *scene { return s.scene("", sound()).by("u-asks", caldicott.Submitting{}) }
	against := func(sc *scene, by string) *scene { return sc.by(by, caldicott.RecordingDissent{View: "I would not."}) }
	return []*scene{
		against(s.decidedOn("", decision(vocabulary.OutcomeRefuse)), "u-deputy"),
		against(submitted().by("u-officer", caldicott.Triaging{}).by("u-lead", caldicott.SettingAside{Outcome: vocabulary.OutcomeNotRequired, Reason: "Anonymous."}), "u-guardian"),
		against(s.answered("", sound()).by("u-guardian", unconflicted, caldicott.HandingBack{Reason: "Conflict.", To: "u-reviewer-decides"}).
			by("u-reviewer-decides", unconflicted, decision(vocabulary.OutcomeRefuse)), "u-guardian-b"),
		submitted().by("u-many", caldicott.Triaging{}, caldicott.Consulting{}).by("u-officer", caldicott.PuttingForward{Recommendation: "Approve."}),
		s.answered("", content),
		s.scene("", night).by("u-asks", caldicott.SeekingRatification{}),
	}
}

// A task that its person is refused is a trap; they would be told of it every morning.
func mayBeDone(t *testing.T, s *stage, cast []member, scenes []*scene) {
	trial, asked, done := s.on(undoing{s.store}), 0, map[vocabulary.Task]int{}
	for _, sc := range scenes {
		for _, m := range cast {
			if m.inactive {
				continue
			}
			for _, row := range tasks(trial, m.user) {
				if row.Request.ID != sc.c.Request.ID {
					continue
				}
				asked++
				at := *sc
				at.stage, at.c = trial, s.read(sc.c)
				var answers []string
				for _, a := range ways[row.Name] {
					d := at.deed(a, m)
					if a == caldicott.Advise {
						role := vocabulary.RoleIao // which is asked by name
						if len(row.Roles) > 0 {
							role = row.Roles[0]
						}
						d = caldicott.Advising{Role: role, View: vocabulary.ViewSupport, Text: "Fine."}
					}
					_, err := trial.may(m.user, at.c, row.Subject, d)
					if errors.As(err, new(undone)) {
						answers = nil
						done[row.Name]++
						break
					}
					answers = append(answers, code(err))
				}
				if len(ways[row.Name]) > 0 && len(answers) == len(ways[row.Name]) {
					t.Errorf("%s %q: %s waits for %s, who is refused it: %q", sc.c.Request.Reference, sc.name, row.Name, m.user, answers)
				}
			}
		}
	}
	if asked < 60 || len(done) < 12 {
		t.Errorf("only %d tasks of %d kinds were tried: this proves little (%v)", asked, len(done), done)
	}
}

func TestWhoAskedOrHandledARequestIsNotAskedToDecideIt(t *testing.T) {
	t.Parallel()
	guards := []vocabulary.Role{vocabulary.RoleCaldicottGuardian}
	s := open(t, append(everybody(),
		member{user: "u-handled", roles: append(guards, vocabulary.RoleIgOfficer)}, member{user: "u-vouched", roles: guards},
		member{user: "u-owns", roles: guards}, member{user: "u-wants", roles: guards}, member{user: "u-allowed", roles: guards})...)
	content := sound()
	content.Sponsor, content.AssetOwner = "u-vouched", "u-owns"
	sc := &scene{stage: s}
	sc.c = s.begin("u-wants", caldicott.Drafting{Content: content}).Case
	sc.by("u-wants", caldicott.Submitting{}).by("u-handled", caldicott.Triaging{}).by("u-lead", caldicott.Consulting{}, caldicott.PuttingForward{Recommendation: "Approve."})
	for who, want := range map[string]bool{
		"u-wants": false, "u-vouched": false, "u-owns": false, // SD1
		"u-handled":    false, // SD3
		"u-guardian-b": true, "u-deputy": true, "u-lead-deputy": true, "u-deputy-idle": false, "u-lead": false, "u-foreign": false, "u-auditor": false,
	} {
		if got := waits(s, who, vocabulary.TaskOpen, sc.c); got != want {
			t.Errorf("the case waits to be opened by %s: %v, want %v", who, got, want)
		}
	}
	night := emergency(monday.Add(-time.Hour))
	night.ApprovedBy = "u-allowed"
	e := s.scene("", night).by("u-asks", caldicott.SeekingRatification{})
	for who, want := range map[string]bool{"u-allowed": false /* SD4 */, "u-guardian-b": true} {
		if got := waits(s, who, vocabulary.TaskOpen, e.c); got != want {
			t.Errorf("the emergency waits to be opened by %s: %v, want %v", who, got, want)
		}
	}
}

func TestADeputyHasTasksOnlyWhileADelegationIsInForce(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	c := s.answered("", sound()).c
	look := func(when time.Time, want bool) {
		t.Helper()
		s.clock.Put(when)
		if got := waits(s, "u-deputy", vocabulary.TaskOpen, c); got != want {
			t.Errorf("at %s the case waits for the deputy: %v, want %v", when, got, want)
		}
	}
	look(monday, true)
	look(inLondon(t, "2027-05-31", 23, 59, 59), true)
	look(inLondon(t, "2027-06-01", 0, 0, 0), false)
	look(monday, true)
	s.revoke("u-deputy")
	look(monday, false)
	if waits(s, "u-deputy-idle", vocabulary.TaskOpen, c) || !waits(s, "u-guardian-b", vocabulary.TaskOpen, c) {
		t.Error("it waits for a deputy without a delegation, or for no guardian")
	}
}

func TestAnAdministratorHasNoTasksOfTheOrganisation(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	draft := s.scene("", sound()).c
	s.answered("", sound())
	if !waits(s, "u-asks", vocabulary.TaskSubmit, draft) || len(tasks(s, "u-guardian-b")) == 0 {
		t.Fatal("nothing waits for anybody")
	}
	for _, who := range []string{"u-asks", "u-guardian-b", "u-officer"} {
		s.put(s.trust, caldicott.DirectoryRows{Appointments: []caldicott.Appointment{
			appointment(s.people[who].Person, vocabulary.RoleSystemAdmin, "", nil),
		}})
		if got := tasks(s, who); len(got) != 0 {
			t.Errorf("an administrator, %s, is shown %q", who, rowKeys(got))
		}
	}
	if got := tasks(s, "u-admin"); len(got) != 0 {
		t.Errorf("the administrator is shown %q", rowKeys(got))
	}
}

// Nobody runs the keeper here: what waits appears by itself.
func TestWhatWaitsLaterIsNotShownBeforeAndThenShowsByItself(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	permit := s.decidedOn("", approvedUntil("2027-06-01", "2027-12-31")).c
	d := approvedUntil("2027-06-01", "2027-12-31")
	d.Outcome, d.Conditions = vocabulary.OutcomeApproveWithConditions, []caldicott.ConditionAsked{{
		Type: vocabulary.ConditionTypeDeadline, Text: "Show it.", Owner: "u-owner", Due: "2026-11-10",
	}}
	owed := s.decidedOn("", d).c
	for _, x := range []struct {
		task vocabulary.Task
		who  string
		c    caldicott.Case
		from time.Time
	}{
		{vocabulary.TaskRenew, "u-asks", permit, inLondon(t, "2027-03-03", 0, 0, 0)},                 // 90 days before the review
		{vocabulary.TaskReinstateOrRevoke, "u-guardian-b", owed, inLondon(t, "2026-11-18", 0, 0, 0)}, // when five working days of grace are over
	} {
		s.clock.Put(x.from.Add(-time.Microsecond))
		if waits(s, x.who, x.task, x.c) {
			t.Errorf("%s waits for %s before %s", x.task, x.who, x.from)
		}
		s.clock.Put(x.from)
		if !waits(s, x.who, x.task, x.c) {
			t.Errorf("at %s, %s does not wait for %s", x.from, x.task, x.who)
		}
	}
}

func TestEveryOpenReviewWaitsForSomebody(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc := s.decidedOn("", decision(vocabulary.OutcomeApprove))
	approval := sc.c.Decisions[0].ID
	sc.c = s.mustTo("u-guardian", sc.c, sc.c.Authorisations[0].ID, caldicott.Suspending{Reason: "Incident."})
	suspension := sc.c.Decisions[1].ID
	for decision, reviewer := range map[string]string{approval: "u-review", suspension: "u-review-idle"} {
		again := askingAgain
		again.Decision, again.Reviewer = decision, reviewer
		sc.by("u-asks", again)
	}
	for _, reviewer := range []string{"u-review", "u-review-idle"} {
		if !waits(s, reviewer, vocabulary.TaskDecideReview, sc.c) {
			t.Errorf("the review that %s was asked to hear waits for nobody", reviewer)
		}
	}
}

func TestAReviewThatNobodyCanHearWaitsWithTheHeadOfInformationGovernance(t *testing.T) {
	t.Parallel()
	s := open(t, slices.DeleteFunc(everybody(), func(m member) bool { return slices.Contains(m.roles, vocabulary.RoleReviewGuardian) })...)
	sc := s.decidedOn("", decision(vocabulary.OutcomeRefuse)).by("u-asks", askingAgain)
	if sentTo(sc.c) != "" || !waits(s, "u-lead", vocabulary.TaskDecideReview, sc.c) || waits(s, "u-officer", vocabulary.TaskDecideReview, sc.c) {
		t.Errorf("it was sent to %q; it waits with the head: %v", sentTo(sc.c), waits(s, "u-lead", vocabulary.TaskDecideReview, sc.c))
	}
	sc.about(caldicott.Reviews, caldicott.RequestReview).by("u-lead", caldicott.InvitingReviewer{Reviewer: "u-foreign", Reason: "Free."})
	if waits(s, "u-lead", vocabulary.TaskDecideReview, sc.c) || !waits(s, "u-foreign", vocabulary.TaskDecideReview, sc.c) {
		t.Error("once somebody was invited it still waits with the head, or not with them")
	}
}

func TestADelegationWaitsToBeAcceptedByTheDeputyAlone(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	made, err := s.service.Delegate(s.ctx, casework.Call{By: s.people["u-guardian"]}, nil, caldicott.Delegation{
		To: "u-deputy-idle", Reason: vocabulary.DelegationReasonPlannedAbsence, ValidFrom: "2026-11-02", ValidTo: "2026-12-31",
	})
	if err != nil {
		t.Fatal(whole(err))
	}
	offered := func(who string) bool {
		return slices.ContainsFunc(tasks(s, who), func(r caldicott.TaskRow) bool {
			return r.Name == vocabulary.TaskAcceptDelegation && r.Subject == made.Delegation.ID
		})
	}
	if !offered("u-deputy-idle") || offered("u-deputy") || offered("u-guardian") {
		t.Error("it does not wait for the deputy alone")
	}
	if _, err := s.service.AcceptDelegation(s.ctx, casework.Call{By: s.meet("u-deputy-idle"), IfMatch: 1}, nil, made.Delegation.ID); err != nil {
		t.Fatal(whole(err))
	}
	if offered("u-deputy-idle") {
		t.Error("it still waits once it was accepted")
	}
}
