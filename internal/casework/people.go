package casework

import (
	"context"
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Prefer says how somebody wants to be told: their own choice, which no administrator makes for them.
func (s *Service) Prefer(ctx context.Context, call Call, encode DirectoryRetry, mail vocabulary.MailPreference) (DirectoryResult, error) {
	return s.run(ctx, call, encode, office{
		action: caldicott.Prefer, organisation: call.By.OrgCode, amends: true, said: map[string]string{"mail": string(mail)},
		load: func(ctx context.Context, tx caldicott.Tx, d *desk) (err error) {
			d.person, err = tx.PersonNamed(ctx, call.By.UserID)
			return err
		},
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			var wrong []caldicott.FieldError
			if mail == "" {
				wrong = append(wrong, caldicott.FieldError{Field: "mail", Code: caldicott.CodeRequired, Message: "must be given"})
			}
			p := d.person.Person
			p.Mail, p.Revision = mail, p.Revision+1
			d.result.Person = p
			return caldicott.DirectoryRows{People: []caldicott.Person{p}}, wrong
		},
	})
}

// Enrol makes somebody known to the service. They may sign in once issuer and subject are given.
func (s *Service) Enrol(ctx context.Context, call Call, encode DirectoryRetry, p caldicott.Person) (DirectoryResult, error) {
	return s.run(ctx, call, encode, office{
		action: caldicott.Enrol, organisation: orOwn(p.OrgCode, call.By), said: p,
		texts: append(personTexts(p), caldicott.Text{Field: "user_id", Value: p.UserID}),
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			p.ID, p.OrganisationID, p.OrgCode, p.Active, p.Revision = d.newID(), d.organisation.ID, d.organisation.Code, true, 1
			d.result.Person = p
			return caldicott.DirectoryRows{People: []caldicott.Person{p}}, checkPerson(p)
		},
	})
}

// AmendPerson brings somebody's record up to date; making them inactive ends everything they may do.
func (s *Service) AmendPerson(ctx context.Context, call Call, encode DirectoryRetry, p caldicott.Person) (DirectoryResult, error) {
	was, err := s.Store.ActorByUserID(ctx, p.UserID)
	if err != nil {
		return DirectoryResult{}, err
	}
	return s.run(ctx, call, encode, office{
		action: caldicott.AmendPerson, organisation: was.OrgCode, said: p, amends: true,
		texts: personTexts(p),
		load: func(ctx context.Context, tx caldicott.Tx, d *desk) (err error) {
			d.person, err = tx.PersonNamed(ctx, p.UserID)
			return err
		},
		check: func(d *desk) error { return caldicott.SeparateAmending(d.person, p, d.now) },
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			p.ID, p.OrganisationID, p.OrgCode, p.Revision = d.person.ID, d.person.OrganisationID, d.person.OrgCode, d.person.Revision+1
			p.Mail = d.person.Mail
			d.result.Person = p
			return caldicott.DirectoryRows{People: []caldicott.Person{p}}, checkPerson(p)
		},
	})
}

// personTexts are everything in a person's record that could hold an identifier.
func personTexts(p caldicott.Person) []caldicott.Text {
	return []caldicott.Text{
		{Field: "manager", Value: p.Manager}, {Field: "email", Value: p.Email},
		{Field: "display_name", Value: p.Name}, {Field: "job_title", Value: p.JobTitle},
		{Field: "issuer", Value: p.Issuer}, {Field: "subject", Value: p.Subject},
	}
}

func checkPerson(p caldicott.Person) []caldicott.FieldError {
	var wrong []caldicott.FieldError
	for _, f := range []struct{ field, value string }{{"user_id", p.UserID}, {"display_name", p.Name}} {
		if f.value == "" {
			wrong = append(wrong, caldicott.FieldError{Field: f.field, Code: caldicott.CodeRequired, Message: "must be given"})
		}
	}
	if (p.Issuer == "") != (p.Subject == "") {
		wrong = append(wrong, caldicott.FieldError{Field: "subject", Code: caldicott.CodeField, Message: "and issuer are given together or not at all"})
	}
	if p.Manager != "" && p.Manager == p.UserID {
		wrong = append(wrong, caldicott.FieldError{Field: "manager", Code: caldicott.CodeField, Message: "must name somebody else"})
	}
	return wrong
}

// orOwn is the organisation named, or the caller's own.
func orOwn(code string, by caldicott.Actor) string {
	if code == "" {
		return by.OrgCode
	}
	return code
}

// Appoint gives somebody a role. A guardian's or administrator's waits for a second administrator (SD8).
func (s *Service) Appoint(ctx context.Context, call Call, encode DirectoryRetry, a caldicott.Appointment) (DirectoryResult, error) {
	return s.run(ctx, call, encode, office{
		action: caldicott.Appoint, organisation: orOwn(a.OrgCode, call.By), said: a,
		facts: map[string]string{"role": string(a.Role)},
		texts: []caldicott.Text{{Field: "board_reference", Value: a.BoardReference}},
		load: func(ctx context.Context, tx caldicott.Tx, d *desk) (err error) {
			a.OrganisationID, a.OrgCode = d.organisation.ID, d.organisation.Code
			d.person, err = tx.PersonNamed(ctx, a.UserID)
			if caldicott.KindOf(err) == caldicott.NotFound {
				return nil // answered in its turn, by make
			}
			return err
		},
		check: func(d *desk) error { return caldicott.SeparateAppointing(d.by, d.person, a, d.now) },
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			wrong := caldicott.CheckAppointment(a)
			if d.person.UserID == "" || !d.person.Active {
				wrong = append(wrong, caldicott.FieldError{Field: "person", Code: caldicott.CodeField, Message: "names nobody who is enrolled"})
			}
			a.ID, a.AppointedBy, a.Since, a.Revision = d.newID(), d.by.UserID, d.now, 1
			d.result.Appointment = a
			return caldicott.DirectoryRows{Appointments: []caldicott.Appointment{a}}, wrong
		},
	})
}

// onAppointment is an office on an appointment that exists.
func (s *Service) onAppointment(ctx context.Context, call Call, encode DirectoryRetry, id string, o office) (DirectoryResult, error) {
	was, err := s.Store.AppointmentByID(ctx, id)
	if err != nil {
		return DirectoryResult{}, err
	}
	o.organisation = was.OrgCode
	o.facts = map[string]string{"role": string(was.Role)}
	o.load = func(ctx context.Context, tx caldicott.Tx, d *desk) (err error) {
		if d.appointment, err = tx.AppointmentByID(ctx, id); err != nil {
			return err
		}
		d.result.Appointment = d.appointment
		d.person, err = tx.PersonNamed(ctx, d.appointment.UserID)
		return err
	}
	return s.run(ctx, call, encode, o)
}

// ConfirmAppointment is the second administrator's word (SD8).
func (s *Service) ConfirmAppointment(ctx context.Context, call Call, encode DirectoryRetry, id string) (DirectoryResult, error) {
	return s.onAppointment(ctx, call, encode, id, office{
		action: caldicott.ConfirmAppointment,
		check: func(d *desk) error {
			if err := caldicott.SeparateAppointing(d.by, d.person, d.appointment, d.now); err != nil {
				return err
			}
			return caldicott.SeparateConfirming(d.by, d.appointment)
		},
		state: func(d *desk) string {
			if !d.appointment.Proposed() || !d.appointment.Ended.IsZero() {
				return "The appointment does not wait for a second administrator."
			}
			return ""
		},
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			a := d.appointment
			a.ConfirmedBy, a.Since, a.Revision = d.by.UserID, d.now, a.Revision+1
			d.result.Appointment = a
			return caldicott.DirectoryRows{Appointments: []caldicott.Appointment{a}}, nil
		},
	})
}

// EndAppointment ends authority: at once, or with the end of the day `on`.
func (s *Service) EndAppointment(ctx context.Context, call Call, encode DirectoryRetry, id, reason, on string) (DirectoryResult, error) {
	return s.onAppointment(ctx, call, encode, id, office{
		action: caldicott.EndAppointment, said: map[string]string{"reason": reason, "on": on},
		texts: []caldicott.Text{{Field: "reason", Value: reason}},
		state: func(d *desk) string {
			if !d.appointment.Ended.IsZero() || d.appointment.ValidTo != "" && d.appointment.ValidTo < caldicott.Today(d.now) {
				return "The appointment has ended already."
			}
			return ""
		},
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			a, wrong := d.appointment, []caldicott.FieldError(nil)
			if reason == "" {
				wrong = append(wrong, caldicott.FieldError{Field: "reason", Code: caldicott.CodeRequired, Message: "must be given"})
			}
			switch {
			case on == "":
				a.Ended = d.now
			case on < caldicott.Today(d.now), on < a.ValidFrom, a.ValidTo != "" && on > a.ValidTo:
				wrong = append(wrong, caldicott.FieldError{Field: "on", Code: caldicott.CodeField, Message: "must be a day from today on, within the appointment"})
			default:
				a.ValidTo = on
			}
			a.Revision++
			d.result.Appointment = a
			return caldicott.DirectoryRows{Appointments: []caldicott.Appointment{a}}, wrong
		},
	})
}

// Delegate makes a delegation out to a deputy; it is not in force until they accept.
func (s *Service) Delegate(ctx context.Context, call Call, encode DirectoryRetry, x caldicott.Delegation) (DirectoryResult, error) {
	return s.run(ctx, call, encode, office{
		action: caldicott.Delegate, organisation: guardianOf(call.By, s.Now()), own: vocabulary.RoleCaldicottGuardian, said: x,
		texts: []caldicott.Text{{Field: "note", Value: x.Note}},
		load: func(ctx context.Context, tx caldicott.Tx, d *desk) (err error) {
			d.person, err = tx.PersonNamed(ctx, x.To)
			if caldicott.KindOf(err) == caldicott.NotFound {
				return nil // answered in its turn, by make
			}
			return err
		},
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			x.ID, x.OrganisationID, x.OrgCode, x.From = d.newID(), d.organisation.ID, d.organisation.Code, d.by.UserID
			x.Given, x.Revision = d.now, 1
			wrong := caldicott.CheckDelegation(x, d.now)
			if x.To != "" && !slices.ContainsFunc(d.person.Appointments, func(a caldicott.Appointment) bool {
				return a.Role == vocabulary.RoleDeputyGuardian && a.OrganisationID == d.organisation.ID && !a.Proposed() && a.Ended.IsZero()
			}) {
				wrong = append(wrong, caldicott.FieldError{Field: "to", Code: caldicott.CodeField, Message: "must name a deputy guardian of the organisation"})
			}
			d.result.Delegation = x
			return caldicott.DirectoryRows{Delegations: []caldicott.Delegation{x}}, wrong
		},
		after: func(ctx context.Context, tx caldicott.Tx, d *desk) error {
			due, err := caldicott.EndOfDay(x.ValidTo)
			if err != nil {
				return err
			}
			err = tx.Assign(ctx, d.organisation.ID, x.ID, []caldicott.Task{{
				Name: vocabulary.TaskAcceptDelegation, Person: x.To, Limit: vocabulary.LimitDelegation, From: d.now, Due: due,
			}})
			if err != nil {
				return err
			}
			return tx.Tell(ctx, []caldicott.Notice{s.officeNotice(d, vocabulary.NoticeDelegationMade, vocabulary.TaskAcceptDelegation, x.To, x.ID, due, x.ID)})
		},
	})
}

// officeNotice tells somebody of what was done to an office; key is once for all.
func (s *Service) officeNotice(d *desk, event vocabulary.Notice, wanted vocabulary.Task, to, subject string, due time.Time, key string) caldicott.Notice {
	return caldicott.Notice{
		ID: s.NewID(), Event: event, Wanted: wanted, Recipient: to, OrganisationID: d.organisation.ID, Subject: subject, Due: due,
		At: d.now, Key: key + "/" + string(event) + "/" + to,
	}
}

// guardianOf is where the caller is guardian, or else where they belong: there the policy refuses them.
func guardianOf(by caldicott.Actor, at time.Time) string {
	if a, ok := by.Appointment(vocabulary.RoleCaldicottGuardian, "", at); ok {
		return a.OrgCode
	}
	return by.OrgCode
}

// onDelegation is an office on a delegation that exists.
func (s *Service) onDelegation(ctx context.Context, call Call, encode DirectoryRetry, id string, o office) (DirectoryResult, error) {
	was, err := s.Store.DelegationByID(ctx, id)
	if err != nil {
		return DirectoryResult{}, err
	}
	o.organisation = was.OrgCode
	o.load = func(ctx context.Context, tx caldicott.Tx, d *desk) (err error) {
		if d.delegation, err = tx.DelegationByID(ctx, id); err != nil {
			return err
		}
		d.result.Delegation = d.delegation
		d.person, err = tx.PersonNamed(ctx, d.delegation.To)
		return err
	}
	return s.run(ctx, call, encode, o)
}

// AcceptDelegation brings a delegation into force, within its days.
func (s *Service) AcceptDelegation(ctx context.Context, call Call, encode DirectoryRetry, id string) (DirectoryResult, error) {
	return s.onDelegation(ctx, call, encode, id, office{
		action: caldicott.AcceptDelegation, own: vocabulary.RoleDeputyGuardian,
		after: func(ctx context.Context, tx caldicott.Tx, d *desk) error {
			return tx.Assign(ctx, d.organisation.ID, id, nil)
		},
		state: func(d *desk) string {
			if !d.delegation.Accepted.IsZero() || !d.delegation.Revoked.IsZero() || d.delegation.ValidTo < caldicott.Today(d.now) {
				return "The delegation does not wait to be accepted."
			}
			return ""
		},
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			x := d.delegation
			x.Accepted, x.Revision = d.now, x.Revision+1
			d.result.Delegation = x
			return caldicott.DirectoryRows{Delegations: []caldicott.Delegation{x}}, nil
		},
	})
}

// RevokeDelegation ends a delegation at once.
func (s *Service) RevokeDelegation(ctx context.Context, call Call, encode DirectoryRetry, id, reason string) (DirectoryResult, error) {
	return s.onDelegation(ctx, call, encode, id, office{
		action: caldicott.RevokeDelegation, said: map[string]string{"reason": reason},
		after: func(ctx context.Context, tx caldicott.Tx, d *desk) error {
			return tx.Assign(ctx, d.organisation.ID, id, nil)
		},
		texts: []caldicott.Text{{Field: "reason", Value: reason}},
		state: func(d *desk) string {
			if !d.delegation.Revoked.IsZero() || d.delegation.ValidTo < caldicott.Today(d.now) {
				return "The delegation has ended already."
			}
			return ""
		},
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			x, wrong := d.delegation, []caldicott.FieldError(nil)
			if reason == "" {
				wrong = append(wrong, caldicott.FieldError{Field: "reason", Code: caldicott.CodeRequired, Message: "must be given"})
			}
			x.Revoked, x.Revision = d.now, x.Revision+1
			d.result.Delegation = x
			return caldicott.DirectoryRows{Delegations: []caldicott.Delegation{x}}, wrong
		},
	})
}
