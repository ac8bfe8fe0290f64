package casework_test

import (
	"slices"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// What an authorisation is at an instant, worked out anew from lifecycle.md and docs/decisions/0013 and 0015: the walk holds the
// house's own answers against it.

// daysOff are England's bank holidays in the years that a walk may reach.
var daysOff = []string{
	"2026-12-25", "2026-12-28", "2027-01-01", "2027-03-26", "2027-03-29", "2027-05-03", "2027-05-31", "2027-08-30", "2027-12-27",
	"2027-12-28", "2028-01-03", "2028-04-14", "2028-04-17", "2028-05-01", "2028-05-29", "2028-08-28", "2028-12-25", "2028-12-26",
}

// dayOver is the first instant after the day, or after so many working days more.
func dayOver(day string, workingDays int) time.Time {
	place, err := time.LoadLocation("Europe/London")
	if err != nil {
		panic(err)
	}
	d, err := time.ParseInLocation(time.DateOnly, day, place)
	if err != nil {
		panic(err)
	}
	for workingDays > 0 {
		d = d.AddDate(0, 0, 1)
		if d.Weekday() != time.Saturday && d.Weekday() != time.Sunday && !slices.Contains(daysOff, d.Format(time.DateOnly)) {
			workingDays--
		}
	}
	return d.AddDate(0, 0, 1).UTC()
}

// line is the authorisation with those that it came in the place of within the request, itself first.
func line(c caldicott.Case, a caldicott.Authorisation) []caldicott.Authorisation {
	all := []caldicott.Authorisation{a}
	for _, x := range slices.Backward(c.Authorisations) {
		if x.ID == all[len(all)-1].Supersedes {
			all = append(all, x)
		}
	}
	return all
}

// governs: conditions of an approving decision govern its authorisation, and what comes in its place by variation.
func governs(c caldicott.Case, x caldicott.Condition, a caldicott.Authorisation) bool {
	return slices.ContainsFunc(line(c, a), func(b caldicott.Authorisation) bool { return b.ID == x.Authorisation })
}

// touches are the instants at which a trip-wire of the authorisation is touched.
func touches(c caldicott.Case, a caldicott.Authorisation) []time.Time {
	all := slices.Concat(deadlineTouches(c, a), incidentTouches(c, a), supportTouches(c, a), toolkitTouches(c, a))
	return slices.DeleteFunc(all, func(t time.Time) bool { return t.Before(a.At) })
}

// deadlineTouches: a DEADLINE still open when its grace of five working days is over, or sent back after that.
func deadlineTouches(c caldicott.Case, a caldicott.Authorisation) (all []time.Time) {
	for _, x := range c.Conditions {
		if x.Type != "DEADLINE" || !governs(c, x, a) {
			continue
		}
		over, open := dayOver(x.Due, 5), true
		for _, d := range c.Done {
			switch {
			case d.Subject != x.ID || d.By == "":
			case !d.At.After(over):
				open = d.Deed == caldicott.RejectEvidence
			case d.Deed == caldicott.RejectEvidence:
				all = append(all, d.At)
			}
		}
		if open {
			all = append(all, over)
		}
	}
	return all
}

// incidentTouches: an incident linked with suspends, or a breach with an incident.
func incidentTouches(c caldicott.Case, a caldicott.Authorisation) (all []time.Time) {
	for _, d := range c.Done {
		x, breached := c.Condition(d.Subject)
		switch r := d.Details.Report; {
		case r == nil:
		case d.Deed == caldicott.LinkIncident && r.Suspends && r.Authorisation == a.ID:
			all = append(all, d.At)
		case d.Deed == caldicott.BreachCondition && breached && governs(c, x, a) && !slices.ContainsFunc(c.Authorisations, func(b caldicott.Authorisation) bool {
			return b.Supersedes == a.ID && !b.At.After(d.At)
		}):
			all = append(all, d.At)
		}
	}
	return all
}

// known is what was on record from an instant on: good until the end of a day ("" without one), or not good.
type known struct {
	from time.Time
	good bool
	last string
}

// ends are the instants at which what was on record was good no more. What had ended by the birth of the line of
// authorisations, and had not begun again, counts from then: what is on record counts (rehearsal T20).
func ends(records []known, born time.Time) (all []time.Time) {
	for i, r := range records {
		at, last := r.from, i == len(records)-1
		if r.good {
			if r.last == "" {
				continue
			}
			if over := dayOver(r.last, 0); over.After(at) {
				at = over
			}
		}
		if at.Before(born) && (last || records[i+1].from.After(born)) {
			at = born
		}
		if last || at.Before(records[i+1].from) {
			all = append(all, at)
		}
	}
	return all
}

// birth is when the line of authorisations began.
func birth(c caldicott.Case, a caldicott.Authorisation) time.Time {
	all := line(c, a)
	return all[len(all)-1].At
}

// supportTouches: section 251 support over, or withdrawn. What was heard of it is heard of the line.
func supportTouches(c caldicott.Case, a caldicott.Authorisation) []time.Time {
	legal := c.Decided[a.Version].Legal
	if legal.S251 == nil {
		return nil
	}
	records := []known{{birth(c, a), true, legal.S251.AnnualReviewDue}}
	for _, d := range c.Done {
		if s := d.Details.Support; s != nil && slices.ContainsFunc(line(c, a), func(b caldicott.Authorisation) bool { return b.ID == d.Subject }) {
			records = append(records, known{d.At, s.Status == "FULL_SUPPORT" || s.Status == "CONDITIONAL_SUPPORT", s.AnnualReviewDue})
		}
	}
	return ends(records, birth(c, a))
}

// toolkitTouches: a recipient below the Toolkit's standard in the organisation's own records, or past their last day; but not of
// what is shared once for somebody's safety, of which V023 only warns.
func toolkitTouches(c caldicott.Case, a caldicott.Authorisation) (all []time.Time) {
	content := c.Decided[a.Version]
	if content.Kind == vocabulary.KindSafeguarding && content.Transfer.Frequency == vocabulary.FrequencyOneOff {
		return nil
	}
	for _, r := range content.Recipients {
		var records []known
		for _, x := range c.Assurances {
			if x.OrgCode == r.OrgCode {
				records = append(records, known{x.At, x.Status == "STANDARDS_MET" || x.Status == "STANDARDS_EXCEEDED", x.ValidTo})
			}
		}
		all = append(all, ends(records, birth(c, a))...)
	}
	return all
}

// overturned is when a review overturned the decision; zero where none did by then.
func overturned(c caldicott.Case, decision string, at time.Time) time.Time {
	for _, r := range c.Reviews() {
		if r.Decision == decision && r.Outcome == vocabulary.OutcomeReviewOverturned && !r.Ended.After(at) {
			return r.Ended
		}
	}
	return time.Time{}
}

// suspendedAt: what a guardian suspends, or a wire suspends by being touched, stays so until a guardian reinstates it; a variation
// lifts nothing. A review that overturns a guardian's suspension lifts that one; one that overturns a revocation leaves it to a
// guardian to reinstate.
func suspendedAt(c caldicott.Case, a caldicott.Authorisation, at time.Time) bool {
	all := line(c, a)
	of := func(id string) bool {
		return slices.ContainsFunc(all, func(b caldicott.Authorisation) bool { return b.ID == id })
	}
	var since []time.Time
	for i, b := range all {
		for _, touch := range touches(c, b) {
			if i == 0 || touch.Before(all[i-1].At) {
				since = append(since, touch)
			}
		}
	}
	for _, d := range c.Decisions {
		switch lifted := overturned(c, d.ID, at); {
		case !of(d.Authorisation):
		case d.Outcome == vocabulary.OutcomeSuspend && lifted.IsZero():
			since = append(since, d.At)
		case d.Outcome == vocabulary.OutcomeRevoke && !lifted.IsZero():
			since = append(since, lifted)
		}
	}
	return slices.ContainsFunc(since, func(t time.Time) bool {
		return !t.After(at) && !slices.ContainsFunc(c.Done, func(d caldicott.Done) bool {
			return d.Deed == caldicott.Reinstate && of(d.Subject) && !d.At.Before(t) && !d.At.After(at)
		})
	})
}

// supersededAt is when another took the authorisation's place: of the request itself, or of a renewal that the walk knows.
func (w *walk) supersededAt(a caldicott.Authorisation) time.Time {
	for _, sc := range w.scenes {
		for _, x := range sc.c.Authorisations {
			if x.Supersedes == a.ID {
				return x.At
			}
		}
	}
	return time.Time{}
}

// endedAt is when somebody ended the authorisation, and as what, as far as it was so at the instant.
func (w *walk) endedAt(c caldicott.Case, a caldicott.Authorisation, at time.Time) (ended map[vocabulary.AuthorisationState]time.Time) {
	ended = map[vocabulary.AuthorisationState]time.Time{}
	say := func(state vocabulary.AuthorisationState, when time.Time) {
		if first, known := ended[state]; !when.IsZero() && !when.After(at) && (!known || when.Before(first)) {
			ended[state] = when
		}
	}
	for _, d := range c.Done {
		switch {
		case d.Subject == a.ID && d.Deed == caldicott.Complete:
			say("COMPLETED", d.At)
		}
	}
	for _, d := range c.Decisions {
		if d.Outcome == vocabulary.OutcomeRevoke && d.Authorisation == a.ID && overturned(c, d.ID, at).IsZero() {
			say("REVOKED", d.At)
		}
	}
	for _, r := range c.Reviews() { // of an approval: it ends what the approval, or what came in its place, authorises
		reviewed, _ := c.DecisionOf(r.Decision)
		result, _ := c.DecisionOf(r.Result)
		restrains := reviewed.Outcome == vocabulary.OutcomeSuspend || reviewed.Outcome == vocabulary.OutcomeRevoke
		if r.Outcome == vocabulary.OutcomeReviewOverturned && !restrains && result.Authorisation == a.ID {
			say("REVOKED", r.Ended)
		}
	}
	say("SUPERSEDED", w.supersededAt(a))
	if a.Ratifies != "" {
		say("COMPLETED", a.At)
	}
	return ended
}

// authorisationAt is lifecycle.md, "Authorisation": the first that holds.
func (w *walk) authorisationAt(c caldicott.Case, a caldicott.Authorisation, at time.Time) vocabulary.AuthorisationState {
	happened := func(subject string, deed caldicott.Action) (last time.Time) {
		for _, d := range c.Done {
			if d.Subject == subject && d.Deed == deed && !d.At.After(at) {
				last = d.At
			}
		}
		return last
	}
	pending := slices.ContainsFunc(c.Conditions, func(x caldicott.Condition) bool {
		satisfied := happened(x.ID, caldicott.AcceptEvidence).After(happened(x.ID, caldicott.BreachCondition))
		return governs(c, x, a) && x.Type == "PRECEDENT" && !satisfied && happened(x.ID, caldicott.WaiveCondition).IsZero()
	})
	ended := w.endedAt(c, a, at)
	for _, state := range []vocabulary.AuthorisationState{"REVOKED", "SUPERSEDED", "COMPLETED"} {
		if _, ok := ended[state]; ok {
			return state
		}
	}
	switch day := london(at); {
	case a.ExpiryDate != "" && day > a.ExpiryDate:
		return "EXPIRED"
	case suspendedAt(c, a, at):
		return "SUSPENDED"
	case pending:
		return "PENDING_CONDITIONS"
	case a.ReviewDate != "" && day >= a.ReviewDate:
		return "REVIEW_DUE"
	}
	return "ACTIVE"
}

// recorded says that the keeper has put on record what dates and wires decided of the authorisation, once each and as of then,
// but for what was overtaken by an approval in another request before the keeper came.
func (w *walk) recorded(t *testing.T, c caldicott.Case, a caldicott.Authorisation) {
	t.Helper()
	revived := slices.ContainsFunc(c.Decisions, func(d caldicott.Decision) bool {
		return d.Outcome == vocabulary.OutcomeRevoke && !overturned(c, d.ID, w.clock.At()).IsZero()
	})
	if a.Ratifies != "" || revived {
		return // it was over when it was made; or it came back
	}
	end := w.clock.At().Add(time.Microsecond)
	for _, at := range w.endedAt(c, a, w.clock.At()) {
		if at.Before(end) {
			end = at
		}
	}
	renewed := end.Equal(w.supersededAt(a)) && !slices.ContainsFunc(c.Authorisations, func(x caldicott.Authorisation) bool { return x.Supersedes == a.ID })
	expiry := dayOver(a.ExpiryDate, 0)
	trips := slices.DeleteFunc(touches(c, a), func(at time.Time) bool { return !at.Before(end) || !at.Before(expiry) })
	if got := kept(c, caldicott.Trip, a.ID); !renewed && len(got) != len(trips) {
		t.Errorf("the authorisation was touched at %v and the keeper recorded %d: %+v", trips, len(got), got)
	}
	for _, d := range kept(c, caldicott.Trip, a.ID) {
		if !slices.ContainsFunc(touches(c, a), d.Details.Dated.Equal) {
			t.Errorf("the keeper recorded a touch at %s, of %v", d.Details.Dated, touches(c, a))
		}
	}
	got := kept(c, caldicott.Expire, a.ID)
	if want := expiry.Before(end); !renewed && (len(got) == 1) != want || len(got) == 1 && !got[0].Details.Dated.Equal(expiry) {
		t.Errorf("an authorisation that ends at %s (by somebody at %s) was recorded as expired: %+v", expiry, end, got)
	}
	if got := kept(c, caldicott.Supersede, a.ID); (len(got) == 1) != (w.authorisationAt(c, a, w.clock.At()) == "SUPERSEDED") {
		t.Errorf("superseded at %s, on record %+v", w.supersededAt(a), got)
	}
}

// exceptionOf is lifecycle.md, "In force": who and when is covered, by what was known when it was recorded.
func (w *walk) exceptionOf(c caldicott.Case, d caldicott.Disclosure) vocabulary.ExceptionReason {
	if c.Request.Emergency && d.RecordedAt.Equal(c.Request.CreatedAt) {
		return "BEFORE_AUTHORISATION"
	}
	then, _ := c.AsOf(d.RecordedAt)
	a, ok := then.Authorisation(d.Authorisation)
	if !ok {
		return "NO_AUTHORISATION"
	}
	if state := w.authorisationAt(then, a, d.DisclosedAt); d.DisclosedAt.Before(a.At) || state != "ACTIVE" && state != "REVIEW_DUE" {
		return "NOT_IN_FORCE"
	}
	if d.Recipient != "TST02" && d.Recipient != "0" {
		return "RECIPIENT_NOT_COVERED"
	}
	return ""
}
