package casework_test

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
)

// What a reviewer found in the deeds on cases, each by one test; review_people_test.go is about people and the directory.

// numbered has the form of an NHS number and its check digit; it is nobody's.
const numbered = "9434765919"

// faults are what a 422 lists, as "field CODE", in order of the fields.
func faults(err error) []string {
	e, ok := err.(*caldicott.Error)
	if !ok {
		return nil
	}
	var list []string
	for _, f := range e.Fields {
		list = append(list, f.Field+" "+f.Code)
	}
	slices.Sort(list)
	return list
}

// wrote is an entry of the trail, as far as these tests read it.
type wrote struct {
	Acting, Appointment, Line, Rule, Subject, Request string
	Version                                           int
	Facts                                             map[string]string
}

// written are the entries of an action with an outcome, oldest first.
func written(t testing.TB, db *sqlx.DB, action caldicott.Action, outcome string) []wrote {
	t.Helper()
	var canons []string
	if err := db.Select(&canons, `SELECT convert_from(canon, 'UTF8') FROM audit.entries WHERE action = $1 AND outcome = $2 ORDER BY id`, action, outcome); err != nil {
		t.Fatal(err)
	}
	entries := make([]wrote, len(canons))
	for i, canon := range canons {
		if err := json.Unmarshal([]byte(canon), &entries[i]); err != nil {
			t.Fatal(err)
		}
	}
	return entries
}

// roleOfLine is whom a line of policy.csv speaks of.
func roleOfLine(t testing.TB, line string) string {
	t.Helper()
	policy, err := os.ReadFile("../../policy/policy.csv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(policy), "\n")
	n, err := strconv.Atoi(strings.TrimPrefix(line, "policy.csv:"))
	if err != nil || n < 1 || n > len(lines) || !strings.HasPrefix(lines[n-1], "p,") {
		t.Fatalf("%q is no line of policy.csv", line)
	}
	return strings.TrimSpace(strings.Split(lines[n-1], ",")[1])
}

// traces counts where the database keeps the words: in the case, in the trail, or in the answers given.
func traces(t testing.TB, db *sqlx.DB, words string) int {
	t.Helper()
	return count(t, db, `SELECT
		(SELECT count(*) FROM casework.versions WHERE content::text LIKE '%' || $1 || '%' OR confirmed::text LIKE '%' || $1 || '%') +
		(SELECT count(*) FROM casework.deeds WHERE details::text LIKE '%' || $1 || '%') +
		(SELECT count(*) FROM casework.people p WHERE p::text LIKE '%' || $1 || '%') +
		(SELECT count(*) FROM casework.organisations o WHERE o::text LIKE '%' || $1 || '%') +
		(SELECT count(*) FROM audit.entries WHERE convert_from(canon, 'UTF8') LIKE '%' || $1 || '%') +
		(SELECT count(*) FROM audit.details WHERE convert_from(body, 'UTF8') LIKE '%' || $1 || '%')`, words)
}

// show reads a case at a moment and must be allowed to.
func (s *stage) show(by string, c caldicott.Case, moment casework.Moment) casework.Result {
	s.t.Helper()
	r, err := s.service.Show(s.ctx, s.people[by], casework.Target{Noun: caldicott.Requests, ID: c.Request.ID}, moment)
	if err != nil {
		s.t.Fatalf("%s reads: %v", by, err)
	}
	return r
}

// found says whether the rule finds something in the field.
func found(f casework.Facts, rule vocabulary.Rule, field string) bool {
	return slices.ContainsFunc(f.Findings, func(x caldicott.Finding) bool { return x.Rule == rule && x.Field == field })
}

var (
	unconflicted = caldicott.Opening{Conflict: vocabulary.ConflictNone}
	supports     = caldicott.Advising{Role: vocabulary.RoleDpo, View: vocabulary.ViewSupport, Text: "Fine."}
	agrees       = caldicott.Advising{Role: vocabulary.RoleIao, View: vocabulary.ViewSupport, Text: "Fine."}
)

func TestAGuardianWhoAdvisedDoesNotDecideAndAPlainConsulteeIsToldOfThePolicy(t *testing.T) {
	t.Parallel()
	s := open(t, append(everybody(), member{user: "u-both", roles: []vocabulary.Role{vocabulary.RoleCaldicottGuardian, vocabulary.RoleDpo}})...)
	sc := s.scene("", sound()).by("u-asks", caldicott.Submitting{}).by("u-officer", caldicott.Triaging{}, caldicott.Consulting{}).
		by("u-both", supports).by("u-iao", agrees).by("u-officer", caldicott.PuttingForward{Recommendation: "Approve."})
	if _, err := s.may("u-both", sc.c, "", decision(vocabulary.OutcomeApprove)); code(err) != "SD10" {
		t.Errorf("before anybody opened: %v, want SD10", err)
	}
	sc.by("u-both", unconflicted)
	for _, o := range []vocabulary.Outcome{vocabulary.OutcomeApprove, vocabulary.OutcomeRefuse, vocabulary.OutcomeDefer} {
		if _, err := s.may("u-both", sc.c, "", decision(o)); code(err) != "SD10" || caldicott.KindOf(err) != caldicott.Forbidden {
			t.Errorf("%s by the guardian who advised: %v, want SD10", o, err)
		}
	}
	sc.by("u-both", caldicott.HandingBack{Reason: "I advised.", To: "u-guardian"}).by("u-guardian", unconflicted)
	plain := s.answered("", sound())
	if _, err := s.may("u-dpo", plain.c, "", decision(vocabulary.OutcomeApprove)); code(err) != "POLICY" {
		t.Errorf("a plain consultee: %v, want POLICY", err)
	}
	sc.by("u-guardian", decision(vocabulary.OutcomeApprove))
}

func TestWhoAllowedAnEmergencyAndWhenIsNotRewrittenByAnAnswer(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	record := emergency(monday.Add(-time.Hour))
	record.ApprovedBy = "u-guardian-b"
	ask := caldicott.Asking{Questions: []caldicott.Question{{Text: "Who allowed it?"}}}
	asked := func(content caldicott.Content) *scene {
		return s.scene("", content).by("u-asks", caldicott.SeekingRatification{}).by("u-guardian", unconflicted, ask)
	}
	sc := asked(record)
	answer := func(change func(*caldicott.Content)) caldicott.Answering {
		content := sc.content()
		change(&content)
		return caldicott.Answering{Answers: []caldicott.Answered{{Question: 1, Text: "Them."}}, Content: &content}
	}
	for field, change := range map[string]func(*caldicott.Content){
		"approved_by":  func(c *caldicott.Content) { c.ApprovedBy = "u-approver" },
		"disclosed_at": func(c *caldicott.Content) { c.DisclosedAt = monday.Add(-2 * time.Hour).Format(time.RFC3339) },
	} {
		_, err := s.may("u-asks", sc.c, "", answer(change))
		if code(err) != "FIELD" || caldicott.KindOf(err) != caldicott.Invalid || !slices.Equal(faults(err), []string{field + " FIELD"}) {
			t.Errorf("another %s: %v", field, whole(err))
		}
	}
	_, err := s.may("u-asks", sc.c, "", answer(func(c *caldicott.Content) { c.ApprovedBy, c.DisclosedAt = "", "" }))
	if !slices.Equal(faults(err), []string{"approved_by FIELD", "disclosed_at FIELD"}) {
		t.Errorf("neither of them any more: %v", whole(err))
	}
	sc.by("u-asks", answer(func(c *caldicott.Content) { c.Purpose = "To save a life." })).
		by("u-officer", caldicott.PuttingForward{Recommendation: "Ratify."}).by("u-guardian-b", unconflicted)
	if _, err := s.may("u-guardian-b", sc.c, "", decision(vocabulary.OutcomeRatify)); code(err) != "SD4" {
		t.Errorf("ratified by who allowed it: %v, want SD4", err)
	}

	record.ApprovedBy = ""
	sc = asked(record)
	sc.by("u-asks", answer(func(c *caldicott.Content) { c.ApprovedBy = "u-guardian-b" })).by("u-officer", ask)
	if _, err := s.may("u-asks", sc.c, "", answer(func(c *caldicott.Content) { c.ApprovedBy = "u-approver" })); code(err) != "FIELD" {
		t.Errorf("once it was said: %v, want FIELD", err)
	}
}

func TestThePrivateCommentsAreForThoseAskedAndNeverForTheRequester(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	try := func(name, by string, c caldicott.Case, want string) {
		t.Helper()
		_, err := s.service.Comments(s.ctx, s.people[by], c.Request.ID)
		_, said := s.may(by, c, "", caldicott.Commenting{Text: "Mine."})
		if code(err) != want || code(said) != want || want != "" && (caldicott.KindOf(err) != caldicott.Forbidden || caldicott.KindOf(said) != caldicott.Forbidden) {
			t.Errorf("%s: reads %q, writes %q, want %q", name, code(err), code(said), want)
		}
	}
	drawn := func(by string, owner string) *scene {
		content := sound()
		content.AssetOwner = owner
		sc := &scene{stage: s, mandatory: []vocabulary.Role{vocabulary.RoleDpo, vocabulary.RoleIao}}
		sc.c = s.begin(by, caldicott.Drafting{Content: content}).Case
		return sc.by(by, caldicott.Submitting{}).by("u-officer", caldicott.Triaging{})
	}
	own, consultee, plain := drawn("u-asks", "u-asks"), drawn("u-dpo", "u-iao"), drawn("u-asks", "u-iao")
	try("the requester as asset owner, nobody asked", "u-asks", own.c, "POLICY")
	try("the asset owner, not asked", "u-iao", plain.c, "POLICY")
	for _, sc := range []*scene{own, consultee, plain} {
		sc.by("u-officer", caldicott.Consulting{})
	}
	try("the requester as asset owner, asked", "u-asks", own.c, "POLICY")
	try("the requester as the data protection officer asked", "u-dpo", consultee.c, "POLICY")
	try("the asset owner, asked", "u-iao", plain.c, "")
	try("the data protection officer, asked", "u-dpo", plain.c, "")
	try("who handles it", "u-officer", own.c, "")
	if refused := written(t, s.superuser(), caldicott.ViewComments, "refused"); len(refused) != 4 || refused[0].Rule != "POLICY" {
		t.Errorf("refused readings in the trail: %+v", refused)
	}
}

func TestWhatExcusesANumberIsNotOneAndOnlyWhatWasNeededIsKept(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	db := s.superuser()
	draft := func(content caldicott.Content, confirmed ...caldicott.Confirmation) (casework.Result, error) {
		return s.service.Begin(s.ctx, casework.Call{By: s.people["u-asks"], Confirmed: confirmed}, caldicott.Drafting{Content: content})
	}
	content := sound()
	content.Purpose = "Trial " + numbered
	for field, c := range map[string]caldicott.Confirmation{
		"not_identifiers[0].reason": {Field: "purpose", Reason: "It is " + numbered[:3] + " " + numbered[3:6] + " " + numbered[6:]},
		"not_identifiers[0].field":  {Field: numbered, Reason: "A trial."},
	} {
		_, err := draft(sound(), c)
		if code(err) != "V013" || !slices.Equal(faults(err), []string{field + " V013"}) {
			t.Errorf("%s: %v", field, whole(err))
		}
		if _, err = draft(content, c); !slices.Contains(faults(err), field+" V013") {
			t.Errorf("%s, with a number to excuse: %v", field, whole(err))
		}
	}
	for field, change := range map[string]func(*caldicott.Content){
		"investigator_user_ids[0]":       func(c *caldicott.Content) { c.Investigators = []string{numbered} },
		"recipients[0].user_ids[1]":      func(c *caldicott.Content) { c.Recipients[0].UserIDs = []string{"u-colleague", numbered} },
		"recipients[0].org_code":         func(c *caldicott.Content) { c.Recipients[0].OrgCode = numbered },
		"external_requester.org_code":    func(c *caldicott.Content) { c.ExternalRequester = &caldicott.ExternalRequester{OrgCode: numbered} },
		"external_requester.verified_by": func(c *caldicott.Content) { c.ExternalRequester = &caldicott.ExternalRequester{VerifiedBy: numbered} },
	} {
		content := sound()
		change(&content)
		if _, err := draft(content); code(err) != "V013" || !slices.Equal(faults(err), []string{field + " V013"}) {
			t.Errorf("%s: %v", field, whole(err))
		}
	}
	if n := count(t, db, `SELECT count(*) FROM casework.requests`) + traces(t, db, numbered) + traces(t, db, "943 476 5919"); n != 0 {
		t.Errorf("%d traces of what was refused", n)
	}
	kept := caldicott.Confirmation{Field: "purpose", Reason: "A trial's number."}
	r, err := draft(content, caldicott.Confirmation{Field: "summary", Reason: "Nothing there."}, kept)
	if err != nil {
		t.Fatal(whole(err))
	}
	now, err := s.store.ReadCase(s.ctx, r.Case.Request.ID)
	if err != nil {
		t.Fatal(err)
	}
	if want := []caldicott.Confirmation{kept}; !slices.Equal(now.Current.Confirmed, want) || !slices.Equal(now.Done[0].Details.Confirmed, want) {
		t.Errorf("kept with the version %v, with the deed %v", now.Current.Confirmed, now.Done[0].Details.Confirmed)
	}
}

func TestALineAndTheCapacityActedInAreOfOneRole(t *testing.T) {
	t.Parallel()
	s := open(t, append(everybody(), member{user: "u-both", roles: []vocabulary.Role{vocabulary.RoleIgLead, vocabulary.RoleCaldicottGuardian}})...)
	sc := s.scene("", sound()).by("u-asks", caldicott.Submitting{}).by("u-officer", caldicott.Triaging{}, caldicott.Consulting{}).
		by("u-both", caldicott.Waiving{Consultee: vocabulary.RoleDpo, Reason: "Away."}, caldicott.Commenting{Text: "Noted."})
	s.must("u-both", s.answered("", sound()).c, unconflicted)
	db, acted := s.superuser(), map[string]bool{}
	for _, a := range []caldicott.Action{caldicott.Waive, caldicott.Comment, caldicott.Triage, caldicott.Open} {
		for _, e := range written(t, db, a, "done") {
			acted[string(a)+" "+e.Acting] = true
			if role := roleOfLine(t, e.Line); role != e.Acting {
				t.Errorf("%s of %s: acting %s by %s, which is %s's", a, sc.c.Request.ID, e.Acting, e.Line, role)
			}
		}
	}
	if !acted["waive CALDICOTT_GUARDIAN"] || !acted["triage IG_OFFICER"] {
		t.Errorf("acted: %v", acted)
	}
}

func TestADraftsAnswerIsNotGivenAgainToWhoMayNoLongerSeeIt(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	begin := func() (casework.Result, error) {
		call := casework.Call{By: s.meet("u-asks"), Retry: retry("key", "draft")}
		return s.service.Begin(s.ctx, call, caldicott.Drafting{Content: sound()})
	}
	first, err := begin()
	if err != nil {
		t.Fatal(whole(err))
	}
	if again, err := begin(); err != nil || again.Before == nil || again.Before.RequestID != first.Case.Request.ID {
		t.Errorf("asked again: %+v, %v", again.Before, err)
	}
	s.put(s.trust, caldicott.DirectoryRows{Appointments: []caldicott.Appointment{
		appointment(s.people["u-asks"].Person, vocabulary.RoleSystemAdmin, "", nil),
	}})
	if r, err := begin(); code(err) != "NOT_FOUND" || caldicott.KindOf(err) != caldicott.NotFound || r.Before != nil {
		t.Errorf("to an administrator: %+v, %v", r.Before, err)
	}
	refused := written(t, s.superuser(), caldicott.Draft, "refused")
	if len(refused) != 1 || refused[0].Rule != "NOT_FOUND" || refused[0].Request != first.Case.Request.ID {
		t.Errorf("in the trail: %+v", refused)
	}
}

// losing is a store in which every deed loses against another one at its last write.
type losing struct {
	caldicott.Store
	state    pq.ErrorCode
	attempts *int
}

type losingTx struct {
	caldicott.Tx
	losing
}

func (l losing) InTx(ctx context.Context, f func(caldicott.Tx) error) error {
	return l.Store.InTx(ctx, func(tx caldicott.Tx) error { return f(losingTx{tx, l}) })
}

func (l losing) lose() error {
	*l.attempts++
	return &pq.Error{Code: l.state, Message: "secret words"}
}

func (l losingTx) SaveCase(context.Context, caldicott.Change) error { return l.lose() }

func (l losingTx) SaveDirectory(context.Context, caldicott.Event, caldicott.DirectoryRows) error {
	return l.lose()
}

func TestWhoLosesThreeTimesIsAskedToTryAgain(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	c := s.scene("", sound()).by("u-asks", caldicott.Submitting{}).c
	for _, state := range []pq.ErrorCode{"40001", "40P01", "CG001"} {
		attempts := 0
		luckless := s.on(losing{s.store, state, &attempts})
		_, err := luckless.may("u-officer", c, "", caldicott.Triaging{})
		if caldicott.KindOf(err) != caldicott.Unavailable || code(err) != "UNAVAILABLE" || attempts != 3 {
			t.Errorf("a deed after %s, tried %d times: %v", state, attempts, err)
		}
		attempts = 0
		_, err = luckless.service.Enrol(s.ctx, casework.Call{By: s.people["u-admin"]}, nil, caldicott.Person{UserID: "u-new", Name: "New"})
		if caldicott.KindOf(err) != caldicott.Unavailable || code(err) != "UNAVAILABLE" || attempts != 3 {
			t.Errorf("a deed on the directory after %s, tried %d times: %v", state, attempts, err)
		}
	}
	if n := count(t, s.superuser(), `SELECT count(*) FROM audit.entries WHERE outcome = 'refused'`); n != 0 {
		t.Errorf("%d refusals were recorded of deeds that nobody refused", n)
	}
}

func TestThirtyLongQuestionsFullOfAngleBracketsAreTaken(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	var ask caldicott.Asking
	var answers caldicott.Answering
	for n := range 30 {
		ask.Questions = append(ask.Questions, caldicott.Question{Text: strings.Repeat("<", 10_000)})
		answers.Answers = append(answers.Answers, caldicott.Answered{Question: n + 1, Text: strings.Repeat("<", 10_000)})
	}
	sc := s.scene("", sound()).by("u-asks", caldicott.Submitting{}).by("u-officer", caldicott.Triaging{}, ask).by("u-asks", answers)
	now, err := s.store.ReadCase(s.ctx, sc.c.Request.ID)
	if err != nil {
		t.Fatal(err)
	}
	if q := now.Questions(); len(q) != 30 || q[29].Text != ask.Questions[29].Text {
		t.Errorf("%d questions were kept", len(q))
	}
	if n := count(t, s.superuser(), `SELECT max(octet_length(body)) FROM audit.details`); n < 300_000 || n > 310_000 {
		t.Errorf("the trail keeps %d bytes of 300,000", n)
	}
}

func TestARefusalByARuleListsWhatWasMalformedToo(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	unfinished := sound()
	unfinished.Retention = caldicott.Retention{}
	sc := s.answered("", unfinished).by("u-guardian", unconflicted)
	call := casework.Call{By: s.people["u-guardian"], IfMatch: sc.c.Request.Revision, Invalid: []caldicott.FieldError{
		{Field: "review_date", Code: caldicott.CodeField, Message: "must be a day"},
	}}
	_, err := s.service.Do(s.ctx, call, casework.Target{Noun: caldicott.Requests, ID: sc.c.Request.ID}, decision(vocabulary.OutcomeApprove))
	if code(err) != "V017" || !slices.Equal(faults(err), []string{"retention V017", "review_date FIELD"}) {
		t.Errorf("%v", whole(err))
	}
	if refused := written(t, s.superuser(), caldicott.Decide, "refused"); len(refused) != 1 || refused[0].Rule != "V017" || refused[0].Request != sc.c.Request.ID {
		t.Errorf("in the trail: %+v", refused)
	}
}
