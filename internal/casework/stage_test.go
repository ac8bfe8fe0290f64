package casework_test

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/pgtest"

	_ "github.com/lib/pq"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// monday is when most of these cases begin; nobody's appointment starts or ends near it.
var monday = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

// stage is a house with a cast in it.
type stage struct {
	t       testing.TB
	ctx     context.Context //nolint:containedctx // a test's own patience
	house   *housetest.House
	service *casework.Service
	store   caldicott.Store
	clock   *housetest.Clock
	people  map[string]caldicott.Actor // as they were put in
	trust   string                     // id of TST01
	other   string                     // id of TST02
}

// member is one of the cast: who, in which roles, and what is odd about it.
type member struct {
	user      string
	roles     []vocabulary.Role
	lapsed    []vocabulary.Role // appointments that ended last year
	delegated bool              // a deputy with a delegation in force
	elsewhere bool              // belongs to, and is appointed in, TST02
	inactive  bool
	posts     []vocabulary.Post
}

// open gives an empty house with the cast.
func open(t testing.TB, cast ...member) *stage {
	t.Helper()
	if testing.Short() {
		t.Skip("needs PostgreSQL")
	}
	h := housetest.New(t)
	clock := housetest.NewClock(monday)
	s := &stage{t: t, ctx: patience(t), house: h, clock: clock, store: h.DB, people: map[string]caldicott.Actor{}, trust: house.NewID(), other: house.NewID()}
	s.service = &casework.Service{Store: h.DB, Policy: h.Policy, House: h.House, Clock: clock.Now, NewID: house.NewID}
	s.enter(cast...)
	return s
}

// on is the stage over another store, with a clock of its own.
func (s *stage) on(store caldicott.Store) *stage {
	c := *s
	c.store, c.clock = store, housetest.NewClock(s.clock.At())
	c.clock.Step = s.clock.Step
	service := *s.service
	service.Store, service.Clock = store, c.clock.Now
	c.service = &service
	return &c
}

// enter puts the cast in, each organisation by one entry of the trail.
func (s *stage) enter(cast ...member) {
	s.t.Helper()
	rows := map[string]*caldicott.DirectoryRows{}
	for id, code := range map[string]string{s.trust: "TST01", s.other: "TST02"} {
		rows[id] = &caldicott.DirectoryRows{Organisations: []caldicott.OrganisationRow{{
			OrganisationRecord: caldicott.OrganisationRecord{ID: id, Code: code, Name: code, Type: vocabulary.OrganisationTypeOther, Revision: 1}, AnswersFor: id,
		}}}
	}
	for _, m := range cast {
		id, code := s.trust, "TST01"
		if m.elsewhere {
			id, code = s.other, "TST02"
		}
		p := caldicott.Person{
			ID: house.NewID(), UserID: m.user, Name: m.user, OrganisationID: id, OrgCode: code, Active: !m.inactive, Revision: 1,
			Issuer: "https://issuer.test", Subject: m.user,
		}
		r := rows[id]
		r.People = append(r.People, p)
		for _, role := range m.roles {
			r.Appointments = append(r.Appointments, appointment(p, role, "", m.posts))
		}
		for _, role := range m.lapsed {
			r.Appointments = append(r.Appointments, appointment(p, role, "2025-12-31", nil))
		}
		if m.delegated {
			r.Delegations = append(r.Delegations, caldicott.Delegation{
				ID: house.NewID(), OrganisationID: id, From: "u-guardian", To: m.user, Reason: vocabulary.DelegationReasonPlannedAbsence,
				ValidFrom: "2026-06-01", ValidTo: "2027-05-31", Given: monday.AddDate(0, -4, 0), Accepted: monday.AddDate(0, -4, 0), Revision: 1,
			})
		}
	}
	s.put(s.trust, *rows[s.trust])
	s.put(s.other, *rows[s.other])
	for _, m := range cast {
		s.meet(m.user)
	}
}

func appointment(p caldicott.Person, role vocabulary.Role, to string, posts []vocabulary.Post) caldicott.Appointment {
	return caldicott.Appointment{
		ID: house.NewID(), UserID: p.UserID, OrganisationID: p.OrganisationID, Role: role, ValidFrom: "2025-01-01", ValidTo: to,
		Posts: posts, ConfirmedBy: p.UserID, Revision: 1,
	}
}

// put writes rows of the directory as bootstrap would.
func (s *stage) put(organisation string, rows caldicott.DirectoryRows) {
	s.t.Helper()
	err := s.store.InTx(s.ctx, func(tx caldicott.Tx) error {
		if len(rows.Organisations) == 0 {
			code := "TST01"
			if organisation == s.other {
				code = "TST02"
			}
			if _, err := tx.LockOrganisation(s.ctx, code); err != nil {
				return err
			}
		}
		return tx.SaveDirectory(s.ctx, caldicott.Event{
			Stream: caldicott.OrganisationStream(organisation), Chained: true, Action: caldicott.Bootstrapped, Outcome: caldicott.OutcomeDone,
			At: monday.AddDate(-1, 0, 0), Organisation: organisation, PolicyDigest: s.service.Policy.Digest(),
		}, rows)
	})
	if err != nil {
		s.t.Fatalf("the directory: %v", err)
	}
}

// meet reads a person anew.
func (s *stage) meet(user string) caldicott.Actor {
	s.t.Helper()
	a, err := s.store.ActorByUserID(s.ctx, user)
	if err != nil {
		s.t.Fatalf("%s: %v", user, err)
	}
	s.people[user] = a
	return a
}

// begin drafts a request, or records an emergency.
func (s *stage) begin(by string, deed caldicott.Deed) casework.Result {
	s.t.Helper()
	r, err := s.service.Begin(s.ctx, casework.Call{By: s.people[by]}, deed)
	if err != nil {
		s.t.Fatalf("%s by %s: %v", deed.Action(), by, whole(err))
	}
	return r
}

// hangsOn is what a deed on what hangs on a request is done to.
var hangsOn = map[caldicott.Action]caldicott.Noun{
	caldicott.InviteReviewer: caldicott.Reviews, caldicott.DecideReview: caldicott.Reviews, caldicott.AnswerDissent: caldicott.Dissents,
	caldicott.UpdateIncident: caldicott.Incidents, caldicott.EraseDocument: caldicott.Documents,
}

// onlyAdds are the deeds that go by no revision.
var onlyAdds = []caldicott.Action{
	caldicott.Comment, caldicott.Advise, caldicott.Disclose, caldicott.SubmitEvidence, caldicott.RequestReview, caldicott.InviteReviewer,
	caldicott.RecordDissent, caldicott.AnswerDissent, caldicott.RecordNotFollowed, caldicott.LinkIncident, caldicott.UpdateIncident,
	caldicott.LinkRisk, caldicott.Attach, caldicott.EraseDocument,
}

// may does a deed, having read everything beforehand.
func (s *stage) may(by string, c caldicott.Case, subject string, deed caldicott.Deed) (casework.Result, error) {
	a, target := deed.Action(), casework.Target{Noun: caldicott.Requests, ID: c.Request.ID}
	switch noun, hangs := hangsOn[a]; {
	case hangs:
		target = casework.Target{Noun: noun, ID: subject}
	case slices.Contains(caldicott.AuthorisationDeeds(), a):
		target = casework.Target{Noun: caldicott.Authorisations, ID: subject}
	case slices.Contains(caldicott.ConditionDeeds(), a):
		target = casework.Target{Noun: caldicott.Conditions, ID: subject}
	}
	call := casework.Call{By: s.people[by], IfMatch: casework.Revision(&c, a, subject)}
	if slices.Contains(onlyAdds, a) {
		call.IfMatch = 0
	}
	return s.service.Do(s.ctx, call, target, deed)
}

// callBy is somebody's wish, having read the revision; 0 for none.
func callBy(who caldicott.Actor, revision int) casework.Call {
	return casework.Call{By: who, IfMatch: revision}
}

// target is the request itself.
func target(c caldicott.Case) casework.Target {
	return casework.Target{Noun: caldicott.Requests, ID: c.Request.ID}
}

// read reads a case as it is kept.
func (s *stage) read(c caldicott.Case) caldicott.Case {
	s.t.Helper()
	now, err := s.store.ReadCase(s.ctx, c.Request.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return now
}

// until puts the clock to a time of day in London.
func (s *stage) until(day string, hour, minute, second int) {
	s.t.Helper()
	s.clock.Put(inLondon(s.t, day, hour, minute, second))
}

// inLondon is an instant by London's clocks.
func inLondon(t testing.TB, day string, hour, minute, second int) time.Time {
	t.Helper()
	place, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	d, err := time.Parse(time.DateOnly, day)
	if err != nil {
		t.Fatal(err)
	}
	return time.Date(d.Year(), d.Month(), d.Day(), hour, minute, second, 0, place).UTC()
}

// kept are the keeper's records of a kind on the case, by what they were done to.
func kept(c caldicott.Case, deed caldicott.Action, subject string) []caldicott.Done {
	return slices.DeleteFunc(slices.Clone(c.Done), func(d caldicott.Done) bool {
		return d.By != "" || d.Deed != deed || d.Subject != subject
	})
}

// newest is the id of what the newest deed of the kind made or did: it is known by the deed's own.
func newest(c caldicott.Case, deed caldicott.Action) string {
	for _, d := range slices.Backward(c.Done) {
		if d.Deed == deed {
			return d.ID
		}
	}
	return ""
}

// must is may, and it has to be done.
func (s *stage) must(by string, c caldicott.Case, deed caldicott.Deed) caldicott.Case {
	s.t.Helper()
	return s.mustTo(by, c, "", deed)
}

func (s *stage) mustTo(by string, c caldicott.Case, subject string, deed caldicott.Deed) caldicott.Case {
	s.t.Helper()
	r, err := s.may(by, c, subject, deed)
	if err != nil {
		s.t.Fatalf("%s by %s in %s: %v", deed.Action(), by, c.Request.State, whole(err))
	}
	return r.Case
}

// whole is an error with everything that was wrong.
func whole(err error) any {
	if e, ok := err.(*caldicott.Error); ok {
		return []any{e.Code, e.Message, e.Fields, e.Err}
	}
	return err
}

// superuser reads what the application may not.
func (s *stage) superuser() *sqlx.DB {
	s.t.Helper()
	db, err := sqlx.Open("postgres", s.house.Database.Superuser)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = db.Close() })
	return db
}

// count asks the database for a number.
func count(t testing.TB, db *sqlx.DB, query string, args ...any) int {
	t.Helper()
	var n int
	if err := db.Get(&n, query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// code is the answer's code, "" for a deed that was done.
func code(err error) string {
	if err == nil {
		return ""
	}
	if c := caldicott.CodeOf(err); c != "" {
		return c
	}
	return err.Error()
}

// sound is a request in which no rule finds anything: an evaluation with explicit consent, sent once to an NHS body. It
// must be put to the data protection officer and to the asset's owner.
func sound() caldicott.Content {
	return caldicott.Content{
		Title: "Falls evaluation", Kind: vocabulary.KindServiceEvaluation,
		PurposeCategory: vocabulary.PurposeServiceEvaluation, Urgency: vocabulary.UrgencyRoutine,
		Sponsor: "u-sponsor", AssetOwner: "u-iao",
		Summary: "Falls on the wards.", Purpose: "To learn.", IndividualCare: new(false),
		DataItems: []caldicott.DataItem{
			{Category: vocabulary.DataCategoryName, DirectIdentifier: new(true), Justification: "To match."},
			{Category: vocabulary.DataCategoryDiagnosis, DirectIdentifier: new(false), Justification: "To group."},
		},
		Identifiability: vocabulary.IdentifiabilityIdentifiable, Alternative: "None would match.",
		Legal: caldicott.Legal{
			Art6: []vocabulary.Art6{vocabulary.Art6_6_1_E}, Art9: []vocabulary.Art9{vocabulary.Art9_9_2_H},
			Sch1: []vocabulary.Sch1{vocabulary.Sch1P12}, Basis: vocabulary.BasisExplicitConsent,
		},
		OptOut:       caldicott.OptOut{Status: vocabulary.OptOutExemptConsent},
		Transparency: caldicott.Transparency{PatientInformed: new(true)},
		Recipients: []caldicott.Recipient{{
			OrgCode: "TST02", Type: vocabulary.RecipientTypeNhsBody, Roles: "Analysts", Headcount: new(2), TrainingConfirmed: new(true),
			DSPTStatus: vocabulary.DSPTStandardsMet, Country: "GB",
		}},
		Transfer:  caldicott.Transfer{Frequency: vocabulary.FrequencyOneOff, Mechanism: vocabulary.MechanismNotOverseas},
		Retention: caldicott.Retention{Period: "1 year", DisposalMethod: "Erasure"},
	}
}

// supported is a sound request whose basis is support under section 251, on record until the day.
func supported(until string) caldicott.Content {
	c := sound()
	c.Title, c.Legal.Basis = "Linked without consent", vocabulary.BasisS251Reg5NonResearch
	c.Legal.S251 = &caldicott.S251{
		Regulation: "5", Reference: "26/CAG/0001", DecisionMaker: "SECRETARY_OF_STATE", Status: vocabulary.S251StatusFullSupport,
		AnnualReviewDue: until, OptOutDisapplied: new(true),
	}
	return c
}

// pressing is a sound request that cannot wait: safeguarding, urgent. It must be put to the safeguarding lead.
func pressing() caldicott.Content {
	c := sound()
	c.Title, c.Kind, c.Urgency = "Child at risk", vocabulary.KindSafeguarding, vocabulary.UrgencyUrgent
	c.PurposeCategory = vocabulary.PurposeSafeguarding
	return c
}

// emergency is what an on-call doctor records afterwards.
func emergency(disclosed time.Time) caldicott.Content {
	c := sound()
	c.Title, c.Kind, c.Urgency = "Night call", vocabulary.KindEmergencyOutOfHours, vocabulary.UrgencyEmergency
	c.PurposeCategory = vocabulary.PurposeSafeguarding
	c.DisclosedAt = disclosed.Format(time.RFC3339)
	return c
}

// judged are the eight judgements, all met.
func judged() caldicott.Principles {
	p := caldicott.Principles{}
	for _, cp := range []vocabulary.Principle{
		vocabulary.PrincipleCp1, vocabulary.PrincipleCp2, vocabulary.PrincipleCp3, vocabulary.PrincipleCp4,
		vocabulary.PrincipleCp5, vocabulary.PrincipleCp6, vocabulary.PrincipleCp7, vocabulary.PrincipleCp8,
	} {
		p[cp] = caldicott.Judgement{Assessment: vocabulary.AssessmentMet}
	}
	return p
}

// decision is a sound decision of the outcome.
func decision(outcome vocabulary.Outcome) caldicott.Deciding {
	d := caldicott.Deciding{Outcome: outcome, Rationale: "Weighed.", Principles: judged()}
	if caldicott.Approving(outcome) && outcome != vocabulary.OutcomeRatify {
		d.ReviewDate, d.ExpiryDate = "2026-12-01", "2026-12-31"
	}
	return d
}
