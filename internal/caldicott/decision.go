package caldicott

import (
	"slices"
	"strconv"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Judgement is how one of the eight Caldicott Principles was met, in the decider's view.
type Judgement struct {
	Assessment vocabulary.Assessment `json:"assessment"`
	Note       string                `json:"note,omitempty"`
}

// Principles are the eight judgements of a decision.
type Principles map[vocabulary.Principle]Judgement

// Law is what a decision relies on: the version's own, or a part of it.
type Law struct {
	Art6   []vocabulary.Art6  `json:"art6,omitempty"`
	Art9   []vocabulary.Art9  `json:"art9,omitempty"`
	Sch1   []vocabulary.Sch1  `json:"dpa_sch1,omitempty"`
	Basis  vocabulary.Basis   `json:"cldc_basis,omitempty"`
	Powers []vocabulary.Power `json:"statutory_power,omitempty"`
}

// Decision is what somebody with authority said at a moment about one version. It never changes; a later one supersedes.
type Decision struct {
	ID                      string
	N                       int // 1 for the request's first
	Version                 int
	Outcome                 vocabulary.Outcome
	Rationale               string
	DecidedBy               string
	ActingAs                vocabulary.Role
	Appointment, Delegation string
	At                      time.Time
	EnteredAt               time.Time // by the database's clock; zero until it is read back
	Principles              Principles
	Law                     Law
	ReviewDate, ExpiryDate  string
	ReferTo                 []vocabulary.Referral
	HarmStatement           string
	AlternativeOffered      string
	StandingRule            string
	Findings                []Finding
	Authorisation           string // the one that a SUSPEND or REVOKE was about
}

// Approving says whether the outcome permits something.
func Approving(o vocabulary.Outcome) bool {
	return o == vocabulary.OutcomeApprove || o == vocabulary.OutcomeApproveWithConditions || o == vocabulary.OutcomeRatify ||
		o == vocabulary.OutcomeRenew || o == vocabulary.OutcomeVary
}

// Condition is what a decision asks for. Label is its name within the decision (C1); Due a Europe/London day or "".
type Condition struct {
	ID, Label        string
	Decision         string
	Authorisation    string // "" where the decision approved nothing
	Type             vocabulary.ConditionType
	Text             string
	Owner            string
	Due              string
	EvidenceExpected string
	Resolves         []vocabulary.Rule
	At               time.Time
	GraceUntil       string // of a DEADLINE: the last day before its authorisation is suspended, "" without one
}

// State folds the deeds on the condition up to the instant; only a DEADLINE becomes OVERDUE, when its day has ended.
func (x Condition) State(done []Done, at time.Time) vocabulary.ConditionState {
	state := vocabulary.ConditionStateOpen
	for _, d := range done {
		if d.Subject == x.ID && !d.At.After(at) {
			if next, ok := conditionSteps[d.Deed]; ok {
				state = next
			}
		}
	}
	if state == vocabulary.ConditionStateOpen && x.Type == vocabulary.ConditionTypeDeadline && dayOver(x.Due, at) {
		return vocabulary.ConditionStateOverdue
	}
	return state
}

// conditionSteps is where each deed leads a condition.
var conditionSteps = map[Action]vocabulary.ConditionState{
	SubmitEvidence:  vocabulary.ConditionStateEvidenceSubmitted,
	AcceptEvidence:  vocabulary.ConditionStateSatisfied,
	RejectEvidence:  vocabulary.ConditionStateOpen,
	WaiveCondition:  vocabulary.ConditionStateWaived,
	BreachCondition: vocabulary.ConditionStateBreached,
}

// conditionFrom is in which states each deed on a condition is possible.
var conditionFrom = map[Action][]vocabulary.ConditionState{
	SubmitEvidence: {vocabulary.ConditionStateOpen, vocabulary.ConditionStateOverdue},
	AcceptEvidence: {vocabulary.ConditionStateEvidenceSubmitted},
	RejectEvidence: {vocabulary.ConditionStateEvidenceSubmitted},
	WaiveCondition: {vocabulary.ConditionStateOpen, vocabulary.ConditionStateEvidenceSubmitted, vocabulary.ConditionStateOverdue},
	BreachCondition: {vocabulary.ConditionStateOpen, vocabulary.ConditionStateEvidenceSubmitted,
		vocabulary.ConditionStateOverdue, vocabulary.ConditionStateSatisfied},
}

// dayOver says whether the Europe/London day has ended; "" never ends.
func dayOver(day string, at time.Time) bool { return day != "" && Today(at) > day }

// Authorisation is the permission in force: born of an approving decision, bounded by dates and conditions.
type Authorisation struct {
	ID, Decision           string
	Version                int
	ReviewDate, ExpiryDate string
	Ratifies               string    // the emergency's disclosure, where the decision was RATIFY: nothing more may follow under it
	Supersedes             string    // the authorisation in whose place it comes: of this request (vary) or of another (renew)
	SupersededAt           time.Time // zero while none has come in its place
	At                     time.Time
}

// AuthorisationState computes the state at an instant: the first that holds of REVOKED, SUPERSEDED, COMPLETED, EXPIRED,
// SUSPENDED, PENDING_CONDITIONS, REVIEW_DUE, ACTIVE.
func (c *Case) AuthorisationState(a Authorisation, at time.Time) vocabulary.AuthorisationState {
	ended, suspended := c.ends(a, at)
	switch {
	case ended != "":
		return ended
	case dayOver(a.ExpiryDate, at):
		return vocabulary.AuthorisationStateExpired
	case suspended:
		return vocabulary.AuthorisationStateSuspended
	case c.precedentOpen(a, at):
		return vocabulary.AuthorisationStatePendingConditions
	case a.ReviewDate != "" && Today(at) >= a.ReviewDate:
		return vocabulary.AuthorisationStateReviewDue
	}
	return vocabulary.AuthorisationStateActive
}

// ends folds the deeds on the authorisation: what ended it, and whether it is suspended, by somebody or by a trip-wire.
func (c *Case) ends(a Authorisation, at time.Time) (ended vocabulary.AuthorisationState, suspended bool) {
	return c.fold(a, at, at)
}

// fold is what the deeds and trips until the one instant make of an authorisation, with the reviews of suspensions as known
// at another: a suspension that did not stand is as if it had never been, also to what came in the authorisation's place
// meanwhile, and lifts nothing else.
func (c *Case) fold(a Authorisation, until, known time.Time) (ended vocabulary.AuthorisationState, suspended bool) {
	completed, revoked, annulled := a.Ratifies != "", false, false
	if before, varies := c.before(a); varies { // a variation lifts no suspension
		_, suspended = c.fold(before, a.At.Add(-time.Microsecond), known)
	}
	trips := c.Trips(a)
	tripped := func(at time.Time) {
		for len(trips) > 0 && !trips[0].At.After(at) {
			suspended, trips = true, trips[1:]
		}
	}
	for _, d := range c.Done {
		if d.At.After(until) {
			break
		}
		tripped(d.At)
		if d.Deed == DecideReview {
			made, _ := c.DecisionOf(d.Target)
			switch reviewed := c.reviewedFor(made.ID); {
			case made.Outcome != vocabulary.OutcomeReviewOverturned || made.Authorisation != a.ID:
			case reviewed == vocabulary.OutcomeRevoke:
				suspended, revoked = suspended || revoked, false // a guardian looks at it before it stands again
			case reviewed != vocabulary.OutcomeSuspend:
				annulled = true
			}
		}
		if d.Subject != a.ID {
			continue
		}
		switch d.Deed {
		case Suspend:
			suspended = suspended || c.suspends(d, known)
		case Reinstate:
			suspended = false
		case Revoke:
			revoked = true
		case Complete:
			completed = true
		}
	}
	tripped(until)
	switch {
	case revoked, annulled:
		return vocabulary.AuthorisationStateRevoked, suspended
	case !a.SupersededAt.IsZero() && !a.SupersededAt.After(until):
		return vocabulary.AuthorisationStateSuperseded, suspended
	case completed:
		return vocabulary.AuthorisationStateCompleted, suspended
	}
	return "", suspended
}

// SuspendedByItself says whether the authorisation is suspended by a trip-wire and by nobody's decision.
func (c *Case) SuspendedByItself(a Authorisation, at time.Time) bool {
	if c.AuthorisationState(a, at) != vocabulary.AuthorisationStateSuspended {
		return false
	}
	d, found := Done{}, false
	for _, x := range c.Done {
		if x.Subject == a.ID && (x.Deed == Suspend && c.suspends(x, at) || x.Deed == Reinstate) && !x.At.After(at) {
			d, found = x, true
		}
	}
	return !found || d.Deed == Reinstate
}

// precedentOpen says whether a condition precedent is neither satisfied nor waived.
func (c *Case) precedentOpen(a Authorisation, at time.Time) bool {
	return slices.ContainsFunc(c.Conditions, func(x Condition) bool {
		if x.Type != vocabulary.ConditionTypePrecedent || !c.Governs(x, a) {
			return false
		}
		state := x.State(c.Done, at)
		return state != vocabulary.ConditionStateSatisfied && state != vocabulary.ConditionStateWaived
	})
}

// Governs says whether the condition governs the authorisation: it was made for it, or for the one that it varies.
func (c *Case) Governs(x Condition, a Authorisation) bool {
	return x.Authorisation != "" && c.descends(a, x.Authorisation)
}

// descends says whether the authorisation is the one named, or came in its place within the request.
func (c *Case) descends(a Authorisation, id string) bool {
	for a.ID != id {
		before, varies := c.before(a)
		if !varies {
			return false
		}
		a = before
	}
	return true
}

// before is the authorisation of this request in whose place the one given came; false for one that varies none.
func (c *Case) before(a Authorisation) (Authorisation, bool) {
	if a.Supersedes == "" {
		return Authorisation{}, false
	}
	return c.Authorisation(a.Supersedes)
}

// InForce says whether a disclosure may be made in that state.
func InForce(s vocabulary.AuthorisationState) bool {
	return s == vocabulary.AuthorisationStateActive || s == vocabulary.AuthorisationStateReviewDue
}

// StillOpen says whether the authorisation keeps its request from being closed.
func StillOpen(s vocabulary.AuthorisationState) bool {
	return InForce(s) || s == vocabulary.AuthorisationStatePendingConditions || s == vocabulary.AuthorisationStateSuspended
}

// authorisationFrom is in which states each deed on an authorisation is possible.
var authorisationFrom = map[Action][]vocabulary.AuthorisationState{
	Suspend:   {vocabulary.AuthorisationStateActive, vocabulary.AuthorisationStateReviewDue},
	Reinstate: {vocabulary.AuthorisationStateSuspended},
	Revoke: {vocabulary.AuthorisationStatePendingConditions, vocabulary.AuthorisationStateActive,
		vocabulary.AuthorisationStateReviewDue, vocabulary.AuthorisationStateSuspended},
	Complete: {vocabulary.AuthorisationStateActive, vocabulary.AuthorisationStateReviewDue,
		vocabulary.AuthorisationStateSuspended, vocabulary.AuthorisationStateExpired},
	Vary: {vocabulary.AuthorisationStatePendingConditions, vocabulary.AuthorisationStateActive,
		vocabulary.AuthorisationStateReviewDue, vocabulary.AuthorisationStateSuspended},
	Renew: {vocabulary.AuthorisationStatePendingConditions, vocabulary.AuthorisationStateActive,
		vocabulary.AuthorisationStateReviewDue, vocabulary.AuthorisationStateSuspended, vocabulary.AuthorisationStateExpired},
	RecordSupport: {vocabulary.AuthorisationStatePendingConditions, vocabulary.AuthorisationStateActive,
		vocabulary.AuthorisationStateReviewDue, vocabulary.AuthorisationStateSuspended},
}

// Disclosure is what really left. It never changes. Exception is why it was not covered, "" where it was: not being
// allowed never keeps it from being recorded.
type Disclosure struct {
	ID            string
	Authorisation string
	Recipient     string // an organisation's code, or the position in the version's list ("0")
	Records       *int   // nil: not known
	Method        vocabulary.TransferMethod
	DisclosedAt   time.Time
	RecordedAt    time.Time
	By            string
	Exception     vocabulary.ExceptionReason
	Note          string
}

// Regularised says whether a later decision put the exception right: a ratified emergency, unless a review did not let the
// ratification stand.
func (c *Case) Regularised(d Disclosure) bool {
	return slices.ContainsFunc(c.Authorisations, func(a Authorisation) bool { return a.Ratifies == d.ID && !c.overturned(a.Decision) })
}

// overturned says whether a review did not let the decision stand.
func (c *Case) overturned(decision string) bool {
	return slices.ContainsFunc(c.Reviews(), func(r Review) bool {
		return r.Decision == decision && r.Outcome == vocabulary.OutcomeReviewOverturned
	})
}

// suspends says whether the decision that came with the deed suspend was not overturned by the instant.
func (c *Case) suspends(d Done, at time.Time) bool {
	return !slices.ContainsFunc(c.Reviews(), func(r Review) bool {
		x, _ := c.DecisionOf(r.Decision)
		return r.Outcome == vocabulary.OutcomeReviewOverturned && !r.Ended.After(at) &&
			x.Outcome == vocabulary.OutcomeSuspend && x.Authorisation == d.Subject && x.At.Equal(d.At)
	})
}

// Covers says whether a release to the recipient at the instant is allowed; otherwise why it is not. The authorisation
// is the newest of that instant unless named.
func (c *Case) Covers(authorisation, recipient string, at time.Time) (Authorisation, vocabulary.ExceptionReason) {
	if authorisation == "" {
		authorisation = c.standing(at)
	}
	a, ok := c.Authorisation(authorisation)
	if !ok {
		return Authorisation{}, vocabulary.ExceptionReasonNoAuthorisation
	}
	if at.Before(a.At) || !InForce(c.AuthorisationState(a, at)) {
		return a, vocabulary.ExceptionReasonNotInForce
	}
	if !names(c.Decided[a.Version].Recipients, recipient) {
		return a, vocabulary.ExceptionReasonRecipientNotCovered
	}
	return a, ""
}

// standing is the newest authorisation that there was at the instant; "" where there was none yet.
func (c *Case) standing(at time.Time) string {
	for _, a := range slices.Backward(c.Authorisations) {
		if !at.Before(a.At) {
			return a.ID
		}
	}
	return ""
}

// names says whether the list names the recipient: by organisation code, else by position for one without a code.
func names(list []Recipient, recipient string) bool {
	if slices.ContainsFunc(list, func(r Recipient) bool { return r.OrgCode != "" && r.OrgCode == recipient }) {
		return true
	}
	n, err := strconv.Atoi(recipient)
	return err == nil && strconv.Itoa(n) == recipient && n >= 0 && n < len(list) && list[n].OrgCode == ""
}
