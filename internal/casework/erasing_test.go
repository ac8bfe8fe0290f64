package casework_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/auditdb"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/housetest"
)

// mark is a word that nobody writes but these tests.
const mark = "Quetzalcoatl"

// telling is a decided request in which everybody wrote the mark wherever they could.
func (s *stage) telling() *scene {
	s.t.Helper()
	content := sound()
	content.Title, content.Summary, content.DataItems[0].Justification = mark+" study", "About "+mark, "For <"+mark+">"
	content.SourceSystems = []string{"The " + mark + " system"}
	sc := s.scene("", content).by("u-asks", caldicott.Submitting{}).by("u-officer", caldicott.Triaging{},
		caldicott.Asking{Questions: []caldicott.Question{{Field: "summary", Text: "Who is " + mark + "?"}}})
	sc.by("u-asks", caldicott.Answering{Answers: []caldicott.Answered{{Question: 1, Text: mark + " is a patient."}}}).
		by("u-officer", caldicott.Consulting{}).
		by("u-dpo", caldicott.Advising{Role: vocabulary.RoleDpo, View: vocabulary.ViewSupport, Text: mark + " may be told."}).
		by("u-lead", caldicott.Waiving{Consultee: vocabulary.RoleIao, Reason: mark + " is on leave."}).
		by("u-officer", caldicott.PuttingForward{Recommendation: "Approve " + mark}, caldicott.Commenting{Text: mark + " rang."})
	d := decision(vocabulary.OutcomeApproveWithConditions)
	d.Rationale, d.HarmStatement, d.AlternativeOffered = "For "+mark, mark+" might be harmed.", "None for "+mark
	for name, j := range d.Principles {
		j.Note = "Seen for " + mark
		d.Principles[name] = j
	}
	d.Conditions = []caldicott.ConditionAsked{{Label: "C1", Type: vocabulary.ConditionTypePrecedent, Text: "Tell " + mark, Owner: "u-owner", EvidenceExpected: mark + "'s letter"}}
	return sc.by("u-guardian", caldicott.Opening{Conflict: vocabulary.ConflictNone, Note: mark + " is no friend."}, d)
}

// entriesOf are the entries of the trail about a request that were chained.
func (s *stage) entriesOf(db *sqlx.DB, c caldicott.Case) []int64 {
	s.t.Helper()
	var ids []int64
	if err := db.Select(&ids, `SELECT id FROM audit.entries WHERE stream = 'request:' || $1 ORDER BY id`, c.Request.ID); err != nil {
		s.t.Fatal(err)
	}
	return ids
}

// tellers are the columns of the database in which the word stands.
func tellers(t testing.TB, db *sqlx.DB, word string) []string {
	t.Helper()
	var columns []struct {
		Table  string `db:"t"`
		Column string `db:"c"`
		Bytes  bool   `db:"b"`
	}
	err := db.Select(&columns, `
		SELECT CAST(a.attrelid::regclass AS text) AS t, quote_ident(a.attname) AS c, a.atttypid = 'bytea'::regtype AS b
		FROM pg_attribute a JOIN pg_class k ON k.oid = a.attrelid JOIN pg_namespace n ON n.oid = k.relnamespace
		WHERE k.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND a.attnum > 0 AND NOT a.attisdropped`)
	if err != nil || len(columns) < 200 {
		t.Fatalf("%d columns: %v", len(columns), err)
	}
	var found []string
	for _, x := range columns {
		query := fmt.Sprintf(`SELECT count(*) FROM %s WHERE position($1 IN %s::text) > 0`, x.Table, x.Column)
		if x.Bytes {
			query = fmt.Sprintf(`SELECT count(*) FROM %s WHERE position(convert_to($1, 'UTF8') IN %s) > 0`, x.Table, x.Column)
		}
		if count(t, db, query, word) > 0 {
			found = append(found, x.Table+"."+x.Column)
		}
	}
	return found
}

// verified reads the whole trail as an auditor does.
func (s *stage) verified() audit.Summary {
	s.t.Helper()
	db, err := sqlx.Open("postgres", housetest.ReaderURL(s.house.Database))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	trail, err := auditdb.Open(s.ctx, db)
	if err != nil {
		s.t.Fatal(err)
	}
	defer trail.Close() //nolint:errcheck // read only
	sum, err := audit.Verify(s.ctx, trail, func(f audit.Finding) {
		if !f.Note() {
			s.t.Error(f)
		}
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return sum
}

func (s *stage) propose(by string, entries ...int64) (casework.Erasure, error) {
	r, err := s.service.ProposeErasure(s.ctx, casework.Call{By: s.people[by]}, nil, entries, vocabulary.ErasureGroundArt171D, "Not ours to keep.")
	return r.Erasure, err
}

func (s *stage) confirm(by string, x casework.Erasure) (casework.Erasure, error) {
	r, err := s.service.ConfirmErasure(s.ctx, casework.Call{By: s.people[by]}, nil, x.ID)
	return r.Erasure, err
}

func (s *stage) hold(by, request string) (casework.LegalHold, error) {
	r, err := s.service.Hold(s.ctx, casework.Call{By: s.people[by]}, nil, request, vocabulary.HoldGroundLitigation, "A claim is expected.")
	return r.Hold, err
}

func TestWhatTwoPeopleEraseIsNowhereAndTheTrailIsSound(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc, db := s.telling(), s.superuser()
	retried := casework.Call{By: s.people["u-officer"], Retry: &casework.Retry{Key: "k", Digest: [32]byte{1}, Encode: func(casework.Result) (caldicott.GivenAnswer, error) {
		return caldicott.GivenAnswer{Status: 200, Body: []byte(`{"text":"` + mark + `"}`)}, nil
	}}}
	if _, err := s.service.Do(s.ctx, retried, target(sc.c), caldicott.Commenting{Text: mark + " wrote."}); err != nil {
		t.Fatal(whole(err))
	}
	if told := tellers(t, db, mark); len(told) < 15 {
		t.Fatalf("the word stands only in %q", told)
	}
	before, entries := s.read(sc.c), s.entriesOf(db, sc.c)
	x, err := s.propose("u-dpo", entries...)
	if err != nil {
		t.Fatal(whole(err))
	}
	if x.State != vocabulary.ErasureStateProposed || x.Request != sc.c.Request.ID || len(tellers(t, db, mark)) < 15 {
		t.Errorf("a proposal alone: %+v", x)
	}
	done, err := s.confirm("u-guardian", x)
	if err != nil {
		t.Fatal(whole(err))
	}
	if told := tellers(t, db, mark); len(told) > 0 {
		t.Errorf("the word stands in %q", told)
	}
	if sum := s.verified(); sum.Erased != int64(len(entries)) {
		t.Errorf("%d of %d were erased", sum.Erased, len(entries))
	}
	after := s.read(sc.c)
	if after.Request != before.Request || len(after.Done) != len(before.Done) || after.Decisions[0].Rationale != "[erased]" || after.Current.Content.Title != "[erased]" {
		t.Errorf("the case reads %+v", after)
	}
	if a, b := after.Current.Mark(), before.Current.Mark(); a.Digest != b.Digest || after.Current.Content.Kind != before.Current.Content.Kind {
		t.Error("the version lost its digest, or a code")
	}
	recorded := written(t, db, caldicott.Erased, "done")
	if len(done.Erased) != len(entries) || len(recorded) != len(entries) {
		t.Fatalf("erased %+v, in the trail %d", done.Erased, len(recorded))
	}
	for i, e := range done.Erased {
		if e.Entry != entries[i] || e.By <= entries[len(entries)-1] || recorded[i].Facts["entry"] != fmt.Sprint(e.Entry) || recorded[i].Subject != x.ID {
			t.Errorf("%+v is recorded as %+v", e, recorded[i])
		}
	}
	if sc.by("u-officer", caldicott.Commenting{Text: "It goes on."}); len(s.verified().Skipped) > 0 {
		t.Error("the verifier skipped something")
	}
}

func TestWhatTheWholeHouseReadsAfterAnErasureIsStillReadable(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc := s.telling()
	x, err := s.propose("u-guardian", s.entriesOf(s.superuser(), sc.c)...)
	if err != nil {
		t.Fatal(whole(err))
	}
	if _, err := s.confirm("u-lead", x); err != nil {
		t.Fatal(whole(err))
	}
	listed, err := s.service.Erasures(s.ctx, s.people["u-auditor"])
	if err != nil || len(listed) != 1 || listed[0].EndedBy != "u-lead" || len(listed[0].Erased) != len(x.Entries) {
		t.Errorf("an auditor reads %+v: %v", listed, err)
	}
	sc.c = s.read(sc.c)
	id := sc.c.Conditions[0].ID
	sc.subject = id
	sc.by("u-owner", caldicott.SubmittingEvidence{Text: "The letter."}).by("u-guardian", caldicott.AcceptingEvidence{})
	if state := sc.c.Conditions[0].State(sc.c.Done, s.clock.At()); state != vocabulary.ConditionStateSatisfied {
		t.Errorf("the condition is %s", state)
	}
	s.verified()
}

func TestErasingTakesTwoPeopleWithTheOfficeForIt(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc, db := s.telling(), s.superuser()
	entries := s.entriesOf(db, sc.c)
	for _, by := range []string{"u-officer", "u-lead", "u-asks", "u-auditor", "u-admin", "u-deputy"} {
		if _, err := s.propose(by, entries[0]); code(err) != caldicott.CodePolicy {
			t.Errorf("%s proposes: %v", by, whole(err))
		}
	}
	x, err := s.propose("u-dpo", entries[0])
	if err != nil {
		t.Fatal(whole(err))
	}
	for by, want := range map[string]string{"u-dpo": "SD13", "u-officer": caldicott.CodePolicy, "u-legal": caldicott.CodePolicy, "u-foreign": caldicott.CodeNotFound} {
		if _, err := s.confirm(by, x); code(err) != want {
			t.Errorf("%s confirms: %v", by, whole(err))
		}
	}
	if n := len(written(t, db, caldicott.ConfirmErasure, "refused")); n != 3 {
		t.Errorf("%d refusals are on record", n)
	}
	if _, err := s.service.RefuseErasure(s.ctx, casework.Call{By: s.people["u-dpo"]}, nil, x.ID, "No."); code(err) != "SD13" {
		t.Errorf("who proposed refuses: %v", whole(err))
	}
	if _, err := s.service.RefuseErasure(s.ctx, casework.Call{By: s.people["u-lead"]}, nil, x.ID, ""); code(err) != caldicott.CodeRequired {
		t.Errorf("without a reason: %v", whole(err))
	}
	r, err := s.service.RefuseErasure(s.ctx, casework.Call{By: s.people["u-lead"]}, nil, x.ID, "Needed.")
	if err != nil || r.Erasure.State != vocabulary.ErasureStateRefused {
		t.Fatal(whole(err))
	}
	if _, err := s.confirm("u-guardian", x); code(err) != caldicott.CodeState {
		t.Errorf("after the refusal: %v", whole(err))
	}
	if count(t, db, `SELECT count(*) FROM audit.details WHERE erased_at IS NOT NULL`) != 0 {
		t.Error("something was erased")
	}
}

func TestOnlyWordsThatAreTheirsAndThereCanBeErased(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc, other, db := s.telling(), s.scene("", sound()), s.superuser()
	entries := s.entriesOf(db, sc.c)
	var bootstrapped int64
	if err := db.Get(&bootstrapped, `SELECT min(id) FROM audit.entries`); err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string][]int64{
		"nothing": {}, "no entry": {999999}, "two requests'": {entries[0], s.entriesOf(db, other.c)[0]}, "the directory's": {bootstrapped},
	} {
		if _, err := s.propose("u-dpo", list...); code(err) != caldicott.CodeField {
			t.Errorf("%s: %v", name, whole(err))
		}
	}
	x, err := s.propose("u-dpo", entries[0], entries[0])
	if err != nil || !slices.Equal(x.Entries, entries[:1]) {
		t.Fatal(x, whole(err))
	}
	if _, err := s.confirm("u-guardian", x); err != nil {
		t.Fatal(whole(err))
	}
	if _, err := s.propose("u-dpo", entries[0]); code(err) != caldicott.CodeField {
		t.Errorf("what was erased already: %v", whole(err))
	}
	foreign := s.people["u-foreign"]
	if _, err := s.service.ProposeErasure(s.ctx, casework.Call{By: foreign}, nil, entries[1:2], vocabulary.ErasureGroundCourtOrder, "Ours?"); code(err) != caldicott.CodeField {
		t.Errorf("another organisation's guardian: %v", whole(err))
	}
	if e := written(t, db, caldicott.ProposeErasure, "refused"); len(e) != 0 {
		t.Errorf("a wrong body is on record: %+v", e)
	}
}

func TestTheWordsOfAnErasureCanBeErasedToo(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	db := s.superuser()
	if _, err := s.service.Hold(s.ctx, casework.Call{By: s.people["u-legal"]}, nil, "", vocabulary.HoldGroundPolice, mark+" is sought."); err != nil {
		t.Fatal(whole(err))
	}
	holds, err := s.service.Holds(s.ctx, s.people["u-dpo"])
	if err != nil || len(holds) != 1 {
		t.Fatal(holds, whole(err))
	}
	if _, err := s.service.ReleaseHold(s.ctx, casework.Call{By: s.people["u-dpo"]}, nil, holds[0].ID, mark+" was found."); err != nil {
		t.Fatal(whole(err))
	}
	var entries []int64
	if err := db.Select(&entries, `SELECT id FROM audit.entries WHERE action IN ('hold', 'release_hold') ORDER BY id`); err != nil || len(entries) != 2 {
		t.Fatal(entries, err)
	}
	x, err := s.propose("u-dpo", entries...)
	if err != nil {
		t.Fatal(whole(err))
	}
	if _, err := s.confirm("u-guardian", x); err != nil {
		t.Fatal(whole(err))
	}
	if told := tellers(t, db, mark); len(told) > 0 {
		t.Errorf("the word stands in %q", told)
	}
	if holds, err = s.service.Holds(s.ctx, s.people["u-dpo"]); err != nil || holds[0].Reason != "[erased]" || holds[0].EndedAt.IsZero() {
		t.Errorf("the hold reads %+v: %v", holds, whole(err))
	}
	s.verified()
}

func TestNothingUnderALegalHoldIsErased(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]func(caldicott.Case) string{
		"the request":      func(c caldicott.Case) string { return c.Request.ID },
		"the organisation": func(caldicott.Case) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, everybody()...)
			sc, other, db := s.telling(), s.scene("", sound()).by("u-asks", attaching()), s.superuser()
			sc.by("u-officer", attaching())
			document := newest(sc.c, caldicott.Attach)
			entries := s.entriesOf(db, sc.c)
			x, err := s.propose("u-dpo", entries[0])
			if err != nil {
				t.Fatal(whole(err))
			}
			h, err := s.hold("u-legal", of(sc.c))
			if err != nil {
				t.Fatal(whole(err))
			}
			if _, err := s.confirm("u-guardian", x); code(err) != caldicott.CodeHold || caldicott.KindOf(err) != caldicott.Conflict {
				t.Errorf("confirmed under the hold: %v", whole(err))
			}
			if _, err := s.propose("u-dpo", entries[1]); code(err) != caldicott.CodeHold {
				t.Errorf("proposed under the hold: %v", whole(err))
			}
			if _, err := s.may("u-lead", sc.c, document, caldicott.ErasingDocument{Reason: "Sent by mistake."}); code(err) != caldicott.CodeHold {
				t.Errorf("a document under the hold: %v", whole(err))
			}
			_, err = s.may("u-lead", other.c, newest(other.c, caldicott.Attach), caldicott.ErasingDocument{Reason: "Sent by mistake."})
			if all := h.Request == ""; all != (code(err) == caldicott.CodeHold) {
				t.Errorf("another request's document: %v", whole(err))
			}
			if e := written(t, db, caldicott.ConfirmErasure, "refused"); len(e) != 1 || e[0].Rule != caldicott.CodeHold {
				t.Errorf("on record: %+v", e)
			}
			release := func(by string) error {
				_, err := s.service.ReleaseHold(s.ctx, casework.Call{By: s.people[by]}, nil, h.ID, "Settled.")
				return err
			}
			if err := release("u-legal"); code(err) != "SD13" {
				t.Errorf("released by who placed it: %v", whole(err))
			}
			if err := release("u-lead"); code(err) != caldicott.CodePolicy {
				t.Errorf("released without the office: %v", whole(err))
			}
			if err := release("u-dpo"); err != nil {
				t.Fatal(whole(err))
			}
			if err := release("u-guardian"); code(err) != caldicott.CodeState {
				t.Errorf("released twice: %v", whole(err))
			}
			if _, err := s.confirm("u-guardian", x); err != nil {
				t.Error(whole(err))
			}
			s.verified()
		})
	}
}

func TestAHoldIsOnARequestOfTheirs(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	c := s.scene("", sound()).c
	_, err := s.service.Hold(s.ctx, casework.Call{By: s.people["u-foreign"]}, nil, c.Request.ID, vocabulary.HoldGroundPolice, "Ours?")
	if code(err) != caldicott.CodeField {
		t.Errorf("another organisation's: %v", whole(err))
	}
	if _, err := s.hold("u-dpo", "01998f21-0c5e-7d60-b1a9-6e3f2d8c4b10"); code(err) != caldicott.CodeField {
		t.Errorf("none: %v", whole(err))
	}
}

// Whoever has the application's login, or the owner's, cannot erase by it what two people have not agreed on.
func TestTheDatabaseItselfErasesNothingWithoutTwoPeople(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc, db := s.telling(), s.superuser()
	entries := s.entriesOf(db, sc.c)
	x, err := s.propose("u-dpo", entries[0])
	if err != nil {
		t.Fatal(whole(err))
	}
	by := s.people["u-dpo"]
	forged := func(entry int64, proposal string) error {
		return s.store.InTx(s.ctx, func(tx caldicott.Tx) error {
			if _, err := tx.LockOrganisation(s.ctx, "TST01"); err != nil {
				return err
			}
			body := caldicott.Words(map[string]string{"proposal": proposal})
			e := caldicott.Event{
				Stream: caldicott.OrganisationStream(s.trust), Chained: true, Action: caldicott.Erased, Outcome: caldicott.OutcomeDone, At: monday,
				Actor: by.ID, Organisation: s.trust, PolicyDigest: s.service.Policy.Digest(), Facts: map[string]string{"entry": fmt.Sprint(entry)},
			}
			rows := caldicott.DirectoryRows{Ledger: []caldicott.LedgerRow{{
				ID: s.service.NewID(), OrganisationID: s.trust, Kind: caldicott.LedgerErased, Subject: fmt.Sprint(entry), By: by.UserID, Body: body, At: monday,
			}}}
			if err := tx.SaveDirectory(s.ctx, e, rows); err != nil {
				return err
			}
			return tx.Erase(s.ctx, entry)
		})
	}
	for name, attempt := range map[string]func() error{
		"one person": func() error { return forged(entries[0], x.ID) },
		"another":    func() error { return forged(entries[1], x.ID) },
		"no record": func() error {
			return s.store.InTx(s.ctx, func(tx caldicott.Tx) error { return tx.Erase(s.ctx, entries[0]) })
		},
	} {
		if state := stateOf(attempt()); state != "CG008" {
			t.Errorf("%s: %q", name, state)
		}
	}
	for _, change := range []string{
		`UPDATE audit.details SET body = NULL`, `UPDATE casework.comments SET text = 'x'`, `UPDATE casework.versions SET content = '{}'`,
		`UPDATE casework.deeds SET details = '{}'`, `UPDATE casework.decisions SET outcome = 'REFUSE'`, `UPDATE casework.ledger SET body = '{}'`,
		`DELETE FROM casework.comments`, `DELETE FROM audit.details`,
	} {
		if _, err := db.ExecContext(s.ctx, change); stateOf(err) != "CG004" {
			t.Errorf("%s: %v", change, err)
		}
	}
	if _, err := db.ExecContext(s.ctx, `UPDATE casework.requests SET title = 'Another'`); stateOf(err) != "CG005" {
		t.Errorf("another title: %v", err)
	}
	s.verified()
}

// An erasure blanks; it cannot write. Whatever an UPDATE sets while one is under way is thrown away.
func TestUnderAnErasureAnUpdateStillWritesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc, db := s.telling(), s.superuser()
	entries := s.entriesOf(db, sc.c)
	x, err := s.propose("u-dpo", entries...)
	if err != nil {
		t.Fatal(whole(err))
	}
	db.MustExec(`CREATE FUNCTION public.forge() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
		UPDATE casework.decisions SET outcome = 'REFUSE', rationale = 'A forger''s' WHERE entry_id = (convert_from(NEW.canon, 'UTF8')::jsonb -> 'facts' ->> 'entry')::bigint;
		RETURN NULL; END $$;
		CREATE TRIGGER forge AFTER INSERT ON audit.entries FOR EACH ROW WHEN (NEW.action = 'erased') EXECUTE FUNCTION public.forge()`)
	if _, err := s.confirm("u-guardian", x); err != nil {
		t.Fatal(whole(err))
	}
	if d := s.read(sc.c).Decisions[0]; d.Outcome != vocabulary.OutcomeApproveWithConditions || d.Rationale != "[erased]" {
		t.Errorf("the decision reads %s: %s", d.Outcome, d.Rationale)
	}
	s.verified()
}

func stateOf(err error) string {
	for err != nil {
		if p, ok := err.(*pq.Error); ok {
			return string(p.Code)
		}
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return ""
		}
		err = u.Unwrap()
	}
	return ""
}

// Of the documents that are kept as JSON every text is blanked that is not of a type with a closed list, or held to a form by
// its tag; a member that somebody adds later is blanked unless it is listed as a code.
func TestErasureBlanksEveryTextAndNoCode(t *testing.T) {
	t.Parallel()
	s := open(t)
	db := s.superuser()
	for name, doc := range map[string]any{
		"a version": &caldicott.Content{}, "a deed": &caldicott.Details{}, "principles": &caldicott.Principles{"CP1": {Assessment: "MET", Note: "x"}},
		"findings": &[]caldicott.Finding{{}}, "confirmations": &[]caldicott.Confirmation{{}},
	} {
		kept := map[string]bool{} // what each value is to become
		fill(reflect.ValueOf(doc).Elem(), "", false, kept)
		raw, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		var blanked string
		if err := db.Get(&blanked, `SELECT audit.blank($1)::text`, string(raw)); err != nil {
			t.Fatal(err)
		}
		for value, code := range kept {
			if strings.Contains(blanked, `"`+value+`"`) != code {
				t.Errorf("%s: %s is kept: %t", name, value, !code)
			}
		}
		if len(kept) == 0 {
			t.Errorf("%s: nothing was looked at", name)
		}
		if again := reflect.New(reflect.TypeOf(doc).Elem()).Interface(); json.Unmarshal([]byte(blanked), again) != nil {
			t.Errorf("%s cannot be read once it is blanked: %s", name, blanked)
		}
	}
}

// knownCodes are texts of deeds that are ids, days or the keeper's own codes, and whose types do not say so.
var knownCodes = []string{
	"Questions.Field", "Report.Authorisation", "Risk.Authorisation", "Support.AnnualReviewDue", "Document.MediaType", "Document.SHA256",
	"Evidence", "Moment", "Cause", "Ended.On", "Confirmed.Field", "Findings.Field", "Field", "Attachments.ID", "Attachments.SHA256",
}

// fill writes a value of its own into every text, and says of each whether it is a code.
func fill(v reflect.Value, place string, code bool, kept map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.Type() == reflect.TypeFor[*time.Time]() {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), place, code, kept)
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name := strings.TrimPrefix(place+"."+f.Name, ".")
			if f.Anonymous {
				name = place
			}
			closed := false
			for _, form := range []string{"user_id", "org_code", "date", "instant", "country"} {
				closed = closed || slices.Contains(strings.Split(f.Tag.Get("validate"), ","), form)
			}
			fill(v.Field(i), name, closed || slices.Contains(knownCodes, name), kept)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), place, code, kept)
	case reflect.Map:
		for _, key := range v.MapKeys() {
			x := reflect.New(v.Type().Elem()).Elem()
			fill(x, place, code, kept)
			v.SetMapIndex(key, x)
		}
	case reflect.String:
		value := "at " + place
		v.SetString(value)
		kept[value] = code || v.Type() != reflect.TypeFor[string]()
	}
}

// The directory's own words go by being amended; what it said before goes with the words of the entry that brought it.
func TestWhatTheDirectorySaidOfSomebodyBeforeIsErasedWithItsEntry(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	db := s.superuser()
	admin := casework.Call{By: s.people["u-admin"]}
	enrolled, err := s.service.Enrol(s.ctx, admin, nil, caldicott.Person{
		UserID: "u-married", Name: mark + " Smith", JobTitle: "Nurse of " + mark, Email: strings.ToLower(mark) + "@trust.example", Mail: vocabulary.MailPreferenceAtOnce,
	})
	if err != nil {
		t.Fatal(whole(err))
	}
	p, began := enrolled.Person, s.clock.At()
	entry := func(action caldicott.Action) (id int64) {
		if err := db.Get(&id, `SELECT max(id) FROM audit.entries WHERE action = $1`, string(action)); err != nil {
			t.Fatal(err)
		}
		return id
	}
	if _, err := s.propose("u-dpo", entry(caldicott.Enrol)); code(err) != caldicott.CodeField {
		t.Errorf("what the directory says now: %v", whole(err))
	}
	s.clock.Put(began.Add(time.Hour))
	p.Name, p.JobTitle, p.Email = "Jones", "Nurse", "jones@trust.example"
	if _, err := s.service.AmendPerson(s.ctx, casework.Call{By: admin.By, IfMatch: p.Revision}, nil, p); err != nil {
		t.Fatal(whole(err))
	}
	x, err := s.propose("u-dpo", entry(caldicott.Enrol))
	if err != nil {
		t.Fatal(whole(err))
	}
	if _, err := s.confirm("u-guardian", x); err != nil {
		t.Fatal(whole(err))
	}
	if told := append(tellers(t, db, mark), tellers(t, db, strings.ToLower(mark))...); len(told) > 0 {
		t.Errorf("the word stands in %q", told)
	}
	was, err := s.store.PersonAsOf(s.ctx, p.ID, began)
	if err != nil || was.Name != "[erased]" || was.Email != "[erased]" || was.UserID != p.UserID || was.Revision != 1 {
		t.Errorf("at first they were %+v: %v", was, err)
	}
	now, err := s.store.PersonAsOf(s.ctx, p.ID, s.clock.At())
	if err != nil || now.Name != "Jones" || now.Email != "jones@trust.example" {
		t.Errorf("now they are %+v: %v", now, err)
	}
	if _, err := db.ExecContext(s.ctx, `UPDATE casework.directory_versions SET body = '{}'`); stateOf(err) != "CG004" {
		t.Errorf("changed without an erasure: %v", err)
	}
	s.verified()
}

// The words are gone, the dates and codes are not: what is due falls due, and a renewal begins from what is left.
func TestTheKeeperAndARenewalGoOnWithoutTheWords(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc := s.decidedOn("", approvedUntil("2026-12-01", "2027-06-30"))
	a := sc.c.Authorisations[0].ID
	x, err := s.propose("u-dpo", s.entriesOf(s.superuser(), sc.c)...)
	if err != nil {
		t.Fatal(whole(err))
	}
	if _, err := s.confirm("u-guardian", x); err != nil {
		t.Fatal(whole(err))
	}
	s.until("2026-12-05", 9, 0, 0)
	s.keep()
	oneDated(t, s.read(sc.c), caldicott.FallDue, a, inLondon(t, "2026-12-01", 0, 0, 0))
	for _, noun := range []caldicott.Noun{caldicott.Requests, caldicott.Decisions, caldicott.Authorisations} {
		rows, err := s.service.List(s.ctx, s.people["u-lead"], noun, caldicott.Filter{}, caldicott.Page{Limit: 5})
		if err != nil || len(rows) != 1 {
			t.Errorf("%s lists %d: %v", noun, len(rows), whole(err))
		}
	}
	sc.c = s.read(sc.c)
	renewal := s.mustTo("u-asks", sc.c, a, caldicott.Renewing{})
	if c := renewal.Content(); c.Purpose != "" || c.Summary != "" || c.Kind != sc.c.Content().Kind || c.Title != caldicott.ErasedMark || strings.Count(string(c.Bytes()), caldicott.ErasedMark) != 1 {
		t.Errorf("the renewal asks %s", c.Bytes())
	}
	s.until("2027-07-05", 9, 0, 0)
	s.keep()
	oneDated(t, s.read(sc.c), caldicott.Expire, a, inLondon(t, "2027-07-01", 0, 0, 0))
	s.verified()
}
