package api

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

const (
	requestID       = "0199dbf1-2a40-7c31-9e57-5b0a4d1f6c21"
	decisionID      = "0199dbf3-b0c8-7a12-8f3e-1d2c7e90ab34"
	authorisationID = "0199dbf3-b0c8-7a13-8f3e-1d2c7e90ab35"
	conditionID     = "0199dbf3-b0c8-7a14-8f3e-1d2c7e90ab36"
	disclosureID    = "0199dc05-6f10-7b44-a7c1-90e2f3d4b567"
	delegationID    = "01998f21-0c5e-7d60-b1a9-6e3f2d8c4b10"
	appointmentID   = "01998f20-7a11-7d5f-9c42-0b1e2d3c4f5a"
)

var noon = time.Date(2026, 10, 13, 12, 0, 0, 0, time.UTC)

func hours(n int) time.Time { return noon.Add(time.Duration(n) * time.Hour) }

// decidedCase is a request to which everything was done that leaves something behind.
func decidedCase(t *testing.T) *caldicott.Case {
	t.Helper()
	content := read[Drafting](t, string(scenarioContents(t)[0])).Content
	return &caldicott.Case{
		Request: caldicott.Request{
			ID: requestID, Reference: "CG-TST01-2026-0101", OrgCode: "TST01", Requester: "u-req-int",
			State: vocabulary.StateDecided, Version: 2, Revision: 9, CreatedAt: noon,
		},
		Current: caldicott.Version{N: 2, Content: content, By: "u-req-int", At: hours(4)},
		Decided: map[int]caldicott.Content{2: content},
		Done: []caldicott.Done{
			{Deed: caldicott.Draft, By: "u-req-int", At: noon, To: vocabulary.StateDraft, Version: 1},
			{Deed: caldicott.Submit, By: "u-req-int", At: hours(1), From: vocabulary.StateDraft, To: vocabulary.StateSubmitted, Version: 1},
			{Deed: caldicott.Ask, By: "u-ig1", At: hours(2), Version: 1, Details: caldicott.Details{
				Questions: []caldicott.Question{{N: 1, Field: "title", Text: "Which wards?"}, {N: 2, Text: "Since when?"}},
			}},
			{Deed: caldicott.Comment, By: "u-ig1", At: hours(3), Version: 1},
			{Deed: caldicott.Answer, By: "u-req-int", At: hours(4), Version: 2, Details: caldicott.Details{
				Answers: []caldicott.Answered{{Question: 2, Text: "Since May."}},
			}},
			{Deed: caldicott.SubmitEvidence, By: "u-iglead", At: hours(6), Version: 2, Subject: conditionID,
				Details: caldicott.Details{Text: "Signed."}},
			{Deed: caldicott.Suspend, By: "u-guardian", ActingAs: "CALDICOTT_GUARDIAN", At: hours(7), Version: 2,
				Subject: authorisationID, Details: caldicott.Details{Reason: "Look-ups outside the caseload."}},
		},
		Consultations: []caldicott.Consultation{{Role: "DPO", Mandatory: true, Due: "2026-10-20", By: "u-ig1", At: hours(2)}},
		Advice:        []caldicott.Advice{{Role: "DPO", View: "SUPPORT", Text: "No objection.", Version: 1, By: "u-dpo", At: hours(3)}},
		Waivers:       []caldicott.Waiver{{Role: "SIRO", Reason: "Away.", By: "u-iglead", At: hours(3)}},
		Declarations:  []caldicott.Declaration{{By: "u-guardian", Type: "NONE", Version: 2, At: hours(4)}},
		Decisions: []caldicott.Decision{
			{
				ID: decisionID, N: 1, Version: 2, Outcome: vocabulary.OutcomeApproveWithConditions, Rationale: "r",
				DecidedBy: "u-guardian", ActingAs: "CALDICOTT_GUARDIAN", Appointment: appointmentID, At: hours(5),
				Principles: caldicott.Principles{"CP1": {Assessment: "MET"}}, Law: caldicott.Law{Basis: "IMPLIED_CONSENT"},
				ExpiryDate: "2028-09-24", Findings: []caldicott.Finding{{Rule: "V007", Severity: "BLOCK_APPROVE", Field: "linked_documents", Message: "m"}},
			},
			{ID: disclosureID, N: 2, Version: 2, Outcome: vocabulary.OutcomeSuspend, Rationale: "r", DecidedBy: "u-guardian",
				At: hours(7), Authorisation: authorisationID},
		},
		Conditions: []caldicott.Condition{{
			ID: conditionID, Label: "C1", Decision: decisionID, Authorisation: authorisationID, Type: "PRECEDENT", Text: "DSA signed",
			Owner: "u-iglead", Resolves: []vocabulary.Rule{"V007"}, At: hours(5),
		}},
		Authorisations: []caldicott.Authorisation{{
			ID: authorisationID, Decision: decisionID, Version: 2, ExpiryDate: "2028-09-24", At: hours(5),
		}},
		Disclosures: []caldicott.Disclosure{{
			ID: disclosureID, Recipient: "0", Records: new(0), DisclosedAt: hours(6), RecordedAt: hours(6), By: "u-ig1",
			Exception: vocabulary.ExceptionReasonNotInForce,
		}},
	}
}

func TestAnswersAgreeWithTheContract(t *testing.T) {
	t.Parallel()
	doc, c, at := readContract(t), decidedCase(t), hours(8)
	permitted := []Permitted{Permit(caldicott.Close, caldicott.Ruling{Line: "policy.csv:1", Text: "p, IG_LEAD, close, organisation, allow"})}
	judged := Judged{Findings: c.Decisions[0].Findings, Missing: []string{"title"}, MandatoryConsultees: []vocabulary.Role{"DPO"}}
	due := caldicott.Deadlines{Triage: hours(9), Decision: hours(10)}
	condition := FromCondition(c, c.Conditions[0], at, 2, permitted)
	decision := FromDecision(c, c.Decisions[0], []ConditionView{condition})
	appointment := caldicott.Appointment{ID: appointmentID, UserID: "u-guardian", OrgCode: "TST01", Role: "CALDICOTT_GUARDIAN", ValidFrom: "2026-09-01"}
	delegation := caldicott.Delegation{
		ID: delegationID, OrgCode: "TST01", From: "u-guardian", To: "u-deputy", Reason: "CONFLICT", ValidFrom: "2026-10-01",
		ValidTo: "2026-10-31", Given: noon, Scope: caldicott.Scope{Kinds: []vocabulary.Kind{"RESEARCH"}},
	}
	actor := caldicott.Actor{
		Person:       caldicott.Person{UserID: "u-guardian", OrgCode: "TST01", Active: true, Issuer: "i"},
		Appointments: []caldicott.Appointment{appointment}, Delegations: []caldicott.Delegation{delegation},
	}
	difference, err := FromDifference(caldicott.Version{N: 1}, c.Current)
	if err != nil {
		t.Fatal(err)
	}
	for schema, answer := range map[string]any{
		"RequestView":       FromRequest(c, at, Beside{Judged: judged, Due: due, Clock: FromClock(nil, caldicott.Task{}, nil, false, nil), Permitted: permitted}),
		"RequestRow":        FromRequestRow(c, due),
		"CheckResult":       FromCheck(judged),
		"VersionView":       FromVersion(c.Current),
		"VersionRow":        FromVersionRow(c.Current.Mark()),
		"Difference":        difference,
		"DecisionView":      decision.WithContent(c.Decided[2]),
		"DecisionRow":       FromDecisionRow(c, c.Decisions[1]),
		"ConditionView":     condition,
		"AuthorisationView": FromAuthorisation(c, c.Authorisations[0], at, 2, []ConditionView{condition}, permitted),
		"Coverage":          FromCoverage(c, c.Authorisations[0], "TST02", at),
		"DisclosureView":    FromDisclosure(c, c.Disclosures[0]),
		"CommentView":       FromComment(requestID, caldicott.Remark{ID: decisionID, By: "u-ig1", Text: "t", At: noon}),
		"HistoryEntry":      FromEvent(7, 3, caldicott.Event{Action: caldicott.Submit, Outcome: "done", At: noon, To: "SUBMITTED", Version: 1}, "u-a"),
		"Me":                FromActor(actor, at, permitted),
		"OrganisationView":  FromOrganisation(caldicott.OrganisationRecord{Code: "TST03", Name: "n", Type: "ICB", Revision: 1}),
		"AssetView":         FromAsset(caldicott.Asset{ID: decisionID, OrgCode: "TST01", Name: "n", Owner: "u-a", Revision: 1}),
		"VocabularyView":    FromVocabulary(vocabulary.Lists()),
		"PersonList":        FromList([]caldicott.Person{actor.Person}, "", func(p caldicott.Person) PersonView { return FromPerson(p, true) }),
		"RequestList":       FromList(nil, "next", func(c *caldicott.Case) RequestRow { return FromRequestRow(c, due) }),
		"PolicyView":        PolicyView{Digest: strings.Repeat("0", 64), Lines: []PolicyLine{{"policy.csv:1", "DPO", "view", "own", "allow", "c"}}},
	} {
		agrees(t, doc, schema, answer)
	}
	agrees(t, doc, "RequestView", FromRequest(&caldicott.Case{
		Request: caldicott.Request{ID: requestID, OrgCode: "TST01", Requester: "u-a", State: "DRAFT", CreatedAt: noon},
	}, at, Beside{Clock: ClockView{With: []HolderView{}}}))
}

func TestCommentsAreNotAmongTheSteps(t *testing.T) {
	t.Parallel()
	for _, step := range FromSteps(decidedCase(t), true) {
		if step.Deed == caldicott.Comment {
			t.Error("a comment is told to everybody who reads the request")
		}
	}
}

func TestAQuestionIsShownWithItsAnswer(t *testing.T) {
	t.Parallel()
	views := FromQuestions(decidedCase(t))
	if len(views) != 2 || views[0].Answer != nil || views[1].Answer == nil || views[1].Answer.Text != "Since May." {
		t.Errorf("%+v", views)
	}
}

func TestAConsultationIsShownWithItsAdviceOrItsWaiver(t *testing.T) {
	t.Parallel()
	views := FromConsultations(decidedCase(t))
	if len(views) != 2 || len(views[0].Advice) != 1 || views[0].Waived != nil || views[1].Waived == nil || views[1].Role != "SIRO" {
		t.Errorf("%+v", views)
	}
}

func TestADecisionNamesTheAuthorisationItIsAbout(t *testing.T) {
	t.Parallel()
	c := decidedCase(t)
	for _, d := range c.Decisions {
		if row := FromDecisionRow(c, d); row.Authorisation != authorisationID {
			t.Errorf("%s: %q", d.Outcome, row.Authorisation)
		}
	}
}

func TestADifferenceNamesOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	before := caldicott.Content{Title: "A", SourceSystems: []string{"x", "y"}, IndividualCare: new(true)}
	after := caldicott.Content{Title: "A", SourceSystems: []string{"x"}, IndividualCare: new(false),
		Recipients: []caldicott.Recipient{{OrgCode: "TST02"}}, Risk: &caldicott.Risk{Score: new(3)}}
	got, err := FromDifference(caldicott.Version{N: 1, Content: before}, caldicott.Version{N: 3, Content: after})
	if err != nil {
		t.Fatal(err)
	}
	want := []ChangeView{
		{"is_individual_care", true, false},
		{"recipients[0]", nil, map[string]any{"org_code": "TST02"}},
		{"risk", nil, map[string]any{"score": json.Number("3")}},
		{"source_systems[1]", "y", nil},
	}
	if got.From != 1 || got.To != 3 || !reflect.DeepEqual(got.Changes, want) {
		t.Errorf("%+v", got)
	}
	same, err := FromDifference(caldicott.Version{Content: after}, caldicott.Version{Content: after})
	if err != nil || same.Changes == nil || len(same.Changes) != 0 {
		t.Errorf("%+v, %v", same, err)
	}
}

func TestAnAppointmentStandsWhereItsDaysAndItsConfirmationPutIt(t *testing.T) {
	t.Parallel()
	confirmed := caldicott.Appointment{Role: "CALDICOTT_GUARDIAN", ConfirmedBy: "u-admin2", ValidFrom: "2026-10-13", ValidTo: "2026-10-13"}
	proposed, ended, plain := confirmed, confirmed, confirmed
	proposed.ConfirmedBy, ended.Ended, plain.Role, plain.ConfirmedBy = "", noon, "DPO", ""
	for _, c := range []struct {
		a    caldicott.Appointment
		at   time.Time
		want string
	}{
		{confirmed, noon, InForce}, {confirmed, hours(-24), Future}, {confirmed, hours(11), Ended}, {plain, noon, InForce},
		{proposed, noon, Proposed}, {proposed, hours(24), Ended}, {ended, noon, Ended}, {ended, hours(-1), InForce},
	} {
		if got := FromAppointment(c.a, c.at).State; got != c.want {
			t.Errorf("%+v at %s: %s, not %s", c.a, c.at, got, c.want)
		}
		if inForce := c.a.InForce(c.at); inForce != (c.want == InForce) {
			t.Errorf("the domain says otherwise: %t", inForce)
		}
	}
}

func TestADelegationStandsWhereItsDaysAndItsAcceptancePutIt(t *testing.T) {
	t.Parallel()
	accepted := caldicott.Delegation{ValidFrom: "2026-10-13", ValidTo: "2026-10-14", Given: hours(-72), Accepted: hours(-48)}
	offered, revoked := accepted, accepted
	offered.Accepted, revoked.Revoked = time.Time{}, noon
	for _, c := range []struct {
		d    caldicott.Delegation
		at   time.Time
		want string
	}{
		{accepted, noon, InForce}, {accepted, hours(-24), Future}, {accepted, hours(35), Ended}, {offered, noon, Offered},
		{offered, hours(48), Ended}, {revoked, noon, Revoked}, {revoked, hours(-1), InForce}, {revoked, hours(48), Revoked},
	} {
		if got := FromDelegation(c.d, c.at).State; got != c.want {
			t.Errorf("%+v at %s: %s, not %s", c.d, c.at, got, c.want)
		}
		if inForce := c.d.InForce(c.at); inForce != (c.want == InForce) {
			t.Errorf("the domain says otherwise: %t", inForce)
		}
	}
}

func TestHowSomebodySignsInIsForAdministrators(t *testing.T) {
	t.Parallel()
	p := caldicott.Person{UserID: "u-a", Issuer: "i", Subject: "s"}
	if v := FromPerson(p, false); v.Issuer != "" || v.Subject != "" {
		t.Errorf("%+v", v)
	}
	if v := FromPerson(p, true); v.Issuer != "i" || v.Subject != "s" {
		t.Errorf("%+v", v)
	}
}

func TestAContentIsAnsweredAsItIsDigested(t *testing.T) {
	t.Parallel()
	c := decidedCase(t).Content()
	c.Purpose = "a < b & c"
	written, err := json.Marshal(VersionView{Content: Content{c}})
	if err != nil {
		t.Fatal(err)
	}
	var back VersionView
	if err := json.Unmarshal(written, &back); err != nil || !slices.Equal(back.Content.Bytes(), c.Bytes()) {
		t.Errorf("%v: %s", err, written)
	}
}
