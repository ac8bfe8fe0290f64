package caldicott

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// A Telling is what somebody is told about a deed: codes and dates, no word of the request. Who it reaches is said by person
// and by role in the request's organisation.
type Telling struct {
	Event  vocabulary.Notice
	People []string
	Roles  []vocabulary.Role
	Wanted vocabulary.Task // "" for nothing
	About  string          // id of what it is about; "" for what the deed was done to
	State  string          // the state of what it is about, once the deed was done
	Due    time.Time
}

// telling begins one.
func telling(event vocabulary.Notice, wanted vocabulary.Task, roles ...vocabulary.Role) Telling {
	return Telling{Event: event, Wanted: wanted, Roles: roles}
}

// to names people besides.
func (t Telling) to(people ...string) Telling {
	for _, p := range people {
		if p != "" {
			t.People = append(t.People, p)
		}
	}
	return t
}

// by gives it a limit.
func (t Telling) by(due time.Time) Telling {
	t.Due = due
	return t
}

// Tell says what follows to be told from the newest deed of the case. Whoever did it is not told of it.
func (h *House) Tell(c *Case, now time.Time) []Telling {
	d := c.Done[len(c.Done)-1]
	tellings := h.tell(c, d, now)
	for i := range tellings {
		if tellings[i].State == "" {
			tellings[i].State = c.stateOf(d.Subject, now)
		}
	}
	return tellings
}

// stateOf is the state of what a deed was done to.
func (c *Case) stateOf(subject string, now time.Time) string {
	if a, ok := c.Authorisation(subject); ok && subject != "" {
		return string(c.AuthorisationState(a, now))
	}
	if x, ok := c.Condition(subject); ok {
		return string(x.State(c.Done, now))
	}
	if r, ok := c.Review(subject); ok {
		return string(r.State())
	}
	return string(c.Request.State)
}

// tell is the table of who is told what.
func (h *House) tell(c *Case, d Done, now time.Time) []Telling {
	const (
		guardian, deputy = vocabulary.RoleCaldicottGuardian, vocabulary.RoleDeputyGuardian
		lead, officer    = vocabulary.RoleIgLead, vocabulary.RoleIgOfficer
	)
	asker, limits := c.Request.Requester, h.Targets.Deadlines(h.Calendar, c.Clock(now))
	due := limits.Decision
	if c.Request.Emergency {
		due = limits.Ratification
	}
	one := func(t Telling) []Telling { return []Telling{t} }
	switch d.Deed {
	case Submit, Resubmit:
		first := limits.Triage
		if first.IsZero() {
			first = due
		}
		return one(telling(vocabulary.NoticeSubmitted, vocabulary.TaskTriage, officer, lead).by(first))
	case RecordEmergency:
		return one(telling(vocabulary.NoticeEmergencyRecorded, vocabulary.TaskSeekRatification, officer, lead, guardian, deputy).by(due))
	case SeekRatification:
		return one(telling(vocabulary.NoticeRatificationWanted, vocabulary.TaskOpen, guardian, deputy).by(due))
	case Ask:
		return one(telling(vocabulary.NoticeQuestionsAsked, vocabulary.TaskAnswer).to(asker))
	case Answer:
		return one(telling(vocabulary.NoticeAnswered, vocabulary.TaskPutForward, officer, lead).by(due))
	case Consult:
		return h.tellConsultees(c, d, due)
	case Advise:
		return one(telling(vocabulary.NoticeAdviceGiven, vocabulary.TaskPutForward, officer, lead).by(due))
	case PutForward:
		return one(telling(vocabulary.NoticeReadyForDecision, vocabulary.TaskOpen, guardian, deputy).by(due))
	case HandBack:
		return one(telling(vocabulary.NoticeHandedBack, vocabulary.TaskOpen).to(d.Target).by(due))
	case Decide:
		return append(one(telling(vocabulary.NoticeDecisionMade, "", officer, lead).to(asker)), c.tellOwners(d)...)
	case SetAside:
		return one(telling(vocabulary.NoticeSetAside, "").to(asker))
	case Withdraw:
		return one(telling(vocabulary.NoticeWithdrawn, "", officer, lead).to(asker))
	case Close:
		if d.By == "" {
			return one(telling(vocabulary.NoticeLapsed, "", lead).to(asker))
		}
		return one(telling(vocabulary.NoticeClosed, "").to(asker))
	}
	if t := h.tellLater(c, d); t != nil {
		return t
	}
	return h.tellKept(c, d)
}

// tellConsultees tells those who were newly asked.
func (h *House) tellConsultees(c *Case, d Done, due time.Time) []Telling {
	var tellings []Telling
	for _, x := range c.Consultations {
		if !x.At.Equal(d.At) {
			continue
		}
		t := telling(vocabulary.NoticeAdviceWanted, vocabulary.TaskAdvise, x.Role).by(due)
		if x.Role == vocabulary.RoleIao {
			t = telling(vocabulary.NoticeAdviceWanted, vocabulary.TaskAdvise).to(c.Content().AssetOwner).by(due)
		}
		if end, err := EndOfDay(x.Due); err == nil {
			t.Due = end
		}
		tellings = append(tellings, t)
	}
	return tellings
}

// tellOwners tells the owners of the conditions that the deed set.
func (c *Case) tellOwners(d Done) []Telling {
	var tellings []Telling
	for _, x := range c.Conditions {
		if !x.At.Equal(d.At) {
			continue
		}
		t := telling(vocabulary.NoticeConditionSet, vocabulary.TaskSubmitEvidence).to(x.Owner)
		t.State, t.About = string(vocabulary.ConditionStateOpen), x.ID
		if end, err := EndOfDay(x.Due); err == nil {
			t.Due = end
		}
		tellings = append(tellings, t)
	}
	return tellings
}

// tellLater are the deeds on what was decided.
func (h *House) tellLater(c *Case, d Done) []Telling {
	const lead, officer, guardian = vocabulary.RoleIgLead, vocabulary.RoleIgOfficer, vocabulary.RoleCaldicottGuardian
	asker := c.Request.Requester
	x, _ := c.Condition(d.Subject)
	one := func(event vocabulary.Notice, wanted vocabulary.Task, roles ...vocabulary.Role) []Telling {
		return []Telling{telling(event, wanted, roles...).to(asker)}
	}
	switch d.Deed {
	case SubmitEvidence:
		return []Telling{telling(vocabulary.NoticeEvidenceSubmitted, vocabulary.TaskJudgeEvidence, officer, lead)}
	case AcceptEvidence:
		return []Telling{telling(vocabulary.NoticeEvidenceAccepted, "").to(x.Owner)}
	case RejectEvidence:
		return []Telling{telling(vocabulary.NoticeEvidenceRejected, vocabulary.TaskSubmitEvidence).to(x.Owner)}
	case WaiveCondition:
		return []Telling{telling(vocabulary.NoticeConditionWaived, "").to(x.Owner)}
	case BreachCondition:
		return []Telling{telling(vocabulary.NoticeConditionBreached, vocabulary.TaskLook, lead, guardian, vocabulary.RoleDeputyGuardian).to(x.Owner)}
	case Suspend:
		return append(one(vocabulary.NoticeAuthorisationSuspended, "", officer, lead), c.tellOwners(d)...)
	case Reinstate:
		return one(vocabulary.NoticeAuthorisationReinstated, "", officer, lead)
	case Revoke:
		return append(one(vocabulary.NoticeAuthorisationRevoked, "", officer, lead), c.tellOwners(d)...)
	case Complete:
		return one(vocabulary.NoticeAuthorisationCompleted, "", lead, guardian)
	case Vary:
		return append(one(vocabulary.NoticeAuthorisationVaried, "", officer, lead), c.tellOwners(d)...)
	case Renew:
		return one(vocabulary.NoticeRenewalBegun, vocabulary.TaskSubmit, lead)
	}
	return h.tellDisputed(c, d)
}

// tellDisputed are reviews, dissent, incidents and risks.
func (h *House) tellDisputed(c *Case, d Done) []Telling {
	const lead, guardian, deputy = vocabulary.RoleIgLead, vocabulary.RoleCaldicottGuardian, vocabulary.RoleDeputyGuardian
	asker := c.Request.Requester
	reviewed, _ := c.DecisionOf(d.Subject)
	switch d.Deed {
	case RequestReview, InviteReviewer:
		r, ok := c.Review(d.Subject)
		if !ok {
			r, _ = c.Review(d.ID)
		}
		reviewed, _ = c.DecisionOf(r.Decision)
		hearing := h.HearingDue(r)
		event, wanted := vocabulary.NoticeReviewRequested, vocabulary.Task("")
		if d.Deed == InviteReviewer {
			event = vocabulary.NoticeReviewerInvited
		}
		if d.Target == "" {
			wanted = vocabulary.TaskDecideReview
		}
		return []Telling{
			telling(event, wanted, lead).to(asker, reviewed.DecidedBy).by(hearing),
			telling(event, vocabulary.TaskDecideReview).to(d.Target).by(hearing),
		}
	case DecideReview:
		r, _ := c.Review(d.Subject)
		first, _ := c.DecisionOf(r.Decision)
		return append([]Telling{telling(vocabulary.NoticeReviewDecided, "", lead, guardian).to(asker, r.By, first.DecidedBy)}, c.tellOwners(d)...)
	case RecordDissent:
		return []Telling{telling(vocabulary.NoticeDissentRecorded, vocabulary.TaskAnswerDissent).to(reviewed.DecidedBy), telling(vocabulary.NoticeDissentRecorded, "", lead)}
	case AnswerDissent:
		x, _ := c.Dissent(d.Subject)
		return []Telling{telling(vocabulary.NoticeDissentAnswered, "", lead).to(x.By)}
	case RecordNotFollowed:
		return []Telling{telling(vocabulary.NoticeAdviceNotFollowed, vocabulary.TaskLook, vocabulary.RoleChiefExecutive, guardian, lead).to(reviewed.DecidedBy)}
	case LinkIncident:
		x, _ := c.Incident(d.ID)
		return []Telling{telling(vocabulary.NoticeIncidentLinked, vocabulary.TaskReportIncident, lead, guardian, deputy).to(c.Request.Requester).by(x.Due)}
	case UpdateIncident:
		return []Telling{telling(vocabulary.NoticeIncidentUpdated, "", lead, guardian)}
	case LinkRisk:
		return []Telling{telling(vocabulary.NoticeRiskLinked, "", lead)}
	}
	return nil
}

// HearingDue is by when a review is to be heard.
func (h *House) HearingDue(r Review) time.Time {
	return closing(nthWorkday(h.Calendar, Today(r.At), h.Clocks.ReviewHearing))
}

// stages are who is told at the first, second and third part of a limit.
var stages = []vocabulary.Role{vocabulary.RoleIgLead, vocabulary.RoleCaldicottGuardian, vocabulary.RoleChiefExecutive}

// tellKept are what the keeper records.
func (h *House) tellKept(c *Case, d Done) []Telling {
	const lead, guardian, deputy = vocabulary.RoleIgLead, vocabulary.RoleCaldicottGuardian, vocabulary.RoleDeputyGuardian
	asker, due := c.Request.Requester, time.Time{}
	if d.Details.Due != nil {
		due = *d.Details.Due
	}
	x, isCondition := c.Condition(d.Subject)
	one := func(event vocabulary.Notice, wanted vocabulary.Task, roles ...vocabulary.Role) []Telling {
		return []Telling{telling(event, wanted, roles...).to(asker).by(due)}
	}
	switch d.Deed {
	case Activate:
		return one(vocabulary.NoticeAuthorisationActivated, "", lead)
	case Expire:
		return one(vocabulary.NoticeAuthorisationExpired, vocabulary.TaskComplete, lead, guardian)
	case Supersede:
		return one(vocabulary.NoticeAuthorisationSuperseded, "", lead)
	case Trip:
		return one(vocabulary.NoticeAuthorisationTripped, vocabulary.TaskReinstateOrRevoke, lead, guardian, deputy)
	case FallDue:
		if isCondition {
			return []Telling{telling(vocabulary.NoticeConditionOverdue, vocabulary.TaskSubmitEvidence, lead, guardian, deputy).to(x.Owner)}
		}
		return one(vocabulary.NoticeReviewDue, vocabulary.TaskRenew, lead, guardian)
	case Remind:
		if isCondition {
			return []Telling{telling(vocabulary.NoticeConditionReminder, vocabulary.TaskSubmitEvidence).to(x.Owner).by(due)}
		}
		return one(vocabulary.NoticeReviewReminder, vocabulary.TaskRenew, lead)
	case Escalate:
		event := vocabulary.NoticeClockEscalated
		if d.Details.Limit == vocabulary.LimitIncident {
			event = vocabulary.NoticeIncidentReportDue
		}
		return []Telling{telling(event, vocabulary.TaskLook, h.stage(d)...).by(due)}
	case ScanDocument:
		if d.Details.Scan == vocabulary.ScanResultInfected {
			f, _ := c.Document(d.Subject)
			return []Telling{telling(vocabulary.NoticeDocumentInfected, vocabulary.TaskLook, lead).to(f.By)}
		}
	}
	return nil
}

// stage says who is told of an escalation: the guardian's is the deputy's too.
func (h *House) stage(d Done) []vocabulary.Role {
	for i, percent := range h.Clocks.Escalation {
		if stageOf(d.Details.Moment) == percent && i < len(stages) {
			if stages[i] == vocabulary.RoleCaldicottGuardian {
				return []vocabulary.Role{stages[i], vocabulary.RoleDeputyGuardian}
			}
			return stages[i : i+1]
		}
	}
	return nil
}

// stageOf reads the percentage out of a moment's name ("DECISION:100:1790000000").
func stageOf(moment string) int {
	parts := strings.Split(moment, ":")
	if len(parts) < 2 {
		return 0
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil {
		return 0
	}
	return n
}

// A Notice is a telling on its way to one person. Its ID stays the same however often it is sent.
type Notice struct {
	ID             string
	Event          vocabulary.Notice
	Wanted         vocabulary.Task
	Recipient      string // user id; "" where Endpoint is told
	Endpoint       string // name of a webhook
	OrganisationID string
	RequestID      string // "" where it is about no request
	Reference      string
	State          string
	Subject        string
	Due, At        time.Time
	Key            string // once for each recipient and deed

	// What became of it: WAITING, SENT, KEPT (in the service only) or DEAD.
	Status    string
	Attempts  int
	SettledAt time.Time
	Fault     string
}

// Audience is who holds which role in an organisation.
type Audience struct {
	UserID string
	Role   vocabulary.Role
}

// Reached are the people whom a telling reaches: named ones, and the holders of its roles.
func (t Telling) Reached(audience []Audience) []string {
	reached := slices.Clone(t.People)
	for _, a := range audience {
		if slices.Contains(t.Roles, a.Role) && !slices.Contains(reached, a.UserID) {
			reached = append(reached, a.UserID)
		}
	}
	slices.Sort(reached)
	return slices.Compact(reached)
}
