package caldicott

import (
	"fmt"
	"sync"
	"time"
)

// A day is written 2026-10-25 and is a day of Europe/London; an instant is kept in UTC. This file is the only place
// where the one becomes the other.

// london is loaded once. The product embeds the zone data (cmd imports time/tzdata), so it fails only in a program
// that forgot to: then At says so, and Today gives "", on which no code is in force, so that nothing can be approved.
var london = sync.OnceValues(func() (*time.Location, error) { return time.LoadLocation("Europe/London") })

// Today gives the Europe/London day in which the instant lies.
func Today(t time.Time) string {
	zone, err := london()
	if err != nil {
		return ""
	}
	return t.In(zone).Format(time.DateOnly)
}

// StartOfDay gives the instant at which the day begins: 00:00 in London.
func StartOfDay(day string) (time.Time, error) { return At(day, 0, 0, 0) }

// EndOfDay gives the first instant that is no longer in the day: 00:00 in London of the day after.
func EndOfDay(day string) (time.Time, error) {
	next, err := addDays(day, 1)
	if err != nil {
		return time.Time{}, err
	}
	return StartOfDay(next)
}

// At gives the instant at which London's clocks show the time on the day. In the hour that is repeated in October it
// is the second time they show it; in the hour that is left out in March they show an hour more.
func At(day string, hour, minute, second int) (time.Time, error) {
	zone, err := london()
	if err != nil {
		return time.Time{}, fmt.Errorf("zone of Europe/London: %w", err)
	}
	d, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return time.Time{}, fmt.Errorf("day: %w", err)
	}
	return time.Date(d.Year(), d.Month(), d.Day(), hour, minute, second, 0, zone).UTC(), nil
}

// DaysAfter gives the day so many calendar days after the day; "" where the day is none.
func DaysAfter(day string, n int) string {
	then, err := addDays(day, n)
	if err != nil {
		return ""
	}
	return then
}

// addDays counts calendar days, for which no zone is needed.
func addDays(day string, n int) (string, error) {
	d, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return "", fmt.Errorf("day: %w", err)
	}
	return d.AddDate(0, 0, n).Format(time.DateOnly), nil
}
