package caldicott

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// A Moment is an instant at which the keeper has something to record: that a date has come, or that somebody is to be told.
// What it records is true from At on, whether or not it was recorded: reads compute it.
type Moment struct {
	At      time.Time
	Deed    Action
	Subject string           // the authorisation, condition, review, incident; "" for the request itself
	Name    string           // tells it from others of the same deed and subject
	Limit   vocabulary.Limit // of remind and escalate
	Due     time.Time        // of remind and escalate: when the limit ends
	Wire    vocabulary.TripWire
	Cause   string
}

// Agenda is everything that the keeper has yet to record of the case, as far as it can be foreseen, in order of time. A
// moment whose reason has gone by now (a condition met, a request decided) is not in it any more.
func (h *House) Agenda(c *Case, now time.Time) []Moment {
	var agenda []Moment
	for _, a := range c.Authorisations {
		agenda = append(agenda, h.authorisationMoments(c, a, now)...)
	}
	agenda = append(agenda, h.conditionMoments(c, now)...)
	for _, l := range h.Running(c, now) {
		agenda = append(agenda, h.escalations(l)...)
	}
	if at, ok := c.lapse(); ok && c.Request.State == decided {
		d, _ := c.Decision()
		agenda = append(agenda, Moment{At: at, Deed: Close, Name: "LAPSED:" + d.ID})
	}
	recorded := c.recorded()
	agenda = slices.DeleteFunc(agenda, func(m Moment) bool { return recorded[m.key()] })
	slices.SortStableFunc(agenda, func(x, y Moment) int {
		return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.Deed, y.Deed), cmp.Compare(x.Subject, y.Subject), cmp.Compare(x.Name, y.Name))
	})
	return agenda
}

// key names a moment among all of a case.
func (m Moment) key() string { return string(m.Deed) + "/" + m.Subject + "/" + m.Name }

// recorded are the moments that the keeper has recorded.
func (c *Case) recorded() map[string]bool {
	keys := map[string]bool{}
	for _, d := range c.Done {
		if d.By == "" {
			keys[string(d.Deed)+"/"+d.Subject+"/"+d.Details.Moment] = true
		}
	}
	return keys
}

// lapse is when a deferred or referred request closes by itself: 00:00 of the day after the decision's review date.
func (c *Case) lapse() (time.Time, bool) {
	d, ok := c.Decision()
	if !ok || d.ReviewDate == "" || d.Outcome != vocabulary.OutcomeDefer && d.Outcome != vocabulary.OutcomeRefer {
		return time.Time{}, false
	}
	if _, open := c.OpenReview(); open {
		return time.Time{}, false
	}
	at, err := EndOfDay(d.ReviewDate)
	for _, r := range c.Reviews() { // while one was heard nothing lapsed
		if r.At.Before(at) && r.Ended.After(at) {
			at = r.Ended
		}
	}
	return at, err == nil
}

// Pass makes what a date decides of the request's own state true at the instant.
func (c *Case) Pass(now time.Time) {
	if at, ok := c.lapse(); ok && c.Request.State == decided && !now.Before(at) {
		c.Request.State = closed
	}
}

// authorisationMoments are an authorisation's: its reminders, its review and its end, what suspended it, what took its place.
func (h *House) authorisationMoments(c *Case, a Authorisation, now time.Time) []Moment {
	ended, _ := c.ends(a, now)
	switch ended {
	case vocabulary.AuthorisationStateSuperseded:
		return []Moment{{At: a.SupersededAt, Deed: Supersede, Subject: a.ID}}
	case vocabulary.AuthorisationStateRevoked, vocabulary.AuthorisationStateCompleted:
		return nil
	}
	var moments []Moment
	if expiry, err := EndOfDay(a.ExpiryDate); err == nil {
		moments = append(moments, Moment{At: expiry, Deed: Expire, Subject: a.ID})
		moments = append(moments, h.reminders(a, vocabulary.LimitExpiry, a.ExpiryDate, expiry)...)
	}
	if review, err := StartOfDay(a.ReviewDate); err == nil {
		since := review
		if since.Before(a.At) { // approved on the very day
			since = a.At
		}
		moments = append(moments, Moment{At: since, Deed: FallDue, Subject: a.ID})
		if a.ReviewDate != a.ExpiryDate {
			moments = append(moments, h.reminders(a, vocabulary.LimitReview, a.ReviewDate, review)...)
		}
	}
	for _, t := range c.Trips(a) {
		moments = append(moments, Moment{At: t.At, Deed: Trip, Subject: a.ID, Name: t.Name(), Wire: t.Wire, Cause: t.Cause})
	}
	if at, ok := c.activated(a, now); ok {
		moments = append(moments, Moment{At: at, Deed: Activate, Subject: a.ID})
	}
	return c.beforeItsEnd(a, moments, now)
}

// beforeItsEnd leaves out what would come after the authorisation expires, and reminders once it has.
func (c *Case) beforeItsEnd(a Authorisation, moments []Moment, now time.Time) []Moment {
	expiry, err := EndOfDay(a.ExpiryDate)
	if err != nil {
		return moments
	}
	return slices.DeleteFunc(moments, func(m Moment) bool {
		return m.Deed != Expire && (!m.At.Before(expiry) || m.Deed == Remind && !now.Before(expiry))
	})
}

// reminders come so many days before the day, at its beginning in London; none lies before the authorisation's birth.
func (h *House) reminders(a Authorisation, limit vocabulary.Limit, day string, due time.Time) []Moment {
	var moments []Moment
	for _, n := range h.Clocks.ReviewReminders {
		before, err := addDays(day, -n)
		if err != nil {
			continue
		}
		at, err := StartOfDay(before)
		if err != nil || !at.After(a.At) {
			continue
		}
		moments = append(moments, Moment{
			At: at, Deed: Remind, Subject: a.ID, Name: string(limit) + ":" + strconv.Itoa(n), Limit: limit, Due: due,
		})
	}
	return moments
}

// activated is when the last of the conditions precedent was settled; false where there were none, or one is still open.
func (c *Case) activated(a Authorisation, now time.Time) (time.Time, bool) {
	var at time.Time
	for _, x := range c.Conditions {
		if x.Type != vocabulary.ConditionTypePrecedent || !c.Governs(x, a) {
			continue
		}
		settled := time.Time{}
		for _, d := range c.Done {
			if d.Subject == x.ID && (d.Deed == AcceptEvidence || d.Deed == WaiveCondition) {
				settled = d.At
			}
		}
		if settled.IsZero() {
			return time.Time{}, false
		}
		if settled.After(at) {
			at = settled
		}
	}
	return at, at.After(a.At) && !c.precedentOpen(a, now) // what was settled before held up nothing
}

// conditionMoments are the reminders of conditions that are still to be met, and that a deadline was missed.
func (h *House) conditionMoments(c *Case, now time.Time) []Moment {
	var moments []Moment
	for _, x := range c.Conditions {
		state := x.State(c.Done, now)
		if x.Due == "" || state != vocabulary.ConditionStateOpen && state != vocabulary.ConditionStateOverdue || c.pointless(x, now) {
			continue
		}
		due, err := EndOfDay(x.Due)
		if err != nil {
			continue
		}
		for _, n := range h.Clocks.ConditionReminders {
			at, err := StartOfDay(workdayBefore(h.Calendar, x.Due, n))
			if err == nil && at.After(x.At) {
				moments = append(moments, Moment{
					At: at, Deed: Remind, Subject: x.ID, Name: "CONDITION:" + strconv.Itoa(n), Limit: vocabulary.LimitCondition, Due: due,
				})
			}
		}
		if x.Type == vocabulary.ConditionTypeDeadline {
			moments = append(moments, Moment{At: c.overdueSince(x, due), Deed: FallDue, Subject: x.ID})
		}
	}
	return moments
}

// overdueSince is when a condition that is not met became overdue: when its day had ended, or when evidence that had come in
// time was sent back after that.
func (c *Case) overdueSince(x Condition, due time.Time) time.Time {
	since := due
	for _, d := range c.Done {
		if d.Subject == x.ID && d.Deed == RejectEvidence && x.State(c.Done, d.At.Add(-time.Microsecond)) == vocabulary.ConditionStateEvidenceSubmitted &&
			d.At.After(since) && since.Equal(due) && c.submittedBefore(x, due) {
			since = d.At
		}
	}
	return since
}

// submittedBefore says whether evidence was waiting to be judged when the instant came.
func (c *Case) submittedBefore(x Condition, at time.Time) bool {
	return x.State(c.Done, at.Add(-time.Microsecond)) == vocabulary.ConditionStateEvidenceSubmitted
}

// pointless says whether the condition governs only authorisations that are over: nobody is reminded of it.
func (c *Case) pointless(x Condition, now time.Time) bool {
	if x.Authorisation == "" || x.Type == vocabulary.ConditionTypeOnCompletion { // that one begins where the permission ends
		return c.over(now)
	}
	return !slices.ContainsFunc(c.Authorisations, func(a Authorisation) bool {
		return c.Governs(x, a) && StillOpen(c.AuthorisationState(a, now))
	})
}

// over says whether the request is closed, or closes by itself by the instant although nobody has recorded it.
func (c *Case) over(now time.Time) bool {
	at, lapses := c.lapse()
	return c.Request.State == closed || lapses && c.Request.State == decided && !now.Before(at)
}

// workdayBefore is the nth working day before the day.
func workdayBefore(cal Calendar, day string, n int) string {
	for range searchDays {
		if n == 0 {
			return day
		}
		before, err := addDays(day, -1)
		if err != nil {
			return ""
		}
		day = before
		if cal.Workday(day) {
			n--
		}
	}
	return ""
}

// Running is a limit that runs now: since when, until when, and at which instant so many percent of it have gone.
type Running struct {
	Limit   vocabulary.Limit
	Subject string // the review or incident; "" for the request itself
	Round   string // tells the limit of a resubmitted request from that of the round before
	From    time.Time
	Due     time.Time
	Paused  bool
	part    func(percent int) time.Time
}

// Running are the limits of the case that are running at the instant.
func (h *House) Running(c *Case, now time.Time) []Running {
	var running []Running
	k := c.Clock(now)
	limits := h.Targets.limits[urgencyOf(k)]
	elapsed := func(from, due time.Time) func(int) time.Time {
		return func(percent int) time.Time { return from.Add(due.Sub(from) / 100 * time.Duration(percent)) }
	}
	of := func(limit vocabulary.Limit, from time.Time, l limit, pauses []Pause) {
		due := l.end(h.Calendar, from, pauses, now)
		if due.IsZero() {
			return
		}
		part := func(percent int) time.Time { return l.part(percent).end(h.Calendar, from, pauses, now) }
		if l.hours > 0 {
			part = elapsed(from, due)
		}
		running = append(running, Running{
			Limit: limit, From: from, Due: due, Paused: l.days > 0 && c.Request.State == awaiting, part: part,
			Round: strconv.FormatInt(from.Unix(), 10),
		})
	}
	switch {
	case undecided(c.Request.State) && !k.Disclosed.IsZero():
		of(vocabulary.LimitRatification, k.Disclosed, limits.ratification, k.Pauses)
	case undecided(c.Request.State) && !k.Submitted.IsZero():
		if c.Request.State == submitted {
			of(vocabulary.LimitTriage, k.Submitted, limits.triage, nil)
		}
		of(vocabulary.LimitDecision, k.Submitted, limits.decision, k.Pauses)
		d := h.Targets.Deadlines(h.Calendar, k)
		if !d.Statutory.IsZero() {
			running = append(running, Running{Limit: vocabulary.LimitStatutory, From: k.Submitted, Due: d.Statutory, part: elapsed(k.Submitted, d.Statutory), Round: strconv.FormatInt(k.Submitted.Unix(), 10)})
		}
		if !d.Acknowledgement.IsZero() && c.Request.State == submitted {
			running = append(running, Running{Limit: vocabulary.LimitAcknowledgement, From: k.Submitted, Due: d.Acknowledgement, part: elapsed(k.Submitted, d.Acknowledgement), Round: strconv.FormatInt(k.Submitted.Unix(), 10)})
		}
	}
	for _, r := range c.Reviews() {
		if r.State() != vocabulary.ReviewStateOpen {
			continue
		}
		l := limit{days: h.Clocks.ReviewHearing}
		running = append(running, Running{
			Limit: vocabulary.LimitHearing, Subject: r.ID, From: r.At, Due: h.HearingDue(r),
			part: func(percent int) time.Time { return l.part(percent).end(h.Calendar, r.At, nil, now) },
		})
	}
	for _, x := range c.Incidents() {
		if !x.Settled() {
			running = append(running, Running{Limit: vocabulary.LimitIncident, Subject: x.ID, From: *x.AwareAt, Due: x.Due, part: elapsed(*x.AwareAt, x.Due)})
		}
	}
	return running
}

// urgencyOf is whose limits apply: an emergency that is only drafted has URGENT's.
func urgencyOf(k Clock) vocabulary.Urgency {
	switch {
	case !k.Disclosed.IsZero():
		return vocabulary.UrgencyEmergency
	case k.Urgency == vocabulary.UrgencyEmergency:
		return vocabulary.UrgencyUrgent
	}
	return k.Urgency
}

// undecided are the states in which a decision is awaited.
func undecided(s State) bool {
	return s != unborn && s != drafting && s != decided && s != withdrawn && s != closed
}

// part is so many percent of a limit in working days, rounded up to whole days.
func (l limit) part(percent int) limit {
	return limit{days: (l.days*percent + 99) / 100}
}

// escalations are the stages of a running limit.
func (h *House) escalations(r Running) []Moment {
	var moments []Moment
	for _, percent := range h.Clocks.Escalation {
		name := string(r.Limit) + ":" + strconv.Itoa(percent)
		if r.Round != "" {
			name += ":" + r.Round
		}
		if at := r.part(percent); !at.IsZero() {
			moments = append(moments, Moment{At: at, Deed: Escalate, Subject: r.Subject, Name: name, Limit: r.Limit, Due: r.Due})
		}
	}
	return moments
}

// Keep records a moment, in the keeper's own name: nobody's.
func (t *Turn) Keep(m Moment) {
	from := t.Case.Request.State
	to := from
	if m.Deed == Close {
		to = closed
	}
	dated := m.At
	t.Change = Change{Done: Done{
		ID: t.NewID(), Deed: m.Deed, At: t.Now, From: from, To: to, Subject: m.Subject,
		Details: Details{Later: Later{Moment: m.Name, Wire: m.Wire, Cause: m.Cause, Limit: m.Limit, Dated: &dated}},
	}}
	if !m.Due.IsZero() {
		due := m.Due
		t.Change.Done.Details.Due = &due
	}
	t.settle(m.Deed)
}

// Scanned records what the scanner said of a document.
func (t *Turn) Scanned(document string, result vocabulary.ScanResult) {
	t.Change = Change{Done: Done{
		ID: t.NewID(), Deed: ScanDocument, At: t.Now, From: t.Case.Request.State, To: t.Case.Request.State, Subject: document,
		Details: Details{Later: Later{Scan: result}},
	}}
	t.settle(ScanDocument)
}
