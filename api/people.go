package api

import (
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Enrolling makes somebody known to the service, in the caller's organisation unless another is named. Issuer and
// subject say whose tokens speak for the person; without them nobody can sign in as that person.
type Enrolling struct {
	UserID      string `json:"user_id" validate:"required,user_id"`
	DisplayName string `json:"display_name" validate:"filled,max=300"`
	JobTitle    string `json:"job_title" validate:"filled,max=300"`
	OrgCode     string `json:"org_code,omitempty" validate:"omitempty,org_code"`
	Manager     string `json:"manager,omitempty" validate:"omitempty,user_id"`
	Email       string `json:"email,omitempty" validate:"omitempty,mail_address"`
	Issuer      string `json:"issuer,omitempty" validate:"omitempty,sign_in"`
	Subject     string `json:"subject,omitempty" validate:"omitempty,sign_in"`
	Confirming
}

// AmendingPerson gives what is known of somebody anew. Whoever is not active may do and see nothing.
type AmendingPerson struct {
	DisplayName string `json:"display_name" validate:"filled,max=300"`
	JobTitle    string `json:"job_title" validate:"filled,max=300"`
	Manager     string `json:"manager,omitempty" validate:"omitempty,user_id"`
	Email       string `json:"email,omitempty" validate:"omitempty,mail_address"`
	Issuer      string `json:"issuer,omitempty" validate:"omitempty,sign_in"`
	Subject     string `json:"subject,omitempty" validate:"omitempty,sign_in"`
	Active      *bool  `json:"active" validate:"required"`
	Confirming
}

// Appointing gives somebody a role for a time; a guardian's or administrator's waits for a second administrator.
type Appointing struct {
	Person         string            `json:"person" validate:"required,user_id"`
	Role           vocabulary.Role   `json:"role" validate:"required,code=role"`
	OrgCode        string            `json:"org_code,omitempty" validate:"omitempty,org_code"`
	ValidFrom      string            `json:"valid_from" validate:"required,date"`
	ValidTo        string            `json:"valid_to,omitempty" validate:"omitempty,date"`
	Posts          []vocabulary.Post `json:"posts,omitempty" validate:"max=20,dive,code=post"`
	BoardReference string            `json:"board_reference,omitempty" validate:"max=1000"`
	Confirming
}

// ConfirmingAppointment is the second administrator's word. It has nothing to say.
type ConfirmingAppointment struct{ Confirming }

// EndingAppointment ends an appointment early: at once, or at the end of the day named.
type EndingAppointment struct {
	Reason string `json:"reason" validate:"filled,max=10000"`
	On     string `json:"on,omitempty" validate:"omitempty,date"`
	Confirming
}

// Delegating lets a deputy act for the guardian who gives it; without a scope in everything.
type Delegating struct {
	To        string                      `json:"to" validate:"required,user_id"`
	Reason    vocabulary.DelegationReason `json:"reason" validate:"required,code=delegation_reason"`
	Note      string                      `json:"note,omitempty" validate:"max=10000"`
	ValidFrom string                      `json:"valid_from" validate:"required,date"`
	ValidTo   string                      `json:"valid_to" validate:"required,date"`
	Scope     *Scope                      `json:"scope,omitempty"`
	Confirming
}

// Scope limits a delegation. An absent list means everything.
type Scope struct {
	Kinds     []vocabulary.Kind    `json:"kinds,omitempty" validate:"max=50,dive,code=request_kind"`
	Urgencies []vocabulary.Urgency `json:"urgencies,omitempty" validate:"max=20,dive,code=urgency"`
	Outcomes  []vocabulary.Outcome `json:"outcomes,omitempty" validate:"max=50,dive,code=decision_outcome"`
}

// AcceptingDelegation is the deputy's word. It has nothing to say.
type AcceptingDelegation struct{ Confirming }

// RevokingDelegation takes a delegation back, at once.
type RevokingDelegation struct {
	Reason string `json:"reason" validate:"filled,max=10000"`
	Confirming
}

// Enrolled is the person as the body describes them.
func (b Enrolling) Enrolled() caldicott.Person {
	return caldicott.Person{
		UserID: b.UserID, Name: b.DisplayName, JobTitle: b.JobTitle, OrgCode: b.OrgCode,
		Issuer: b.Issuer, Subject: b.Subject, Manager: b.Manager, Email: b.Email, Active: true,
	}
}

// Amended is the person as the body describes them.
func (b AmendingPerson) Amended(userID string) caldicott.Person {
	return caldicott.Person{
		UserID: userID, Name: b.DisplayName, JobTitle: b.JobTitle, Issuer: b.Issuer, Subject: b.Subject,
		Manager: b.Manager, Email: b.Email, Active: b.Active != nil && *b.Active,
	}
}

// Appointed is the appointment as the body describes it.
func (b Appointing) Appointed() caldicott.Appointment {
	return caldicott.Appointment{
		UserID: b.Person, Role: b.Role, OrgCode: b.OrgCode, ValidFrom: b.ValidFrom, ValidTo: b.ValidTo,
		Posts: b.Posts, BoardReference: b.BoardReference,
	}
}

// Delegated is the delegation as the body describes it.
func (b Delegating) Delegated() caldicott.Delegation {
	d := caldicott.Delegation{
		To: b.To, Reason: b.Reason, Note: b.Note, ValidFrom: b.ValidFrom, ValidTo: b.ValidTo,
	}
	if b.Scope != nil {
		d.Scope = caldicott.Scope(*b.Scope)
	}
	return d
}

// PersonView is somebody the organisation has enrolled. Issuer and subject are for administrators.
type PersonView struct {
	UserID      string `json:"user_id"`
	DisplayName string `json:"display_name"`
	JobTitle    string `json:"job_title"`
	OrgCode     string `json:"org_code"`
	Issuer      string `json:"issuer,omitempty"`
	Subject     string `json:"subject,omitempty"`
	Manager     string `json:"manager,omitempty"`
	Email       string `json:"email,omitempty"`

	Mail     vocabulary.MailPreference `json:"mail,omitempty"`
	Active   bool                      `json:"active"`
	Revision int                       `json:"revision"`
}

// FromPerson writes a person; how they sign in, who manages them and where mail goes only for those who keep the register.
func FromPerson(p caldicott.Person, withSignIn bool) PersonView {
	v := PersonView{
		UserID: p.UserID, DisplayName: p.Name, JobTitle: p.JobTitle, OrgCode: p.OrgCode, Active: p.Active,
		Revision: p.Revision,
	}
	if withSignIn {
		v.Issuer, v.Subject = p.Issuer, p.Subject
		v.Manager, v.Email, v.Mail = p.Manager, p.Email, p.Mail
	}
	return v
}

// FromSelf writes a person for themselves.
func FromSelf(p caldicott.Person) PersonView {
	v := FromPerson(p, false)
	v.Manager, v.Email, v.Mail = p.Manager, p.Email, p.Mail
	return v
}

// States of an appointment and of a delegation, at the instant at which they are looked at.
const (
	Proposed = "PROPOSED" // waits for the second administrator
	Offered  = "OFFERED"  // waits for the deputy
	Future   = "FUTURE"
	InForce  = "IN_FORCE"
	Ended    = "ENDED"
	Revoked  = "REVOKED"
)

// AppointmentView is the authority that somebody has, had or will have.
type AppointmentView struct {
	ID             string            `json:"id"`
	Person         string            `json:"person"`
	Role           vocabulary.Role   `json:"role"`
	OrgCode        string            `json:"org_code"`
	ValidFrom      string            `json:"valid_from"`
	ValidTo        string            `json:"valid_to,omitempty"`
	Posts          []vocabulary.Post `json:"posts"`
	BoardReference string            `json:"board_reference,omitempty"`
	AppointedBy    string            `json:"appointed_by,omitempty"`
	ConfirmedBy    string            `json:"confirmed_by,omitempty"`
	EndedAt        time.Time         `json:"ended_at,omitzero"`
	State          string            `json:"state"`
	Revision       int               `json:"revision"`
}

// FromAppointment writes an appointment as it stands at the instant.
func FromAppointment(a caldicott.Appointment, at time.Time) AppointmentView {
	return AppointmentView{
		ID: a.ID, Person: a.UserID, Role: a.Role, OrgCode: a.OrgCode, ValidFrom: a.ValidFrom, ValidTo: a.ValidTo,
		Posts: same(a.Posts), BoardReference: a.BoardReference, AppointedBy: a.AppointedBy, ConfirmedBy: a.ConfirmedBy,
		EndedAt: a.Ended, State: appointmentState(a, at), Revision: a.Revision,
	}
}

func appointmentState(a caldicott.Appointment, at time.Time) string {
	day := caldicott.Today(at)
	switch {
	case !a.Ended.IsZero() && !at.Before(a.Ended), a.ValidTo != "" && day > a.ValidTo:
		return Ended
	case a.Proposed():
		return Proposed
	case day < a.ValidFrom:
		return Future
	}
	return InForce
}

// DelegationView is under what a deputy acts, acted or will act for a guardian.
type DelegationView struct {
	ID         string                      `json:"id"`
	OrgCode    string                      `json:"org_code"`
	From       string                      `json:"from"`
	To         string                      `json:"to"`
	Reason     vocabulary.DelegationReason `json:"reason"`
	Note       string                      `json:"note,omitempty"`
	ValidFrom  string                      `json:"valid_from"`
	ValidTo    string                      `json:"valid_to"`
	Scope      *Scope                      `json:"scope,omitempty"`
	GivenAt    time.Time                   `json:"given_at"`
	AcceptedAt time.Time                   `json:"accepted_at,omitzero"`
	RevokedAt  time.Time                   `json:"revoked_at,omitzero"`
	State      string                      `json:"state"`
	Revision   int                         `json:"revision"`
}

// FromDelegation writes a delegation as it stands at the instant.
func FromDelegation(d caldicott.Delegation, at time.Time) DelegationView {
	v := DelegationView{
		ID: d.ID, OrgCode: d.OrgCode, From: d.From, To: d.To, Reason: d.Reason, Note: d.Note, ValidFrom: d.ValidFrom,
		ValidTo: d.ValidTo, GivenAt: d.Given, AcceptedAt: d.Accepted, RevokedAt: d.Revoked,
		State: delegationState(d, at), Revision: d.Revision,
	}
	if s := d.Scope; len(s.Kinds)+len(s.Urgencies)+len(s.Outcomes) > 0 {
		v.Scope = (*Scope)(&s)
	}
	return v
}

func delegationState(d caldicott.Delegation, at time.Time) string {
	day := caldicott.Today(at)
	switch {
	case !d.Revoked.IsZero() && !at.Before(d.Revoked):
		return Revoked
	case day > d.ValidTo:
		return Ended
	case d.Accepted.IsZero() || at.Before(d.Accepted):
		return Offered
	case day < d.ValidFrom:
		return Future
	}
	return InForce
}

// Me is who the caller is, with the authority they have and what they may begin now.
type Me struct {
	Person       PersonView        `json:"person"`
	Appointments []AppointmentView `json:"appointments"`
	Delegations  []DelegationView  `json:"delegations"`
	Permitted    []Permitted       `json:"permitted"`
}

// FromActor writes the caller as they stand at the instant.
func FromActor(a caldicott.Actor, at time.Time, permitted []Permitted) Me {
	return Me{
		Person:       FromSelf(a.Person),
		Appointments: listed(a.Appointments, func(x caldicott.Appointment) AppointmentView { return FromAppointment(x, at) }),
		Delegations:  listed(a.Delegations, func(x caldicott.Delegation) DelegationView { return FromDelegation(x, at) }),
		Permitted:    same(permitted),
	}
}
