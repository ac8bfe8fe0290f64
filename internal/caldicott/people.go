package caldicott

import (
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Person is somebody the organisation has enrolled. ID is known to the database and the trail only.
type Person struct {
	ID, UserID, Name, JobTitle string
	OrganisationID, OrgCode    string
	Issuer, Subject            string
	Manager                    string // user id of who manages them; "" where it is not known (SD5)
	Email                      string // where notices go; "" for nowhere
	Mail                       vocabulary.MailPreference
	Active                     bool
	Revision                   int
}

// An OrganisationRecord is a body of the directory: the controller itself, a partner, a recipient.
type OrganisationRecord struct {
	ID, Code, Name string
	Type           vocabulary.OrganisationType
	Revision       int
}

// Asset is an information asset with its owner, who must be asked about its use.
type Asset struct {
	ID, OrganisationID, OrgCode, Name, Owner string
	Revision                                 int
}

// Appointment is authority: a person holds a role in an organisation for a time. Never a job title, never a token's claim.
// ValidFrom and ValidTo are Europe/London days ("2026-09-07"), ValidTo "" without an end; Ended is the instant at which
// it was ended early. A guardian's or administrator's appointment is Proposed until a second administrator confirms it.
type Appointment struct {
	ID, UserID, OrganisationID, OrgCode string
	Role                                vocabulary.Role
	ValidFrom, ValidTo                  string
	Posts                               []vocabulary.Post
	BoardReference                      string
	AppointedBy, ConfirmedBy            string
	Since                               time.Time // when it came on the record (for two-person roles: complete); zero for a founder's
	Ended                               time.Time
	Revision                            int
}

// TwoPersonRole says whether appointing to the role takes two administrators (SD8).
func TwoPersonRole(r vocabulary.Role) bool {
	return r == vocabulary.RoleCaldicottGuardian || r == vocabulary.RoleDeputyGuardian ||
		r == vocabulary.RoleReviewGuardian || r == vocabulary.RoleSystemAdmin
}

// Proposed says whether the appointment still waits for the second administrator.
func (a Appointment) Proposed() bool { return TwoPersonRole(a.Role) && a.ConfirmedBy == "" }

// InForce says whether the appointment gives authority at the instant.
func (a Appointment) InForce(at time.Time) bool {
	return !a.Proposed() && !at.Before(a.Since) && withinDays(a.ValidFrom, a.ValidTo, at) && (a.Ended.IsZero() || at.Before(a.Ended))
}

// withinDays says whether the instant lies between 00:00 of the first and the end of the last Europe/London day.
func withinDays(from, to string, at time.Time) bool {
	day := Today(at)
	return from <= day && (to == "" || day <= to)
}

// Scope limits a delegation. An empty list means everything.
type Scope struct {
	Kinds     []vocabulary.Kind    `json:"kinds,omitempty"`
	Urgencies []vocabulary.Urgency `json:"urgencies,omitempty"`
	Outcomes  []vocabulary.Outcome `json:"outcomes,omitempty"`
}

// Covers says whether the scope takes in a request of that kind and urgency, decided so; "" asks about no outcome yet.
func (s Scope) Covers(kind vocabulary.Kind, urgency vocabulary.Urgency, outcome vocabulary.Outcome) bool {
	return (len(s.Kinds) == 0 || slices.Contains(s.Kinds, kind)) &&
		(len(s.Urgencies) == 0 || slices.Contains(s.Urgencies, urgency)) &&
		(len(s.Outcomes) == 0 || outcome == "" || slices.Contains(s.Outcomes, outcome))
}

// Delegation lets a deputy act for the guardian of one organisation from the first to the last day, once accepted.
type Delegation struct {
	ID, OrganisationID, OrgCode string
	From, To                    string
	Reason                      vocabulary.DelegationReason
	Note                        string
	ValidFrom, ValidTo          string
	Scope                       Scope
	Given, Accepted, Revoked    time.Time
	Revision                    int
}

// InForce says whether the deputy may act under it at the instant. Revoking takes effect at once.
func (d Delegation) InForce(at time.Time) bool {
	return !d.Accepted.IsZero() && !at.Before(d.Accepted) && withinDays(d.ValidFrom, d.ValidTo, at) &&
		(d.Revoked.IsZero() || at.Before(d.Revoked))
}

// Actor is a person with all the authority they ever held, so that what has lapsed can be told from what never was.
// Administrators and the service itself are actors too; an unknown subject is the zero Actor.
type Actor struct {
	Person
	Appointments []Appointment
	Delegations  []Delegation
}

// Holds says whether the actor holds the role in the organisation at the instant.
func (a Actor) Holds(role vocabulary.Role, organisationID string, at time.Time) bool {
	_, ok := a.Appointment(role, organisationID, at)
	return ok
}

// Appointment finds the appointment in force to the role; organisationID "" means in any organisation.
func (a Actor) Appointment(role vocabulary.Role, organisationID string, at time.Time) (Appointment, bool) {
	for _, ap := range a.Appointments {
		if ap.Role == role && (organisationID == "" || ap.OrganisationID == organisationID) && ap.InForce(at) {
			return ap, true
		}
	}
	return Appointment{}, false
}

// Posts are the other posts held with the appointments in force in the organisation (rule V009, SD12).
func (a Actor) Posts(organisationID string, at time.Time) []vocabulary.Post {
	var posts []vocabulary.Post
	for _, ap := range a.Appointments {
		if ap.OrganisationID == organisationID && ap.InForce(at) {
			posts = append(posts, ap.Posts...)
		}
	}
	return posts
}
