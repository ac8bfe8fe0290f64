package export

import (
	"bytes"
	"crypto/sha256"
	encsv "encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/caldicott"
)

const someID = "0199dbf1-2a40-7c31-9e57-5b0a4d1f6c21"

var noon = time.Date(2026, 11, 2, 12, 0, 0, 1000, time.UTC)

// row is an entry as the trail would have it.
func row(t testing.TB, e caldicott.Event) *Row {
	t.Helper()
	e.Stream, e.At = "access:20261102", noon
	w, err := audit.Write(e, 0, [32]byte{})
	if err != nil {
		t.Fatal(err)
	}
	return &Row{
		ID: 41, Index: 40, Canon: w.Canon, Leaf: w.Leaf[:], RecordedAt: noon, Actor: "u-ig1", Organisation: "TST01", Reference: "CG-TST01-2026-0001",
	}
}

// written is what a format makes of rows.
func written(t testing.TB, format string, rows ...*Row) []byte {
	t.Helper()
	var b bytes.Buffer
	f := Formats()[slices.IndexFunc(Formats(), func(f Format) bool { return f.Name == format })]
	w, err := f.Begin(&b, "trust.example/caldicott")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if err := w.Row(r); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func table(t testing.TB, b []byte) [][]string {
	t.Helper()
	lines, err := encsv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestNoCellIsAFormula(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"=1+1": "'=1+1", "+44": "'+44", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\tx": "'\tx", "\rx": "'\rx", "plain": "plain", "a=b": "a=b",
		"=a,b": "'=a,b", `=HYPERLINK("x")`: `'=HYPERLINK("x")`, "a,b": "a,b", `say "x"`: `say "x"`, "": "",
	} {
		line := table(t, append([]byte("first,"), appendCell(nil, cell)...))[0]
		if line[1] != want {
			t.Errorf("%q is written %q", cell, line[1])
		}
	}
	// An entry may hold what begins as a formula does: its alphabet has + - and @.
	r := row(t, caldicott.Event{Action: caldicott.Viewed, Outcome: caldicott.OutcomeDone, ActingAs: "+SUM", PolicyLine: "@x", Rule: "-1"})
	r.Actor = "=cmd"
	for _, cell := range table(t, written(t, "csv", r))[1] {
		if cell != "" && strings.ContainsAny(cell[:1], "=+-@") {
			t.Errorf("%q is a formula", cell)
		}
	}
}

func TestTheTableHasAColumnForEveryMember(t *testing.T) {
	t.Parallel()
	r := row(t, caldicott.Event{
		Action: caldicott.Decide, Outcome: caldicott.OutcomeDone, Request: someID, From: "IN_REVIEW", To: "DECIDED", Version: 3,
		Facts: map[string]string{"decision": "APPROVE", "conditions": "2"},
	})
	waiting := *r
	waiting.Index = -1
	lines := table(t, written(t, "csv", r, &waiting))
	cell := func(line int, name string) string { return lines[line][slices.Index(lines[0], name)] }
	for name, want := range map[string]string{
		"entry": "41", "leaf_index": "40", "user_id": "u-ig1", "org_code": "TST01", "reference": "CG-TST01-2026-0001", "action": "decide",
		"request": someID, "from": "in_review", "to": "decided", "version": "3", "seq": "", "facts": `{"conditions":"2","decision":"APPROVE"}`,
		"at": "2026-11-02T12:00:00.000001Z", "recorded_at": "2026-11-02T12:00:00.000001Z", "leaf_hash": fmt.Sprintf("%x", r.Leaf),
	} {
		if got := cell(1, name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	if cell(2, "leaf_index") != "" || len(lines[0]) != len(beside)+len(audit.Members()) {
		t.Errorf("the head is %v, a waiting entry has index %q", lines[0], cell(2, "leaf_index"))
	}
}

func TestALineHoldsTheBytesThatWereHashed(t *testing.T) {
	t.Parallel()
	r := row(t, caldicott.Event{Action: caldicott.Viewed, Outcome: caldicott.OutcomeDone, Request: someID, Facts: map[string]string{"purpose": "FOI"}})
	r.Actor, r.Index = "odd\"\n\x01é", -1 // what no register holds
	line := written(t, "ndjson", r)
	var said struct {
		Entry int64
		Leaf  *int64 `json:"leaf_index"`
		Hash  string `json:"leaf_hash"`
		Actor string
		Canon json.RawMessage
	}
	if err := json.Unmarshal(line, &said); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	if leaf := sha256.Sum256(append([]byte{0}, said.Canon...)); fmt.Sprintf("%x", leaf) != said.Hash || said.Leaf != nil || said.Actor != r.Actor {
		t.Errorf("%s is not what was hashed", line)
	}
	if bytes.Count(line, []byte("\n")) != 1 {
		t.Errorf("%q is more than a line", line)
	}
}

// What a forger wrote into the table is no line of anybody's copy.
func TestWhatHasNotTheFormOfAnEntryIsNotCopied(t *testing.T) {
	t.Parallel()
	for _, f := range Formats() {
		w, err := f.Begin(&bytes.Buffer{}, "x")
		if err != nil {
			t.Fatal(err)
		}
		for _, canon := range []string{"", "{}", `{"action":"x"}` + "\n{}", `{"a":1}`} {
			if err := w.Row(&Row{ID: 7, Canon: []byte(canon)}); err == nil || !strings.Contains(err.Error(), "entry 7") {
				t.Errorf("%s takes %q: %v", f.Name, canon, err)
			}
		}
	}
}

// required checks what FHIR R4 requires of an AuditEvent (hl7.org/fhir/R4/auditevent.html), and gives it.
func required(t *testing.T, line []byte) auditEvent {
	t.Helper()
	var loose map[string]any
	var a auditEvent
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := json.Unmarshal(line, &loose); err != nil {
		t.Fatal(err)
	}
	if err := d.Decode(&a); err != nil {
		t.Fatal(err)
	}
	actions, outcomes := []string{"C", "R", "U", "D", "E"}, []string{"0", "4", "8", "12"}
	if a.ResourceType != "AuditEvent" || a.Type.System == "" || a.Type.Code == "" || a.Recorded.IsZero() || len(a.Agent) == 0 ||
		!slices.Contains(actions, a.Action) || !slices.Contains(outcomes, a.Outcome) {
		t.Errorf("type, action, recorded, outcome or agent is missing in %s", line)
	}
	if observer := a.Source.Observer; observer.Identifier == nil || observer.Identifier.Value == "" {
		t.Errorf("source.observer is missing in %s", line)
	}
	agents, _ := loose["agent"].([]any)
	for _, one := range agents {
		if _, said := one.(map[string]any)["requestor"].(bool); !said {
			t.Errorf("agent.requestor is missing in %s", line)
		}
	}
	for _, c := range a.Subtype {
		if c.System == "" || c.Code == "" {
			t.Errorf("a subtype is empty in %s", line)
		}
	}
	for _, e := range a.Entity {
		if e.What.Identifier == nil || e.What.Identifier.Value == "" || e.Type.Code == "" {
			t.Errorf("an entity is nothing in %s", line)
		}
		for _, d := range e.Detail {
			if d.Type == "" || d.Value == "" {
				t.Errorf("entity.detail is empty in %s", line)
			}
		}
	}
	return a
}

func (a auditEvent) has(system, code string) bool {
	return slices.ContainsFunc(a.Subtype, func(c coding) bool { return c.System == system && c.Code == code })
}

func TestEveryActionIsAnAuditEvent(t *testing.T) {
	t.Parallel()
	for _, action := range caldicott.Recorded() {
		for outcome, rule := range map[string]string{caldicott.OutcomeDone: "", caldicott.OutcomeRefused: "SD1"} {
			r := row(t, caldicott.Event{Action: action, Outcome: outcome, Rule: rule, Actor: someID, Request: someID, Subject: someID, ActingAs: "IG_LEAD"})
			a := required(t, written(t, "fhir", r))
			kind, known := kinds[action]
			if !known || outcome == caldicott.OutcomeDone && !a.has(own+"event_type", string(kind.event)) {
				t.Errorf("%s has no event type of the vocabulary", action)
			}
			if !a.has(own+"action", string(action)) || (outcome == caldicott.OutcomeDone) != (a.Outcome == "0") {
				t.Errorf("%s, %s, is %+v", action, outcome, a)
			}
		}
	}
	// An action of a later version is not a reason to keep an entry back.
	required(t, written(t, "fhir", row(t, caldicott.Event{Action: "unheard_of", Outcome: caldicott.OutcomeDone})))
}

func TestTheShapesAreThoseOfBALP(t *testing.T) {
	t.Parallel()
	done := func(a caldicott.Action) caldicott.Event {
		return caldicott.Event{Action: a, Outcome: caldicott.OutcomeDone, Actor: someID, Facts: map[string]string{"purpose": "FOI"}}
	}
	disclosure := required(t, written(t, "fhir", row(t, done(caldicott.Disclose))))
	if disclosure.Type != (coding{dicom, "110106", "Export"}) || !disclosure.has(lifecycle, "disclose") || disclosure.Action != "R" ||
		len(disclosure.Agent) != 2 || disclosure.Agent[1].Type.Coding[0].Code != "110153" || disclosure.Agent[1].Who.Identifier.Value != "TST01" {
		t.Errorf("PrivacyDisclosure.Source is %+v", disclosure)
	}
	read := required(t, written(t, "fhir", row(t, done(caldicott.Viewed))))
	if read.Type.Code != "rest" || !read.has(interaction, "read") || read.Action != "R" || read.PurposeOfEvent[0].Coding[0].Code != "FOI" {
		t.Errorf("Read is %+v", read)
	}
	query := required(t, written(t, "fhir", row(t, done(caldicott.Searched))))
	if query.Type.Code != "rest" || !query.has(interaction, "search") || query.Action != "E" {
		t.Errorf("Query is %+v", query)
	}
	for rule, outcome := range map[string]string{"POLICY": "8", "SD3": "8", "AUTHORITY": "8", "NOT_FOUND": "8", "STATE": "4", "V011": "4"} {
		refused := done(caldicott.Decide)
		refused.Outcome, refused.Rule = caldicott.OutcomeRefused, rule
		a := required(t, written(t, "fhir", row(t, refused)))
		if a.Type.Code != "110113" || !a.has(authz, "AuthZ-Role") || a.Outcome != outcome || a.OutcomeDesc != rule || !a.has(own+"event_type", "ACCESS_DENIED") {
			t.Errorf("the decision by %s is %+v", rule, a)
		}
	}
	stranger := row(t, caldicott.Event{Action: caldicott.SignIn, Outcome: caldicott.OutcomeRefused, Rule: "AUTHORITY"})
	stranger.Actor = ""
	if a := required(t, written(t, "fhir", stranger)); a.Agent[0].Who.Display == "" || !a.Agent[0].Requestor {
		t.Errorf("a stranger is %+v", a.Agent)
	}
	itself := row(t, caldicott.Event{Action: caldicott.PolicyLoaded, Outcome: caldicott.OutcomeDone})
	itself.Actor = ""
	if a := required(t, written(t, "fhir", itself)); a.Agent[0].Requestor || a.Agent[0].Who.Identifier.Value != "trust.example/caldicott" {
		t.Errorf("the service itself is %+v", a.Agent)
	}
}
