package notify

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// letter is a mail before it is addressed. Its date is the notice's own, so that every retry sends the same bytes.
type letter struct {
	id, subject, body string
	at                time.Time // zero: now
	file, content     string    // what is attached; "": nothing
}

// footer ends every letter.
const footer = "This message was sent by a machine and nobody reads replies to it. What it is about is\r\n" +
	"said in the service only, to those who may read it there.\r\n"

// The fixed forms of a day and of a time of day.
const (
	dayForm  = "2 January 2006"
	longForm = "Monday 2 January 2006"
	hourForm = "15:04"
)

// london is loaded once. The product embeds the zone data; a program that forgot to gets an error here.
var london = sync.OnceValues(func() (*time.Location, error) { return time.LoadLocation("Europe/London") })

// letter writes the mail of one notice.
func (m Message) letter() (letter, error) {
	zone, err := london()
	if err != nil {
		return letter{}, fmt.Errorf("mail: zone of Europe/London: %w", err)
	}
	return letter{id: m.ID, at: m.At, subject: m.subject(zone), body: m.paragraph(zone) + "\r\n" + footer}, nil
}

// digest writes one mail with all notices of a day ("2026-11-03"), the soonest due first.
func digest(id, day string, msgs []Message) (letter, error) {
	on, err := time.Parse(time.DateOnly, day)
	if err != nil || len(msgs) == 0 || !tokenForm.MatchString(id) {
		return letter{}, &failure{text: "digest: it has no notice, or its id or day is not of its form", permanent: true}
	}
	zone, err := london()
	if err != nil {
		return letter{}, fmt.Errorf("mail: zone of Europe/London: %w", err)
	}
	notices := "1 notice"
	if len(msgs) > 1 {
		notices = fmt.Sprintf("%d notices", len(msgs))
	}
	title := fmt.Sprintf("%s for %s", notices, on.Format(longForm))
	paragraphs := []string{title + ".\r\n"}
	for _, m := range slices.SortedStableFunc(slices.Values(msgs), soonest) {
		if err := m.check(); err != nil {
			return letter{}, err
		}
		paragraphs = append(paragraphs, m.paragraph(zone))
	}
	return letter{id: id, subject: "Caldicott service: " + title, body: strings.Join(append(paragraphs, footer), "\r\n")}, nil
}

// soonest orders notices by when they are due, those without a limit last, then by when they happened.
func soonest(a, b Message) int {
	switch {
	case a.Due.IsZero() != b.Due.IsZero():
		if a.Due.IsZero() {
			return 1
		}
		return -1
	case !a.Due.Equal(b.Due):
		return a.Due.Compare(b.Due)
	}
	return a.At.Compare(b.At)
}

// subject is one line: what it is about, what happened, what is wanted and by which day.
func (m Message) subject(zone *time.Location) string {
	until := ""
	if !m.Due.IsZero() {
		day, _ := lastDay(m.Due, zone)
		until = " by " + day.Format(dayForm)
	}
	said := words(events, m.Event, unknownEvent)
	if m.Wanted != "" && !strings.Contains(said, by) {
		said += "; " + words(wanted, m.Wanted, unknownWanted) + until
	}
	return m.about() + ": " + strings.Replace(said, by, until, 1)
}

// paragraph is everything that a notice says, in lines that end with CRLF.
func (m Message) paragraph(zone *time.Location) string {
	lines := []string{
		m.about() + ": " + strings.Replace(words(events, m.Event, unknownEvent), by, "", 1) + ".",
	}
	if state, known := states[m.State]; known {
		lines = append(lines, "State: "+state)
	}
	if m.Wanted != "" {
		lines = append(lines, "Wanted from you: "+words(wanted, m.Wanted, unknownWanted))
	}
	if !m.Due.IsZero() {
		lines = append(lines, "Due: "+limit(m.Due, zone))
	}
	if m.Link != "" {
		lines = append(lines, m.Link)
	}
	return strings.Join(lines, "\r\n") + "\r\n"
}

// about names the request by its reference, which says nothing of what it holds.
func (m Message) about() string {
	switch {
	case m.Reference != "":
		return m.Reference
	case m.Request != "":
		return "Request without reference"
	}
	return "Caldicott service"
}

// words gives what is said of a code, or what is said of a code without words.
func words(table map[string]string, code, unknown string) string {
	if said, known := table[code]; known {
		return said
	}
	return unknown
}

// limit writes an instant as people say it: 17:00 on Tuesday 3 November 2026, or the end of that day.
func limit(due time.Time, zone *time.Location) string {
	day, whole := lastDay(due, zone)
	if whole {
		return "the end of " + day.Format(longForm)
	}
	return day.Format(hourForm) + " on " + day.Format(longForm)
}

// lastDay gives the London day on which something can still be done, and whether all of that day is left for it: what is
// due by midnight is due by the end of the day before.
func lastDay(due time.Time, zone *time.Location) (day time.Time, whole bool) {
	t := due.In(zone)
	if t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 {
		return t.AddDate(0, 0, -1), true
	}
	return t, false
}
