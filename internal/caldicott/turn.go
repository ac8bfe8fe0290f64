package caldicott

import (
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// House is what every case is judged by: read once at start, never changed.
type House struct {
	Rules      Rulebook
	Consultees Consultees
	Targets    Targets
	Clocks     Clocks
	Retention  Schedule
	Calendar   Calendar
}

// Capacity is in which role, by which appointment and under which delegation somebody acts.
type Capacity struct {
	Role                    vocabulary.Role
	Appointment, Delegation string
}

// A Turn is one person's move in one case at one instant. It has no clock, no store and no policy of its own: casework
// fills it, asks it in the order of checks, and writes down its Change.
type Turn struct {
	House     *House
	By        Actor
	Acting    Capacity
	Chosen    Standing  // the standing that Authorise found the capacity by
	Now       time.Time // UTC, whole microseconds
	Guardians []Guardian
	Case      *Case
	Subject   string // the authorisation or condition that the deed is done to
	Confirmed []Confirmation

	// Acquainted says what is wrong with the people that a body names, by the field that names them.
	Acquainted func(named map[string]string) ([]FieldError, error)
	// FindReviewer names somebody who may hear a review, "" where nobody can be found.
	FindReviewer func() (string, error)
	// RuleOff says whether the standing rule for a kind of request is switched off (sampling).
	RuleOff func(kind vocabulary.Kind) (bool, error)
	// Begins is the id of the request that renew begins.
	Begins string
	// Appointed says whether somebody held a role in the organisation at an instant.
	Appointed func(userID string, role vocabulary.Role, at time.Time) (bool, error)
	// NewID gives a fresh UUIDv7; Reference the next reference of the organisation in the year.
	NewID     func() string
	Reference func(year int) (string, error)

	Change   Change
	Fired    []Finding // of the identifier guard, on what was said in this deed
	problems []FieldError
}

// Change is what a deed adds. Everything in it is inserted; only the request's own row is brought up to date.
type Change struct {
	Request       Request
	Moves         bool // false: the request's own row stays as it is
	Version       *Version
	Done          Done
	Consultations []Consultation
	Advice        *Advice
	Waiver        *Waiver
	Declaration   *Declaration
	Remark        *Remark
	Decision      *Decision
	Conditions    []Condition
	Authorisation *Authorisation
	Disclosure    *Disclosure
	People        map[string]string // user ids that must be enrolled, by the field that names them
	Event         Event
}

// A Deed is what somebody does to a case, with its body.
type Deed interface {
	Action() Action
	// Texts are the free texts of the body, for the identifier guard.
	Texts() []Text
	// do checks what a 422 is about and makes the change.
	do(t *Turn) error
}

// Take does the deed after all other checks have passed: it refuses with 422, or leaves Case and Change as they stand
// afterwards. Invalid holds what was already found wrong with the body.
func (t *Turn) Take(d Deed, invalid []FieldError) error {
	t.Fired = t.House.Rules.Guard.Look(d.Texts(), t.Confirmed)
	t.Confirmed = Used(t.Confirmed, t.Fired)
	t.problems = append(t.problems, invalid...)
	for _, f := range t.Fired {
		if f.Severity == vocabulary.SeverityBlockSubmit {
			t.problems = append(t.problems, fieldError(f))
		}
	}
	from := t.Case.Request.State
	to, _ := Next(from, d.Action())
	if to == "" {
		to = from // deeds on authorisations and conditions leave the request where it stands
	}
	t.Change.Done = Done{
		ID: t.NewID(), Deed: d.Action(), By: t.By.UserID, At: t.Now, From: from, To: to, Subject: t.Subject,
		ActingAs: string(t.Acting.Role), Appointment: t.Acting.Appointment, Delegation: t.Acting.Delegation,
	}
	t.Change.Done.Details.Confirmed = t.Confirmed
	if err := d.do(t); err != nil {
		return err
	}
	if len(invalid) == 0 { // a malformed id names nobody
		if err := t.acquaint(); err != nil {
			return err
		}
	}
	if err := Refuse(t.problems); err != nil {
		return err
	}
	t.settle(d.Action())
	return nil
}

// acquaint refuses a body that names somebody who is not known as it must be.
func (t *Turn) acquaint() error {
	if len(t.Change.People) == 0 || t.Acquainted == nil {
		return nil
	}
	wrong, err := t.Acquainted(t.Change.People)
	t.problems = append(t.problems, wrong...)
	return err
}

// settle brings the request's row up to date and writes the event.
func (t *Turn) settle(a Action) {
	c, done := t.Case, &t.Change.Done
	c.Request.State = done.To
	if movesRevision(a) {
		t.Change.Moves = true
		if done.By != "" { // what a date decided was true before the keeper recorded it
			c.Request.Revision++
		}
	}
	done.Version = c.Request.Version
	c.Done = append(c.Done, *done)
	t.Change.Request = c.Request
	digest := c.Current.Mark().Digest
	t.Change.Event = Event{
		Stream: RequestStream(c.Request.ID), Chained: true, Action: done.Deed, Outcome: OutcomeDone, At: t.Now,
		Actor: t.By.ID, Organisation: c.Request.OrganisationID, Request: c.Request.ID, Subject: done.Subject,
		From: done.From, To: done.To, Version: done.Version, Digest: hex.EncodeToString(digest[:]),
		ActingAs: done.ActingAs, Appointment: done.Appointment, Delegation: done.Delegation,
		Facts: t.facts(), Detail: t.detail(),
	}
}

// movesRevision says whether the deed makes an If-Match of the request stale. Advice does, though it needs none itself: who
// decides must have seen it.
func movesRevision(a Action) bool {
	if slices.Contains(KeeperDeeds(), a) {
		return false // what the keeper records was true before
	}
	switch a {
	case Comment, Disclose, SubmitEvidence, AcceptEvidence, RejectEvidence, WaiveCondition, BreachCondition,
		Suspend, Reinstate, Revoke, Complete, Vary, Renew, RecordSupport, LinkIncident, UpdateIncident, LinkRisk, Attach, EraseDocument,
		RecordDissent, AnswerDissent, RecordNotFollowed:
		return false
	}
	return true
}

// facts are the codes that the trail should be searchable by without opening anybody's words.
func (t *Turn) facts() map[string]string {
	facts := map[string]string{}
	if d := t.Change.Decision; d != nil {
		facts["decision"] = string(d.Outcome)
		facts["conditions"] = strconv.Itoa(len(t.Change.Conditions))
	}
	if a := t.Change.Advice; a != nil {
		facts["role"], facts["view"] = string(a.Role), string(a.View)
	}
	if w := t.Change.Waiver; w != nil {
		facts["role"] = string(w.Role)
	}
	if x := t.Change.Disclosure; x != nil {
		facts["method"] = string(x.Method)
		facts["exception"] = string(x.Exception)
	}
	if x := t.Change.Declaration; x != nil {
		facts["conflict"] = string(x.Type)
	}
	if t.Change.Authorisation != nil {
		facts["authorisation"] = t.Change.Authorisation.ID
	}
	l := t.Change.Done.Details.Later
	facts["wire"], facts["limit"], facts["ground"], facts["scan"] = string(l.Wire), string(l.Limit), string(l.Ground), string(l.Scan)
	if l.Dated != nil {
		facts["dated"] = l.Dated.UTC().Format(time.RFC3339Nano)
	}
	if l.Document != nil {
		facts["document"] = l.Document.SHA256
	}
	if t.Change.Done.By == "" && (t.Change.Done.Deed == Remind || t.Change.Done.Deed == Escalate) {
		facts["stage"] = l.Moment
	}
	if t.Case.Request.Reference != "" {
		facts["reference"] = t.Case.Request.Reference
	}
	for k, v := range facts {
		if v == "" {
			delete(facts, k)
		}
	}
	return facts
}

// detail is everything that was said, as JSON: what the trail's commitment covers.
func (t *Turn) detail() []byte {
	ch := t.Change
	said := struct {
		Details       Details
		Advice        *Advice        `json:",omitempty"`
		Consultations []Consultation `json:",omitempty"`
		Waiver        *Waiver        `json:",omitempty"`
		Declaration   *Declaration   `json:",omitempty"`
		Remark        *Remark        `json:",omitempty"`
		Decision      *Decision      `json:",omitempty"`
		Conditions    []Condition    `json:",omitempty"`
		Authorisation *Authorisation `json:",omitempty"`
		Disclosure    *Disclosure    `json:",omitempty"`
	}{ch.Done.Details, ch.Advice, ch.Consultations, ch.Waiver, ch.Declaration, ch.Remark, ch.Decision, ch.Conditions, ch.Authorisation, ch.Disclosure}
	return Words(said)
}

// wrong notes a problem; Take gathers all of them before it refuses.
func (t *Turn) wrong(field, code, message string) {
	t.problems = append(t.problems, FieldError{Field: field, Code: code, Message: message})
}

// require notes a blank field.
func (t *Turn) require(field, value string) {
	if blank(value) {
		t.wrong(field, CodeRequired, "must be given")
	}
}

// named notes that the field names a person who must be enrolled; casework looks them up.
func (t *Turn) named(field, userID string) {
	if userID == "" {
		return
	}
	if t.Change.People == nil {
		t.Change.People = map[string]string{}
	}
	t.Change.People[field] = userID
}

// revise makes a new version of the content.
func (t *Turn) revise(c Content) {
	v := Version{N: t.Case.Request.Version + 1, Content: c, By: t.By.UserID, At: t.Now, Confirmed: t.Confirmed}
	t.Case.Current, t.Case.Request.Version, t.Change.Version = v, v.N, &v
	if t.Case.Request.Emergency {
		return // what happened is recorded, whoever it names
	}
	for field, id := range map[string]string{"sponsor_user_id": c.Sponsor, "iao_user_id": c.AssetOwner, "approved_by": c.ApprovedBy} {
		t.named(field, id)
	}
}

func fieldError(f Finding) FieldError {
	return FieldError{Field: f.Field, Code: string(f.Rule), Message: f.Message}
}
