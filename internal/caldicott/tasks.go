package caldicott

import (
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// A Task is something that waits for somebody: one person, or whoever holds one of the roles in the request's organisation.
// It follows from the case alone and is never stored as truth.
type Task struct {
	Name    vocabulary.Task
	Subject string // the authorisation, condition, review … that it is about; "" for the request itself
	Person  string
	Roles   []vocabulary.Role
	Not     []string // user ids that separation of duties keeps from it
	Limit   vocabulary.Limit
	From    time.Time // when it appears
	Due     time.Time // zero where nothing limits it
}

var (
	governance = []vocabulary.Role{vocabulary.RoleIgOfficer, vocabulary.RoleIgLead}
	deciders   = []vocabulary.Role{vocabulary.RoleCaldicottGuardian, vocabulary.RoleDeputyGuardian}
)

// Tasks are what waits for whom, from the instant on: what a date brings up later has a later From.
func (h *House) Tasks(c *Case, now time.Time) []Task {
	tasks := h.requestTasks(c, now)
	for _, a := range c.Authorisations {
		tasks = append(tasks, h.authorisationTasks(c, a, now)...)
	}
	tasks = append(tasks, h.conditionTasks(c, now)...)
	return append(tasks, h.hangingTasks(c, now)...)
}

// parties are kept from deciding by SD1.
func (c *Case) parties() []string {
	content := c.Content()
	var ids []string
	for _, id := range []string{c.Request.Requester, content.Sponsor, content.AssetOwner} {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// kept are whom SD1, SD3, SD4 and SD9 keep from opening it to decide.
func (c *Case) kept() []string {
	ids := c.parties()
	add := func(id string) {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if c.Request.Emergency {
		add(c.Content().ApprovedBy)
	}
	for _, d := range c.Done {
		if d.Deed == Triage || d.Deed == Consult || d.Deed == Waive || d.Deed == PutForward {
			add(d.By)
		}
	}
	for _, x := range c.Declarations {
		if c.opened(x.By) {
			add(x.By)
		}
	}
	for _, d := range c.Decisions {
		if c.notLetStand(d.DecidedBy) {
			add(d.DecidedBy)
		}
	}
	return ids
}

// requestTasks are the next steps of the request itself.
func (h *House) requestTasks(c *Case, now time.Time) []Task {
	due := h.Targets.Deadlines(h.Calendar, c.Clock(now))
	since := c.Done[len(c.Done)-1].At
	requester := func(name vocabulary.Task) Task {
		return Task{Name: name, Person: c.Request.Requester, From: since}
	}
	decision, limit := due.Decision, vocabulary.LimitDecision
	if c.Request.Emergency {
		decision, limit = due.Ratification, vocabulary.LimitRatification
	}
	handling := func(name vocabulary.Task) Task {
		return Task{Name: name, Roles: governance, From: since, Due: decision, Limit: limit}
	}
	var tasks []Task
	switch c.Request.State {
	case drafting:
		tasks = append(tasks, requester(vocabulary.TaskSubmit))
	case submitted:
		tasks = append(tasks, Task{Name: vocabulary.TaskTriage, Roles: governance, Not: []string{c.Request.Requester}, From: since, Due: due.Triage, Limit: vocabulary.LimitTriage})
		if due.Triage.IsZero() {
			tasks[0].Due, tasks[0].Limit = decision, limit
		}
	case triage, consulted:
		tasks = append(tasks, handling(vocabulary.TaskPutForward))
	case awaiting:
		tasks = append(tasks, requester(vocabulary.TaskAnswer))
	case ready, ratifying:
		tasks = append(tasks, Task{Name: vocabulary.TaskOpen, Roles: deciders, Not: c.kept(), From: since, Due: decision, Limit: limit})
		if d, ok := c.last(HandBack, PutForward, SeekRatification); ok && d.Deed == HandBack {
			tasks[0].Person, tasks[0].Roles = d.Target, nil
		}
	case reviewing:
		tasks = append(tasks, Task{Name: vocabulary.TaskDecide, Person: c.OpenedBy(), From: since, Due: decision, Limit: limit})
	case emergency:
		tasks = append(tasks, handling(vocabulary.TaskSeekRatification))
	case decided:
		if last, _ := c.Decision(); sentBackFor(last) {
			t := requester(vocabulary.TaskResubmit)
			if at, ok := c.lapse(); ok {
				t.Due, t.Limit = at, vocabulary.LimitDecision
			}
			tasks = append(tasks, t)
		}
	}
	if c.Request.Emergency && undecided(c.Request.State) && len(h.chase(c)) > 0 {
		t := requester(vocabulary.TaskCompleteEmergencyRecord)
		t.Due, t.Limit = due.Ratification, vocabulary.LimitRatification
		tasks = append(tasks, t)
	}
	return append(tasks, h.adviceTasks(c, decision)...)
}

// sentBackFor says whether the decision leaves it to the requester to come back.
func sentBackFor(d Decision) bool {
	return d.Outcome == vocabulary.OutcomeDefer || d.Outcome == vocabulary.OutcomeRefer ||
		d.Outcome == vocabulary.OutcomeReviewOverturned || d.Outcome == vocabulary.OutcomeReviewVaried && d.Authorisation == ""
}

// emergencyFields are the ten fields of an emergency's record, less the two without which it is not recorded at all.
var emergencyFields = []struct {
	name  string
	blank func(Content) bool
}{
	{"external_requester.organisation", func(c Content) bool { return c.ExternalRequester != nil && blank(c.ExternalRequester.Organisation) }},
	{"external_requester.contact_role", func(c Content) bool { return c.ExternalRequester != nil && blank(c.ExternalRequester.ContactRole) }},
	{"external_requester.verified_method", func(c Content) bool {
		return c.ExternalRequester != nil && blank(c.ExternalRequester.VerifiedMethod)
	}},
	{"purpose", func(c Content) bool { return blank(c.Purpose) }},
	{"legal.cldc_basis", func(c Content) bool { return c.Legal.Basis == "" }},
	{"less_identifiable_alternative", func(c Content) bool { return blank(c.Alternative) }},
	{"approved_by", func(c Content) bool { return blank(c.ApprovedBy) }},
	{"transparency.patient_informed", func(c Content) bool { return c.Transparency.PatientInformed == nil }},
}

// chase are the fields of an emergency's record that are still blank: what somebody must be asked for.
func (h *House) chase(c *Case) []string {
	var fields []string
	for _, f := range emergencyFields {
		if f.blank(c.Content()) {
			fields = append(fields, f.name)
		}
	}
	return fields
}

// Chase are the blank fields of an emergency that waits for ratification; nil for any other request.
func (h *House) Chase(c *Case) []string {
	if !c.Request.Emergency || !undecided(c.Request.State) {
		return nil
	}
	return h.chase(c)
}

// adviceTasks wait for the consultees who were asked.
func (h *House) adviceTasks(c *Case, decision time.Time) []Task {
	if s := c.Request.State; s != triage && s != consulted && s != ready && s != reviewing && s != ratifying && (s != decided || !c.Pressing()) {
		return nil
	}
	var tasks []Task
	for _, x := range c.Consultations {
		if c.settled(x.Role) {
			continue
		}
		t := Task{Name: vocabulary.TaskAdvise, Roles: []vocabulary.Role{x.Role}, Not: []string{c.Request.Requester}, From: x.At, Due: decision, Limit: vocabulary.LimitDecision}
		if x.Role == vocabulary.RoleIao {
			t.Person, t.Roles = c.Content().AssetOwner, nil
		}
		if end, err := EndOfDay(x.Due); err == nil {
			t.Due = end
		}
		tasks = append(tasks, t)
	}
	return tasks
}

// authorisationTasks: to renew what comes to its review or end, to look at what was suspended by itself.
func (h *House) authorisationTasks(c *Case, a Authorisation, now time.Time) []Task {
	state := c.AuthorisationState(a, now)
	if a.Ratifies != "" {
		return nil
	}
	if state == vocabulary.AuthorisationStateSuspended {
		return []Task{{Name: vocabulary.TaskReinstateOrRevoke, Subject: a.ID, Roles: deciders, Not: c.parties(), From: now}}
	}
	var tasks []Task
	end, limit := a.ReviewDate, vocabulary.LimitReview
	if end == "" {
		end, limit = a.ExpiryDate, vocabulary.LimitExpiry
	}
	begun := slices.ContainsFunc(c.Done, func(d Done) bool { return d.Deed == Renew && d.Subject == a.ID })
	if due, err := StartOfDay(end); err == nil && StillOpen(state) && !begun {
		from := due
		if first, err := addDays(end, -slices.Max(h.Clocks.ReviewReminders)); err == nil {
			if at, err := StartOfDay(first); err == nil {
				from = at
			}
		}
		tasks = append(tasks, Task{Name: vocabulary.TaskRenew, Subject: a.ID, Person: c.Request.Requester, Limit: limit, From: from, Due: due})
	}
	for _, t := range c.Trips(a) {
		if StillOpen(state) && t.At.After(now) {
			tasks = append(tasks, Task{Name: vocabulary.TaskReinstateOrRevoke, Subject: a.ID, Roles: deciders, Not: c.parties(), From: t.At})
		}
	}
	if expiry, err := EndOfDay(a.ExpiryDate); err == nil && (StillOpen(state) || state == vocabulary.AuthorisationStateExpired) &&
		isTrue(c.Decided[a.Version].Retention.CertificateRequired) {
		tasks = append(tasks, Task{Name: vocabulary.TaskComplete, Subject: a.ID, Roles: governance, From: expiry})
	}
	return tasks
}

// conditionTasks wait for the owners, and for somebody to judge what they say.
func (h *House) conditionTasks(c *Case, now time.Time) []Task {
	var tasks []Task
	for _, x := range c.Conditions {
		if c.pointless(x, now) {
			continue
		}
		t := Task{Subject: x.ID, From: x.At}
		if due, err := EndOfDay(x.Due); err == nil {
			t.Due, t.Limit = due, vocabulary.LimitCondition
		}
		switch x.State(c.Done, now) {
		case vocabulary.ConditionStateOpen, vocabulary.ConditionStateOverdue:
			t.Name, t.Person = vocabulary.TaskSubmitEvidence, x.Owner
		case vocabulary.ConditionStateEvidenceSubmitted:
			t.Name, t.Roles, t.Not = vocabulary.TaskJudgeEvidence, governance, []string{x.Owner}
		default:
			continue
		}
		tasks = append(tasks, t)
	}
	return tasks
}

// hangingTasks wait for reviewers, for a decider's answer to a dissent, and for the report of an incident.
func (h *House) hangingTasks(c *Case, now time.Time) []Task {
	var tasks []Task
	for _, r := range h.Running(c, now) {
		switch r.Limit {
		case vocabulary.LimitHearing:
			x, _ := c.Review(r.Subject)
			t := Task{Name: vocabulary.TaskDecideReview, Subject: r.Subject, Person: x.Reviewer, Limit: r.Limit, From: x.At, Due: r.Due}
			if x.Reviewer == "" {
				t.Roles = []vocabulary.Role{vocabulary.RoleIgLead} // somebody must be invited
			}
			tasks = append(tasks, t)
		case vocabulary.LimitIncident:
			x, _ := c.Incident(r.Subject)
			tasks = append(tasks, Task{Name: vocabulary.TaskReportIncident, Subject: r.Subject, Roles: governance, Limit: r.Limit, From: x.LinkedAt, Due: r.Due})
		}
	}
	for _, x := range c.Dissents() {
		if d, ok := c.DecisionOf(x.Decision); ok && x.AnsweredBy == "" {
			tasks = append(tasks, Task{Name: vocabulary.TaskAnswerDissent, Subject: x.ID, Person: d.DecidedBy, From: x.At})
		}
	}
	return tasks
}

// Left is how long there is.
type Left struct {
	Minutes     int64 // of working time where the limit is in working days, else as they pass; negative once it is over
	WorkingDays int   // after today, up to and with the day of the limit
}

// Hours of work, in which the minutes of a limit in working days are counted.
const openingHour = 9

// Left says what is left of a limit at the instant: of one in elapsed hours as time passes, of any other in working time.
func (h *House) Left(l vocabulary.Limit, urgency vocabulary.Urgency, now, due time.Time) Left {
	days := workdaysBetween(h.Calendar, Today(now), Today(due))
	if l == vocabulary.LimitIncident || l == vocabulary.LimitRecord || (l == vocabulary.LimitDecision && (urgency == vocabulary.UrgencyUrgent || urgency == vocabulary.UrgencyEmergency)) {
		return Left{Minutes: int64(due.Sub(now) / time.Minute), WorkingDays: days}
	}
	if now.After(due) {
		return Left{Minutes: -h.workingMinutes(due, now), WorkingDays: -workdaysBetween(h.Calendar, Today(due), Today(now))}
	}
	return Left{Minutes: h.workingMinutes(now, due), WorkingDays: days}
}

// workingMinutes counts the minutes from 9:00 to 17:00 of working days between two instants.
func (h *House) workingMinutes(from, to time.Time) int64 {
	var sum time.Duration
	for day := Today(from); day != "" && day <= Today(to); {
		opening, err := At(day, openingHour, 0, 0)
		end := closing(day)
		if err == nil && h.Calendar.Workday(day) {
			if opening.Before(from) {
				opening = from
			}
			if end.After(to) {
				end = to
			}
			if end.After(opening) {
				sum += end.Sub(opening)
			}
		}
		next, err := addDays(day, 1)
		if err != nil {
			break
		}
		day = next
	}
	return int64(sum / time.Minute)
}

// Working counts the working days from one instant's day to another's, as the house's own history does.
func (h *House) Working(from, to time.Time) int {
	return workdaysBetween(h.Calendar, Today(from), Today(to))
}
