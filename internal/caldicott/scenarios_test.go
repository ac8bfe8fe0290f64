package caldicott

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// scenarioFile is what these tests read of testdata/scenarios.json.
type scenarioFile struct {
	Meta struct {
		BankHolidays []string `json:"bank_holidays_used"`
	} `json:"meta"`
	Scenarios []scenario `json:"scenarios"`
	Guard     []struct {
		Text, Expect, Why, Value string
	} `json:"identifier_guard_cases"`
}

type scenario struct {
	content  Content
	ID       string    `json:"id"`
	At       time.Time `json:"submitted_at"`
	Expected struct {
		Validation []struct {
			Rule     vocabulary.Rule
			Severity vocabulary.Severity
			Field    string
		}
		Consultees []vocabulary.Role    `json:"mandatory_consultees"`
		Deadlines  map[string]time.Time `json:"deadlines"`
		Route      []struct {
			State State     `json:"to_state"`
			At    time.Time `json:"at"`
		}
	} `json:"expected"`
}

func (s *scenario) UnmarshalJSON(b []byte) error {
	type plain scenario
	if err := json.Unmarshal(b, (*plain)(s)); err != nil {
		return err
	}
	return json.Unmarshal(b, &s.content)
}

func readScenarios(t testing.TB) scenarioFile {
	t.Helper()
	b, err := os.ReadFile("../../testdata/scenarios.json")
	if err != nil {
		t.Fatal(err)
	}
	var file scenarioFile
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Scenarios) == 0 || len(file.Guard) == 0 {
		t.Fatal("the scenarios are empty")
	}
	return file
}

// inCircumstances: the guardian of the scenarios is also Responsible Officer; an emergency is recorded on the spot.
func (s scenario) inCircumstances() Circumstances {
	emergency := s.content.DisclosedAt != ""
	in := Circumstances{
		Now:       s.At,
		Guardians: []Guardian{{"u-guardian", []vocabulary.Post{vocabulary.PostResponsibleOfficer}}},
		Emergency: emergency,
	}
	if emergency {
		in.Recorded = s.At
	}
	return in
}

func testRulebook() Rulebook { return Rulebook{Index: vocabulary.NewIndex()} }

func (f Finding) key() string {
	return strings.Join([]string{string(f.Rule), string(f.Severity), f.Field}, " ")
}

func keys(findings []Finding) []string {
	got := []string{}
	for _, f := range findings {
		got = append(got, f.key())
	}
	return got
}

func TestTheRulesFindInEachScenarioWhatItExpects(t *testing.T) {
	t.Parallel()
	for _, s := range readScenarios(t).Scenarios {
		want := []string{}
		for _, v := range s.Expected.Validation {
			want = append(want, Finding{Rule: v.Rule, Severity: v.Severity, Field: v.Field}.key())
		}
		if got := keys(testRulebook().Findings(s.content, s.inCircumstances())); !slices.Equal(got, want) {
			t.Errorf("%s: found %q, want %q", s.ID, got, want)
		}
		if missing := testRulebook().Missing(s.content); len(missing) > 0 {
			t.Errorf("%s: misses %q", s.ID, missing)
		}
	}
}

func TestEachScenarioAsksItsConsultees(t *testing.T) {
	t.Parallel()
	consultees := shippedConsultees(t)
	for _, s := range readScenarios(t).Scenarios {
		if got := consultees.Mandatory(s.content); !slices.Equal(got, s.Expected.Consultees) {
			t.Errorf("%s: asks %q, want %q", s.ID, got, s.Expected.Consultees)
		}
	}
}

func TestEachScenarioHasItsDeadlines(t *testing.T) {
	t.Parallel()
	file := readScenarios(t)
	for _, s := range file.Scenarios {
		got := shippedTargets(t).Deadlines(file.calendar(), s.clock(t))
		for name, at := range map[string]time.Time{
			"triage_due": got.Triage, "decision_due": got.Decision, "record_due": got.Record,
			"ratification_due": got.Ratification, "statutory_due": got.Statutory,
		} {
			if want := s.Expected.Deadlines[name]; !at.Equal(want) {
				t.Errorf("%s: %s is %s, want %s", s.ID, name, at, want)
			}
		}
	}
}

// clock is the scenario's as it stands at the first decision of its route.
func (s scenario) clock(t testing.TB) Clock {
	t.Helper()
	k := Clock{Kind: s.content.Kind, Urgency: s.content.Urgency}
	if s.content.DisclosedAt != "" {
		k.Disclosed = instant(t, s.content.DisclosedAt)
	}
	for _, step := range s.Expected.Route {
		if n := len(k.Pauses); n > 0 && k.Pauses[n-1].To.IsZero() {
			k.Pauses[n-1].To = step.At
		}
		switch step.State {
		case submitted:
			k.Submitted, k.Pauses = step.At, nil
		case awaiting:
			k.Pauses = append(k.Pauses, Pause{From: step.At})
		case decided:
			k.Now = step.At
			return k
		}
	}
	t.Fatalf("%s is never decided", s.ID)
	return k
}

// workdays is a Calendar of these bank holidays.
type workdays map[string]bool

func (w workdays) Workday(day string) bool {
	d, err := time.Parse(time.DateOnly, day)
	return err == nil && d.Weekday() != time.Saturday && d.Weekday() != time.Sunday && !w[day]
}

func (f scenarioFile) calendar() Calendar {
	w := workdays{}
	for _, day := range f.Meta.BankHolidays {
		w[day] = true
	}
	return w
}

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func shippedConsultees(t testing.TB) Consultees {
	t.Helper()
	f, err := os.Open("../../policy/consultees.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	consultees, err := ParseConsultees(f)
	if err != nil {
		t.Fatal(err)
	}
	return consultees
}

func shippedTargets(t testing.TB) Targets {
	t.Helper()
	f, err := os.Open("../../policy/targets.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	targets, err := ParseTargets(f)
	if err != nil {
		t.Fatal(err)
	}
	return targets
}
