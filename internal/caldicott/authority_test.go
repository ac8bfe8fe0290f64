package caldicott

import (
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

func day(t testing.TB, s string) time.Time { return instant(t, s) }

// Days are Europe/London days: in summer they begin at 23:00 UTC.
func TestAnAppointmentGivesAuthorityFromItsFirstToTheEndOfItsLastDay(t *testing.T) {
	t.Parallel()
	summer := Appointment{Role: vocabulary.RoleIgLead, ValidFrom: "2026-07-01", ValidTo: "2026-07-31"}
	winter := Appointment{Role: vocabulary.RoleIgLead, ValidFrom: "2026-12-01"}
	ended := winter
	ended.Ended = day(t, "2026-12-05T10:00:00Z")
	proposed := Appointment{Role: vocabulary.RoleCaldicottGuardian, ValidFrom: "2026-01-01"}
	confirmed := proposed
	confirmed.ConfirmedBy = "u-second"
	for _, c := range []struct {
		name string
		a    Appointment
		at   string
		want bool
	}{
		{"the evening before, in summer", summer, "2026-06-30T22:59:59.999999Z", false},
		{"midnight in London, in summer", summer, "2026-06-30T23:00:00Z", true},
		{"its last moment", summer, "2026-07-31T22:59:59.999999Z", true},
		{"after its last day", summer, "2026-07-31T23:00:00Z", false},
		{"midnight in winter", winter, "2026-12-01T00:00:00Z", true},
		{"the evening before, in winter", winter, "2026-11-30T23:59:59Z", false},
		{"without an end", winter, "2046-12-01T00:00:00Z", true},
		{"just before it was ended", ended, "2026-12-05T09:59:59.999999Z", true},
		{"at once when it was ended", ended, "2026-12-05T10:00:00Z", false},
		{"a guardian's, unconfirmed (SD8)", proposed, "2026-06-01T12:00:00Z", false},
		{"a guardian's, confirmed", confirmed, "2026-06-01T12:00:00Z", true},
	} {
		if got := c.a.InForce(day(t, c.at)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestADelegationIsInForceOnceAcceptedUntilItIsRevoked(t *testing.T) {
	t.Parallel()
	d := Delegation{ValidFrom: "2026-07-01", ValidTo: "2026-07-10", Given: day(t, "2026-06-01T00:00:00Z")}
	accepted := d
	accepted.Accepted = day(t, "2026-07-02T09:00:00Z")
	revoked := accepted
	revoked.Revoked = day(t, "2026-07-05T09:00:00Z")
	for _, c := range []struct {
		name string
		d    Delegation
		at   string
		want bool
	}{
		{"never accepted", d, "2026-07-03T09:00:00Z", false},
		{"before it was accepted", accepted, "2026-07-02T08:59:59Z", false},
		{"once accepted", accepted, "2026-07-02T09:00:00Z", true},
		{"the end of its last day", accepted, "2026-07-10T22:59:59Z", true},
		{"after its last day", accepted, "2026-07-10T23:00:00Z", false},
		{"just before it was revoked", revoked, "2026-07-05T08:59:59Z", true},
		{"at once when it was revoked", revoked, "2026-07-05T09:00:00Z", false},
	} {
		if got := c.d.InForce(day(t, c.at)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	early := accepted
	early.Accepted = day(t, "2026-06-02T09:00:00Z")
	if early.InForce(day(t, "2026-06-30T22:59:59Z")) || !early.InForce(day(t, "2026-06-30T23:00:00Z")) {
		t.Error("accepted early, it is not in force from 00:00 of its first day")
	}
}

func TestAnAbsentScopeMeansEverything(t *testing.T) {
	t.Parallel()
	police, urgent, approve := vocabulary.KindPoliceDisclosure, vocabulary.UrgencyUrgent, vocabulary.OutcomeApprove
	for _, c := range []struct {
		s       Scope
		outcome vocabulary.Outcome
		want    bool
	}{
		{Scope{}, approve, true},
		{Scope{Kinds: []vocabulary.Kind{police}}, approve, true},
		{Scope{Kinds: []vocabulary.Kind{vocabulary.KindResearch}}, approve, false},
		{Scope{Urgencies: []vocabulary.Urgency{vocabulary.UrgencyRoutine}}, approve, false},
		{Scope{Outcomes: []vocabulary.Outcome{vocabulary.OutcomeRefuse}}, approve, false},
		{Scope{Outcomes: []vocabulary.Outcome{vocabulary.OutcomeRefuse}}, "", true},
		{Scope{Kinds: []vocabulary.Kind{police}, Urgencies: []vocabulary.Urgency{urgent}, Outcomes: []vocabulary.Outcome{approve}}, approve, true},
		{Scope{Kinds: []vocabulary.Kind{police}, Urgencies: []vocabulary.Urgency{vocabulary.UrgencyRoutine}}, approve, false},
	} {
		if got := c.s.Covers(police, urgent, c.outcome); got != c.want {
			t.Errorf("%+v covers %q: %v", c.s, c.outcome, got)
		}
	}
}

// lend gives the person a delegation that is in force on the day of the tests.
func (t *Turn) lend(id, from string, scope Scope) {
	t.By.Delegations = append(t.By.Delegations, Delegation{
		ID: id, OrganisationID: "org", From: "u-guardian", To: t.By.UserID, ValidFrom: from, ValidTo: "2026-12-31", Scope: scope,
		Given: t.Now.AddDate(0, -6, 0), Accepted: t.Now.AddDate(0, -6, 0),
	})
}

// mayDecide allows the roles that the policy allows to decide.
func mayDecide(s Standing) bool {
	switch s {
	case Standing{vocabulary.RoleCaldicottGuardian, Organisation}, Standing{vocabulary.RoleDeputyGuardian, Organisation},
		Standing{vocabulary.RoleReviewGuardian, Assigned}:
		return true
	}
	return false
}

func TestADeedIsDoneInOneCapacityThatHoldsAtTheInstant(t *testing.T) {
	t.Parallel()
	guardian, deputy := vocabulary.RoleCaldicottGuardian, vocabulary.RoleDeputyGuardian
	as := func(role vocabulary.Role, delegation string) Deciding {
		return Deciding{Outcome: vocabulary.OutcomeApprove, Capacities: Claim{ActingAs: role, Delegation: delegation}}
	}
	for _, c := range []struct {
		name   string
		deed   Deed
		change func(x *Turn)
		want   Capacity
		ok     bool
	}{
		{"the guardian", as("", ""), func(x *Turn) { x.appoint(guardian) }, Capacity{guardian, "a-CALDICOTT_GUARDIAN", ""}, true},
		{"a deputy without a delegation", as("", ""), func(x *Turn) { x.appoint(deputy) }, Capacity{}, false},
		{"a deputy with one", as("", ""), func(x *Turn) { x.appoint(deputy); x.lend("d1", "2026-09-01", Scope{}) }, Capacity{deputy, "a-DEPUTY_GUARDIAN", "d1"}, true},
		{"of two, the earliest", as("", ""), func(x *Turn) {
			x.appoint(deputy)
			x.lend("d2", "2026-09-02", Scope{})
			x.lend("d1", "2026-09-01", Scope{})
		}, Capacity{deputy, "a-DEPUTY_GUARDIAN", "d1"}, true},
		{"the one that covers the outcome", as("", ""), func(x *Turn) {
			x.appoint(deputy)
			x.lend("d1", "2026-09-01", Scope{Outcomes: []vocabulary.Outcome{vocabulary.OutcomeRefuse}})
			x.lend("d2", "2026-09-02", Scope{})
		}, Capacity{deputy, "a-DEPUTY_GUARDIAN", "d2"}, true},
		{"the one that is named", as("", "d2"), func(x *Turn) {
			x.appoint(deputy)
			x.lend("d1", "2026-09-01", Scope{})
			x.lend("d2", "2026-09-02", Scope{})
		}, Capacity{deputy, "a-DEPUTY_GUARDIAN", "d2"}, true},
		{"one that is named and does not cover", as("", "d1"), func(x *Turn) {
			x.appoint(deputy)
			x.lend("d1", "2026-09-01", Scope{Kinds: []vocabulary.Kind{vocabulary.KindResearch}})
			x.lend("d2", "2026-09-02", Scope{})
		}, Capacity{}, false},
		{"one that nobody gave", as("", "d9"), func(x *Turn) { x.appoint(deputy); x.lend("d1", "2026-09-01", Scope{}) }, Capacity{}, false},
		{"opening, whatever the outcome will be", Opening{}, func(x *Turn) {
			x.appoint(deputy)
			x.lend("d1", "2026-09-01", Scope{Outcomes: []vocabulary.Outcome{vocabulary.OutcomeRefuse}})
		}, Capacity{deputy, "a-DEPUTY_GUARDIAN", "d1"}, true},
		{"of another organisation's guardian", as("", ""), func(x *Turn) {
			x.appoint(deputy)
			x.lend("d1", "2026-09-01", Scope{})
			x.By.Delegations[0].OrganisationID = "elsewhere"
		}, Capacity{}, false},
		{"guardian and deputy: as guardian", as("", ""), func(x *Turn) { x.appoint(deputy); x.appoint(guardian); x.lend("d1", "2026-09-01", Scope{}) }, Capacity{guardian, "a-CALDICOTT_GUARDIAN", ""}, true},
		{"guardian and deputy: as it is said", as(deputy, ""), func(x *Turn) { x.appoint(deputy); x.appoint(guardian); x.lend("d1", "2026-09-01", Scope{}) }, Capacity{deputy, "a-DEPUTY_GUARDIAN", "d1"}, true},
		{"in a capacity that one has not", as(guardian, ""), func(x *Turn) { x.appoint(deputy); x.lend("d1", "2026-09-01", Scope{}) }, Capacity{}, false},
		{"a guardian whose time is over", as("", ""), func(x *Turn) { x.appoint(guardian); x.By.Appointments[0].ValidTo = "2026-10-04" }, Capacity{}, false},
		{"a guardian whose time is to come", as("", ""), func(x *Turn) { x.appoint(guardian); x.By.Appointments[0].ValidFrom = "2026-10-06" }, Capacity{}, false},
		{"a deputy whose appointment is over", as("", ""), func(x *Turn) {
			x.appoint(deputy)
			x.By.Appointments[0].ValidTo = "2026-10-04"
			x.lend("d1", "2026-09-01", Scope{})
		}, Capacity{}, false},
		{"another organisation's guardian to whom it was handed", as("", ""), func(x *Turn) {
			x.appoint(vocabulary.RoleReviewGuardian)
			x.By.Appointments[0].OrganisationID = "elsewhere"
			x.Case.Done = []Done{{Deed: HandBack, By: "u-guardian", Target: "u-me"}}
		}, Capacity{vocabulary.RoleReviewGuardian, "a-REVIEW_GUARDIAN", ""}, true},
	} {
		x := turn(t, "u-me", c.change)
		err := x.Authorise(c.deed, mayDecide)
		if (err == nil) != c.ok || err != nil && (CodeOf(err) != CodeAuthority || KindOf(err) != Forbidden) || x.Acting != c.want {
			t.Errorf("%s: %+v and %v, want %+v", c.name, x.Acting, err, c.want)
		}
	}
}

// What has lapsed is told from what never was: AUTHORITY is for those who once had it.
func TestLapsedAppointmentsStandForThePolicyButGiveNoAuthority(t *testing.T) {
	t.Parallel()
	x := turn(t, "u-me", func(x *Turn) {
		x.appoint(vocabulary.RoleCaldicottGuardian)
		x.appoint(vocabulary.RoleAuditor)
		for i := range x.By.Appointments {
			x.By.Appointments[i].ValidTo = "2026-10-04"
		}
	})
	if now := x.Standings(Deciding{}, false); len(now) != 0 {
		t.Errorf("stands now as %v", now)
	}
	if lapsed := x.Standings(Deciding{}, true); len(lapsed) != 1 || lapsed[0].Role != vocabulary.RoleCaldicottGuardian {
		t.Errorf("stood as %v: a prohibition ends with its appointment", lapsed)
	}
	x.By.Active = false
	if all := x.Standings(Deciding{}, true); len(all) != 0 {
		t.Errorf("somebody inactive stands as %v", all)
	}
}
