package caldicott

import (
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Calendar knows the working days: Monday to Friday less England's bank holidays and local closures. A day is
// "2006-01-02", Europe/London. It must be safe to ask from many goroutines.
type Calendar interface {
	Workday(day string) bool
}

// Deadlines are the instants by which something is due; a zero one means that there is no such limit.
type Deadlines struct {
	Triage, Decision     time.Time
	Record, Ratification time.Time
	Statutory            time.Time
	Acknowledgement      time.Time // of a data protection complaint
}

// Clock is what the limits of one request depend on.
type Clock struct {
	Kind      vocabulary.Kind
	Purpose   vocabulary.Purpose
	Urgency   vocabulary.Urgency
	Submitted time.Time // of the current round; zero before it
	Disclosed time.Time // of an emergency only
	Pauses    []Pause
	Now       time.Time
}

// Pause is a stay in AWAITING_INFORMATION. While it lasts To is zero and it counts as if it ended at Clock.Now.
type Pause struct{ From, To time.Time }

// The day's work ends at 17:00; a person who has died has heirs with a right of access within 40 days (Access to
// Health Records Act 1990 s.3(5)), which is law and therefore not in targets.csv.
const (
	closingHour   = 17
	statutoryDays = 40
)

// searchDays bounds the search for a working day, should a calendar have none.
const searchDays = 10 * 366

// Deadlines says by when the request must be triaged and decided, or recorded and ratified where the disclosure has
// already been made. An emergency that is only drafted has URGENT's limit.
func (t Targets) Deadlines(cal Calendar, k Clock) Deadlines {
	if !k.Disclosed.IsZero() {
		limits := t.limits[vocabulary.UrgencyEmergency]
		return Deadlines{
			Record:       limits.record.end(cal, k.Disclosed, nil, k.Now),
			Ratification: limits.ratification.end(cal, k.Disclosed, k.Pauses, k.Now),
		}
	}
	if k.Submitted.IsZero() {
		return Deadlines{}
	}
	urgency := k.Urgency
	if urgency == vocabulary.UrgencyEmergency {
		urgency = vocabulary.UrgencyUrgent
	}
	limits := t.limits[urgency]
	return Deadlines{
		Triage:    limits.triage.end(cal, k.Submitted, nil, k.Now), // nobody is asked anything before triage
		Decision:  limits.decision.end(cal, k.Submitted, k.Pauses, k.Now),
		Statutory: statutoryEnd(k), Acknowledgement: acknowledgementEnd(k),
	}
}

// end counts the limit from the instant; elapsed hours run on through every pause.
func (l limit) end(cal Calendar, from time.Time, pauses []Pause, now time.Time) time.Time {
	switch {
	case l.hours > 0:
		return from.Add(time.Duration(l.hours) * time.Hour).UTC()
	case l.days > 0:
		return closing(nthWorkday(cal, Today(from), l.days+stoodStill(cal, from, pauses, now)))
	default:
		return time.Time{}
	}
}

// stoodStill counts the working days d with day(pause) < d ≤ day(resume), of pauses in this round.
func stoodStill(cal Calendar, from time.Time, pauses []Pause, now time.Time) int {
	n := 0
	for _, p := range pauses {
		if p.From.Before(from) {
			continue
		}
		to := p.To
		if to.IsZero() {
			to = now
		}
		n += workdaysBetween(cal, Today(p.From), Today(to))
	}
	return n
}

// workdaysBetween counts the working days after the first day up to and including the last.
func workdaysBetween(cal Calendar, after, last string) int {
	n := 0
	for day := after; day < last; {
		next, err := addDays(day, 1)
		if err != nil {
			return n
		}
		day = next
		if cal.Workday(day) {
			n++
		}
	}
	return n
}

// nthWorkday gives the nth working day after the day, which itself is not counted.
func nthWorkday(cal Calendar, day string, n int) string {
	for range searchDays {
		if n == 0 {
			return day
		}
		next, err := addDays(day, 1)
		if err != nil {
			return ""
		}
		day = next
		if cal.Workday(day) {
			n--
		}
	}
	return ""
}

// closing is the end of work on a day; a day that could not be found has none.
func closing(day string) time.Time {
	t, err := At(day, closingHour, 0, 0)
	if err != nil {
		return time.Time{}
	}
	return t
}

// A complaint about data protection is acknowledged within 30 days (Data Protection Act 2018 s.164A, in force from
// 19 June 2026).
const (
	acknowledgementDays  = 30
	acknowledgementSince = "2026-06-19"
)

// acknowledgementEnd is the last second of the 30th calendar day after the complaint came; triage acknowledges it.
func acknowledgementEnd(k Clock) time.Time {
	day := Today(k.Submitted)
	complains := k.Purpose == vocabulary.PurposeComplaintClaim &&
		(k.Kind == vocabulary.KindComplaintOrLitigation || k.Kind == vocabulary.KindRecordRestrictionOrRights)
	if !complains || day < acknowledgementSince {
		return time.Time{}
	}
	return lastSecond(day, acknowledgementDays)
}

// lastSecond is the end of the nth calendar day after the day.
func lastSecond(day string, n int) time.Time {
	last, err := addDays(day, n)
	if err != nil {
		return time.Time{}
	}
	t, err := At(last, 23, 59, 59)
	if err != nil {
		return time.Time{}
	}
	return t
}

// statutoryEnd is the last second of the 40th calendar day after the day of submission; no pause moves it.
func statutoryEnd(k Clock) time.Time {
	if k.Kind != vocabulary.KindDeceasedRecords {
		return time.Time{}
	}
	return lastSecond(Today(k.Submitted), statutoryDays)
}
