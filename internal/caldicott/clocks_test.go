package caldicott_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/calendar"
)

// pause is a stay in AWAITING_INFORMATION; to is 0 while it lasts.
type pause struct{ from, to instant }

// rounds is what the limits of an undecided request hang on, in the oracle's memory.
type rounds struct {
	urgency             string
	deceased, complaint bool
	disclosed, recorded instant // of an emergency
	submitted           instant // of the current round
	pauses              []pause
}

// ordinaryLimits are the working days of policy/targets.csv: triage, decision.
var ordinaryLimits = map[string][2]int{"ROUTINE": {2, 10}, "COMPLEX": {2, 20}, "PRIORITY": {1, 3}}

// stoodStill: "a pause adds the working days d with day(pause) < d ≤ day(resume), and while it lasts the limit is shown as if
// resumed now".
func (r *rounds) stoodStill(now instant) int {
	n := 0
	for _, p := range r.pauses {
		to := p.to
		if to == 0 {
			to = now
		}
		for d := londonDay(p.from) + 1; d <= londonDay(to); d++ {
			if d.worked() {
				n++
			}
		}
	}
	return n
}

// stages gives those of the limits of an undecided request.
func (r *rounds) stages(w *truth, add func(limit vocabulary.Limit, subject, round string, known, due instant, at func(percent int) instant)) {
	switch w.state {
	case "", "DRAFT", "DECIDED", "WITHDRAWN", "CLOSED":
		return
	}
	round := fmt.Sprint(r.submitted)
	// "A limit of N working days ends at 17:00 Europe/London on the Nth working day after the day of submission"
	days := func(limit vocabulary.Limit, from, known instant, n, still int) {
		at := func(percent int) instant { return londonDay(from).workingDays((n*percent+99)/100 + still).at(17) }
		add(limit, "", round, known, at(100), at)
	}
	elapsed := func(limit vocabulary.Limit, due instant) {
		add(limit, "", round, r.submitted, due, func(percent int) instant { return r.submitted + (due-r.submitted)*instant(percent)/100 })
	}
	if r.disclosed != 0 { // "ratify within 3 working days of the disclosure"
		days(vocabulary.LimitRatification, r.disclosed, r.recorded, 3, r.stoodStill(w.now))
		return
	}
	if n, ok := ordinaryLimits[r.urgency]; ok {
		if w.state == "SUBMITTED" {
			days(vocabulary.LimitTriage, r.submitted, r.submitted, n[0], 0)
		}
		days(vocabulary.LimitDecision, r.submitted, r.submitted, n[1], r.stoodStill(w.now))
	} else {
		elapsed(vocabulary.LimitDecision, r.submitted+4*hour)
	}
	if r.deceased { // "40 calendar days after the day of submission, 23:59:59"
		elapsed(vocabulary.LimitStatutory, (londonDay(r.submitted)+41).midnight()-second)
	}
	if r.complaint && w.state == "SUBMITTED" && londonDay(r.submitted) >= on("2026-06-19") { // 30 days (DPA 2018 s.164A)
		elapsed(vocabulary.LimitAcknowledgement, (londonDay(r.submitted)+31).midnight()-second)
	}
}

func TestTheClocksOfAThousandRequestsRunThroughTheYears(t *testing.T) {
	t.Parallel()
	simulate(t, (*life).requested, []caldicott.Action{
		caldicott.Escalate, caldicott.Close, caldicott.Answer, caldicott.Resubmit, caldicott.RecordEmergency, caldicott.DecideReview, caldicott.LinkIncident,
	})
}

// The oracle's own calendar is London's, and England's.
func TestTheClockOfTheOracleIsLondons(t *testing.T) {
	t.Parallel()
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	england, err := calendar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	for d := on("2026-01-01"); d < on("2029-12-31"); d++ {
		start := time.Unix(int64(d)*86400, 0).UTC()
		for _, h := range []int{0, 17} {
			if want := time.Date(start.Year(), start.Month(), start.Day(), h, 0, 0, 0, london); !d.at(h).time().Equal(want) {
				t.Errorf("%d:00 of %s is %s, want %s", h, d, d.at(h), want.UTC())
			}
		}
		for m := d.midnight() - 2*hour; m < d.midnight()+2*hour; m += hour / 2 {
			for _, at := range []instant{m - 1, m} {
				if want := at.time().In(london).Format(time.DateOnly); londonDay(at).String() != want {
					t.Errorf("%s is in %s, want %s", at, londonDay(at), want)
				}
			}
		}
		if d.worked() != england.Workday(d.String()) {
			t.Errorf("%s is worked: %v", d, d.worked())
		}
	}
}

// requested is a life from a submission, or from an emergency's record, on.
func (l *life) requested() error {
	l.keeps = keeping(l.rng.IntN(2)) // the steps of a request always wait for the keeper
	begun := ((yearsBegin + day(l.rng.IntN(600))).midnight() + instant(l.rng.Int64N(int64(wholeDay)))) / 1000 * 1000
	l.over = begun + instant(5+l.rng.IntN(200))*wholeDay
	l.w = newTruth(begun)
	content := l.content(l.w.today)
	content.Kind = pick[vocabulary.Kind](l, "SERVICE_EVALUATION", "SERVICE_EVALUATION", "DECEASED_RECORDS", "COMPLAINT_OR_LITIGATION")
	content.Urgency = pick[vocabulary.Urgency](l, "ROUTINE", "ROUTINE", "COMPLEX", "PRIORITY", "URGENT", "EMERGENCY")
	if l.chance(50) {
		content.PurposeCategory = vocabulary.PurposeComplaintClaim
	}
	l.w.rounds = rounds{
		urgency: string(content.Urgency), deceased: content.Kind == "DECEASED_RECORDS",
		complaint: content.Kind == "COMPLAINT_OR_LITIGATION" && content.PurposeCategory == vocabulary.PurposeComplaintClaim,
	}
	l.c = &caldicott.Case{
		Request: caldicott.Request{ID: "r", OrganisationID: "org", OrgCode: "RX0", Requester: "u-asks", State: "DRAFT", Version: 1},
		Current: caldicott.Version{N: 1, Content: content},
		Advice:  []caldicott.Advice{{Role: "DPO"}, {Role: "IAO"}, {Role: "LEGAL"}},
		Done:    []caldicott.Done{{ID: "d", Deed: caldicott.Draft, By: "u-asks", At: (begun - hour).time(), To: "DRAFT", Version: 1}},
	}
	l.w.state = "DRAFT"
	l.w.note()
	if err := l.begin(begun, content); err != nil {
		return err
	}
	if l.keeps != planned {
		l.next = l.w.now + l.downtime()
	}
	for l.w.now < l.over {
		at := l.w.now + 1000*instant(1+l.rng.IntN(pick(l, 3600, 24*3600, 20*24*3600)))*1000
		if l.chance(20) { // around the ends of days, of work and otherwise
			d := londonDay(at)
			at = max(pick(l, d.at(17), d.midnight(), (d+1).midnight())+pick(l, -1000, 1000, -second, 10*second), l.w.now+1000)
		}
		if err := l.step(at); err != nil {
			return err
		}
	}
	if err := l.until(l.w.now + 1000); err != nil {
		return err
	}
	if err := l.keep(l.w.now, false); err != nil {
		return err
	}
	return l.afterwards()
}

// begin submits the draft, or records an emergency in its place.
func (l *life) begin(at instant, content caldicott.Content) error {
	if l.chance(75) {
		return l.goes(at, "u-asks", caldicott.Submitting{}, "SUBMITTED", l.submitted)
	}
	l.c.Done, l.c.Request, l.w.past = nil, caldicott.Request{ID: "r", OrganisationID: "org", OrgCode: "RX0", Requester: "u-asks", Emergency: true}, nil
	l.w.state = ""
	disclosed := at - instant(l.rng.IntN(pick(l, 60, 5*24*60)))*60*second
	content.DisclosedAt = disclosed.time().Format(time.RFC3339Nano)
	return l.goes(at, "u-asks", caldicott.RecordingEmergency{Content: content}, "EMERGENCY_RECORDED", func(*caldicott.Turn) {
		l.w.rounds.disclosed, l.w.rounds.recorded = disclosed, l.w.now
	})
}

// submitted begins a round: "A resubmission starts new limits from its own day."
func (l *life) submitted(*caldicott.Turn) {
	l.w.rounds.submitted, l.w.rounds.pauses = l.w.now, nil
}

// steps are from which states each deed is possible (lifecycle.md, "Request: possible steps").
var steps = map[caldicott.Action]string{
	caldicott.Submit: "DRAFT", caldicott.Triage: "SUBMITTED", caldicott.Ask: "TRIAGE IN_REVIEW", caldicott.Answer: "AWAITING_INFORMATION",
	caldicott.PutForward: "TRIAGE", caldicott.SetAside: "TRIAGE", caldicott.Open: "READY_FOR_DECISION AWAITING_RATIFICATION",
	caldicott.Decide: "IN_REVIEW", caldicott.Resubmit: "DECIDED", caldicott.SeekRatification: "EMERGENCY_RECORDED",
	caldicott.Withdraw: "DRAFT SUBMITTED TRIAGE AWAITING_INFORMATION READY_FOR_DECISION IN_REVIEW",
}

// goes is a step of the request to another state.
func (l *life) goes(at instant, by string, d caldicott.Deed, to string, happens func(*caldicott.Turn)) error {
	possible := func() bool {
		if a := d.Action(); l.w.rounds.disclosed != 0 && (a == caldicott.Withdraw || a == caldicott.SetAside) {
			return false // "An emergency is never withdrawn nor set aside."
		}
		return slices.Contains(strings.Fields(steps[d.Action()]), l.w.state) || d.Action() == caldicott.RecordEmergency
	}
	if err := l.do(at, by, "", possible, d, func(t *caldicott.Turn) {
		l.w.state = to
		if happens != nil {
			happens(t)
		}
	}); err != nil {
		return err
	}
	now := *l.c
	now.Pass(l.w.now.time())
	if string(now.Request.State) != l.w.state {
		return fmt.Errorf("the request is %s at %s and ought to be %s", now.Request.State, l.w.now, l.w.state)
	}
	return nil
}

// step is one of the next deeds; now and then one that is not possible.
func (l *life) step(at instant) error {
	state := l.w.state
	if l.chance(5) {
		state = pick(l, "SUBMITTED", "TRIAGE", "AWAITING_INFORMATION", "READY_FOR_DECISION", "IN_REVIEW", "DECIDED")
	}
	if l.chance(1) {
		return l.goes(at, "u-asks", caldicott.Withdrawing{Reason: "Not needed."}, "WITHDRAWN", nil)
	}
	asks := func() error {
		d := caldicott.Asking{Questions: []caldicott.Question{{Text: "Why?"}}}
		return l.goes(at, "u-ig", d, "AWAITING_INFORMATION", func(*caldicott.Turn) {
			l.w.rounds.pauses = append(l.w.rounds.pauses, pause{from: l.w.now})
		})
	}
	switch state {
	case "SUBMITTED":
		if l.chance(50) {
			return l.until(at)
		}
		return l.goes(at, "u-ig", caldicott.Triaging{}, "TRIAGE", nil)
	case "TRIAGE":
		switch l.rng.IntN(10) {
		case 0, 1, 2, 3:
			return asks()
		case 4:
			if l.chance(30) {
				d := caldicott.SettingAside{Outcome: "NOT_REQUIRED", Reason: "Not needed."}
				return l.goes(at, "u-ig", d, "DECIDED", func(t *caldicott.Turn) { l.happened(t, nil) })
			}
			return l.until(at)
		}
		return l.goes(at, "u-ig", caldicott.PuttingForward{Recommendation: "Weigh it."}, "READY_FOR_DECISION", nil)
	case "AWAITING_INFORMATION":
		if l.chance(30) {
			return l.until(at)
		}
		d := caldicott.Answering{Answers: []caldicott.Answered{{Question: 1, Text: "Because."}}}
		return l.goes(at, "u-asks", d, "TRIAGE", func(*caldicott.Turn) {
			l.w.rounds.pauses[len(l.w.rounds.pauses)-1].to = l.w.now
		})
	case "EMERGENCY_RECORDED":
		return l.goes(at, "u-asks", caldicott.SeekingRatification{}, "AWAITING_RATIFICATION", nil)
	case "READY_FOR_DECISION", "AWAITING_RATIFICATION":
		return l.goes(at, "u-guardian", caldicott.Opening{Conflict: "NONE"}, "IN_REVIEW", nil)
	case "IN_REVIEW":
		if l.chance(30) {
			return asks()
		}
		return l.decided(at)
	case "DECIDED":
		if l.chance(40) {
			return l.resubmitted(at)
		}
		if v := l.w.verdict(); l.chance(20) && v != nil {
			return l.appeal(at, v)
		}
	case "CLOSED": // a lapsed request may be brought back
		if v := l.w.verdict(); l.chance(50) && v != nil {
			return l.appeal(at, v)
		}
	}
	if l.chance(50) {
		return l.until(at)
	}
	if l.chance(10) {
		return l.linkIncident(at, nil)
	}
	return l.dispute(at)
}

// decided: not approved, mostly sent back.
func (l *life) decided(at instant) error {
	if err := l.reach(at); err != nil {
		return err
	}
	d := caldicott.Deciding{Outcome: pick[vocabulary.Outcome](l, "DEFER", "DEFER", "DEFER", "REFER", "REFUSE"), Rationale: "Weighed.", Principles: allMet}
	if l.w.rounds.disclosed != 0 {
		d.Outcome = "DECLINE_TO_RATIFY"
	}
	if l.chance(80) {
		d.ReviewDate = (l.w.today + day(l.rng.IntN(pick(l, 4, 12, 40)))).String()
	}
	if l.chance(30) {
		d.Conditions = l.conditions(l.w.today, 1)
	}
	if l.w.state != "IN_REVIEW" {
		return nil // nobody has it open
	}
	return l.goes(l.w.now, "u-guardian", d, "DECIDED", func(t *caldicott.Turn) {
		l.tell("    %s, review %s", d.Outcome, d.ReviewDate)
		l.happened(t, nil)
	})
}

// resubmitted: "DECIDED with DEFER or REFER"; and what a review did not let stand.
func (l *life) resubmitted(at instant) error {
	if err := l.until(at); err != nil {
		return err
	}
	sentBack := map[string]bool{"DEFER": true, "REFER": true, "REVIEW_OVERTURNED": true, "REVIEW_VARIED": true}
	v := l.w.verdict()
	if l.w.state != "DECIDED" || v == nil || !sentBack[v.outcome] || l.w.rounds.disclosed != 0 {
		return nil
	}
	return l.goes(l.w.now, "u-asks", caldicott.Resubmitting{Content: l.c.Content()}, "SUBMITTED", l.submitted)
}
