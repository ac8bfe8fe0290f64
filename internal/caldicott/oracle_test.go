package caldicott_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// The oracle says what ought to be true of a request at every instant, and what the keeper ought to have recorded of it. It
// walks from one London midnight to the next, as lifecycle.md and rules.md tell it, and shares nothing with days.go, decision.go,
// trips.go and keeper.go: it has its own summer time, its own working days and its own memory of what was done.

// instant is a time in microseconds since 1970, as the database keeps it.
type instant int64

const (
	second   instant = 1_000_000
	hour             = 3600 * second
	wholeDay         = 24 * hour
)

func (t instant) time() time.Time { return time.UnixMicro(int64(t)).UTC() }

func (t instant) String() string { return t.time().Format("2006-01-02T15:04:05.999999Z") }

// day is a London day, counted from 1970-01-01; 0 stands for none.
type day int

func (d day) String() string {
	if d == 0 {
		return ""
	}
	return time.Unix(int64(d)*86400, 0).UTC().Format(time.DateOnly)
}

// on reads a day as people write it.
func on(s string) day {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err) // a slip in this file
	}
	return day(t.Unix() / 86400)
}

// weekday counts from Sunday; 1970-01-01 was a Thursday.
func (d day) weekday() int { return (int(d) + 4) % 7 }

// summers holds the first and last day of each year's summer time: the last Sundays of March and October. The clocks change at
// 01:00 UTC of both, so the first begins in winter time and the last in summer time.
var summers = func() map[int][2]day {
	years := map[int][2]day{}
	for year := 2024; year < 2040; year++ {
		first, last := on(fmt.Sprintf("%d-03-31", year)), on(fmt.Sprintf("%d-10-31", year))
		years[year] = [2]day{first - day(first.weekday()), last - day(last.weekday())}
	}
	return years
}()

// at is the instant at which London's clocks show that hour of the day; the hours asked for are never those that change.
func (d day) at(h int) instant {
	t := instant(d)*wholeDay + instant(h)*hour
	summer := summers[d.year()]
	begun, over := d > summer[0] || d == summer[0] && h >= 2, d > summer[1] || d == summer[1] && h >= 2
	if begun && !over {
		return t - hour
	}
	return t
}

func (d day) year() int { return time.Unix(int64(d)*86400, 0).UTC().Year() }

// midnight is when the day begins.
func (d day) midnight() instant { return d.at(0) }

// londonDay is the day that London writes at the instant.
func londonDay(t instant) day {
	d := day(t / wholeDay)
	if t >= (d + 1).midnight() {
		return d + 1
	}
	return d
}

// closedDays are England's bank holidays of these years, from gov.uk.
var closedDays = func() map[day]bool {
	closed := map[day]bool{}
	for _, s := range strings.Fields(`
		2026-01-01 2026-04-03 2026-04-06 2026-05-04 2026-05-25 2026-08-31 2026-12-25 2026-12-28
		2027-01-01 2027-03-26 2027-03-29 2027-05-03 2027-05-31 2027-08-30 2027-12-27 2027-12-28
		2028-01-03 2028-04-14 2028-04-17 2028-05-01 2028-05-29 2028-08-28 2028-12-25 2028-12-26
		2029-01-01 2029-03-30 2029-04-02 2029-05-07 2029-05-28 2029-08-27 2029-12-25 2029-12-26`) {
		closed[on(s)] = true
	}
	return closed
}()

func (d day) worked() bool { return d.weekday() != 0 && d.weekday() != 6 && !closedDays[d] }

// workingDays goes so many working days on from the day, or back.
func (d day) workingDays(n int) day {
	for n > 0 {
		if d++; d.worked() {
			n--
		}
	}
	for n < 0 {
		if d--; d.worked() {
			n++
		}
	}
	return d
}

// What policy/clocks.csv says, as the issue has it.
var (
	remindersOfPermit    = []int{90, 30, 7}
	remindersOfCondition = []int{5, 1}
	stagesOfLimit        = []int{50, 100, 150}
)

const (
	graceDays   = 5
	askingDays  = 20
	hearingDays = 20
)

// moment is something that has come: the keeper is to record it, once, with the instant from which it is true.
type moment struct {
	at, came instant // came is later than at where it was only then to be known
	deed     caldicott.Action
	subject  string
	name     string // tells it from others of the same deed and subject
	limit    vocabulary.Limit
	due      instant
	wire     vocabulary.TripWire
	cause    string
	may      bool        // neither recording it nor leaving it out would be wrong
	still    func() bool // whether it still matters to anybody
}

func (m *moment) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s%s dated %s", m.deed, m.subject, m.name, m.wire, m.at))
}

// span is a state from an instant on, until the next one's.
type span struct {
	from  instant
	state string
}

func (s span) String() string { return s.state + " from " + s.from.String() }

type history []span

// note remembers the state, if it is another than before.
func (h *history) note(at instant, state string) {
	if n := len(*h); n == 0 || (*h)[n-1].state != state {
		*h = append(*h, span{at, state})
	}
}

// at gives the state at an instant; false before the first.
func (h history) at(t instant) (string, bool) {
	for _, s := range slices.Backward(h) {
		if s.from <= t {
			return s.state, true
		}
	}
	return "", false
}

// permit is an authorisation.
type permit struct {
	id             string
	born           instant
	review, expiry day
	varies         *permit
	needToolkit    []string // organisations whose standing it hangs on
	onSupport      bool     // rests on section 251 support

	revokedBy             string // the decision
	annulled              bool   // a review did not let its approval stand
	superseded, completed bool
	expired, reviewDue    bool
	suspendedBy           []string // decisions
	tripped               bool     // suspended by a wire, or because its revocation did not stand
	inherited             []string // of suspendedBy: those of the one that it varies
	past                  history
}

func (p *permit) revoked() bool   { return p.annulled || p.revokedBy != "" }
func (p *permit) suspended() bool { return p.tripped || len(p.suspendedBy) > 0 }

// ended says whether a deed has ended it.
func (p *permit) ended() bool { return p.gone() || p.revoked() }

// gone says whether it has ended for good; a revocation may be overturned.
func (p *permit) gone() bool { return p.superseded || p.completed }

// runs says whether dates still do something to it, were it not for a revocation.
func (p *permit) runs() bool { return !p.gone() && !p.expired }

// demand is a condition.
type demand struct {
	id, kind   string
	permit     *permit // nil where nothing was approved
	born       instant
	due, grace day
	state      string
	wasOverdue bool
	past       history
}

const (
	precedent = string(vocabulary.ConditionTypePrecedent)
	deadline  = string(vocabulary.ConditionTypeDeadline)

	onCompletion = string(vocabulary.ConditionTypeOnCompletion)

	open      = string(vocabulary.ConditionStateOpen)
	evidenced = string(vocabulary.ConditionStateEvidenceSubmitted)
	satisfied = string(vocabulary.ConditionStateSatisfied)
	overdue   = string(vocabulary.ConditionStateOverdue)
	breached  = string(vocabulary.ConditionStateBreached)
	waived    = string(vocabulary.ConditionStateWaived)
)

// wanted says whether its owner still has to show something.
func (x *demand) wanted() bool { return x.state == open || x.state == overdue }

// settled says whether it holds nothing up any more.
func (x *demand) settled() bool { return x.state == satisfied || x.state == waived }

// standing is what is on record of section 251 support, or of an organisation's Toolkit: good until its last day is over.
type standing struct {
	good bool
	last day
}

// hazard is an incident, hearing a review that was asked for, verdict a decision on the request as a whole.
type (
	hazard struct {
		id           string
		aware, known instant
		settled      bool
	}
	hearing struct {
		id, decision string
		asked        instant
		ended        bool
	}
	verdict struct {
		id, outcome string
		at          instant
		review      day
		of          *verdict // which a review was about
	}
)

// truth is the oracle of one request.
type truth struct {
	now       instant
	today     day
	state     string // of the request
	past      history
	permits   []*permit
	demands   []*demand
	support   standing
	toolkit   map[string]*standing
	incidents []*hazard
	hearings  []*hearing
	verdicts  []*verdict
	rounds    rounds

	waiting []*moment
	staged  map[string]bool // stages of limits that were recorded
}

func newTruth(now instant) *truth {
	return &truth{now: now, today: londonDay(now), toolkit: map[string]*standing{}, staged: map[string]bool{}}
}

// walk lets time pass: every London midnight on the way brings what it brings.
func (w *truth) walk(to instant) {
	for (w.today + 1).midnight() <= to {
		w.today++
		w.now = w.today.midnight()
		w.dawn()
		w.note()
	}
	w.now = max(w.now, to)
}

// note remembers what states everything has now.
func (w *truth) note() {
	for _, p := range w.permits {
		p.past.note(w.now, w.stateOf(p))
	}
	for _, x := range w.demands {
		x.past.note(w.now, x.state)
	}
	w.past.note(w.now, w.state)
}

// stateOf: "the first that holds: REVOKED, SUPERSEDED, COMPLETED (by deed); EXPIRED …; SUSPENDED; PENDING_CONDITIONS …;
// REVIEW_DUE …; ACTIVE."
func (w *truth) stateOf(p *permit) string {
	switch {
	case p.revoked():
		return "REVOKED"
	case p.superseded:
		return "SUPERSEDED"
	case p.completed:
		return "COMPLETED"
	case p.expired:
		return "EXPIRED"
	case p.suspended():
		return "SUSPENDED"
	case w.held(p):
		return "PENDING_CONDITIONS"
	case p.reviewDue:
		return "REVIEW_DUE"
	}
	return "ACTIVE"
}

// isOpen: "PENDING_CONDITIONS, in force, SUSPENDED".
func (p *permit) isOpen() bool { return !p.ended() && !p.expired }

// descends says whether it is that permit, or came in its place.
func (p *permit) descends(from *permit) bool {
	for ; p != nil; p = p.varies {
		if p == from {
			return true
		}
	}
	return false
}

// governs says whether a condition was made for the permit, or for one that it varies.
func (x *demand) governs(p *permit) bool { return x.permit != nil && p.descends(x.permit) }

// held: "while a PRECEDENT condition is neither satisfied nor waived".
func (w *truth) held(p *permit) bool {
	return slices.ContainsFunc(w.demands, func(x *demand) bool { return x.kind == precedent && x.governs(p) && !x.settled() })
}

// matters says whether anybody need be reminded of the condition: what it governs is open, or the request is. One ON_COMPLETION
// begins where the permission ends.
func (w *truth) matters(x *demand) bool {
	if x.permit == nil || x.kind == onCompletion {
		return w.state != "CLOSED"
	}
	return slices.ContainsFunc(w.permits, func(p *permit) bool { return x.governs(p) && p.isOpen() })
}

// comes adds what the keeper is to record.
func (w *truth) comes(m moment) {
	m.came = w.now
	if m.at == 0 {
		m.at = w.now
	}
	w.waiting = append(w.waiting, &m)
}

// dawn is what a midnight brings. An end comes first: nothing else happens to what has ended. What is revoked may yet be
// restored by a review; what came meanwhile may be recorded then.
func (w *truth) dawn() {
	yesterday := w.today - 1
	w.lapse()
	for _, p := range w.permits {
		if p.runs() && p.expiry == yesterday {
			p.expired = true
			w.comes(moment{deed: caldicott.Expire, subject: p.id, may: p.revoked(), still: func() bool { return !p.ended() }})
		}
		if p.runs() && p.review == w.today {
			w.fallsDue(p)
		}
		w.remindOfPermit(p)
	}
	for _, x := range w.demands {
		if x.kind == deadline && x.state == open && x.due == yesterday {
			w.overdue(x)
		}
		if x.grace != 0 && x.grace == yesterday && x.wanted() {
			w.tripGoverned(x)
		}
		w.remindOfCondition(x)
	}
	if w.support.good && w.support.last == yesterday {
		w.supportEnds()
	}
	for code, s := range w.toolkit {
		if s.good && s.last == yesterday {
			w.toolkitEnds(code)
		}
	}
}

// fallsDue: "REVIEW_DUE from 00:00 of review_date", or from its birth.
func (w *truth) fallsDue(p *permit) {
	p.reviewDue = true
	w.comes(moment{deed: caldicott.FallDue, subject: p.id, may: p.revoked(), still: func() bool { return !p.ended() }})
}

// remindOfPermit: 90, 30 and 7 days before the review and before the end, at 00:00. Where both fall on one day, once is enough.
func (w *truth) remindOfPermit(p *permit) {
	if !p.runs() || w.now <= p.born {
		return
	}
	remind := func(limit vocabulary.Limit, n int, due instant) {
		w.comes(moment{
			deed: caldicott.Remind, subject: p.id, name: fmt.Sprintf("%s:%d", limit, n), limit: limit, due: due, may: p.revoked(), still: p.isOpen,
		})
	}
	for _, n := range remindersOfPermit {
		if p.expiry-day(n) == w.today {
			remind(vocabulary.LimitExpiry, n, (p.expiry + 1).midnight())
		}
		if p.review != 0 && p.review != p.expiry && p.review-day(n) == w.today {
			remind(vocabulary.LimitReview, n, p.review.midnight())
		}
	}
}

// remindOfCondition: 5 and 1 working days before the due day, while it is still to be met. One that came while the evidence
// lay with those who judge it may be sent when they send it back.
func (w *truth) remindOfCondition(x *demand) {
	if x.due == 0 || w.now <= x.born || w.today >= x.due {
		return
	}
	for _, n := range remindersOfCondition {
		if x.due.workingDays(-n) == w.today {
			w.comes(moment{
				deed: caldicott.Remind, subject: x.id, name: fmt.Sprintf("CONDITION:%d", n), limit: vocabulary.LimitCondition,
				due: (x.due + 1).midnight(), may: !x.wanted() || !w.matters(x), still: func() bool { return x.wanted() && w.matters(x) },
			})
		}
	}
}

// overdue: "A due day ends like an expiry day; only a DEADLINE becomes OVERDUE."
func (w *truth) overdue(x *demand) {
	x.state = overdue
	if !x.wasOverdue {
		x.wasOverdue = true
		w.comes(moment{
			deed: caldicott.FallDue, subject: x.id, may: !w.matters(x), still: func() bool { return x.state == overdue && w.matters(x) },
		})
	}
}

// trip: a permit that touches a wire "is suspended from that instant, until a guardian reinstates it".
func (w *truth) trip(p *permit, wire vocabulary.TripWire, cause string) {
	if !p.runs() {
		return
	}
	p.tripped = true
	w.comes(moment{deed: caldicott.Trip, subject: p.id, wire: wire, cause: cause, may: p.revoked(), still: func() bool { return !p.ended() }})
}

// tripGoverned: "a condition with a deadline is still not met when its grace is over, or is sent back after that".
func (w *truth) tripGoverned(x *demand) {
	for _, p := range w.permits {
		if x.governs(p) {
			w.trip(p, vocabulary.TripWireConditionOverdue, x.id)
		}
	}
}

// supportEnds: "section 251 support has lapsed or was withdrawn".
func (w *truth) supportEnds() {
	w.support.good = false
	for _, p := range w.permits {
		if p.onSupport {
			w.trip(p, vocabulary.TripWireSection251Lapsed, "")
		}
	}
}

// toolkitEnds: "a recipient that needs the Toolkit no longer meets it, as far as the organisation has it on record".
func (w *truth) toolkitEnds(code string) {
	w.toolkit[code].good = false
	for _, p := range w.permits {
		if slices.Contains(p.needToolkit, code) {
			w.trip(p, vocabulary.TripWireDsptLapsed, code)
		}
	}
}

// lapse: "A DEFER or REFER not resubmitted is closed by the keeper at 00:00 Europe/London of the day after the decision's
// review_date"; not while a review is being heard.
func (w *truth) lapse() {
	v := w.verdict()
	if w.state != "DECIDED" || v == nil || v.review == 0 || v.outcome != "DEFER" && v.outcome != "REFER" || w.today <= v.review || w.heard() != nil {
		return
	}
	w.state = "CLOSED"
	w.comes(moment{deed: caldicott.Close, name: "LAPSED", still: func() bool { return true }})
}

// verdict is the newest decision on the request as a whole: none that only suspends or revokes, nor a review of one, nor one
// that upheld.
func (w *truth) verdict() *verdict {
	for _, v := range slices.Backward(w.verdicts) {
		if v.outcome != "REVIEW_UPHELD" && !v.restrains() && (v.of == nil || !v.of.restrains()) {
			return v
		}
	}
	return nil
}

func (v *verdict) restrains() bool { return v.outcome == "SUSPEND" || v.outcome == "REVOKE" }

// disputable is the newest decision of which a review may be asked.
func (w *truth) disputable() *verdict {
	for _, v := range slices.Backward(w.verdicts) {
		if v.of == nil {
			return v
		}
	}
	return nil
}

// named is a decision by its id.
func (w *truth) named(id string) *verdict {
	return w.verdicts[slices.IndexFunc(w.verdicts, func(v *verdict) bool { return v.id == id })]
}

// heard is the review that is still to be decided.
func (w *truth) heard() *hearing {
	for _, r := range w.hearings {
		if !r.ended {
			return r
		}
	}
	return nil
}

// newest is the permit that came last.
func (w *truth) newest() *permit {
	if len(w.permits) == 0 {
		return nil
	}
	return w.permits[len(w.permits)-1]
}

// The deeds. Each is done at w.now, after walk.

// permits one: born of a decision, perhaps in another's place.
func (w *truth) permitted(p *permit) {
	p.born = w.now
	w.permits = append(w.permits, p)
	if p.varies != nil {
		p.tripped, p.suspendedBy = p.varies.tripped, slices.Clone(p.varies.suspendedBy) // "A variation lifts no suspension."
		p.inherited = slices.Clone(p.suspendedBy)
		w.supersede(p.varies)
	}
	if p.review != 0 && p.review <= w.today {
		w.fallsDue(p)
	}
	if p.varies == nil {
		w.amissAtBirth(p)
	}
}

// amissAtBirth: what is not in order when the permit is given has touched its wire from the start.
func (w *truth) amissAtBirth(p *permit) {
	if p.onSupport && !w.support.good {
		w.trip(p, vocabulary.TripWireSection251Lapsed, "")
	}
	for _, code := range p.needToolkit {
		if s := w.toolkit[code]; s != nil && !s.good {
			w.trip(p, vocabulary.TripWireDsptLapsed, code)
		}
	}
}

func (w *truth) demanded(x *demand) {
	x.born, x.state = w.now, open
	if x.kind == deadline && x.permit != nil {
		x.grace = x.due.workingDays(graceDays)
	}
	w.demands = append(w.demands, x)
}

func (w *truth) supersede(p *permit) {
	if p.superseded {
		return
	}
	p.superseded = true
	w.comes(moment{deed: caldicott.Supersede, subject: p.id, may: p.revoked(), still: func() bool { return !p.revoked() }})
}

// reinstate lifts every suspension.
func (p *permit) reinstate() { p.suspendedBy, p.inherited, p.tripped = nil, nil, false }

// settle satisfies or waives a condition; the last precedent one activates what it held up.
func (w *truth) settle(x *demand, state string) {
	x.state = state
	for _, p := range w.permits {
		if x.kind == precedent && x.governs(p) && p.runs() && !w.held(p) {
			w.comes(moment{deed: caldicott.Activate, subject: p.id, may: p.revoked(), still: func() bool { return !p.ended() && !w.held(p) }})
		}
	}
}

// sendBack: the owner has to show something again; after the due day it is overdue from then on, after its grace it trips.
func (w *truth) sendBack(x *demand) {
	x.state = open
	if x.kind == deadline && w.today > x.due {
		w.overdue(x)
	}
	if x.grace != 0 && w.today > x.grace {
		w.tripGoverned(x)
	}
}

// supportHeard puts on record how support stands; what has lapsed already when it is heard of trips at once. Without a day the
// one named before stays.
func (w *truth) supportHeard(good bool, last day) {
	if last == 0 {
		last = w.support.last
	}
	w.support = standing{good, last}
	if !good || last < w.today {
		w.supportEnds()
	}
}

func (w *truth) toolkitHeard(code string, good bool, last day) {
	w.toolkit[code] = &standing{good, last}
	if !good || last != 0 && last < w.today {
		w.toolkitEnds(code)
	}
}

func (w *truth) incident(id string, aware instant, suspends *permit) {
	w.incidents = append(w.incidents, &hazard{id: id, aware: aware, known: w.now})
	for _, p := range w.permits { // also what came in its place
		if suspends != nil && p.descends(suspends) {
			w.trip(p, vocabulary.TripWireIncident, id)
		}
	}
}

// judged ends a review. "OVERTURNED ends the authorisation of an approval", lifts the suspension that it did not let stand, and
// leaves what was revoked suspended until a guardian reinstates it: nothing else is lifted by it.
func (w *truth) judged(r *hearing, made *verdict) {
	r.ended = true
	reviewed := w.named(r.decision)
	made.of = reviewed
	w.verdicts = append(w.verdicts, made)
	if made.outcome != "REVIEW_UPHELD" && w.state == "CLOSED" {
		w.state = "DECIDED" // a round that has begun anew goes on, and what was withdrawn stays so
	}
	if p := w.newest(); made.outcome == "REVIEW_OVERTURNED" && p != nil {
		switch reviewed.outcome {
		case "SUSPEND":
			not := func(id string) bool { return id == reviewed.id }
			p.suspendedBy, p.inherited = slices.DeleteFunc(p.suspendedBy, not), slices.DeleteFunc(p.inherited, not)
		case "REVOKE":
			if p.revokedBy == reviewed.id {
				p.revokedBy, p.tripped = "", true
			}
		default:
			p.annulled = true
		}
	}
	w.lapse()
}

// Comparing.

// stages are those of the limits that run now and have come by now.
func (w *truth) stages() []*moment {
	var all []*moment
	add := func(limit vocabulary.Limit, subject, round string, known, due instant, at func(percent int) instant) {
		for _, percent := range stagesOfLimit {
			m := &moment{
				at: at(percent), deed: caldicott.Escalate, subject: subject, name: fmt.Sprintf("%s:%d", limit, percent), limit: limit,
				due: due, still: func() bool { return true }, cause: round,
			}
			if m.came = max(m.at, known); m.at <= w.now && !w.staged[m.key()+round] {
				all = append(all, m)
			}
		}
	}
	for _, x := range w.incidents { // 72 hours after somebody became aware
		if !x.settled {
			add(vocabulary.LimitIncident, x.id, "", x.known, x.aware+72*hour, func(percent int) instant { return x.aware + 72*hour*instant(percent)/100 })
		}
	}
	for _, r := range w.hearings {
		if !r.ended {
			at := func(percent int) instant {
				return londonDay(r.asked).workingDays((hearingDays*percent + 99) / 100).at(17)
			}
			add(vocabulary.LimitHearing, r.id, "", 0, at(100), at)
		}
	}
	w.rounds.stages(w, add)
	return all
}

func (m *moment) key() string {
	return strings.Join([]string{string(m.deed), m.subject, m.name, string(m.wire)}, "/")
}

// recordedAs is what the keeper's record says, in the oracle's words.
func recordedAs(d caldicott.Done) *moment {
	m := &moment{deed: d.Deed, subject: d.Subject, name: d.Details.Moment, limit: d.Details.Limit, wire: d.Details.Wire, cause: d.Details.Cause}
	if d.Details.Dated != nil {
		m.at = instant(d.Details.Dated.UnixMicro())
	}
	if d.Details.Due != nil {
		m.due = instant(d.Details.Due.UnixMicro())
	}
	switch d.Deed {
	case caldicott.Escalate, caldicott.Close: // which round of a limit it was is the product's own business
		parts := strings.Split(m.name, ":")
		m.name = strings.Join(parts[:min(len(parts), map[caldicott.Action]int{caldicott.Escalate: 2, caldicott.Close: 1}[d.Deed])], ":")
	case caldicott.Trip:
		m.name = ""
	}
	return m
}

// same says whether a record is the one that is to be made.
func (m *moment) same(r *moment) bool {
	cause := m.cause == r.cause || m.deed == caldicott.Escalate
	return m.key() == r.key() && m.at == r.at && m.due == r.due && m.limit == r.limit && cause
}

// check holds what the keeper has just recorded, in its order, against what it had to; complete where it was not interrupted,
// punctual where it came whenever it had planned to.
func (w *truth) check(records []caldicott.Done, complete, punctual bool) error {
	stages, last := w.stages(), instant(0)
	for _, d := range records {
		r := recordedAs(d)
		m := w.take(&stages, r)
		switch {
		case m == nil:
			return fmt.Errorf("recorded %s, but %s", r, w.instead(stages, r))
		case r.at < last:
			return fmt.Errorf("recorded %s after something later", r)
		case d.By != "" || d.At.Before(*d.Details.Dated):
			return fmt.Errorf("recorded %s before its time, at %s, or in somebody's name", r, d.At)
		case punctual && !m.may && instant(d.At.UnixMicro()) != m.came:
			return fmt.Errorf("recorded %s only at %s: it was not on the agenda", r, d.At)
		}
		last = r.at
	}
	for _, m := range slices.Concat(w.waiting, stages) {
		if !m.may && m.still() && (complete || m.at < last) {
			return fmt.Errorf("%s is missing", m)
		}
	}
	return nil
}

// take finds the moment that was recorded and strikes it off.
func (w *truth) take(stages *[]*moment, r *moment) *moment {
	for i, m := range w.waiting {
		if m.same(r) && m.still() {
			w.waiting = slices.Delete(w.waiting, i, i+1)
			return m
		}
	}
	for i, m := range *stages {
		if m.same(r) {
			*stages = slices.Delete(*stages, i, i+1)
			w.staged[m.key()+m.cause] = true
			return m
		}
	}
	return nil
}

// instead says what would have been right in place of a record, as far as that can be told.
func (w *truth) instead(stages []*moment, r *moment) string {
	for _, m := range slices.Concat(w.waiting, stages) {
		if m.key() == r.key() && m.still() {
			if m.at != r.at {
				return fmt.Sprintf("it is true from %s on", m.at)
			}
			return fmt.Sprintf("with %s %s %s, not %s %s %s", m.limit, m.cause, m.due, r.limit, r.cause, r.due)
		}
	}
	return "there is no reason for it, or it was recorded before"
}
