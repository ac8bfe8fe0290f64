package casework_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
)

// retry is the key of a question that may be sent again.
func retry(key, question string) *casework.Retry {
	return &casework.Retry{Key: key, Digest: sha256.Sum256([]byte(question)), Encode: func(r casework.Result) (caldicott.GivenAnswer, error) {
		return caldicott.GivenAnswer{Status: 201, ETag: strconv.Itoa(r.Case.Request.Revision), Location: "/requests/" + r.Case.Request.ID, Body: []byte(r.At.Format(time.RFC3339Nano))}, nil
	}}
}

func TestADeedSentTwentyTimesUnderOneKeyIsDoneOnce(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	s.warm()
	c := s.scene("", sound()).by("u-asks", caldicott.Submitting{}).c
	target := casework.Target{Noun: caldicott.Requests, ID: c.Request.ID}
	answers := make([]*caldicott.GivenAnswer, 20)
	errs := allAtOnce(20, func(i int) error {
		call := casework.Call{By: s.people["u-officer"], IfMatch: c.Request.Revision, Retry: retry("key", "comment")}
		r, err := s.service.Do(s.ctx, call, target, caldicott.Commenting{Text: "Once."})
		answers[i] = r.Before
		return err
	})
	fresh, again := 0, 0
	for i, err := range errs {
		switch {
		case err == nil && answers[i] == nil:
			fresh++
		case err == nil:
			again++
		case code(err) != "KEY_BUSY" || caldicott.KindOf(err) != caldicott.Conflict:
			t.Errorf("answered %v", err)
		}
	}
	if fresh != 1 {
		t.Errorf("done %d times (and %d times answered as before)", fresh, again)
	}
	call := casework.Call{By: s.people["u-officer"], IfMatch: c.Request.Revision, Retry: retry("key", "comment")}
	r, err := s.service.Do(t.Context(), call, target, caldicott.Commenting{Text: "Once."})
	if err != nil || r.Before == nil {
		t.Fatalf("asked once more: %+v, %v", r.Before, err)
	}
	for _, a := range answers {
		if a != nil && (string(a.Body) != string(r.Before.Body) || a.ETag != r.Before.ETag || a.Location != r.Before.Location || a.Status != 201 || a.RequestID != c.Request.ID) {
			t.Errorf("the answers differ: %+v and %+v", *a, *r.Before)
		}
	}
	db := s.superuser()
	for query, want := range map[string]int{
		`SELECT count(*) FROM casework.comments WHERE request_id = $1`:                     1,
		`SELECT count(*) FROM audit.entries WHERE request_id = $1 AND action = 'comment'`:  1, // KEY_BUSY is no refusal of the trail
		`SELECT count(*) FROM casework.answers_given WHERE request_id = $1`:                1,
		`SELECT count(*) FROM casework.deeds WHERE request_id = $1 AND deed = 'comment'`:   1,
		`SELECT count(*) FROM audit.entries WHERE request_id = $1 AND outcome = 'refused'`: 0,
	} {
		if n := count(t, db, query, c.Request.ID); n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
}

func TestARequestBegunTwentyTimesUnderOneKeyIsBegunOnce(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	s.warm()
	allAtOnce(20, func(int) error {
		_, err := s.service.Begin(s.ctx, casework.Call{By: s.people["u-asks"], Retry: retry("key", "draft")}, caldicott.Drafting{Content: sound()})
		if err != nil && code(err) != "KEY_BUSY" {
			t.Errorf("answered %v", err)
		}
		return err
	})
	if n := count(t, s.superuser(), `SELECT count(*) FROM casework.requests`); n != 3 { // two of them by the case that warmed the house
		t.Errorf("%d requests", n)
	}
}

func TestAKeyBelongsToOneQuestionOfOnePersonForADay(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	c := s.scene("", sound()).by("u-asks", caldicott.Submitting{}).c
	target := casework.Target{Noun: caldicott.Requests, ID: c.Request.ID}
	say := func(by, question string) (casework.Result, error) {
		return s.service.Do(t.Context(), casework.Call{By: s.people[by], Retry: retry("key", question)}, target, caldicott.Commenting{Text: question})
	}
	first, err := say("u-officer", "one")
	if err != nil || first.Before != nil {
		t.Fatal(first.Before, err)
	}
	if _, err := say("u-officer", "two"); code(err) != "KEY_REUSED" || caldicott.KindOf(err) != caldicott.Invalid {
		t.Errorf("another question: %v", err)
	}
	if r, err := say("u-lead", "two"); err != nil || r.Before != nil {
		t.Errorf("another person: %+v, %v", r.Before, err)
	}
	s.clock.Put(monday.Add(24*time.Hour - time.Second))
	if r, err := say("u-officer", "one"); err != nil || r.Before == nil {
		t.Errorf("within the day: %+v, %v", r.Before, err)
	}
	s.clock.Put(monday.Add(24*time.Hour + time.Second))
	if r, err := say("u-officer", "two"); err != nil || r.Before != nil {
		t.Errorf("after the day: %+v, %v", r.Before, err)
	}
	if n := count(t, s.superuser(), `SELECT count(*) FROM casework.comments WHERE made_by = 'u-officer'`); n != 2 {
		t.Errorf("%d comments of the officer", n)
	}
}

// The same answer is given to a deed that cannot be done twice, and although the state has moved on; it needs no
// If-Match that still fits.
func TestTheStoredAnswerComesBeforeEverythingButVisibility(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	c := s.answered("", sound()).by("u-guardian-b", caldicott.Opening{Conflict: vocabulary.ConflictNone}).c
	target := casework.Target{Noun: caldicott.Requests, ID: c.Request.ID}
	decide := func(match int) (casework.Result, error) {
		call := casework.Call{By: s.people["u-guardian-b"], IfMatch: match, Retry: retry("key", "decide")}
		return s.service.Do(t.Context(), call, target, decision(vocabulary.OutcomeRefuse))
	}
	if _, err := decide(c.Request.Revision); err != nil {
		t.Fatal(err)
	}
	if r, err := decide(c.Request.Revision); err != nil || r.Before == nil {
		t.Errorf("the same question: %+v, %v", r.Before, err)
	}
	if _, err := decide(0); code(err) != "PRECONDITION" {
		t.Errorf("without If-Match: %v (428 comes first)", err)
	}
	s.end("u-guardian-b", vocabulary.RoleCaldicottGuardian)
	s.clock.Put(monday.Add(time.Minute))
	if r, err := decide(c.Request.Revision); code(err) != "NOT_FOUND" {
		t.Errorf("once the appointment has ended: %+v, %v", r.Before, err)
	}
	if n := count(t, s.superuser(), `SELECT count(*) FROM audit.entries WHERE action = 'decide' AND rule = 'NOT_FOUND' AND outcome = 'refused' AND request_id = $1`, c.Request.ID); n != 1 {
		t.Errorf("the 404 was recorded %d times", n)
	}
}

// A deed that was refused keeps nothing under its key: the same key may be tried again.
func TestARefusedDeedKeepsNoAnswer(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	c := s.scene("", sound()).by("u-asks", caldicott.Submitting{}).c
	call := casework.Call{By: s.people["u-officer"], IfMatch: c.Request.Revision, Retry: retry("key", "x")}
	target := casework.Target{Noun: caldicott.Requests, ID: c.Request.ID}
	if _, err := s.service.Do(t.Context(), call, target, caldicott.PuttingForward{Recommendation: "Too soon."}); code(err) != "STATE" {
		t.Fatal(err)
	}
	if r, err := s.service.Do(t.Context(), call, target, caldicott.Triaging{}); err != nil || r.Before != nil {
		t.Errorf("%+v, %v", r.Before, err)
	}
	call.Retry, call.IfMatch = retry("other", "y"), 0
	call.Retry.Encode = func(casework.Result) (caldicott.GivenAnswer, error) {
		return caldicott.GivenAnswer{}, errors.New("no pen")
	}
	if _, err := s.service.Do(t.Context(), call, target, caldicott.Commenting{Text: "Lost."}); err == nil {
		t.Error("a deed was done whose answer could not be kept")
	}
	if n := count(t, s.superuser(), `SELECT count(*) FROM casework.comments`) + count(t, s.superuser(), `SELECT count(*) FROM audit.entries WHERE action = 'comment'`); n != 0 {
		t.Errorf("%d traces of a deed whose answer could not be kept", n)
	}
}

// Deeds on the directory answer for their keys in the same way.
func TestAPersonEnrolledTwentyTimesUnderOneKeyIsEnrolledOnce(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	s.warm()
	encode := func(r casework.DirectoryResult) (caldicott.GivenAnswer, error) {
		return caldicott.GivenAnswer{Status: 201, ETag: strconv.Itoa(r.Person.Revision), Body: []byte(r.Person.UserID)}, nil
	}
	errs := allAtOnce(20, func(int) error {
		call := casework.Call{By: s.people["u-admin"], Retry: &casework.Retry{Key: "key", Digest: [32]byte{1}}}
		r, err := s.service.Enrol(s.ctx, call, encode, caldicott.Person{UserID: "u-new", Name: "New"})
		if err == nil && r.Before != nil && string(r.Before.Body) != "u-new" {
			t.Errorf("answered %+v", r.Before)
		}
		return err
	})
	for _, err := range errs {
		if err != nil && code(err) != "KEY_BUSY" {
			t.Errorf("answered %v", err)
		}
	}
	if n := count(t, s.superuser(), `SELECT count(*) FROM casework.people WHERE user_id = 'u-new'`); n != 1 {
		t.Errorf("enrolled %d times", n)
	}
}

// mute is a store whose trail takes no refusal.
type mute struct{ caldicott.Store }

type muteTx struct{ caldicott.Tx }

func (m mute) InTx(ctx context.Context, f func(caldicott.Tx) error) error {
	return m.Store.InTx(ctx, func(tx caldicott.Tx) error { return f(muteTx{tx}) })
}

func (muteTx) Note(context.Context, caldicott.Event) error { return errors.New("the trail is full") }

func TestARefusalThatCannotBeRecordedIsAnswered503(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	c := s.answered("", sound()).c
	mutely := *s.service
	mutely.Store = mute{s.store}
	target := casework.Target{Noun: caldicott.Requests, ID: c.Request.ID}
	away := func(what string, err error) {
		t.Helper()
		if caldicott.KindOf(err) != caldicott.Unavailable || code(err) != "UNAVAILABLE" {
			t.Errorf("%s: %v", what, err)
		}
	}
	for by, deed := range map[string]caldicott.Deed{
		"u-colleague":   decision(vocabulary.OutcomeRefuse),                      // 404
		"u-asks":        decision(vocabulary.OutcomeRefuse),                      // SD1
		"u-lead":        decision(vocabulary.OutcomeRefuse),                      // POLICY
		"u-deputy-idle": caldicott.Opening{Conflict: vocabulary.ConflictNone},    // AUTHORITY
		"u-officer-b":   caldicott.Triaging{},                                    // STATE
		"u-guardian":    caldicott.Opening{Conflict: "NONE", Note: "9990123454"}, // V013
	} {
		_, err := mutely.Do(t.Context(), casework.Call{By: s.people[by], IfMatch: c.Request.Revision}, target, deed)
		away(string(deed.Action())+" by "+by, err)
	}
	_, err := mutely.Begin(t.Context(), casework.Call{By: s.people["u-board"]}, caldicott.Drafting{Content: sound()})
	away("draft by a board viewer", err)
	_, err = mutely.Enrol(t.Context(), casework.Call{By: s.people["u-asks"]}, nil, caldicott.Person{UserID: "u-new", Name: "New"})
	away("enrol by the requester", err)
	_, err = mutely.Show(t.Context(), s.people["u-colleague"], target, casework.Moment{})
	away("reading by a colleague", err)
	_, err = mutely.Show(t.Context(), s.people["u-guardian"], target, casework.Moment{})
	away("reading by the guardian, which is on the record too", err)
	_, err = mutely.List(t.Context(), s.people["u-auditor"], caldicott.Requests, nil, caldicott.Page{Limit: 5})
	away("search by an auditor", err)
	_, err = mutely.Known(t.Context(), "https://issuer.test", "nobody")
	away("sign-in of a stranger", err)
	if n := count(t, s.superuser(), `SELECT count(*) FROM casework.people WHERE user_id = 'u-new'`); n != 0 {
		t.Error("somebody was enrolled all the same")
	}
	// What is not recorded needs no trail: 412, 428 and 422 without a rule keep their answers.
	for want, call := range map[string]casework.Call{
		"STALE": {By: s.people["u-guardian"], IfMatch: 999}, "PRECONDITION": {By: s.people["u-guardian"]},
	} {
		if _, err := mutely.Do(t.Context(), call, target, caldicott.Opening{Conflict: vocabulary.ConflictNone}); code(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := mutely.Do(t.Context(), casework.Call{By: s.people["u-guardian"], IfMatch: c.Request.Revision}, target, caldicott.Opening{}); code(err) != "REQUIRED" {
		t.Errorf("%v, want REQUIRED", err)
	}
}
