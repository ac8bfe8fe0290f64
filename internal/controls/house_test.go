package controls_test

import (
	"os"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/controls"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/pgtest"
	"github.com/caldicott/caldicott/internal/postgres"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// scene is a house in which everything is as it should be: one request, approved, and one disclosure that it covers.
type scene struct {
	*housetest.House
	t            *testing.T
	book         controls.Book
	hostile      *sqlx.DB // a superuser who means ill
	organisation string
	c            caldicott.Case
}

func open(t *testing.T) *scene {
	t.Helper()
	if testing.Short() {
		t.Skip("needs PostgreSQL")
	}
	h := housetest.New(t)
	h.Enrol(t)
	connect := func(url string) *sqlx.DB {
		db, err := postgres.OpenReader(postgres.Settings{URL: url, Application: "controls", Connections: 2, StatementTimeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	s := &scene{House: h, t: t, book: controls.Book{DB: connect(housetest.ReaderURL(h.Database)), Patience: time.Minute}, hostile: connect(h.Database.Superuser)}
	s.organisation = s.who("u-guardian").OrganisationID
	if err := h.Service.Started(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.c = s.decided(sound(), approving())
	s.c = s.on(s.c, "u-ig1", caldicott.Disclosing{Recipient: "TST05", Records: new(10), Method: vocabulary.TransferMethodMesh})
	return s
}

func (s *scene) who(user string) caldicott.Actor {
	s.t.Helper()
	a, err := s.DB.ActorByUserID(s.t.Context(), user)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// ready brings a request to where it is opened.
func (s *scene) ready(content caldicott.Content, by string) caldicott.Case {
	s.t.Helper()
	r, err := s.Service.Begin(s.t.Context(), casework.Call{By: s.who(by)}, caldicott.Drafting{Content: content})
	if err != nil {
		s.t.Fatal(err)
	}
	c := s.on(r.Case, by, caldicott.Submitting{})
	c = s.on(s.on(c, "u-ig1", caldicott.Triaging{}), "u-ig1", caldicott.Consulting{})
	c = s.on(c, "u-dpo", caldicott.Advising{Role: vocabulary.RoleDpo, View: vocabulary.ViewSupport, Text: "Fine."})
	c = s.on(c, "u-iao-ehr", caldicott.Advising{Role: vocabulary.RoleIao, View: vocabulary.ViewSupport, Text: "Fine."})
	c = s.on(c, "u-ig1", caldicott.PuttingForward{Recommendation: "Approve."})
	return s.on(c, "u-guardian", caldicott.Opening{Conflict: vocabulary.ConflictNone})
}

// decided is ready, and then decided after some thought.
func (s *scene) decided(content caldicott.Content, d caldicott.Deciding) caldicott.Case {
	s.t.Helper()
	c := s.ready(content, "u-req-ed")
	s.later(10 * time.Minute)
	return s.on(c, "u-guardian", d)
}

func (s *scene) later(d time.Duration) { s.Clock.Put(s.Clock.At().Add(d)) }

// try does a deed, having read everything beforehand. What it is done to is the case's newest authorisation where it is one of those deeds.
func (s *scene) try(c caldicott.Case, by string, deed caldicott.Deed) (caldicott.Case, error) {
	s.t.Helper()
	a, target, subject := deed.Action(), casework.Target{Noun: caldicott.Requests, ID: c.Request.ID}, ""
	if slices.Contains(caldicott.AuthorisationDeeds(), a) {
		subject = c.Authorisations[len(c.Authorisations)-1].ID
		target = casework.Target{Noun: caldicott.Authorisations, ID: subject}
	}
	call := casework.Call{By: s.who(by), IfMatch: casework.Revision(&c, a, subject)}
	r, err := s.Service.Do(s.t.Context(), call, target, deed)
	return r.Case, err
}

func (s *scene) on(c caldicott.Case, by string, deed caldicott.Deed) caldicott.Case {
	s.t.Helper()
	after, err := s.try(c, by, deed)
	if e, ok := err.(*caldicott.Error); ok {
		s.t.Fatalf("%s by %s: %s %s %v", deed.Action(), by, e.Code, e.Message, e.Fields)
	}
	if err != nil {
		s.t.Fatalf("%s by %s: %v", deed.Action(), by, err)
	}
	return after
}

// force does what no login of the service can: it writes past the guards of a table.
func (s *scene) force(table, statement string, args ...any) {
	s.t.Helper()
	tx, err := s.hostile.Beginx()
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	for _, step := range []string{"ALTER TABLE " + table + " DISABLE TRIGGER ALL", statement, "ALTER TABLE " + table + " ENABLE TRIGGER ALL"} {
		var given []any
		if step == statement {
			given = args
		}
		if _, err := tx.Exec(step, given...); err != nil {
			s.t.Fatalf("%s: %v", step, err)
		}
	}
	if err := tx.Commit(); err != nil {
		s.t.Fatal(err)
	}
}

// rewrite changes the content of every version, with its digest.
func (s *scene) rewrite(patch string) {
	s.t.Helper()
	s.force("casework.versions", `UPDATE casework.versions v SET content = x.c, digest = sha256(convert_to(x.c, 'UTF8'))
		FROM (SELECT request_id, n, CAST(CAST(content AS jsonb) || CAST($1 AS jsonb) AS text) AS c FROM casework.versions) x
		WHERE x.request_id = v.request_id AND x.n = v.n`, patch)
}

// seal seals what there is.
func (s *scene) seal() {
	s.t.Helper()
	housetest.NewOffice(s.t, s.Database).Seal(s.t)
}

// asked is a question about all of time, up to the clock.
func (s *scene) asked() caldicott.ControlAsked {
	return caldicott.ControlAsked{
		Organisation: s.organisation, From: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC), Now: s.Clock.Now(),
	}
}

func (s *scene) answer(n int, asked caldicott.ControlAsked) caldicott.ControlResult {
	s.t.Helper()
	r, err := s.book.Control(s.t.Context(), n, asked)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *scene) rows(n int, asked caldicott.ControlAsked) []caldicott.ControlRow {
	s.t.Helper()
	rows, err := s.book.ControlRows(s.t.Context(), n, asked, caldicott.ControlPage{AfterEntry: -1, Limit: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	return rows
}

// sound is a request in which no rule finds anything: an evaluation with explicit consent, sent once to a university.
func sound() caldicott.Content {
	return caldicott.Content{
		Title: "Falls evaluation", Kind: vocabulary.KindServiceEvaluation,
		PurposeCategory: vocabulary.PurposeServiceEvaluation, Urgency: vocabulary.UrgencyRoutine,
		Sponsor: "u-sponsor-ops", AssetOwner: "u-iao-ehr",
		Summary: "Falls on the wards.", Purpose: "To learn.", IndividualCare: new(false),
		DataItems: []caldicott.DataItem{
			{Category: vocabulary.DataCategoryName, DirectIdentifier: new(true), Justification: "To match."},
			{Category: vocabulary.DataCategoryDiagnosis, DirectIdentifier: new(false), Justification: "To group."},
		},
		SourceSystems:   []string{"Ward Book"},
		DataSubjects:    caldicott.DataSubjects{EstimatedCount: new(100)},
		Identifiability: vocabulary.IdentifiabilityIdentifiable, Alternative: "None would match.",
		Legal: caldicott.Legal{
			Art6: []vocabulary.Art6{vocabulary.Art6_6_1_E}, Art9: []vocabulary.Art9{vocabulary.Art9_9_2_H},
			Sch1: []vocabulary.Sch1{vocabulary.Sch1P12}, Basis: vocabulary.BasisExplicitConsent,
		},
		OptOut:       caldicott.OptOut{Status: vocabulary.OptOutExemptConsent},
		Transparency: caldicott.Transparency{PatientInformed: new(true)},
		Recipients: []caldicott.Recipient{{
			OrgCode: "TST05", Type: vocabulary.RecipientTypeUniversity, Roles: "Analysts", Headcount: new(2), TrainingConfirmed: new(true),
			DSPTStatus: vocabulary.DSPTStandardsMet, Country: "GB",
		}},
		Transfer:  caldicott.Transfer{Frequency: vocabulary.FrequencyOneOff, Mechanism: vocabulary.MechanismNotOverseas},
		Retention: caldicott.Retention{Period: "1 year", DisposalMethod: "Erasure"},
	}
}

// supported is a sound request that rests on section 251.
func supported() caldicott.Content {
	c := sound()
	c.Title, c.Legal.Basis = "Linked without consent", vocabulary.BasisS251Reg5NonResearch
	c.Legal.S251 = &caldicott.S251{
		Regulation: "5", Reference: "26/CAG/0001", DecisionMaker: "SECRETARY_OF_STATE", Status: vocabulary.S251StatusFullSupport,
		AnnualReviewDue: "2027-06-30", OptOutDisapplied: new(true),
	}
	return c
}

func decision(outcome vocabulary.Outcome) caldicott.Deciding {
	d := caldicott.Deciding{Outcome: outcome, Rationale: "Weighed.", Principles: caldicott.Principles{}}
	for _, cp := range []vocabulary.Principle{
		vocabulary.PrincipleCp1, vocabulary.PrincipleCp2, vocabulary.PrincipleCp3, vocabulary.PrincipleCp4,
		vocabulary.PrincipleCp5, vocabulary.PrincipleCp6, vocabulary.PrincipleCp7, vocabulary.PrincipleCp8,
	} {
		d.Principles[cp] = caldicott.Judgement{Assessment: vocabulary.AssessmentMet}
	}
	return d
}

func approving() caldicott.Deciding {
	d := decision(vocabulary.OutcomeApprove)
	d.ReviewDate, d.ExpiryDate = "2026-12-01", "2026-12-31"
	return d
}
