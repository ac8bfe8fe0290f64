package caldicott

import (
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"pgregory.net/rapid"
)

// clocked is a request of this urgency submitted at the instant.
func clocked(t testing.TB, urgency vocabulary.Urgency, at string) Clock {
	submitted := instant(t, at)
	return Clock{Kind: vocabulary.KindServiceEvaluation, Urgency: urgency, Submitted: submitted, Now: submitted}
}

func TestEachUrgencyHasItsLimits(t *testing.T) {
	t.Parallel()
	cal, targets := readScenarios(t).calendar(), shippedTargets(t)
	for _, test := range []struct {
		urgency          vocabulary.Urgency
		at               string
		triage, decision string
	}{
		{"ROUTINE", "2026-10-20T10:10:00Z", "2026-10-22T16:00:00Z", "2026-11-03T17:00:00Z"},
		{"ROUTINE", "2026-04-02T10:00:00Z", "2026-04-08T16:00:00Z", "2026-04-20T16:00:00Z"}, // Easter between
		{"ROUTINE", "2026-12-24T18:00:00Z", "2026-12-30T17:00:00Z", "2027-01-12T17:00:00Z"}, // Christmas and New Year
		{"ROUTINE", "2026-09-05T10:00:00Z", "2026-09-08T16:00:00Z", "2026-09-18T16:00:00Z"}, // a Saturday
		{"ROUTINE", "2026-09-04T23:30:00Z", "2026-09-08T16:00:00Z", "2026-09-18T16:00:00Z"}, // Saturday in London already
		{"COMPLEX", "2026-09-07T08:12:00Z", "2026-09-09T16:00:00Z", "2026-10-05T16:00:00Z"},
		{"PRIORITY", "2026-10-23T22:30:00Z", "2026-10-26T17:00:00Z", "2026-10-28T17:00:00Z"},
		{"URGENT", "2026-10-24T23:00:00Z", "", "2026-10-25T03:00:00Z"}, // over the repeated hour: 4 hours are 4 hours
		{"URGENT", "2026-03-28T23:00:00Z", "", "2026-03-29T03:00:00Z"}, // over the missing hour
		{"EMERGENCY", "2026-10-13T15:05:00Z", "", "2026-10-13T19:05:00Z"},
		{"", "2026-10-13T15:05:00Z", "", ""},
	} {
		got := targets.Deadlines(cal, clocked(t, test.urgency, test.at))
		if stamp(got.Triage) != test.triage || stamp(got.Decision) != test.decision {
			t.Errorf("%s from %s: triage %q, decision %q", test.urgency, test.at, stamp(got.Triage), stamp(got.Decision))
		}
		if !got.Record.IsZero() || !got.Ratification.IsZero() || !got.Statutory.IsZero() {
			t.Errorf("%s has a limit too many: %+v", test.urgency, got)
		}
	}
}

// stamp writes no instant as "".
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

func TestAnEmergencyIsRecordedAndRatifiedFromTheDisclosure(t *testing.T) {
	t.Parallel()
	k := Clock{
		Kind: vocabulary.KindEmergencyOutOfHours, Urgency: vocabulary.UrgencyUrgent,
		Disclosed: instant(t, "2026-10-25T00:40:00Z"), Now: instant(t, "2026-10-26T12:00:00Z"),
	}
	got := shippedTargets(t).Deadlines(readScenarios(t).calendar(), k)
	if stamp(got.Record) != "2026-10-26T00:40:00Z" || stamp(got.Ratification) != "2026-10-28T17:00:00Z" {
		t.Errorf("record %q, ratification %q", stamp(got.Record), stamp(got.Ratification))
	}
	if !got.Triage.IsZero() || !got.Decision.IsZero() {
		t.Error("an emergency that was recorded is neither triaged nor decided")
	}
}

func TestTheClockStandsStillWhileWeWait(t *testing.T) {
	t.Parallel()
	cal, targets := readScenarios(t).calendar(), shippedTargets(t)
	for _, test := range []struct {
		name     string
		urgency  vocabulary.Urgency
		from, to string
		want     string
	}{
		{"within a day", "ROUTINE", "2026-09-09T08:00:00Z", "2026-09-09T15:00:00Z", "2026-09-21T16:00:00Z"},
		{"overnight", "ROUTINE", "2026-09-09T08:00:00Z", "2026-09-10T07:00:00Z", "2026-09-22T16:00:00Z"},
		{"over a weekend", "ROUTINE", "2026-09-11T08:00:00Z", "2026-09-14T07:00:00Z", "2026-09-22T16:00:00Z"},
		{"a weekend only", "ROUTINE", "2026-09-11T08:00:00Z", "2026-09-13T20:00:00Z", "2026-09-21T16:00:00Z"},
		{"still", "ROUTINE", "2026-09-16T08:00:00Z", "", "2026-09-23T16:00:00Z"}, // now is the 18th
		{"London's midnight", "ROUTINE", "2026-09-09T22:30:00Z", "2026-09-09T23:30:00Z", "2026-09-22T16:00:00Z"},
		{"an earlier round", "ROUTINE", "2026-09-01T08:00:00Z", "2026-09-03T08:00:00Z", "2026-09-21T16:00:00Z"},
		{"urgent never", "URGENT", "2026-09-07T09:00:00Z", "2026-09-08T09:00:00Z", "2026-09-07T12:12:00Z"},
	} {
		k := clocked(t, test.urgency, "2026-09-07T08:12:00Z")
		pause := Pause{From: instant(t, test.from)}
		if test.to != "" {
			pause.To = instant(t, test.to)
		}
		k.Pauses, k.Now = []Pause{pause}, instant(t, "2026-09-18T10:00:00Z")
		got := targets.Deadlines(cal, k)
		if stamp(got.Decision) != test.want {
			t.Errorf("%s: %q, want %q", test.name, stamp(got.Decision), test.want)
		}
		if test.urgency == "ROUTINE" && stamp(got.Triage) != "2026-09-09T16:00:00Z" {
			t.Errorf("%s: a pause moved the triage, which came before it", test.name)
		}
	}
}

func TestTheRecordsOfTheDeadHaveFortyDays(t *testing.T) {
	t.Parallel()
	k := clocked(t, "ROUTINE", "2026-09-30T23:30:00Z") // 1 October in London
	k.Kind = vocabulary.KindDeceasedRecords
	k.Pauses = []Pause{{From: k.Submitted, To: k.Submitted.AddDate(0, 1, 0)}}
	if got := shippedTargets(t).Deadlines(readScenarios(t).calendar(), k); stamp(got.Statutory) != "2026-11-10T23:59:59Z" {
		t.Errorf("due %q", stamp(got.Statutory))
	}
	if got := shippedTargets(t).Deadlines(readScenarios(t).calendar(), Clock{Kind: k.Kind, Urgency: k.Urgency}); got != (Deadlines{}) {
		t.Errorf("a draft has no limit: %+v", got)
	}
}

// never is a calendar without a working day.
type never struct{}

func (never) Workday(string) bool { return false }

func TestACalendarWithoutWorkingDaysGivesNoLimit(t *testing.T) {
	t.Parallel()
	if got := shippedTargets(t).Deadlines(never{}, clocked(t, "ROUTINE", "2026-09-07T08:12:00Z")); !got.Decision.IsZero() {
		t.Errorf("decision %q", stamp(got.Decision))
	}
}

// someInstant draws an instant of the years around the scenarios.
func someInstant() *rapid.Generator[time.Time] {
	from := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)
	return rapid.Custom(func(t *rapid.T) time.Time {
		return from.Add(time.Duration(rapid.IntRange(0, 500*24*3600).Draw(t, "seconds")) * time.Second)
	})
}

func TestAPauseNeverShortensALimit(t *testing.T) {
	t.Parallel()
	cal, targets := readScenarios(t).calendar(), shippedTargets(t)
	rapid.Check(t, func(t *rapid.T) {
		k := Clock{
			Kind:      vocabulary.KindDeceasedRecords,
			Urgency:   rapid.SampledFrom([]vocabulary.Urgency{"ROUTINE", "COMPLEX", "PRIORITY", "URGENT", "EMERGENCY"}).Draw(t, "urgency"),
			Submitted: someInstant().Draw(t, "submitted"),
			Now:       someInstant().Draw(t, "now"),
		}
		if rapid.Bool().Draw(t, "emergency") {
			k.Disclosed = k.Submitted
		}
		before := targets.Deadlines(cal, k)
		pause := Pause{From: someInstant().Draw(t, "from")}
		if rapid.Bool().Draw(t, "ended") {
			pause.To = pause.From.Add(time.Duration(rapid.IntRange(0, 60*24).Draw(t, "hours")) * time.Hour)
		}
		k.Pauses = []Pause{pause}
		after := targets.Deadlines(cal, k)
		for _, pair := range [][2]time.Time{
			{before.Triage, after.Triage}, {before.Decision, after.Decision}, {before.Record, after.Record},
			{before.Ratification, after.Ratification}, {before.Statutory, after.Statutory},
		} {
			if pair[1].Before(pair[0]) {
				t.Fatalf("a pause brought %s forward to %s", pair[0], pair[1])
			}
		}
	})
}

func TestALaterSubmissionIsNeverDueEarlier(t *testing.T) {
	t.Parallel()
	cal, targets := readScenarios(t).calendar(), shippedTargets(t)
	rapid.Check(t, func(t *rapid.T) {
		k := Clock{
			Kind:      vocabulary.KindDeceasedRecords,
			Urgency:   rapid.SampledFrom([]vocabulary.Urgency{"ROUTINE", "COMPLEX", "PRIORITY", "URGENT"}).Draw(t, "urgency"),
			Submitted: someInstant().Draw(t, "submitted"),
		}
		first := targets.Deadlines(cal, k)
		k.Submitted = k.Submitted.Add(time.Duration(rapid.IntRange(0, 100*3600).Draw(t, "later")) * time.Second)
		second := targets.Deadlines(cal, k)
		if second.Triage.Before(first.Triage) || second.Decision.Before(first.Decision) || second.Statutory.Before(first.Statutory) {
			t.Fatalf("%+v, later %+v", first, second)
		}
		if k.Urgency != vocabulary.UrgencyUrgent && (!cal.Workday(Today(second.Decision)) || !second.Decision.After(k.Submitted)) {
			t.Fatalf("due at %s", second.Decision)
		}
	})
}

func BenchmarkDeadlines(b *testing.B) {
	cal, targets := readScenarios(b).calendar(), shippedTargets(b)
	k := clocked(b, "COMPLEX", "2026-09-07T08:12:00Z")
	for b.Loop() {
		targets.Deadlines(cal, k)
	}
}
