package rest

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/casework"
)

// The lists of people and their authority.
var (
	peopleList      = list{name: "people", key: noKey, id: aUserID.MatchString, filters: []param{words}}
	appointmentList = list{name: "appointments", key: noKey, id: api.IsID, filters: []param{person("person"), coded("role", "role"), asOf}}
	delegationList  = list{name: "delegations", key: noKey, id: api.IsID, filters: []param{person("to"), asOf}}
)

// showMe shows the caller to themselves.
func (s *service) showMe(w http.ResponseWriter, r *http.Request) error {
	if _, err := ask(r); err != nil {
		return err
	}
	by := actorOf(r.Context())
	return shown(api.FromActor(by, s.Work.Now(), permits(s.Work.Begins(by))), 0).write(w)
}

func (s *service) findPeople(ctx context.Context, by caldicott.Actor, p page) ([]caldicott.Person, error) {
	return s.Work.FindPeople(ctx, by, p.filter[words.name], p.keyset())
}

func (s *service) findAppointments(ctx context.Context, by caldicott.Actor, p page) ([]caldicott.Appointment, error) {
	if err := s.past(p.asked.instant(asOf)); err != nil {
		return nil, err
	}
	return s.Work.ListAppointments(ctx, by, p.filter, p.keyset())
}

func (s *service) findDelegations(ctx context.Context, by caldicott.Actor, p page) ([]caldicott.Delegation, error) {
	if err := s.past(p.asked.instant(asOf)); err != nil {
		return nil, err
	}
	filter := caldicott.Filter{}
	if at, ok := p.filter[asOf.name]; ok {
		filter[caldicott.AsOf] = at
	}
	if deputy, ok := p.filter["to"]; ok {
		filter["deputy"] = deputy
	}
	return s.Work.ListDelegations(ctx, by, filter, p.keyset())
}

func userID(p caldicott.Person) string { return p.UserID }

// personRow shows a person; how they sign in only to those who keep the register.
func (s *service) personRow(by caldicott.Actor, p caldicott.Person) api.PersonView {
	return api.FromPerson(p, s.Work.KeepsRegister(by, p.OrganisationID))
}

func (s *service) showPerson(by caldicott.Actor, p caldicott.Person) answer {
	return shown(s.personRow(by, p), p.Revision)
}

// lookUpPerson shows somebody as they are, or as they were: then nothing can be done to it, and no revision is given.
func (s *service) lookUpPerson(w http.ResponseWriter, r *http.Request) error {
	asked, err := ask(r, asOf)
	if err != nil {
		return err
	}
	at := asked.instant(asOf)
	if err := s.past(at); err != nil {
		return err
	}
	name, err := named(r, byUser.part, byUser.form)
	if err != nil {
		return err
	}
	by := actorOf(r.Context())
	person, err := s.Work.LookUpPersonAsOf(r.Context(), by, name, at)
	if err != nil {
		return err
	}
	if !at.IsZero() {
		return shown(s.personRow(by, person), 0).write(w)
	}
	return s.showPerson(by, person).write(w)
}

// instantOf is the instant that a list was asked for, or now.
func (s *service) instantOf(p page) time.Time {
	if at := p.asked.instant(asOf); !at.IsZero() {
		return at
	}
	return s.Work.Now()
}

func appointmentID(a caldicott.Appointment) string { return a.ID }

// appointmentRow leaves out what somebody wrote: rows carry no free text.
func (s *service) appointmentRow(_ caldicott.Actor, p page, a caldicott.Appointment) api.AppointmentView {
	a.BoardReference = ""
	return api.FromAppointment(a, s.instantOf(p))
}

func (s *service) showAppointment(_ caldicott.Actor, a caldicott.Appointment) answer {
	return shown(api.FromAppointment(a, s.Work.Now()), a.Revision)
}

func delegationID(d caldicott.Delegation) string { return d.ID }

// delegationRow leaves out what somebody wrote: rows carry no free text.
func (s *service) delegationRow(_ caldicott.Actor, p page, d caldicott.Delegation) api.DelegationView {
	d.Note = ""
	return api.FromDelegation(d, s.instantOf(p))
}

func (s *service) showDelegation(_ caldicott.Actor, d caldicott.Delegation) answer {
	return shown(api.FromDelegation(d, s.Work.Now()), d.Revision)
}

// preferred shows somebody to themselves.
func preferred(d casework.DirectoryResult) (answer, error) {
	return shown(api.FromSelf(d.Person), d.Person.Revision), nil
}

func (s *service) prefer(e entry, b *api.Preferring) (casework.DirectoryResult, error) {
	return s.Work.Prefer(e, e.call, e.encode, b.Mail)
}

func enrolled(d casework.DirectoryResult) (answer, error) {
	return created(api.FromPerson(d.Person, true), d.Person.Revision, "/people/"+d.Person.UserID), nil
}

func personAmended(d casework.DirectoryResult) (answer, error) {
	return shown(api.FromPerson(d.Person, true), d.Person.Revision), nil
}

func appointed(d casework.DirectoryResult) (answer, error) {
	view := api.FromAppointment(d.Appointment, d.At)
	return created(view, view.Revision, "/appointments/"+view.ID), nil
}

func appointmentChanged(d casework.DirectoryResult) (answer, error) {
	return shown(api.FromAppointment(d.Appointment, d.At), d.Appointment.Revision), nil
}

func delegated(d casework.DirectoryResult) (answer, error) {
	view := api.FromDelegation(d.Delegation, d.At)
	return created(view, view.Revision, "/delegations/"+view.ID), nil
}

func delegationChanged(d casework.DirectoryResult) (answer, error) {
	return shown(api.FromDelegation(d.Delegation, d.At), d.Delegation.Revision), nil
}

// at home in an organisation that the directory does not know, nobody can be: that is wrong with the body, and answered
// in its turn.
func (s *service) homed(e entry, code string) (casework.Call, string, error) {
	if code == "" {
		return e.call, "", nil
	}
	_, err := s.Work.Store.OrganisationByCode(e, code)
	if caldicott.KindOf(err) != caldicott.NotFound {
		return e.call, code, err
	}
	e.call.Invalid = append(slices.Clone(e.call.Invalid), caldicott.FieldError{
		Field: "org_code", Code: caldicott.CodeField, Message: "names no organisation of the directory",
	})
	return e.call, "", nil
}

func (s *service) enrol(e entry, b *api.Enrolling) (casework.DirectoryResult, error) {
	person := b.Enrolled()
	call, code, err := s.homed(e, person.OrgCode)
	if err != nil {
		return casework.DirectoryResult{}, err
	}
	person.OrgCode = code
	return s.Work.Enrol(e, call, e.encode, person)
}

func (s *service) amendPerson(e entry, b *api.AmendingPerson) (casework.DirectoryResult, error) {
	if _, err := s.Work.LookUpPerson(e, e.call.By, e.name); err != nil {
		return casework.DirectoryResult{}, err
	}
	return s.Work.AmendPerson(e, e.call, e.encode, b.Amended(e.name))
}

func (s *service) appoint(e entry, b *api.Appointing) (casework.DirectoryResult, error) {
	appointment := b.Appointed()
	call, code, err := s.homed(e, appointment.OrgCode)
	if err != nil {
		return casework.DirectoryResult{}, err
	}
	appointment.OrgCode = code
	return s.Work.Appoint(e, call, e.encode, appointment)
}

// untilFresh does a deed for which the contract asks no If-Match, on the revision that stands: whoever was slower is refused
// by its state, if that changed, and not by its revision. Somebody may be faster between reading and doing, but not for
// ever.
func untilFresh(read func() (revision int, err error), deed func(revision int) (casework.DirectoryResult, error)) (result casework.DirectoryResult, err error) {
	for range 5 {
		revision, err := read()
		if err != nil {
			return result, err
		}
		if result, err = deed(revision); caldicott.KindOf(err) != caldicott.Stale {
			return result, err
		}
	}
	return result, caldicott.Errorf(caldicott.Unavailable, caldicott.CodeUnavailable, "Too many people are at work on this; please try again.")
}

// onAppointment does a deed on the appointment that the path names, if the caller may look it up.
func (s *service) onAppointment(e entry, deed func(casework.Call) (casework.DirectoryResult, error)) (casework.DirectoryResult, error) {
	read := func() (int, error) {
		a, err := s.Work.LookUpAppointment(e, e.call.By, e.name)
		return a.Revision, err
	}
	return untilFresh(read, func(revision int) (casework.DirectoryResult, error) {
		e.call.IfMatch = revision
		return deed(e.call)
	})
}

func (s *service) confirmAppointment(e entry, _ *api.ConfirmingAppointment) (casework.DirectoryResult, error) {
	return s.onAppointment(e, func(call casework.Call) (casework.DirectoryResult, error) {
		return s.Work.ConfirmAppointment(e, call, e.encode, e.name)
	})
}

func (s *service) endAppointment(e entry, b *api.EndingAppointment) (casework.DirectoryResult, error) {
	return s.onAppointment(e, func(call casework.Call) (casework.DirectoryResult, error) {
		return s.Work.EndAppointment(e, call, e.encode, e.name, b.Reason, b.On)
	})
}

func (s *service) delegate(e entry, b *api.Delegating) (casework.DirectoryResult, error) {
	return s.Work.Delegate(e, e.call, e.encode, b.Delegated())
}

// onDelegation does a deed on the delegation that the path names, if the caller may look it up.
func (s *service) onDelegation(e entry, deed func(casework.Call) (casework.DirectoryResult, error)) (casework.DirectoryResult, error) {
	read := func() (int, error) {
		d, err := s.Work.LookUpDelegation(e, e.call.By, e.name)
		return d.Revision, err
	}
	return untilFresh(read, func(revision int) (casework.DirectoryResult, error) {
		e.call.IfMatch = revision
		return deed(e.call)
	})
}

func (s *service) acceptDelegation(e entry, _ *api.AcceptingDelegation) (casework.DirectoryResult, error) {
	return s.onDelegation(e, func(call casework.Call) (casework.DirectoryResult, error) {
		return s.Work.AcceptDelegation(e, call, e.encode, e.name)
	})
}

func (s *service) revokeDelegation(e entry, b *api.RevokingDelegation) (casework.DirectoryResult, error) {
	return s.onDelegation(e, func(call casework.Call) (casework.DirectoryResult, error) {
		return s.Work.RevokeDelegation(e, call, e.encode, e.name, b.Reason)
	})
}
