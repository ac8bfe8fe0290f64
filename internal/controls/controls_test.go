package controls_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/controls"
)

const day = 24 * time.Hour

// step is what is done to a sound house, and what the question must then answer: rows and marked as they are, -1 for some.
type step struct {
	do           func(*scene)
	rows, marked int64
}

func nothing(*scene) {}

// questions shows each control able to see what it is for, beside a house in which it sees nothing of the kind.
var questions = map[int][]step{
	1: {{nothing, 1, 0}, {func(s *scene) { s.force("casework.decisions", `UPDATE casework.decisions SET rationale = ' '`) }, 1, 1}},
	2: {
		{nothing, 1, 0},
		{func(s *scene) { s.force("casework.decisions", `UPDATE casework.decisions SET outcome = 'REFUSE'`) }, 1, 1},
		{func(s *scene) { s.force("casework.decisions", `UPDATE casework.decisions SET outcome = 'APPROVE'`) }, 1, 0},
		{func(s *scene) { s.rewrite(`{"purpose": "Another."}`) }, 1, 1},
	},
	3: {
		{nothing, 1, 0},
		{func(s *scene) { // recorded as what it is
			s.on(s.c, "u-ig1", caldicott.Disclosing{Recipient: "TST06", Method: vocabulary.TransferMethodMesh})
		}, 2, 1},
		{func(s *scene) {
			s.on(s.c, "u-ig1", caldicott.Disclosing{Recipient: "TST05", Records: new(101), Method: vocabulary.TransferMethodMesh})
		}, 3, 2},
		{func(s *scene) { // passed off as covered
			s.force("casework.disclosures", `UPDATE casework.disclosures SET recipient = 'TST03', exception = ''`)
		}, 3, 3},
	},
	4: {
		{nothing, 1, 0},
		{func(s *scene) {
			s.force("casework.appointments", `UPDATE casework.appointments SET ended_at = '2026-11-01T00:00:00Z' WHERE person = 'u-guardian'`)
		}, 1, 1},
		{func(s *scene) {
			s.force("casework.appointments", `UPDATE casework.appointments SET ended_at = NULL WHERE person = 'u-guardian'`)
		}, 1, 0},
		{func(s *scene) {
			s.force("casework.decisions", `UPDATE casework.decisions SET acting_as = 'DEPUTY_GUARDIAN'`)
		}, 1, 1},
	},
	5: {
		{nothing, 1, 0},
		{func(s *scene) { s.force("casework.decisions", `UPDATE casework.decisions SET decided_by = 'u-ig1'`) }, 1, 1},
		{func(s *scene) {
			s.force("casework.decisions", `UPDATE casework.decisions SET decided_by = 'u-guardian'`)
		}, 1, 0},
		{func(s *scene) { s.rewrite(`{"sponsor_user_id": "u-guardian"}`) }, 1, 1},
	},
	6: {
		{nothing, 0, 0},
		{func(s *scene) { // declared, and handed back: as it should be
			c := s.ready(sound(), "u-req-audit")
			c = s.on(c, "u-guardian", caldicott.HandingBack{Reason: "Tied.", To: "u-review"})
			s.force("casework.declarations", `UPDATE casework.declarations SET type = 'PERSONAL_BENEFIT' WHERE request_id = $1`, c.Request.ID)
		}, 1, 0},
		{func(s *scene) {
			s.force("casework.declarations", `DELETE FROM casework.declarations WHERE request_id = $1`, s.c.Request.ID)
		}, 2, 1},
	},
	7: {
		{func(s *scene) { // the tests' clock is not the database's
			s.force("casework.decisions", `UPDATE casework.decisions SET entered_at = at`)
		}, 0, 0},
		{func(s *scene) {
			r, err := s.Service.Begin(s.t.Context(), casework.Call{By: s.who("u-req-audit")}, caldicott.Drafting{Content: sound()})
			if err != nil {
				s.t.Fatal(err)
			}
			c := s.on(s.on(r.Case, "u-req-audit", caldicott.Submitting{}), "u-ig1", caldicott.Triaging{})
			s.on(s.on(c, "u-ig1", caldicott.Consulting{}), "u-iglead", caldicott.Waiving{Consultee: vocabulary.RoleDpo, Reason: "Away."})
		}, 1, 1},
		{func(s *scene) {
			s.force("casework.decisions", `UPDATE casework.decisions SET entered_at = at + interval '2 hours'`)
		}, 2, 2},
	},
	8: {
		{func(s *scene) { emergency(s, time.Hour) }, 1, 0},
		{func(s *scene) { emergency(s, 30*time.Hour) }, 2, 1},
		{func(s *scene) { s.later(8 * day) }, 2, 2}, // and neither is ratified
	},
	9: {
		{nothing, 0, 0},
		{func(s *scene) {
			s.force("casework.decisions", `UPDATE casework.decisions SET law = '{"cldc_basis": "REQUIRED_BY_LAW"}'`)
		}, 1, 0},
		{func(s *scene) {
			s.force("casework.decisions", `UPDATE casework.decisions SET law = '{"cldc_basis": "NONE_IDENTIFIED"}'`)
		}, 1, 1},
	},
	10: {
		{func(s *scene) { s.c = s.decided(supported(), approving()) }, 1, 0},
		{func(s *scene) {
			s.on(s.c, "u-ig1", caldicott.RecordingSupport{Support: caldicott.Support{Status: vocabulary.S251StatusRejected}})
		}, 1, 1},
	},
	11: {
		{nothing, 1, 0},
		{func(s *scene) { s.rewrite(`{"national_data_opt_out": {"status": "APPLIES_FILTERED"}}`) }, 1, 1},
		{func(s *scene) {
			s.rewrite(`{"national_data_opt_out": {"status": "APPLIES_FILTERED", "evidence": "Job 12."}}`)
		}, 1, 0},
		{func(s *scene) { s.rewrite(`{"national_data_opt_out": {"status": "UNDETERMINED"}}`) }, 1, 1},
	},
	12: {
		{nothing, 0, 0},
		{func(s *scene) {
			s.rewrite(`{"kind": "POLICE_DISCLOSURE", "external_requester": {"org_code": "TST06", "verified": true}}`)
		}, 1, 0},
		{func(s *scene) { s.rewrite(`{"external_requester": {"org_code": "TST06"}}`) }, 1, 1},
	},
	13: {
		{nothing, 0, 0},
		{func(s *scene) {
			s.rewrite(`{"is_individual_care": true}`)
			s.force("casework.decisions", `UPDATE casework.decisions SET outcome = 'REFUSE', harm_statement = 'Delay.'`)
		}, 1, 0},
		{func(s *scene) { s.force("casework.decisions", `UPDATE casework.decisions SET harm_statement = ''`) }, 1, 1},
	},
	14: {
		{func(s *scene) {
			d := approving()
			d.Outcome = vocabulary.OutcomeApproveWithConditions
			d.Conditions = []caldicott.ConditionAsked{{Type: vocabulary.ConditionTypeDeadline, Due: "2026-11-10", Text: "Show it.", Owner: "u-req-audit"}}
			s.decided(sound(), d)
		}, 1, 0},
		{func(s *scene) { s.later(9 * day) }, 1, 1},
	},
	15: {{nothing, 1, 0}, {func(s *scene) { s.later(30 * day) }, 1, 1}, {func(s *scene) { s.on(s.c, "u-guardian", caldicott.Revoking{Reason: "Misuse."}) }, 0, 0}},
	16: {
		{nothing, 1, 0},
		{func(s *scene) {
			c := s.ready(sound(), "u-req-audit")
			s.later(28 * day)
			d := approving()
			d.ReviewDate = "2026-12-20"
			s.on(c, "u-guardian", d)
		}, 2, 1},
	},
	17: {
		{nothing, 0, 0},
		{func(s *scene) {
			s.rewrite(`{"recipients": [{"type": "OVERSEAS", "country": "FR"}], "transfer": {"international_mechanism": "ADEQUACY"}}`)
		}, 1, 0},
		{func(s *scene) { s.rewrite(`{"transfer": {"international_mechanism": "IDTA"}}`) }, 1, 1},
		{func(s *scene) { s.rewrite(`{"linked_documents": [{"type": "TRA", "status": "APPROVED"}]}`) }, 1, 0},
	},
	18: {
		{nothing, 1, 0},
		{func(s *scene) {
			if _, err := s.Service.RecordAssurance(s.t.Context(), casework.Call{By: s.who("u-ig1")}, nil, "TST05", vocabulary.DSPTStandardsNotMet, ""); err != nil {
				s.t.Fatal(err)
			}
		}, 1, 1},
	},
	19: {{nothing, 1, 0}, {func(s *scene) { s.decided(sound(), approving()) }, 2, 0}},
	20: {{nothing, 1, 0}, {func(s *scene) { s.on(s.ready(sound(), "u-req-audit"), "u-guardian", approving()) }, 2, 1}},
	21: {
		{nothing, 0, 0},
		{func(s *scene) { s.look("u-auditor") }, 1, 0},
		{func(s *scene) { s.look("u-req-int") }, 2, 1}, // who may not
	},
	22: {
		{func(s *scene) { s.seal() }, 0, 0},
		{func(s *scene) {
			s.look("u-auditor")
			s.force("audit.entries", `UPDATE audit.entries SET recorded_at = recorded_at - interval '1 minute' WHERE id = (SELECT max(id) FROM audit.entries)`)
		}, 1, 1},
		{func(s *scene) { s.seal() }, 0, 0},
		{func(s *scene) {
			s.force("audit.entries", `UPDATE audit.entries SET canon = canon || ' ', leaf_hash = sha256(CAST('\x00' AS bytea) || canon || ' ') WHERE id = 5`)
		}, 1, 1},
		{func(s *scene) { s.force("audit.entries", `DELETE FROM audit.entries WHERE id = 6`) }, 2, 2},
	},
	23: {
		{nothing, 0, 0},
		{func(s *scene) {
			s.c = s.on(s.c, "u-ig1", caldicott.LinkingIncident{Report: caldicott.IncidentReport{Number: "INC-1"}})
		}, 1, 0},
		{func(s *scene) { s.later(4 * day) }, 1, 1},
	},
	24: {
		{nothing, 0, 0},
		{func(s *scene) {
			s.on(s.c, "u-iglead", caldicott.RecordingNotFollowed{Who: "The chief executive", Reason: "Time."})
		}, 1, 1},
	},
	25: {
		{func(s *scene) {
			other := sound()
			other.Title, other.Kind = "Another thing", vocabulary.KindClinicalAudit
			other.Recipients[0].OrgCode = "TST07"
			s.decided(other, decision(vocabulary.OutcomeRefuse))
		}, 0, 0},
		{func(s *scene) {
			s.decided(sound(), decision(vocabulary.OutcomeRefuse))
			again := sound()
			again.Title = "Falls: evaluation!"
			s.ready(again, "u-req-audit")
		}, 1, 1},
		{func(s *scene) { s.setAside(true) }, 2, 1},
		{func(s *scene) { s.setAside(false) }, 3, 2},
	},
	26: {
		{nothing, 1, 0},
		{func(s *scene) {
			s.force("casework.people", `UPDATE casework.people SET active = false WHERE user_id = 'u-ig2'`)
		}, 2, 1},
		{func(s *scene) {
			s.force("casework.appointments", `UPDATE casework.appointments SET appointed_by = 'u-admin1', confirmed_by = 'u-admin1' WHERE person = 'u-guardian'`)
		}, 3, 2},
	},
	27: {{nothing, 0, 0}, {func(s *scene) { s.on(s.c, "u-ig1", caldicott.Completing{}) }, 1, 0}},
	28: {
		{nothing, 0, 0},
		{func(s *scene) {
			if _, err := s.try(s.c, "u-ig1", caldicott.Commenting{Text: "It is 943 476 5919."}); caldicott.CodeOf(err) != "V013" {
				s.t.Fatalf("an NHS number was taken: %v", err)
			}
		}, 1, 1},
	},
	29: {{nothing, 1, 0}, {func(s *scene) { s.force("audit.entries", `DELETE FROM audit.entries WHERE action = 'policy_loaded'`) }, 1, 1}},
}

// emergency records one that was so long ago.
func emergency(s *scene, ago time.Duration) {
	c := sound()
	c.Title, c.Kind, c.Urgency = "Night call", vocabulary.KindEmergencyOutOfHours, vocabulary.UrgencyEmergency
	c.PurposeCategory, c.DisclosedAt = vocabulary.PurposeSafeguarding, s.Clock.At().Add(-ago).Format(time.RFC3339)
	if _, err := s.Service.Begin(s.t.Context(), casework.Call{By: s.who("u-req-ed")}, caldicott.RecordingEmergency{Content: c}); err != nil {
		s.t.Fatal(err)
	}
}

// look reads the case, where the person may.
func (s *scene) look(user string) {
	_, err := s.Service.Show(s.t.Context(), s.who(user), casework.Target{Noun: caldicott.Requests, ID: s.c.Request.ID}, casework.Moment{})
	if err != nil && caldicott.KindOf(err) != caldicott.NotFound {
		s.t.Fatal(err)
	}
}

// setAside sets a request aside, and the guardian agrees or not.
func (s *scene) setAside(agrees bool) {
	other := sound()
	other.Title, other.Kind = fmt.Sprintf("Anonymous counts, %t", agrees), vocabulary.KindEducationTraining
	other.Recipients[0].OrgCode = "TST03"
	r, err := s.Service.Begin(s.t.Context(), casework.Call{By: s.who("u-req-ed")}, caldicott.Drafting{Content: other})
	if err != nil {
		s.t.Fatal(err)
	}
	c := s.on(s.on(r.Case, "u-req-ed", caldicott.Submitting{}), "u-ig1", caldicott.Triaging{})
	c = s.on(c, "u-iglead", caldicott.SettingAside{Outcome: vocabulary.OutcomeNotRequired, Reason: "Anonymous."})
	s.force("casework.ledger", `INSERT INTO casework.ledger (id, organisation_id, kind, subject, person, body, at, entry_id)
		SELECT gen_random_uuid(), $1, 'judgement', $2, 'u-guardian', jsonb_build_object('agrees', CAST($3 AS boolean)), $4, max(id) FROM audit.entries`,
		s.organisation, c.Decisions[0].ID, agrees, s.Clock.At())
}

func TestEachQuestionSeesWhatItIsFor(t *testing.T) {
	t.Parallel()
	list, err := controls.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		t.Run(fmt.Sprintf("%02d", c.N), func(t *testing.T) {
			t.Parallel()
			if len(questions[c.N]) == 0 {
				t.Fatal("nothing shows that it can fail")
			}
			s := open(t)
			for i, x := range questions[c.N] {
				x.do(s)
				r := s.answer(c.N, s.asked())
				rows := s.rows(c.N, s.asked())
				if r.Rows != x.rows || r.Marked != x.marked || int64(len(rows)) != x.rows {
					t.Errorf("step %d: %d rows, %d marked, %d listed; not %d and %d: %+v", i, r.Rows, r.Marked, len(rows), x.rows, x.marked, said(rows))
				}
				verdict := map[bool]string{true: "pass", false: "fail"}[x.marked == 0]
				if !c.Test {
					verdict = "figures"
				}
				if r.Verdict() != verdict {
					t.Errorf("step %d: %s, not %s", i, r.Verdict(), verdict)
				}
			}
		})
	}
}

func said(rows []caldicott.ControlRow) []string {
	list := make([]string, len(rows))
	for i, r := range rows {
		list[i] = fmt.Sprint(r.Entry, r.Subject, " ", r.Marked, " ", string(r.Facts))
	}
	return list
}

// A sound house passes every test, and no answer holds a word that somebody wrote.
func TestASoundHousePassesEveryTestAndNoAnswerHoldsWords(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.seal()
	results, err := s.book.Controls(t.Context(), s.asked())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Test && r.Verdict() != "pass" {
			t.Errorf("%d %s: %s: %v", r.N, r.Title, r.Verdict(), said(s.rows(r.N, s.asked())))
		}
		answer := fmt.Sprint(r.Figures, said(s.rows(r.N, s.asked())))
		for _, word := range []string{"Falls", "wards", "Weighed", "Fine", "Ward Book", "To match", "Analysts"} {
			if strings.Contains(answer, word) {
				t.Errorf("%d %s says %q", r.N, r.Title, word)
			}
		}
	}
}

func TestTheReaderSeesNoCaseTableBehindTheViews(t *testing.T) {
	t.Parallel()
	s := open(t)
	var open []string
	err := s.book.DB.Select(&open, `
		SELECT relname FROM pg_class WHERE relnamespace = 'casework'::regnamespace AND relkind = 'r' AND has_table_privilege(oid, 'SELECT') ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(open) != "[organisations people requests versions]" { // what history and verification need
		t.Errorf("the reader reads %v", open)
	}
}

func TestAnAnswerCanBeHadAsTheLogStoodBefore(t *testing.T) {
	t.Parallel()
	s := open(t)
	var then time.Time
	if err := s.hostile.Get(&then, `SELECT clock_timestamp()`); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{3, 18, 20, 24} {
		questions[n][1].do(s)
	}
	for n, rows := range map[int]int64{3: 1, 18: 1, 20: 1, 24: 0} {
		asked := s.asked()
		if now := s.answer(n, asked); now.Marked == 0 {
			t.Errorf("question %d sees nothing now", n)
		}
		asked.AsAt = then
		asked.Now = time.Time{}
		if n == 18 && then.Before(s.Clock.At()) {
			continue // what stands is asked of the instant, at which by this clock nothing stood yet
		}
		if before := s.answer(n, asked); before.Marked != 0 || before.Rows != rows {
			t.Errorf("question %d saw %d rows, %d marked before", n, before.Rows, before.Marked)
		}
	}
}

func TestFiltersKeepWhatTheyName(t *testing.T) {
	t.Parallel()
	s := open(t)
	other := sound()
	other.Kind, other.Recipients[0].OrgCode, other.SourceSystems = vocabulary.KindClinicalAudit, "TST07", []string{"Theatre List"}
	s.decided(other, decision(vocabulary.OutcomeRefuse))
	var likeness string
	if err := s.hostile.Get(&likeness, `SELECT controls.likeness('WARD  book')`); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		f    caldicott.ControlFilter
		rows int64
	}{
		"none": {caldicott.ControlFilter{}, 2}, "kind": {caldicott.ControlFilter{Kind: "CLINICAL_AUDIT"}, 1}, "recipient": {caldicott.ControlFilter{Recipient: "TST05"}, 1},
		"urgency": {caldicott.ControlFilter{Urgency: "URGENT"}, 0}, "outcome": {caldicott.ControlFilter{Outcome: "REFUSE"}, 1},
		"decider": {caldicott.ControlFilter{DecidedBy: "u-guardian"}, 2}, "capacity": {caldicott.ControlFilter{ActingAs: "DEPUTY_GUARDIAN"}, 0},
		"system": {caldicott.ControlFilter{System: likeness}, 1}, "basis": {caldicott.ControlFilter{Basis: "EXPLICIT_CONSENT"}, 2},
		"both": {caldicott.ControlFilter{Kind: "CLINICAL_AUDIT", Outcome: "APPROVE"}, 0}, "identifiability": {caldicott.ControlFilter{Identifiability: "NONE"}, 0},
	} {
		asked := s.asked()
		asked.Filter = c.f
		if r := s.answer(19, asked); r.Rows != c.rows {
			t.Errorf("%s: %d rows, not %d", name, r.Rows, c.rows)
		}
	}
}

func TestFiguresAndTrendTellThePeriod(t *testing.T) {
	t.Parallel()
	s := open(t)
	asked := s.asked()
	asked.From, asked.To = s.Clock.At().Add(day), s.Clock.At().Add(2*day)
	r := s.answer(1, asked)
	if r.Rows != 0 || len(r.Trend) != 12 || r.Trend[11].Month != "2026-11" || r.Trend[11].Rows != 1 || r.Trend[0].Month != "2025-12" || r.Trend[0].Rows != 0 {
		t.Errorf("the day after: %d rows, trend %v", r.Rows, r.Trend)
	}
	r = s.answer(16, s.asked())
	if len(r.Figures) != 5 || r.Figures[0] != (caldicott.ControlFigure{Item: "decisions", Part: "SERVICE_EVALUATION", Value: 1}) || r.Figures[3].Value <= 0.1 || r.Figures[3].Value > 0.5 {
		t.Errorf("times: %v", r.Figures)
	}
	first, err := s.book.ControlRows(t.Context(), 21, s.asked(), caldicott.ControlPage{AfterEntry: -1, Limit: 1})
	if err != nil || len(first) != 0 {
		t.Errorf("nobody looked, and yet %v, %v", first, err)
	}
}

func TestRowsComeInPagesWithoutGapOrRepetition(t *testing.T) {
	t.Parallel()
	s := open(t)
	for range 5 {
		s.look("u-auditor")
	}
	after, seen := caldicott.ControlPage{AfterEntry: -1, Limit: 2}, map[int64]bool{}
	for range 4 {
		rows, err := s.book.ControlRows(t.Context(), 21, s.asked(), after)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if seen[r.Entry] || r.Entry <= after.AfterEntry {
				t.Errorf("entry %d comes twice or out of order", r.Entry)
			}
			seen[r.Entry], after.AfterEntry, after.AfterSubject = true, r.Entry, r.Subject
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d rows, not 5", len(seen))
	}
}
