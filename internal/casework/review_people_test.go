package casework_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
)

// What a reviewer found about people, the directory, readings and time, each by one test; the rest is in review_test.go.

// administered is everybody with a second administrator here, and with administrator, SIRO and auditor of TST02.
func administered() []member {
	return append(everybody(),
		member{user: "u-admin-b", roles: []vocabulary.Role{vocabulary.RoleSystemAdmin}},
		member{user: "u-admin-far", roles: []vocabulary.Role{vocabulary.RoleSystemAdmin}, elsewhere: true},
		member{user: "u-siro-far", roles: []vocabulary.Role{vocabulary.RoleSiro}, elsewhere: true},
		member{user: "u-auditor-far", roles: []vocabulary.Role{vocabulary.RoleAuditor}, elsewhere: true})
}

// appoint gives somebody a role, confirmed by the second administrator where it takes two.
func (s *stage) appoint(user string, role vocabulary.Role, from string) caldicott.Appointment {
	s.t.Helper()
	r, err := s.service.Appoint(s.ctx, casework.Call{By: s.people["u-admin"]}, nil, caldicott.Appointment{UserID: user, Role: role, ValidFrom: from})
	if err == nil && caldicott.TwoPersonRole(role) {
		r, err = s.service.ConfirmAppointment(s.ctx, casework.Call{By: s.people["u-admin-b"]}, nil, r.Appointment.ID)
	}
	if err != nil {
		s.t.Fatalf("%s becomes %s: %v", user, role, whole(err))
	}
	return r.Appointment
}

func TestSD8OneAdministratorDoesNotChangeHowAnybodyOfPowerSignsIn(t *testing.T) {
	t.Parallel()
	s := open(t, administered()...)
	amend := func(by, user string, change func(*caldicott.Person)) error {
		p := s.meet(user).Person
		change(&p)
		_, err := s.service.AmendPerson(s.ctx, casework.Call{By: s.people[by], IfMatch: p.Revision}, nil, p)
		return err
	}
	signIn := map[string]func(*caldicott.Person){
		"the issuer":  func(p *caldicott.Person) { p.Issuer = "https://mine.test" },
		"the subject": func(p *caldicott.Person) { p.Subject = "u-asks-too" },
		"both":        func(p *caldicott.Person) { p.Issuer, p.Subject = "", "" },
	}
	for user, by := range map[string]string{
		"u-guardian": "u-admin", "u-deputy": "u-admin", "u-admin-b": "u-admin", "u-admin": "u-admin", "u-review": "u-admin-far",
	} {
		for what, change := range signIn {
			if err := amend(by, user, change); code(err) != "SD8" || caldicott.KindOf(err) != caldicott.Forbidden {
				t.Errorf("%s of %s: %v, want SD8", what, user, err)
			}
		}
		if err := amend(by, user, func(p *caldicott.Person) { p.Name = "Dr New Name" }); err != nil {
			t.Errorf("the name of %s: %v", user, whole(err))
		}
		if p := s.meet(user); p.Name != "Dr New Name" || p.Issuer != "https://issuer.test" || p.Subject != user {
			t.Errorf("%s is now %+v", user, p.Person)
		}
	}
	for _, user := range []string{"u-colleague", "u-lead", "u-was-guardian"} {
		if err := amend("u-admin", user, func(p *caldicott.Person) { p.Subject = "new-" + user }); err != nil || s.meet(user).Subject != "new-"+user {
			t.Errorf("the subject of %s: %v", user, whole(err))
		}
	}
}

func TestTheGuardReadsTheDirectoryTooAndItsFiringIsOnTheRecord(t *testing.T) {
	t.Parallel()
	s := open(t, administered()...)
	call := casework.Call{By: s.people["u-admin"]}
	enrol := func(p caldicott.Person) error {
		_, err := s.service.Enrol(s.ctx, call, nil, p)
		return err
	}
	colleague := s.people["u-colleague"].Person
	amended := colleague
	amended.Subject = numbered
	_, amending := s.service.AmendPerson(s.ctx, casework.Call{By: call.By, IfMatch: colleague.Revision}, nil, amended)
	_, registering := s.service.RegisterOrganisation(s.ctx, call, nil, caldicott.OrganisationRecord{Code: numbered, Name: "Partner", Type: vocabulary.OrganisationTypeOther})
	for _, x := range []struct {
		what, field string
		err         error
	}{
		{"organisation code", "code", registering},
		{"person's issuer", "issuer", enrol(caldicott.Person{UserID: "u-x", Name: "X", Issuer: "https://issuer.test/" + numbered, Subject: "x"})},
		{"person's subject", "subject", enrol(caldicott.Person{UserID: "u-x", Name: "X", Issuer: "https://issuer.test", Subject: numbered})},
		{"person's user id", "user_id", enrol(caldicott.Person{UserID: numbered, Name: "X"})},
		{"person's subject, amended", "subject", amending},
	} {
		if code(x.err) != "V013" || !slices.Equal(faults(x.err), []string{x.field + " V013"}) {
			t.Errorf("%s: %v", x.what, whole(x.err))
		}
	}
	db := s.superuser()
	if n := traces(t, db, numbered); n != 0 {
		t.Errorf("%d traces of what was refused", n)
	}
	refused := written(t, db, caldicott.GuardFired, "refused")
	if len(refused) != 5 {
		t.Errorf("%d refused firings are on the record", len(refused))
	}
	for _, e := range refused {
		if e.Rule != "V013" || e.Facts["severity"] != "BLOCK_SUBMIT" || !slices.Contains([]string{"code", "issuer", "subject", "user_id"}, e.Facts["field"]) {
			t.Errorf("refused firing %+v", e)
		}
	}

	if err := enrol(caldicott.Person{UserID: "u-warned", Name: "X", JobTitle: "born 03/04/1952"}); err != nil {
		t.Fatal(whole(err))
	}
	call.Confirmed = []caldicott.Confirmation{{Field: "job_title", Reason: "A post number."}, {Field: "subject", Reason: "Nothing there."}}
	if err := enrol(caldicott.Person{UserID: "u-confirmed", Name: "X", JobTitle: "Post " + numbered}); err != nil {
		t.Fatal(whole(err))
	}
	done := written(t, db, caldicott.GuardFired, "done")
	if len(done) != 2 || done[0].Facts["field"] != "job_title" || done[0].Facts["severity"] != "WARN" || done[1].Facts["severity"] != "WARN" {
		t.Errorf("firings of what was done: %+v", done)
	}
	const kept = `SELECT count(*) FROM audit.details WHERE convert_from(body, 'UTF8') LIKE '%' || $1 || '%'`
	if count(t, db, kept, "A post number.") != 1 || count(t, db, kept, "Nothing there.") != 0 {
		t.Error("what was confirmed is kept, and only where it was needed")
	}
}

func TestADeedOnTheDirectorySaysByWhichLineAndAppointmentItWasDone(t *testing.T) {
	t.Parallel()
	s := open(t, administered()...)
	if _, err := s.service.Enrol(s.ctx, casework.Call{By: s.people["u-admin"]}, nil, caldicott.Person{UserID: "u-new", Name: "New"}); err != nil {
		t.Fatal(whole(err))
	}
	if _, err := s.service.RegisterAsset(s.ctx, casework.Call{By: s.people["u-lead"]}, nil, caldicott.Asset{Name: "EPR", Owner: "u-iao"}); err != nil {
		t.Fatal(whole(err))
	}
	s.revoke("u-deputy")
	db := s.superuser()
	for action, by := range map[caldicott.Action]string{caldicott.Enrol: "u-admin", caldicott.RegisterAsset: "u-lead", caldicott.RevokeDelegation: "u-guardian"} {
		entries, rests := written(t, db, action, "done"), s.people[by].Appointments[0]
		if len(entries) != 1 {
			t.Errorf("%s: %d entries", action, len(entries))
			continue
		}
		if e := entries[0]; e.Acting != string(rests.Role) || e.Appointment != rests.ID || roleOfLine(t, e.Line) != e.Acting {
			t.Errorf("%s by %s: %+v, want %s by %s", action, by, e, rests.Role, rests.ID)
		}
	}
}

func TestThePastIsJudgedByTheGuardiansOfThen(t *testing.T) {
	t.Parallel()
	s := open(t, administered()...)
	c := s.scene("", sound()).c
	when := monday.AddDate(0, 0, 10)
	s.clock.Put(when)
	made := s.appoint("u-sponsor", vocabulary.RoleCaldicottGuardian, "2026-10-01")
	conflicted := func(moment casework.Moment) bool {
		return found(s.service.Facts(s.show("u-guardian", c, moment)), vocabulary.RuleV008, "sponsor_user_id")
	}
	for name, x := range map[string]struct {
		at   time.Time
		want bool
	}{
		"when it was drafted":                     {monday, false},
		"just before the sponsor was confirmed":   {when.Add(-time.Microsecond), false},
		"when the sponsor was confirmed":          {when, true},
		"a day on which nobody has looked as yet": {when.AddDate(0, 0, 1), true},
	} {
		if got := conflicted(casework.Moment{AsOf: x.at}); got != x.want {
			t.Errorf("%s: V008 %v, want %v", name, got, x.want)
		}
	}
	sponsor := s.meet("u-sponsor")
	if sponsor.Holds(vocabulary.RoleCaldicottGuardian, s.trust, when.Add(-time.Microsecond)) || !sponsor.Holds(vocabulary.RoleCaldicottGuardian, s.trust, when) {
		t.Errorf("authority before it was confirmed: %+v", made)
	}
	s.appoint("u-colleague", vocabulary.RoleIgOfficer, "2026-10-01")
	early := s.on(s.store)
	early.clock.Put(when.Add(-time.Hour))
	early.meet("u-colleague")
	if _, err := early.may("u-colleague", c, "", caldicott.Triaging{}); code(err) != "NOT_FOUND" {
		t.Errorf("an officer before the appointment was made: %v", err)
	}
	s.clock.Put(when.AddDate(0, 0, 5))
	s.end("u-sponsor", vocabulary.RoleCaldicottGuardian)
	if !conflicted(casework.Moment{AsOf: when}) || conflicted(casework.Moment{}) {
		t.Error("once it has ended, the past is as it was and the present is not")
	}
}

func TestAnEmergencyAllowedByWhoWasNotAppointedForItIsFlagged(t *testing.T) {
	t.Parallel()
	cast := append(administered(), member{user: "u-approver-was", lapsed: []vocabulary.Role{vocabulary.RoleEmergencyApprover}},
		member{user: "u-approver-far", roles: []vocabulary.Role{vocabulary.RoleEmergencyApprover}, elsewhere: true})
	s := open(t, cast...)
	s.appoint("u-owner", vocabulary.RoleEmergencyApprover, "2026-01-01") // on the record after the night
	for approver, want := range map[string][]caldicott.Flag{
		"u-approver": nil, "u-nobody": {caldicott.ApproverNotAppointed}, "u-guardian": {caldicott.ApproverNotAppointed},
		"u-owner": {caldicott.ApproverNotAppointed}, "u-approver-was": {caldicott.ApproverNotAppointed},
		"u-approver-far": {caldicott.ApproverNotAppointed},
	} {
		content := emergency(monday.Add(-time.Hour))
		content.ApprovedBy = approver
		c := s.scene("", content).c
		now, err := s.store.ReadCase(s.ctx, c.Request.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got := now.Done[0].Details.Flags; !slices.Equal(got, want) || now.Content().ApprovedBy != approver {
			t.Errorf("allowed by %s: flags %v, want %v", approver, got, want)
		}
	}
	for conflict, want := range map[vocabulary.Conflict][]caldicott.Flag{
		vocabulary.ConflictLineManagement: {caldicott.SecondRead}, vocabulary.ConflictClinicalInvolvement: {caldicott.SecondRead}, vocabulary.ConflictNone: nil,
	} {
		c := s.answered("", sound()).by("u-guardian", caldicott.Opening{Conflict: conflict, Note: "We share a ward."}).c
		now, err := s.store.ReadCase(s.ctx, c.Request.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got := now.Done[len(now.Done)-1].Details.Flags; !slices.Equal(got, want) {
			t.Errorf("opened with %s: flags %v, want %v", conflict, got, want)
		}
	}
}

func TestACaseIsHandedToSomebodyWhoMayDecideIt(t *testing.T) {
	t.Parallel()
	s := open(t, administered()...)
	sc := s.answered("", sound())
	for _, to := range []string{"u-asks", "u-nobody", "u-colleague", "u-officer", "u-dpo", "u-foreign", "u-was-guardian"} {
		sc.by("u-guardian", unconflicted)
		_, err := s.may("u-guardian", sc.c, "", caldicott.HandingBack{Reason: "Conflict.", To: to})
		if code(err) != "FIELD" || caldicott.KindOf(err) != caldicott.Invalid || !slices.Equal(faults(err), []string{"to FIELD"}) {
			t.Errorf("to %s: %v, want FIELD on to", to, whole(err))
		}
		sc.by("u-guardian", caldicott.HandingBack{Reason: "Conflict.", To: "u-guardian-b"})
	}
	for _, to := range []string{"u-deputy", "u-guardian-b", "u-review"} {
		sc.by("u-guardian", unconflicted, caldicott.HandingBack{Reason: "Conflict.", To: to})
		if d := sc.c.Done[len(sc.c.Done)-1]; d.Target != to || d.To != vocabulary.StateReadyForDecision {
			t.Errorf("to %s: %+v", to, d)
		}
	}
}

// Whoever has left may decide nothing, though their appointment was never ended.
func TestACaseIsNotHandedToSomebodyWhoIsNoLongerActive(t *testing.T) {
	t.Parallel()
	s := open(t, append(administered(), member{user: "u-review-gone", roles: []vocabulary.Role{vocabulary.RoleReviewGuardian}, elsewhere: true, inactive: true},
		member{user: "u-deputy-gone", roles: []vocabulary.Role{vocabulary.RoleDeputyGuardian}, inactive: true})...)
	for _, to := range []string{"u-gone", "u-deputy-gone", "u-review-gone"} {
		sc := s.answered("", sound()).by("u-guardian", unconflicted)
		if _, err := s.may("u-guardian", sc.c, "", caldicott.HandingBack{Reason: "Conflict.", To: to}); !slices.Equal(faults(err), []string{"to FIELD"}) {
			t.Errorf("to %s: %v, want FIELD on to", to, whole(err))
		}
	}
}

func TestAnAuditorsSearchSaysHowManyRowsWereShownAndTheirLookUpsAreRecorded(t *testing.T) {
	t.Parallel()
	s := open(t, administered()...)
	for range 3 {
		s.scene("", sound())
	}
	registered, err := s.service.RegisterAsset(s.ctx, casework.Call{By: s.people["u-lead"]}, nil, caldicott.Asset{Name: "EPR", Owner: "u-iao"})
	if err != nil {
		t.Fatal(whole(err))
	}
	ahead := caldicott.Page{Limit: 3, Ahead: true}
	searches := map[string]func(by caldicott.Actor) error{
		"requests": func(by caldicott.Actor) error {
			_, err := s.service.List(s.ctx, by, caldicott.Requests, nil, ahead)
			return err
		},
		"people": func(by caldicott.Actor) error { _, err := s.service.FindPeople(s.ctx, by, "", ahead); return err },
		"people named": func(by caldicott.Actor) error {
			_, err := s.service.FindPeople(s.ctx, by, "guardian", ahead)
			return err
		},
		"organisations": func(by caldicott.Actor) error {
			_, err := s.service.FindOrganisations(s.ctx, by, "", ahead)
			return err
		},
		"assets": func(by caldicott.Actor) error { _, err := s.service.FindAssets(s.ctx, by, "", ahead); return err },
		"appointments": func(by caldicott.Actor) error {
			_, err := s.service.ListAppointments(s.ctx, by, nil, ahead)
			return err
		},
		"delegations": func(by caldicott.Actor) error { _, err := s.service.ListDelegations(s.ctx, by, nil, ahead); return err },
	}
	shown := map[string]string{"requests": "2", "people": "2", "people named": "2", "organisations": "2", "assets": "1", "appointments": "2", "delegations": "2"}
	lookUps := map[string]func(by caldicott.Actor) error{
		"a person": func(by caldicott.Actor) error { _, err := s.service.LookUpPerson(s.ctx, by, "u-guardian"); return err },
		"an asset": func(by caldicott.Actor) error {
			_, err := s.service.LookUpAsset(s.ctx, by, registered.Asset.ID)
			return err
		},
		"a delegation": func(by caldicott.Actor) error {
			_, err := s.service.LookUpDelegation(s.ctx, by, s.delegation("u-deputy").ID)
			return err
		},
		"an appointment": func(by caldicott.Actor) error {
			_, err := s.service.LookUpAppointment(s.ctx, by, s.people["u-guardian"].Appointments[0].ID)
			return err
		},
	}
	db := s.superuser()
	for _, by := range []string{"u-auditor", "u-lead", "u-guardian", "u-colleague"} {
		recorded := map[bool]int{true: 1}[by == "u-auditor"]
		for what, search := range searches {
			before := len(written(t, db, caldicott.Searched, "done"))
			if err := search(s.people[by]); err != nil {
				t.Fatalf("%s searches %s: %v", by, what, err)
			}
			after := written(t, db, caldicott.Searched, "done")
			if len(after)-before != recorded {
				t.Errorf("%s searches %s: %d entries, want %d", by, what, len(after)-before, recorded)
			} else if recorded == 1 && after[before].Facts["count"] != shown[what] {
				t.Errorf("%s searches %s: %q rows were shown, want %s", by, what, after[before].Facts["count"], shown[what])
			}
		}
		for what, lookUp := range lookUps {
			before := len(written(t, db, caldicott.Viewed, "done"))
			if err := lookUp(s.people[by]); err != nil {
				t.Fatalf("%s looks up %s: %v", by, what, err)
			}
			if n := len(written(t, db, caldicott.Viewed, "done")) - before; n != recorded {
				t.Errorf("%s looks up %s: %d entries, want %d", by, what, n, recorded)
			}
		}
	}
}

// "Auditor: read-only, every read recorded": the directory of organisations is a directory too.
func TestAnAuditorsLookUpOfAnOrganisationIsRecorded(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	db := s.superuser()
	for _, by := range []string{"u-lead", "u-auditor"} {
		if _, err := s.service.LookUpOrganisation(s.ctx, s.people[by], "TST02"); err != nil {
			t.Fatal(whole(err))
		}
		if n, want := len(written(t, db, caldicott.Viewed, "done")), map[bool]int{true: 1}[by == "u-auditor"]; n != want {
			t.Errorf("%s looks up an organisation: %d entries, want %d", by, n, want)
		}
	}
}

func TestAReadingNamesTheVersionThatWasShown(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc := s.scene("", sound())
	changed := sc.content()
	changed.Summary = "Falls at night."
	sc.by("u-asks", caldicott.Amending{Content: changed})
	db := s.superuser()
	for version, want := range map[int]string{1: "Falls on the wards.", 2: "Falls at night.", 0: "Falls at night."} {
		r := s.show("u-lead", sc.c, casework.Moment{Version: version})
		read := written(t, db, caldicott.Viewed, "done")
		if version == 0 {
			version = 2
		}
		if last := read[len(read)-1]; last.Version != version || r.Case.Current.N != version || r.Case.Content().Summary != want {
			t.Errorf("version %d: recorded %d, shown %d: %q", version, last.Version, r.Case.Current.N, r.Case.Content().Summary)
		}
	}
	before := len(written(t, db, caldicott.Viewed, "done"))
	target := casework.Target{Noun: caldicott.Requests, ID: sc.c.Request.ID}
	for _, moment := range []casework.Moment{{Version: 3}, {Version: -1}, {AsOf: monday.Add(-time.Second)}} {
		if _, err := s.service.Show(s.ctx, s.people["u-lead"], target, moment); code(err) != "NOT_FOUND" || caldicott.KindOf(err) != caldicott.NotFound {
			t.Errorf("%+v: %v, want NOT_FOUND", moment, err)
		}
	}
	if _, err := s.service.Version(s.ctx, s.people["u-lead"], sc.c.Request.ID, 3); code(err) != "NOT_FOUND" {
		t.Errorf("version 3: %v, want NOT_FOUND", err)
	}
	if n := len(written(t, db, caldicott.Viewed, "done")) - before; n != 0 {
		t.Errorf("%d readings of nothing were recorded", n)
	}
}

func TestAnswersThatHaveOutlivedTheirDayAreDeleted(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	c := s.scene("", sound()).by("u-asks", caldicott.Submitting{}).c
	say := func(by, key string, at time.Time) {
		t.Helper()
		s.clock.Put(at)
		call := casework.Call{By: s.people[by], Retry: retry(key, key)}
		if _, err := s.service.Do(s.ctx, call, casework.Target{Noun: caldicott.Requests, ID: c.Request.ID}, caldicott.Commenting{Text: key}); err != nil {
			t.Fatal(whole(err))
		}
	}
	for n := range 5 {
		say("u-officer", "old-"+strconv.Itoa(n), monday)
	}
	say("u-lead", "younger", monday.Add(2*time.Hour))
	say("u-guardian", "new", monday.Add(25*time.Hour))
	var keys []string
	if err := s.superuser().Select(&keys, `SELECT key FROM casework.answers_given ORDER BY given_at`); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(keys, []string{"younger", "new"}) {
		t.Errorf("answers kept: %v", keys)
	}
}

func TestAClockThatStepsBackDatesNoDeedBeforeTheOneItFollows(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	later := func(minutes int) { s.clock.Put(monday.Add(time.Duration(minutes) * time.Minute)) }
	sc := s.scene("", sound())
	var looked []time.Time
	for _, step := range []struct {
		minutes int
		by      string
		deed    caldicott.Deed
	}{
		{60, "u-asks", caldicott.Amending{Content: sc.content()}}, {30, "u-asks", caldicott.Submitting{}},
		{90, "u-officer", caldicott.Triaging{}}, {45, "u-officer", caldicott.Consulting{}}, {80, "u-dpo", supports},
		{100, "u-iao", agrees}, {-5, "u-officer", caldicott.PuttingForward{Recommendation: "Approve."}},
		{120, "u-guardian", unconflicted}, {110, "u-guardian", decision(vocabulary.OutcomeApprove)},
	} {
		later(step.minutes)
		looked = append(looked, s.clock.At())
		sc.by(step.by, step.deed)
	}
	c, err := s.store.ReadCase(s.ctx, sc.c.Request.ID)
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range c.Done[1:] {
		if before := c.Done[i]; d.At.Before(before.At) {
			t.Errorf("%s is dated %s, before %s at %s", d.Deed, d.At.Format(time.TimeOnly), before.Deed, before.At.Format(time.TimeOnly))
		}
		looked = append(looked, d.At, d.At.Add(-time.Microsecond))
	}
	later(130)
	for _, at := range looked {
		then := slices.DeleteFunc(slices.Clone(c.Done), func(d caldicott.Done) bool { return d.At.After(at) })
		if len(then) == 0 {
			if _, existed := c.AsOf(at); existed {
				t.Errorf("as of %s there was a request", at.Format(time.TimeOnly))
			}
			continue
		}
		r := s.show("u-guardian", c, casework.Moment{AsOf: at})
		last, views := then[len(then)-1], 0
		for i, d := range then {
			if d.ID != c.Done[i].ID {
				t.Errorf("as of %s, %s is missing from what went before", at.Format(time.TimeOnly), c.Done[i].Deed)
			}
			if d.Deed == caldicott.Advise {
				views++
			}
		}
		got := fmt.Sprint(r.Case.Request.State, r.Case.Current.N, len(r.Case.Done), len(r.Case.Advice), len(r.Case.Decisions) == len(r.Case.Authorisations))
		if want := fmt.Sprint(last.To, last.Version, len(then), views, true); got != want || r.Case.Current.At.After(at) {
			t.Errorf("as of %s: %s, want %s", at.Format(time.TimeOnly), got, want)
		}
	}
}

func TestTheDryRunShowsTheGuardianTheirOwnConflict(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	guardians, err := s.store.Guardians(s.ctx, s.trust, monday)
	if err != nil {
		t.Fatal(err)
	}
	for by, want := range map[string]bool{"u-guardian": true, "u-asks": false} {
		facts := s.service.CheckContent(s.people[by], sound(), guardians, nil)
		if got := found(facts, vocabulary.RuleV008, "requester.user_id"); got != want {
			t.Errorf("for %s: V008 on requester.user_id %v, want %v", by, got, want)
		}
	}
}

func TestAStrangerToAnOrganisationLearnsNothingOfWhoHoldsWhatThere(t *testing.T) {
	t.Parallel()
	s := open(t, administered()...)
	far, err := s.service.Appoint(s.ctx, casework.Call{By: s.people["u-admin-far"]}, nil, caldicott.Appointment{UserID: "u-siro-far", Role: vocabulary.RoleDeputyGuardian, ValidFrom: "2026-11-01"})
	if err != nil {
		t.Fatal(whole(err))
	}
	policy := func(what, by string, err error) {
		t.Helper()
		if code(err) != "POLICY" || caldicott.KindOf(err) != caldicott.Forbidden {
			t.Errorf("%s by %s: %v, want POLICY", what, by, err)
		}
	}
	for _, by := range []string{"u-colleague", "u-lead", "u-guardian", "u-admin"} {
		call := casework.Call{By: s.people[by]}
		for _, to := range []string{"u-siro-far", "u-foreign", "u-auditor-far", "u-admin-far", "u-review", "u-colleague", by, "u-nobody"} {
			for _, role := range []vocabulary.Role{"SIRO", "CALDICOTT_GUARDIAN", "AUDITOR", "IG_OFFICER", "SYSTEM_ADMIN"} {
				_, err := s.service.Appoint(s.ctx, call, nil, caldicott.Appointment{UserID: to, Role: role, OrgCode: "TST02", ValidFrom: "2026-11-01"})
				policy(string(role)+" for "+to, by, err)
			}
		}
		_, err := s.service.ConfirmAppointment(s.ctx, call, nil, far.Appointment.ID)
		policy("confirmed", by, err)
		p := s.people["u-foreign"].Person
		p.Subject = "mine"
		_, err = s.service.AmendPerson(s.ctx, casework.Call{By: s.people[by], IfMatch: p.Revision}, nil, p)
		policy("amended", by, err)
	}
}

func TestASponsorIsEnrolledHereOrWithAPartner(t *testing.T) {
	t.Parallel()
	s := open(t, administered()...)
	draft := func(field *string, content *caldicott.Content, user string) error {
		*field = user
		_, err := s.service.Begin(s.ctx, casework.Call{By: s.people["u-asks"]}, caldicott.Drafting{Content: *content})
		return err
	}
	admin := casework.Call{By: s.people["u-admin"]}
	if _, err := s.service.RegisterOrganisation(s.ctx, admin, nil, caldicott.OrganisationRecord{Code: "TST09", Name: "Partner", Type: vocabulary.OrganisationTypeOther}); err != nil {
		t.Fatal(whole(err))
	}
	if _, err := s.service.Enrol(s.ctx, admin, nil, caldicott.Person{UserID: "u-partner", Name: "P", OrgCode: "TST09"}); err != nil {
		t.Fatal(whole(err))
	}
	sponsored, owned := sound(), sound()
	for user, want := range map[string]string{"u-foreign": "FIELD", "u-nobody": "FIELD", "u-gone": "FIELD", "u-partner": "", "u-sponsor": ""} {
		if err := draft(&sponsored.Sponsor, &sponsored, user); code(err) != want || want != "" && !slices.Equal(faults(err), []string{"sponsor_user_id FIELD"}) {
			t.Errorf("sponsored by %s: %v, want %q", user, whole(err), want)
		}
		if err := draft(&owned.AssetOwner, &owned, user); code(err) != want || want != "" && !slices.Equal(faults(err), []string{"iao_user_id FIELD"}) {
			t.Errorf("the asset of %s: %v, want %q", user, whole(err), want)
		}
	}
}

func TestASuspensionDoesNotMoveWhenTheRequestWasDecided(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc := s.decidedOn("", decision(vocabulary.OutcomeApprove)).aboutAuthorisation(vocabulary.AuthorisationStateActive)
	db := s.superuser()
	decided := func() int {
		return count(t, db, `SELECT CAST(extract(epoch FROM decided_at) AS bigint) FROM casework.requests WHERE id = $1`, sc.c.Request.ID)
	}
	want := int(monday.Unix())
	for days, deed := range []caldicott.Deed{caldicott.Suspending{Reason: "Incident."}, caldicott.Reinstating{Reason: "Cleared."}, caldicott.Revoking{Reason: "Misuse."}} {
		s.clock.Put(monday.AddDate(0, 0, days+1))
		sc.by("u-guardian", deed)
		if got := decided(); got != want {
			t.Errorf("after %s: decided at %d, want %d", deed.Action(), got, want)
		}
	}
}

func TestWhoDecidesMustHaveSeenTheNewestView(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc := s.scene("", sound()).by("u-asks", caldicott.Submitting{}).by("u-officer", caldicott.Triaging{}, caldicott.Consulting{}, caldicott.PuttingForward{Recommendation: "Approve."}).
		by("u-guardian", unconflicted)
	seen := sc.c
	sc.by("u-dpo", caldicott.Advising{Role: vocabulary.RoleDpo, View: vocabulary.ViewObject, Text: "Too wide."})
	if sc.c.Request.Revision <= seen.Request.Revision {
		t.Errorf("the revision stays %d", sc.c.Request.Revision)
	}
	if _, err := s.may("u-guardian", seen, "", decision(vocabulary.OutcomeRefuse)); code(err) != "STALE" || caldicott.KindOf(err) != caldicott.Stale {
		t.Errorf("decided on what was read before the objection: %v, want STALE", err)
	}
	sc.by("u-guardian", decision(vocabulary.OutcomeRefuse))
}
