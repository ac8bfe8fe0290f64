package calendar

import (
	"encoding/json"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
)

var _ caldicott.Calendar = Calendar{}

// published are the bank holidays of England and Wales as gov.uk gave them out, year by year.
var published = map[int][]string{
	2019: {"01-01", "04-19", "04-22", "05-06", "05-27", "08-26", "12-25", "12-26"},
	2020: {"01-01", "04-10", "04-13", "05-08", "05-25", "08-31", "12-25", "12-28"},
	2021: {"01-01", "04-02", "04-05", "05-03", "05-31", "08-30", "12-27", "12-28"},
	2022: {"01-03", "04-15", "04-18", "05-02", "06-02", "06-03", "08-29", "09-19", "12-26", "12-27"},
	2023: {"01-02", "04-07", "04-10", "05-01", "05-08", "05-29", "08-28", "12-25", "12-26"},
	2024: {"01-01", "03-29", "04-01", "05-06", "05-27", "08-26", "12-25", "12-26"},
	2025: {"01-01", "04-18", "04-21", "05-05", "05-26", "08-25", "12-25", "12-26"},
	2026: {"01-01", "04-03", "04-06", "05-04", "05-25", "08-31", "12-25", "12-28"},
	2027: {"01-01", "03-26", "03-29", "05-03", "05-31", "08-30", "12-27", "12-28"},
	2028: {"01-03", "04-14", "04-17", "05-01", "05-29", "08-28", "12-25", "12-26"},
}

func newCalendar(t testing.TB, closures ...string) Calendar {
	t.Helper()
	c, err := New(closures)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestADecadeOfBankHolidaysIsAsPublished(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]Calendar{"made": newCalendar(t), "zero": {}} {
		for year, want := range published {
			var got []string
			for d := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() == year; d = d.AddDate(0, 0, 1) {
				weekend := d.Weekday() == time.Saturday || d.Weekday() == time.Sunday
				if worked := c.Workday(d.Format(time.DateOnly)); weekend && worked {
					t.Errorf("%s: %s is a weekend", name, d.Format(time.DateOnly))
				} else if !weekend && !worked {
					got = append(got, d.Format("01-02"))
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, %d: off on %q, want %q", name, year, got, want)
			}
		}
	}
}

func TestTheScenariosHolidaysAreNotWorked(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../testdata/scenarios.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Meta struct {
			Used []string `json:"bank_holidays_used"`
		}
	}
	if err := json.Unmarshal(b, &file); err != nil || len(file.Meta.Used) == 0 {
		t.Fatal(err, file)
	}
	for _, day := range file.Meta.Used {
		if newCalendar(t).Workday(day) {
			t.Errorf("%s is worked", day)
		}
	}
}

func TestALocalClosureIsNotWorked(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, "2026-12-24", "2199-01-02")
	for day, want := range map[string]bool{
		"2026-12-24": false, "2026-12-23": true, "2199-01-02": false, "2199-01-01": false, "2199-01-03": true, "1999-12-31": true,
		"": false, "2026-02-30": false, "24/12/2026": false,
	} {
		if c.Workday(day) != want {
			t.Errorf("%q: want %v", day, want)
		}
	}
	if _, err := New([]string{"24 December"}); err == nil {
		t.Error("what is not a day cannot be a closure")
	}
}

func TestManyMayAskAtOnce(t *testing.T) {
	t.Parallel()
	c := newCalendar(t)
	var askers sync.WaitGroup
	for range 8 {
		askers.Go(func() {
			for _, day := range []string{"2026-12-28", "2090-12-25", "1990-12-25"} {
				c.Workday(day)
			}
		})
	}
	askers.Wait()
}

func BenchmarkWorkday(b *testing.B) {
	c := newCalendar(b)
	for b.Loop() {
		c.Workday("2026-10-26")
	}
}
