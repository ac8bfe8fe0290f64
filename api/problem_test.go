package api

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/caldicott/caldicott/internal/caldicott"
)

func TestEveryKindOfErrorHasAnAnswerInTheContract(t *testing.T) {
	t.Parallel()
	doc := readContract(t)
	described := map[string]string{}
	for _, o := range operations(doc) {
		for status, r := range o.Responses.Map() {
			if r.Ref != "" {
				described[r.Ref] = status
			}
		}
	}
	for kind := caldicott.Internal; kind <= caldicott.Unavailable; kind++ {
		p := ProblemOf(caldicott.Errorf(kind, "CODE", "A sentence."), "/api/v1/requests", "id-1")
		if got := described[strings.TrimPrefix(p.Type, "/openapi.yaml")]; got != strconv.Itoa(p.Status) {
			t.Errorf("kind %d: answers %d, described as %q under %s", kind, p.Status, got, p.Type)
		}
		agrees(t, doc, "Problem", p)
		example := doc.Components.Responses[strings.TrimPrefix(p.Type, "/openapi.yaml#/components/responses/")].Value.
			Content.Get("application/problem+json").Example
		if shown, _ := example.(map[string]any); shown["title"] != p.Title || shown["type"] != p.Type {
			t.Errorf("kind %d: the contract's example is %v, %v", kind, shown["type"], shown["title"])
		}
	}
	if len(kinds) != int(caldicott.Unavailable)+1 {
		t.Errorf("the table has %d kinds", len(kinds))
	}
}

func TestARefusalNamesItsRuleAndAllThatIsWrong(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("decide: %w", caldicott.Refuse([]caldicott.FieldError{
		{Field: "rationale", Code: "REQUIRED", Message: "must be given"},
		{Field: "legal.public_interest_test", Code: "V011", Message: "The test is missing."},
	}))
	got := ProblemOf(err, "/api/v1/requests/1/decisions", "id-1")
	want := Problem{
		Type: "/openapi.yaml#/components/responses/Invalid", Title: "Something has to be put right", Status: 422,
		Detail: "The test is missing.", Instance: "/api/v1/requests/1/decisions", Code: "V011", RequestID: "id-1",
		Errors: []FieldProblem{
			{"legal.public_interest_test", "V011", "The test is missing."}, {"rationale", "REQUIRED", "must be given"},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestAFaultOfTheServiceSaysNothingOfItsCause(t *testing.T) {
	t.Parallel()
	const cause = "pq: relation casework.requests"
	for _, err := range []error{
		errors.New(cause),
		fmt.Errorf("save: %w", errors.New(cause)),
		&caldicott.Error{Kind: caldicott.Internal, Code: "SQL", Message: cause, Fields: []caldicott.FieldError{{Field: cause}}},
		&caldicott.Error{Kind: 99, Code: "SQL", Message: cause},
	} {
		p := ProblemOf(err, "/", "id-1")
		if p.Status != 500 || p.Code != CodeInternal || strings.Contains(fmt.Sprintf("%+v", p), "pq") {
			t.Errorf("%v: %+v", err, p)
		}
	}
	away := &caldicott.Error{Kind: caldicott.Unavailable, Code: "UNAVAILABLE", Message: "Try again.", Err: errors.New(cause)}
	if p := ProblemOf(away, "/", "id-1"); p.Status != 503 || strings.Contains(fmt.Sprintf("%+v", p), "pq") {
		t.Errorf("%+v", p)
	}
}

func TestWhoIsSentAwayIsToldWhenToComeBack(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]*caldicott.Error{
		"1": caldicott.Errorf(caldicott.Conflict, caldicott.CodeKeyBusy, "The same key is at work."),
		"5": caldicott.Errorf(caldicott.Unavailable, caldicott.CodeUnavailable, "The database is away."),
		"":  caldicott.Errorf(caldicott.Conflict, caldicott.CodeState, "It is decided."),
	} {
		if got := ProblemOf(err, "/", "id-1").RetryAfter(); got != want {
			t.Errorf("%s: %q", err.Code, got)
		}
	}
}

func TestARevisionIsAnETag(t *testing.T) {
	t.Parallel()
	if n, ok := Revision(ETag(7)); n != 7 || !ok {
		t.Errorf("%s is %d, %t", ETag(7), n, ok)
	}
	for _, etag := range []string{``, `7`, `"07"`, `W/"7"`, `*`, `"7`, `"x"`, `"7", "8"`, `""7""`, `"+7"`} {
		if _, ok := Revision(etag); ok {
			t.Errorf("%s passes for a revision", etag)
		}
	}
}
