package notify

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

// What the service may tell, and ask.
const (
	eventCodes = `SUBMITTED TRIAGE_WANTED QUESTIONS_ASKED ANSWERED ADVICE_WANTED ADVICE_GIVEN READY_FOR_DECISION HANDED_BACK
		DECISION_MADE SET_ASIDE WITHDRAWN CLOSED LAPSED EMERGENCY_RECORDED RATIFICATION_WANTED CONDITION_SET EVIDENCE_SUBMITTED
		EVIDENCE_ACCEPTED EVIDENCE_REJECTED CONDITION_WAIVED CONDITION_BREACHED CONDITION_REMINDER CONDITION_OVERDUE
		AUTHORISATION_ACTIVATED AUTHORISATION_SUSPENDED AUTHORISATION_TRIPPED AUTHORISATION_REINSTATED AUTHORISATION_REVOKED
		AUTHORISATION_COMPLETED AUTHORISATION_EXPIRED AUTHORISATION_SUPERSEDED AUTHORISATION_VARIED RENEWAL_BEGUN
		REVIEW_REMINDER REVIEW_DUE REVIEW_REQUESTED REVIEWER_INVITED REVIEW_DECIDED DISSENT_RECORDED DISSENT_ANSWERED
		ADVICE_NOT_FOLLOWED INCIDENT_LINKED INCIDENT_UPDATED INCIDENT_REPORT_DUE RISK_LINKED CLOCK_ESCALATED DELEGATION_MADE
		DELEGATION_ENDING APPOINTMENT_ENDING SAMPLE_DRAWN STANDING_RULE_OFF DOCUMENT_INFECTED`
	wantedCodes = `AMEND SUBMIT TRIAGE ANSWER ADVISE PUT_FORWARD OPEN DECIDE SEEK_RATIFICATION RATIFY COMPLETE_EMERGENCY_RECORD
		SUBMIT_EVIDENCE JUDGE_EVIDENCE RENEW COMPLETE RESUBMIT DECIDE_REVIEW ANSWER_DISSENT REPORT_INCIDENT REINSTATE_OR_REVOKE
		JUDGE_SAMPLE REVIEW_STANDING_RULE ACCEPT_DELEGATION RENEW_DELEGATION RENEW_APPOINTMENT LOOK`
)

func TestEveryCodeHasItsWords(t *testing.T) {
	t.Parallel()
	for codes, table := range map[string]map[string]string{eventCodes: events, wantedCodes: wanted} {
		want := strings.Fields(codes)
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(table)); !slices.Equal(got, want) {
			t.Errorf("got %v\nwant %v", got, want)
		}
	}
	plain := regexp.MustCompile(`^[a-z][A-Za-z' ,-]+[a-z](\{by\})?$`)
	for _, table := range []map[string]string{events, wanted, states} {
		for code, said := range table {
			if !codeForm.MatchString(code) || !plain.MatchString(said) {
				t.Errorf("%s: %q", code, said)
			}
		}
	}
	for code, said := range wanted {
		if !strings.HasPrefix(said, "please ") || strings.Contains(said, by) {
			t.Errorf("%s: %q", code, said)
		}
	}
}

// example is a notice about a decided request.
func example() Message {
	return Message{
		ID: "0199dbf1-2a40-7c31-9e57-5b0a4d1f6c21", Event: "QUESTIONS_ASKED", Organisation: "TST01",
		Request: "0199dbf1-2a40-7c31-9e57-5b0a4d1f6c22", Reference: "CG-TST01-2026-0101", State: "AWAITING_INFORMATION",
		Wanted: "ANSWER", Due: time.Date(2026, 7, 3, 16, 0, 0, 0, time.UTC), At: time.Date(2026, 6, 26, 8, 0, 0, 0, time.UTC),
		Link: "https://caldicott.example/requests/1",
	}
}

func TestASubjectSaysWhatIsWantedAndByWhichDay(t *testing.T) {
	t.Parallel()
	zone, err := london()
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Message){
		"CG-TST01-2026-0101: questions have been asked; please answer the questions by 3 July 2026": func(*Message) {},
		"CG-TST01-2026-0101: questions have been asked; please answer the questions":                func(m *Message) { m.Due = time.Time{} },
		"CG-TST01-2026-0101: questions have been asked":                                             func(m *Message) { m.Wanted = "" },
		"CG-TST01-2026-0101: your review is due by 3 July 2026":                                     func(m *Message) { m.Event = "REVIEW_REMINDER" },
		"CG-TST01-2026-0101: a condition is due":                                                    func(m *Message) { m.Event, m.Due = "CONDITION_REMINDER", time.Time{} },
		"CG-TST01-2026-0101: there is news; please look at it in the service by 3 July 2026":        func(m *Message) { m.Event, m.Wanted = "SMITH", "CALL_SMITH" },
		"Request without reference: questions have been asked":                                      func(m *Message) { m.Reference, m.Wanted = "", "" },
		"Caldicott service: a delegation ends soon": func(m *Message) {
			m.Event, m.Reference, m.Request, m.Wanted = "DELEGATION_ENDING", "", "", ""
		},
	} {
		m := example()
		change(&m)
		if got := m.subject(zone); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestDatesAreLondons(t *testing.T) {
	t.Parallel()
	zone, err := london()
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{
		"2026-11-03T17:00:00Z":      "17:00 on Tuesday 3 November 2026",
		"2026-07-03T16:00:00Z":      "17:00 on Friday 3 July 2026", // summer time
		"2026-07-03T22:59:59Z":      "23:59 on Friday 3 July 2026", // the last second of a day
		"2026-07-03T23:00:00Z":      "the end of Friday 3 July 2026",
		"2026-11-04T00:00:00Z":      "the end of Tuesday 3 November 2026",
		"2026-10-25T00:30:00Z":      "01:30 on Sunday 25 October 2026", // the hour that comes twice
		"2026-10-25T01:30:00Z":      "01:30 on Sunday 25 October 2026",
		"2026-03-30T00:00:00+01:00": "the end of Sunday 29 March 2026", // the day that has 23 hours
	} {
		due, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := limit(due, zone); got != want {
			t.Errorf("%s: got %q, want %q", at, got, want)
		}
	}
}

// Whatever stands in a notice's fields, it is refused, or its mail is made of our words, its reference, its link and dates.
func TestANoticeHoldsNoWordOfTheRequest(t *testing.T) {
	t.Parallel()
	const title = "Release of Mrs Smith's records"
	anything := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", title, "SMITH", "Mrs_Smith", "CG-SMITH-2026-0001 " + title, "SMITH_2026", "\r\nSmith"}))
	rapid.Check(t, func(t *rapid.T) {
		m := example()
		m.Event, m.State, m.Wanted = anything.Draw(t, "event"), anything.Draw(t, "state"), anything.Draw(t, "wanted")
		for _, field := range []*string{&m.Organisation, &m.Request, &m.Reference} {
			if rapid.Bool().Draw(t, "spoilt") {
				*field = anything.Draw(t, "field")
			}
		}
		if err := m.check(); err != nil {
			if strings.Contains(strings.ToLower(err.Error()), "smith") || !Permanent(err) {
				t.Fatalf("got %v", err)
			}
			return
		}
		l, err := m.letter()
		if err != nil {
			t.Fatal(err)
		}
		ours := strings.NewReplacer(m.Reference, "", "Caldicott service", "").Replace(l.subject + "\n" + l.body)
		if strings.Contains(strings.ToLower(ours), "smith") || strings.ContainsAny(l.subject, "\r\n") {
			t.Fatalf("got %+v", l)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(l.body, "\r\n"), "\r\n") {
			if strings.ContainsAny(line, "\r\n") || len(line) > 990 && line != m.Link {
				t.Fatalf("got %q", line)
			}
		}
	})
}

func TestWhatIsNotOfItsFormIsRefused(t *testing.T) {
	t.Parallel()
	for field, changes := range map[string][]func(*Message){
		"id":           {func(m *Message) { m.ID = "" }, func(m *Message) { m.ID = "1" }, func(m *Message) { m.ID += "\n" }},
		"event":        {func(m *Message) { m.Event = "" }, func(m *Message) { m.Event = "Decision made" }},
		"organisation": {func(m *Message) { m.Organisation = "Trust" }},
		"request":      {func(m *Message) { m.Request = "CG-TST01-2026-0101" }},
		"reference":    {func(m *Message) { m.Reference = "CG-TST01-2026-0101 Smith" }},
		"state":        {func(m *Message) { m.State = "in review" }},
		"wanted":       {func(m *Message) { m.Wanted = "decide" }},
		"at":           {func(m *Message) { m.At = time.Time{} }},
		"link": {
			func(m *Message) { m.Link = "javascript:alert(1)" }, func(m *Message) { m.Link = "/requests/1" }, func(m *Message) { m.Link = "https://" },
			func(m *Message) { m.Link = "https://smith@caldicott.example/" }, func(m *Message) { m.Link = "https://caldicott.example/ Smith" },
			func(m *Message) { m.Link = "https://caldicott.example/" + strings.Repeat("a", maxURL) },
		},
	} {
		for _, change := range changes {
			m := example()
			change(&m)
			if err := m.check(); !Permanent(err) || err.Error() != "notice: "+field+" is not of its form" {
				t.Errorf("%s: %v", field, err)
			}
		}
	}
	bare := Message{ID: example().ID, Event: "STANDING_RULE_OFF", At: example().At}
	for _, m := range []Message{example(), bare} {
		if err := m.check(); err != nil {
			t.Error(err)
		}
	}
}
