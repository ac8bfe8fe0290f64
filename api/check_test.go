package api

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

func TestFormsAreChecked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body        any
		field, code string // "" where nothing is wrong
	}{
		{Drafting{}, "", ""},
		{Drafting{Content: caldicott.Content{Title: strings.Repeat("é", 300)}}, "", ""},
		{Drafting{Content: caldicott.Content{Title: strings.Repeat("é", 301)}}, "title", "FIELD"},
		{Drafting{Content: caldicott.Content{Kind: "BANANA"}}, "kind", "FIELD"},
		{Drafting{Content: caldicott.Content{Purpose: strings.Repeat("x", 10001)}}, "purpose", "FIELD"},
		{Drafting{Content: caldicott.Content{DataItems: make([]caldicott.DataItem, 200)}}, "", ""},
		{Drafting{Content: caldicott.Content{DataItems: make([]caldicott.DataItem, 201)}}, "data_items", "FIELD"},
		{Drafting{Content: caldicott.Content{Recipients: []caldicott.Recipient{{}, {DSPTStatus: "X"}}}}, "recipients[1].dspt_status", "FIELD"},
		{Drafting{Content: caldicott.Content{Recipients: []caldicott.Recipient{{Headcount: new(-1)}}}}, "recipients[0].headcount", "FIELD"},
		{Drafting{Content: caldicott.Content{Recipients: []caldicott.Recipient{{Country: "gb"}}}}, "recipients[0].country", "FIELD"},
		{Drafting{Content: caldicott.Content{Sponsor: "Ward 7"}}, "sponsor_user_id", "FIELD"},
		{Drafting{Content: caldicott.Content{Sponsor: strings.Repeat("a", 65)}}, "sponsor_user_id", "FIELD"},
		{Drafting{Content: caldicott.Content{Investigators: []string{"u-a", "U-B"}}}, "investigator_user_ids[1]", "FIELD"},
		{Drafting{Content: caldicott.Content{Legal: caldicott.Legal{S251: &caldicott.S251{Granted: "2026-02-30"}}}}, "legal.s251.granted", "FIELD"},
		{Amending{Confirming: Confirming{[]NotIdentifier{{"title", " "}}}}, "not_identifiers[0].reason", "REQUIRED"},
		{Answering{Content: &caldicott.Content{Kind: "X"}, Answers: []AnswerGiven{{1, "a"}}}, "kind", "FIELD"},
		{Answering{Answers: []AnswerGiven{{0, "a"}}}, "answers[0].question", "FIELD"},
		{Resubmitting{}, "content", "REQUIRED"},
		{Resubmitting{Content: &caldicott.Content{Recipients: []caldicott.Recipient{{OrgCode: "x"}}}}, "recipients[0].org_code", "FIELD"},
		{Advising{}, "role", "REQUIRED"},
		{Advising{Role: "NURSE"}, "role", "FIELD"},
		{Opening{Conflict: ConflictDeclared{Type: "X"}}, "conflict.type", "FIELD"},
		{Opening{Claiming: Claiming{Delegation: "DEL-1"}}, "delegation", "FIELD"},
		{Deciding{Principles: Principles{CP3: &Judgement{Assessment: "GOOD"}}}, "principles.CP3.assessment", "FIELD"},
		{Deciding{Law: &Law{Powers: []vocabulary.Power{"X"}}}, "law.statutory_power[0]", "FIELD"},
		{Disclosing{Recipient: "200"}, "", ""},
		{Disclosing{Recipient: "Mrs Jones"}, "recipient", "FIELD"},
		{Disclosing{Records: new(-1)}, "records", "FIELD"},
		{AmendingPerson{DisplayName: "A", JobTitle: "B"}, "active", "REQUIRED"},
		{AmendingPerson{DisplayName: "A", JobTitle: "B", Active: new(false)}, "", ""},
		{RegisteringAsset{Name: "\t", Owner: "u-a"}, "name", "REQUIRED"},
		{EndingAppointment{Reason: "Left.", On: "2026-9-9"}, "on", "FIELD"},
		{7, "", "FIELD"},
	} {
		wrong := Check(c.body)
		switch {
		case c.code == "" && wrong != nil:
			t.Errorf("%T: %v", c.body, wrong)
		case c.code != "" && (len(wrong) != 1 || wrong[0].Field != c.field || wrong[0].Code != c.code):
			t.Errorf("%T: %v, not %s at %s", c.body, wrong, c.code, c.field)
		}
	}
}

func TestDaysAndInstantsMustExist(t *testing.T) {
	t.Parallel()
	for day, good := range map[string]bool{
		"2026-09-07": true, "2028-02-29": true, "1900-01-01": true, "9999-12-31": true, "2026-02-29": false, "2026-13-01": false,
		"2026-9-07": false, "1899-12-31": false, "0000-01-01": false, "2026-09-07T00:00:00Z": false, "+026-09-07": false,
		"２０２６-09-07": false,
	} {
		if got := Check(Consulting{Due: day}) == nil; got != good {
			t.Errorf("day %s passes: %t", day, got)
		}
	}
	for instant, good := range map[string]bool{
		"2026-10-25T00:40:00Z": true, "2026-10-25T01:40:00+01:00": true, "2026-10-25T00:40:00.123456789Z": true,
		"2026-10-25T00:40:00,5Z": false, "2026-10-25t00:40:00z": false, "2026-10-25T24:00:00Z": false, "2026-10-25T00:40:60Z": false,
		"2026-10-25 00:40:00Z": false, "2026-10-25T00:40:00": false, "2026-02-30T00:00:00Z": false, "0001-01-01T00:00:00Z": false,
		"1900-01-01T00:00:00+01:00": false, "2026-10-25T00:40:00+99:99": false, "2026-10-25T00:40Z": false,
	} {
		if got := Check(Disclosing{DisclosedAt: instant}) == nil; got != good {
			t.Errorf("instant %s passes: %t", instant, got)
		}
		if _, got := IsInstant(instant); got != good {
			t.Errorf("instant %s as a parameter passes: %t", instant, got)
		}
	}
}

func TestNoMessageRepeatsWhatWasSent(t *testing.T) {
	t.Parallel()
	const secret = "943 476 5919"
	content := caldicott.Content{
		Kind: secret, Sponsor: secret, DisclosedAt: secret, Investigators: []string{secret},
		Recipients: []caldicott.Recipient{{OrgCode: secret, Country: secret}}, DataPeriod: &caldicott.DataPeriod{From: secret},
	}
	wrong := Check(Drafting{Content: content})
	if len(wrong) != 7 {
		t.Errorf("%d things wrong: %v", len(wrong), wrong)
	}
	for _, w := range wrong {
		if strings.Contains(w.Field+w.Message, secret) {
			t.Errorf("%s: %s", w.Field, w.Message)
		}
		if w.Message == messageOfUnknown {
			t.Errorf("%s: has no message of its own", w.Field)
		}
	}
}

// TestEveryTagIsKnown holds an empty value of every body against its tags: an unknown tag would panic only when asked.
func TestEveryTagIsKnown(t *testing.T) {
	t.Parallel()
	for _, types := range bodies {
		for _, v := range types {
			for _, w := range Check(v) {
				if w.Code != caldicott.CodeRequired {
					t.Errorf("%T: an empty body has a %s at %s", v, w.Code, w.Field)
				}
				if !slices.ContainsFunc(wireFields(reflect.TypeOf(v)), needed) {
					t.Errorf("%T: needs %s, which its json tag lets be absent", v, w.Field)
				}
			}
		}
	}
}
