package caldicott

import (
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Request is what somebody asks, as far as its row goes. Revision counts the writes and is its ETag.
type Request struct {
	ID, Reference           string
	OrganisationID, OrgCode string
	Requester               string
	Emergency               bool
	Renews                  string // the authorisation that it would renew; "" for any other request
	State                   State
	Version                 int
	Revision                int
	CreatedAt               time.Time
}

// Version is one state of the content. Once submitted on, it never changes; a later one takes its place.
type Version struct {
	N         int
	Content   Content
	By        string
	At        time.Time
	Confirmed []Confirmation
	Erased    *[32]byte // the digest of what it was before its words were erased; nil otherwise
}

// VersionMark is a version without its content. Digest is SHA-256 over the content's bytes.
type VersionMark struct {
	N      int
	By     string
	At     time.Time
	Digest [32]byte
}

// Mark is the version without its content.
func (v Version) Mark() VersionMark {
	m := VersionMark{N: v.N, By: v.By, At: v.At, Digest: v.Content.Digest()}
	if v.Erased != nil {
		m.Digest = *v.Erased
	}
	return m
}

// Done is a deed that was done; By is "" where the keeper did it. The rows of what was done, in order, are the request's
// own history: its state, who opened it, its pauses, and the states of its authorisation and conditions are folds over them.
type Done struct {
	ID                                string
	Deed                              Action
	By                                string
	ActingAs, Appointment, Delegation string
	At                                time.Time
	From, To                          State
	Version                           int
	Subject                           string // the decision, authorisation, condition or disclosure it was done to
	Target                            string // the person it was handed or addressed to
	Details                           Details
}

// Details are the words of a deed. They are stored with it and committed to in the trail, never in the trail itself.
type Details struct {
	Reason         string            `json:"reason,omitempty"`
	Text           string            `json:"text,omitempty"`
	Recommendation string            `json:"recommendation,omitempty"`
	Questions      []Question        `json:"questions,omitempty"`
	Answers        []Answered        `json:"answers,omitempty"`
	Missing        []vocabulary.Role `json:"missing,omitempty"`
	Role           vocabulary.Role   `json:"role,omitempty"`
	Incident       string            `json:"incident,omitempty"`
	Certificate    string            `json:"certificate,omitempty"`
	Later          `json:",omitempty"`
	Confirmed      []Confirmation `json:"not_identifiers,omitempty"`
	Findings       []Finding      `json:"findings,omitempty"`
	Flags          []Flag         `json:"flags,omitempty"`
}

// Flag is something that a deed may be done with and that somebody should look at.
type Flag string

// Flags. The first: who allowed an emergency's disclosure was no emergency approver then. The second: who opened has a tie
// to the case and a review guardian should read it too (by a comment).
const (
	ApproverNotAppointed Flag = "APPROVER_NOT_APPOINTED"
	SecondRead           Flag = "SECOND_READ_BY_REVIEW_GUARDIAN"
)

// Question is asked of the requester, tied to a field of the content or general (Field "").
type Question struct {
	N     int    `json:"n"`
	Field string `json:"field,omitempty"`
	Text  string `json:"text"`
}

// Answered is the requester's answer to question N.
type Answered struct {
	Question int    `json:"question"`
	Text     string `json:"text"`
}

// Consultation is a role asked for its view. Mandatory ones are added by the service (policy/consultees.csv).
type Consultation struct {
	ID        string
	Role      vocabulary.Role
	Mandatory bool
	Due       string // a Europe/London day, "" without one
	By        string
	At        time.Time
}

// Advice is a consultee's view, on the version that it carries.
type Advice struct {
	ID      string
	Role    vocabulary.Role
	View    vocabulary.View
	Text    string
	Version int
	By      string
	At      time.Time
}

// Waiver lets a consultation go, with a reason.
type Waiver struct {
	ID     string
	Role   vocabulary.Role
	Reason string
	By     string
	At     time.Time
}

// Declaration is what the person who opened a case said about their own interests. Insert-only (SD9).
type Declaration struct {
	ID      string
	By      string
	Type    vocabulary.Conflict
	Note    string
	Version int
	At      time.Time
}

// Remark is a comment: append-only and private to the staff who handle the request.
type Remark struct {
	ID, By, Text string
	At           time.Time
}

// Case is a request with everything that hangs on it, as it stood when it was read. Content is the current version;
// Decided holds the versions that decisions were made on, by number; Erased the digests that those of them had whose words were
// erased since.
type Case struct {
	Request        Request
	Current        Version
	Decided        map[int]Content
	Erased         map[int][32]byte
	Done           []Done
	Consultations  []Consultation
	Advice         []Advice
	Waivers        []Waiver
	Declarations   []Declaration
	Decisions      []Decision
	Conditions     []Condition
	Authorisations []Authorisation
	Disclosures    []Disclosure
	Assurances     []Assurance // of the organisations that its version, or an authorised one, names as recipients
}

// DecidedDigest is what submitting pinned of a version that a decision was made on, whatever became of its words.
func (c *Case) DecidedDigest(version int) [32]byte {
	if digest, erased := c.Erased[version]; erased {
		return digest
	}
	return c.Decided[version].Digest()
}

// Content is the version that stands now.
func (c *Case) Content() Content { return c.Current.Content }

// last finds the newest deed of any of the kinds.
func (c *Case) last(kinds ...Action) (Done, bool) {
	for _, d := range slices.Backward(c.Done) {
		if slices.Contains(kinds, d.Deed) {
			return d, true
		}
	}
	return Done{}, false
}

// OpenedBy is who opened the case last, "" where nobody has since it was last handed back or put forward.
func (c *Case) OpenedBy() string {
	d, ok := c.last(Open, HandBack, PutForward, SeekRatification)
	if !ok || d.Deed != Open {
		return ""
	}
	return d.By
}

// HandedTo says whether the case was handed to the person at any time.
func (c *Case) HandedTo(userID string) bool {
	return slices.ContainsFunc(c.Done, func(d Done) bool { return d.Deed == HandBack && d.Target == userID })
}

// SubmittedAt is when the current round began: the last submission or resubmission; zero before.
func (c *Case) SubmittedAt() time.Time {
	d, _ := c.last(Submit, Resubmit)
	return d.At
}

// RecordedAt is when an emergency was recorded.
func (c *Case) RecordedAt() time.Time {
	d, _ := c.last(RecordEmergency)
	return d.At
}

// DisclosedAt is when an emergency's disclosure was made; zero for any other request.
func (c *Case) DisclosedAt() time.Time {
	if !c.Request.Emergency {
		return time.Time{}
	}
	for _, d := range c.Disclosures {
		if d.Exception == vocabulary.ExceptionReasonBeforeAuthorisation {
			return d.DisclosedAt
		}
	}
	return time.Time{}
}

// Pauses are the times of the current round in which the requester had the ball.
func (c *Case) Pauses() []Pause {
	var pauses []Pause
	for _, d := range c.Done {
		switch {
		case d.Deed == Submit || d.Deed == Resubmit:
			pauses = nil
		case d.To == awaiting && d.From != awaiting:
			pauses = append(pauses, Pause{From: d.At})
		case d.From == awaiting && d.To != awaiting && len(pauses) > 0:
			pauses[len(pauses)-1].To = d.At
		}
	}
	return pauses
}

// Asked finds the consultation of a role.
func (c *Case) Asked(role vocabulary.Role) (Consultation, bool) {
	i := slices.IndexFunc(c.Consultations, func(x Consultation) bool { return x.Role == role })
	if i < 0 {
		return Consultation{}, false
	}
	return c.Consultations[i], true
}

// settled says whether the role has answered (on any version) or was waived.
func (c *Case) settled(role vocabulary.Role) bool {
	return slices.ContainsFunc(c.Advice, func(a Advice) bool { return a.Role == role }) ||
		slices.ContainsFunc(c.Waivers, func(w Waiver) bool { return w.Role == role })
}

// Waiting are the roles of the list that have neither answered nor been waived.
func (c *Case) Waiting(mandatory []vocabulary.Role) []vocabulary.Role {
	var waiting []vocabulary.Role
	for _, role := range mandatory {
		if !c.settled(role) {
			waiting = append(waiting, role)
		}
	}
	return waiting
}

// Questions are all questions asked, with their numbers within the request.
func (c *Case) Questions() []Question {
	var all []Question
	for _, d := range c.Done {
		all = append(all, d.Details.Questions...)
	}
	return all
}

// Decision is the newest decision about the request as a whole: of decide, set_aside, vary, or a review that did not let
// one of these stand; or false.
func (c *Case) Decision() (Decision, bool) {
	for _, d := range slices.Backward(c.Decisions) {
		if restraining(d.Outcome) || d.Outcome == vocabulary.OutcomeReviewUpheld {
			continue
		}
		if restraining(c.reviewedFor(d.ID)) {
			continue
		}
		return d, true
	}
	return Decision{}, false
}

// restraining are the outcomes that only hold up or end what another decision permits.
func restraining(o vocabulary.Outcome) bool {
	return o == vocabulary.OutcomeSuspend || o == vocabulary.OutcomeRevoke
}

// reviewedFor is the outcome of the decision of whose review the one named is the result; "" where it is of none.
func (c *Case) reviewedFor(result string) vocabulary.Outcome {
	for _, r := range c.Reviews() {
		if r.Result == result {
			d, _ := c.DecisionOf(r.Decision)
			return d.Outcome
		}
	}
	return ""
}

// DecisionOf finds a decision by id.
func (c *Case) DecisionOf(id string) (Decision, bool) {
	i := slices.IndexFunc(c.Decisions, func(d Decision) bool { return d.ID == id })
	if i < 0 {
		return Decision{}, false
	}
	return c.Decisions[i], true
}

// Authorisation finds one by id; "" means the newest.
func (c *Case) Authorisation(id string) (Authorisation, bool) {
	for _, a := range slices.Backward(c.Authorisations) {
		if id == "" || a.ID == id {
			return a, true
		}
	}
	return Authorisation{}, false
}

// Condition finds one by id.
func (c *Case) Condition(id string) (Condition, bool) {
	i := slices.IndexFunc(c.Conditions, func(x Condition) bool { return x.ID == id })
	if i < 0 {
		return Condition{}, false
	}
	return c.Conditions[i], true
}

// Pressing says whether consultation may follow the decision: a pressing case (V021) or an emergency.
func (c *Case) Pressing() bool { return c.Request.Emergency || Pressing(c.Content()) }

// Circumstances are what the rules need to know besides the content.
func (c *Case) Circumstances(guardians []Guardian, now time.Time) Circumstances {
	return Circumstances{
		Now: now, Guardians: guardians, Emergency: c.Request.Emergency, Recorded: c.RecordedAt(),
		Confirmed: c.Current.Confirmed,
	}
}

// Clock is what the time limits are computed from.
func (c *Case) Clock(now time.Time) Clock {
	return Clock{
		Kind: c.Content().Kind, Purpose: c.Content().PurposeCategory, Urgency: c.Content().Urgency, Submitted: c.SubmittedAt(),
		Disclosed: c.DisclosedAt(), Pauses: c.Pauses(), Now: now,
	}
}

// AsOf gives the case as it stood at the instant: what came later is left out and the state is folded anew. The caller
// sees to Current, which only the store can fetch. False where the request did not exist yet.
func (c Case) AsOf(at time.Time) (Case, bool) {
	after := func(t time.Time) bool { return t.After(at) }
	c.Done = slices.DeleteFunc(slices.Clone(c.Done), func(d Done) bool { return after(d.At) })
	if len(c.Done) == 0 {
		return Case{}, false
	}
	c.Consultations = slices.DeleteFunc(slices.Clone(c.Consultations), func(x Consultation) bool { return after(x.At) })
	c.Advice = slices.DeleteFunc(slices.Clone(c.Advice), func(x Advice) bool { return after(x.At) })
	c.Waivers = slices.DeleteFunc(slices.Clone(c.Waivers), func(x Waiver) bool { return after(x.At) })
	c.Declarations = slices.DeleteFunc(slices.Clone(c.Declarations), func(x Declaration) bool { return after(x.At) })
	c.Decisions = slices.DeleteFunc(slices.Clone(c.Decisions), func(x Decision) bool { return after(x.At) })
	c.Conditions = slices.DeleteFunc(slices.Clone(c.Conditions), func(x Condition) bool { return after(x.At) })
	c.Authorisations = slices.DeleteFunc(slices.Clone(c.Authorisations), func(x Authorisation) bool { return after(x.At) })
	c.Disclosures = slices.DeleteFunc(slices.Clone(c.Disclosures), func(x Disclosure) bool { return after(x.RecordedAt) })
	c.Assurances = slices.DeleteFunc(slices.Clone(c.Assurances), func(x Assurance) bool { return after(x.At) })
	for i := range c.Authorisations {
		if after(c.Authorisations[i].SupersededAt) {
			c.Authorisations[i].SupersededAt = time.Time{}
		}
	}
	newest := c.Done[len(c.Done)-1]
	c.Request.State, c.Request.Version = newest.To, newest.Version
	if c.SubmittedAt().IsZero() && !c.Request.Emergency {
		c.Request.Reference = ""
	}
	c.Pass(at)
	return c, true
}
