// Package calendar knows England's working days: it gives the domain a well-kept holiday library's answer.
package calendar

import (
	"fmt"
	"time"

	"github.com/rickar/cal/v2/gb"
)

// The years that New works out beforehand; a day outside them is worked out when it is asked.
const firstYear, lastYear = 2015, 2060

// Calendar answers which days are worked. It never changes after New, so many goroutines may ask it at once; the zero
// Calendar knows the bank holidays and no closure.
type Calendar struct {
	off map[string]bool // bank holidays and closures
}

// New makes a calendar; closures are days ("2026-12-24") on which this organisation is closed besides.
func New(closures []string) (Calendar, error) {
	off := map[string]bool{}
	for year := firstYear; year <= lastYear; year++ {
		for _, day := range bankHolidays(year) {
			off[day] = true
		}
	}
	for _, day := range closures {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return Calendar{}, fmt.Errorf("closure: %w", err)
		}
		off[day] = true
	}
	return Calendar{off: off}, nil
}

// Workday says whether people work on the day ("2006-01-02"): Monday to Friday, no bank holiday, no closure. What is
// not a day is not worked.
func (c Calendar) Workday(day string) bool {
	d, err := time.Parse(time.DateOnly, day)
	if err != nil || d.Weekday() == time.Saturday || d.Weekday() == time.Sunday || c.off[day] {
		return false
	}
	if firstYear <= d.Year() && d.Year() <= lastYear && c.off != nil {
		return true
	}
	for _, holiday := range bankHolidays(d.Year()) {
		if holiday == day {
			return false
		}
	}
	return true
}

// bankHolidays gives the days on which England keeps the year's bank holidays, substitute days included.
func bankHolidays(year int) []string {
	var days []string
	for _, holiday := range gb.Holidays {
		if _, kept := holiday.Calc(year); !kept.IsZero() {
			// The library gives a midnight of the machine's own zone; by noon it is that day in whichever.
			days = append(days, kept.Add(12*time.Hour).Format(time.DateOnly))
		}
	}
	if year == 2022 {
		days = append(days, "2022-09-19") // the Queen's funeral, which the library does not have
	}
	return days
}
