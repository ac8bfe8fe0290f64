package caldicott

import (
	"slices"
	"strings"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Tripped is a trip-wire that an authorisation touched: it is suspended from that instant, until a guardian reinstates it.
// Cause is what it was: the condition's or the incident's id, or the recipient's organisation code.
type Tripped struct {
	Wire  vocabulary.TripWire
	At    time.Time
	Cause string
}

// Name tells one trip from another of the same authorisation.
func (t Tripped) Name() string {
	return string(t.Wire) + ":" + t.Cause + ":" + t.At.UTC().Format(time.RFC3339Nano)
}

// Assurance is what the organisation has on record of another's standing under the Data Security and Protection Toolkit,
// from At on. ValidTo is its last Europe/London day, "" without one.
type Assurance struct {
	ID, OrgCode string
	Status      vocabulary.DSPT
	ValidTo     string
	By          string
	At          time.Time
}

// Trips are all trips of the authorisation, past and foreseeable: those that a date decides are known in advance, and hold
// unless something is done before. In order of time.
func (c *Case) Trips(a Authorisation) []Tripped {
	trips := slices.Concat(c.conditionTrips(a), c.supportTrips(a), c.assuranceTrips(a), c.incidentTrips(a))
	trips = slices.DeleteFunc(trips, func(t Tripped) bool { return t.At.Before(a.At) })
	slices.SortStableFunc(trips, func(x, y Tripped) int { return x.At.Compare(y.At) })
	return trips
}

// conditionTrips: a condition with a deadline is still not met when its grace is over, or is sent back after that.
func (c *Case) conditionTrips(a Authorisation) []Tripped {
	var trips []Tripped
	for _, x := range c.Conditions {
		if x.Type != vocabulary.ConditionTypeDeadline || x.GraceUntil == "" || !c.Governs(x, a) {
			continue
		}
		over, err := EndOfDay(x.GraceUntil)
		if err != nil {
			continue // the column is a date
		}
		candidates := []time.Time{over}
		for _, d := range c.Done {
			if d.Subject == x.ID && d.Deed == RejectEvidence && d.At.After(over) {
				candidates = append(candidates, d.At)
			}
		}
		for _, at := range candidates {
			if state := x.State(c.Done, at); state == vocabulary.ConditionStateOpen || state == vocabulary.ConditionStateOverdue {
				trips = append(trips, Tripped{vocabulary.TripWireConditionOverdue, at, x.ID})
			}
		}
	}
	return trips
}

// spell is a time for which something was on record: it holds from the one instant until its last day is over or the next
// record takes its place.
type spell struct {
	from    time.Time
	good    bool
	lastDay string
}

// birth is from when on an authorisation's wires count what was amiss before. One that varies another begins as that one
// stood, whatever a guardian had reinstated: for it, what was before is past.
func (c *Case) birth(a Authorisation) time.Time {
	if _, varies := c.before(a); varies {
		return time.Time{}
	}
	return a.At
}

// lapses gives the instants at which spells that follow one another stop being good; what has stopped before `born` and not
// begun again by then has stopped at that instant.
func lapses(spells []spell, born time.Time) []time.Time {
	var ends []time.Time
	for i, s := range spells {
		at := s.from
		if s.good {
			over, err := EndOfDay(s.lastDay)
			if s.lastDay == "" || err != nil {
				continue
			}
			if over.After(at) {
				at = over
			}
		}
		last := i+1 == len(spells)
		if at.Before(born) && (last || spells[i+1].from.After(born)) {
			at = born
		}
		if last || at.Before(spells[i+1].from) {
			ends = append(ends, at)
		}
	}
	return ends
}

// supportTrips: section 251 support has lapsed or was withdrawn.
func (c *Case) supportTrips(a Authorisation) []Tripped {
	legal := c.Decided[a.Version].Legal
	if legal.S251 == nil || !supported(legal.Basis) {
		return nil
	}
	spells := []spell{{time.Time{}, true, legal.S251.AnnualReviewDue}}
	for _, d := range c.Done {
		if s := d.Details.Support; d.Deed == RecordSupport && c.descends(a, d.Subject) && s != nil {
			spells = append(spells, spell{d.At, supporting(s.Status), orElse(s.AnnualReviewDue, spells[len(spells)-1].lastDay)})
		}
	}
	var trips []Tripped
	for _, at := range lapses(spells, c.birth(a)) {
		trips = append(trips, Tripped{Wire: vocabulary.TripWireSection251Lapsed, At: at})
	}
	return trips
}

// supported says whether the basis is support under section 251.
func supported(b vocabulary.Basis) bool { return strings.HasPrefix(string(b), "S251_") }

// supporting says whether support of that status is there at all.
func supporting(s vocabulary.S251Status) bool {
	return s == vocabulary.S251StatusFullSupport || s == vocabulary.S251StatusConditionalSupport
}

// assuranceTrips: a recipient that needs the Toolkit does not meet it any more, as far as the organisation has it on record.
// What is shared once for somebody's care or safety does not wait for that, as V023 only warns of it.
func (c *Case) assuranceTrips(a Authorisation) []Tripped {
	content := c.Decided[a.Version]
	if !CPI(content) || careNow(content) {
		return nil
	}
	var trips []Tripped
	for _, r := range content.Recipients {
		if r.OrgCode == "" || needsNoToolkit(r.Type) {
			continue
		}
		var spells []spell
		for _, x := range c.Assurances {
			if x.OrgCode == r.OrgCode {
				spells = append(spells, spell{x.At, toolkitMet(x.Status), x.ValidTo})
			}
		}
		for _, at := range lapses(spells, c.birth(a)) {
			trips = append(trips, Tripped{vocabulary.TripWireDsptLapsed, at, r.OrgCode})
		}
	}
	return trips
}

// unsupported says whether the authorisation rests on section 251 support that is not there at the instant.
func (c *Case) unsupported(a Authorisation, at time.Time) bool {
	now := c.supportedNow(a).Legal
	if now.S251 == nil || !supported(now.Basis) {
		return false
	}
	heard := slices.ContainsFunc(c.Done, func(d Done) bool { return d.Deed == RecordSupport && c.descends(a, d.Subject) })
	return heard && !supporting(now.S251.Status) || dayOver(now.S251.AnnualReviewDue, at)
}

// incidentTrips: an incident was linked to the authorisation, or to a condition that governs it.
func (c *Case) incidentTrips(a Authorisation) []Tripped {
	var trips []Tripped
	for _, x := range c.Incidents() {
		if x.Suspends && x.Authorisation != "" && c.descends(a, x.Authorisation) { // also what came in its place
			trips = append(trips, Tripped{vocabulary.TripWireIncident, x.LinkedAt, x.ID})
		}
	}
	return trips
}
