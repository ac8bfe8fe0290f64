package caldicott

import (
	"testing"

	"pgregory.net/rapid"
)

func TestADayBeginsAndEndsInLondon(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ day, start, end string }{
		{"2026-01-15", "2026-01-15T00:00:00Z", "2026-01-16T00:00:00Z"},
		{"2026-07-15", "2026-07-14T23:00:00Z", "2026-07-15T23:00:00Z"},
		{"2026-03-29", "2026-03-29T00:00:00Z", "2026-03-29T23:00:00Z"}, // 23 hours
		{"2026-10-25", "2026-10-24T23:00:00Z", "2026-10-26T00:00:00Z"}, // 25 hours
		{"2026-12-31", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"2028-02-28", "2028-02-28T00:00:00Z", "2028-02-29T00:00:00Z"},
	} {
		start, err := StartOfDay(test.day)
		if err != nil || stamp(start) != test.start {
			t.Errorf("%s starts at %s, %v", test.day, stamp(start), err)
		}
		end, err := EndOfDay(test.day)
		if err != nil || stamp(end) != test.end {
			t.Errorf("%s ends at %s, %v", test.day, stamp(end), err)
		}
	}
}

func TestLondonsClocksAreReadAsPeopleReadThem(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		day            string
		hour, min, sec int
		want           string
	}{
		{"2026-10-24", 17, 0, 0, "2026-10-24T16:00:00Z"},
		{"2026-10-25", 17, 0, 0, "2026-10-25T17:00:00Z"},
		{"2026-10-25", 0, 59, 59, "2026-10-24T23:59:59Z"},
		{"2026-10-25", 1, 30, 0, "2026-10-25T01:30:00Z"}, // shown twice: the second
		{"2026-10-25", 2, 0, 0, "2026-10-25T02:00:00Z"},
		{"2026-03-29", 0, 59, 59, "2026-03-29T00:59:59Z"},
		{"2026-03-29", 1, 30, 0, "2026-03-29T01:30:00Z"}, // never shown: 02:30
		{"2026-03-29", 2, 0, 0, "2026-03-29T01:00:00Z"},
		{"2026-11-29", 23, 59, 59, "2026-11-29T23:59:59Z"},
	} {
		if got, err := At(test.day, test.hour, test.min, test.sec); err != nil || stamp(got) != test.want {
			t.Errorf("%s %02d:%02d:%02d is %s, %v; want %s", test.day, test.hour, test.min, test.sec, stamp(got), err, test.want)
		}
	}
}

func TestTodayIsLondonsDay(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]string{
		"2026-07-14T22:59:59Z": "2026-07-14", "2026-07-14T23:00:00Z": "2026-07-15", "2026-10-25T00:40:00Z": "2026-10-25",
		"2026-10-25T23:59:59Z": "2026-10-25", "2026-10-26T00:00:00Z": "2026-10-26", "2026-01-01T00:00:00+14:00": "2025-12-31",
	} {
		if got := Today(instant(t, at)); got != want {
			t.Errorf("%s is %s, want %s", at, got, want)
		}
	}
}

func TestWhatIsNotADayIsAnError(t *testing.T) {
	t.Parallel()
	for _, day := range []string{"", "2026-02-29", "2026-1-1", "25/10/2026", "2026-10-25T00:00:00Z"} {
		if _, err := StartOfDay(day); err == nil {
			t.Errorf("%q starts", day)
		}
		if _, err := EndOfDay(day); err == nil {
			t.Errorf("%q ends", day)
		}
	}
}

func TestEveryInstantLiesInItsDay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := someInstant().Draw(t, "at")
		start, err := StartOfDay(Today(at))
		if err != nil {
			t.Fatal(err)
		}
		end, err := EndOfDay(Today(at))
		if err != nil || at.Before(start) || !at.Before(end) {
			t.Fatalf("%s is not in %s to %s (%v)", at, start, end, err)
		}
	})
}
