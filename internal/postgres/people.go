package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

type personRow struct {
	ID             string  `db:"id"`
	UserID         string  `db:"user_id"`
	Name           string  `db:"name"`
	JobTitle       string  `db:"job_title"`
	OrganisationID string  `db:"organisation_id"`
	OrgCode        string  `db:"org_code"`
	Issuer         *string `db:"issuer"`
	Subject        *string `db:"subject"`
	Manager        *string `db:"manager"`
	Email          *string `db:"email"`
	Mail           string  `db:"mail"`
	Active         bool    `db:"active"`
	Revision       int     `db:"revision"`
}

func (r personRow) person() caldicott.Person {
	return caldicott.Person{
		ID: r.ID, UserID: r.UserID, Name: r.Name, JobTitle: r.JobTitle, OrganisationID: r.OrganisationID, OrgCode: r.OrgCode,
		Issuer: text(r.Issuer), Subject: text(r.Subject), Manager: text(r.Manager), Email: text(r.Email),
		Mail: vocabulary.MailPreference(r.Mail), Active: r.Active, Revision: r.Revision,
	}
}

type actorRow struct {
	personRow
	Appointments []byte `db:"appointments"`
	Delegations  []byte `db:"delegations"`
	Guardians    []byte `db:"guardians"`
}

type appointmentRow struct {
	ID             string         `json:"id" db:"id"`
	Person         string         `json:"person" db:"person"`
	OrganisationID string         `json:"organisation_id" db:"organisation_id"`
	OrgCode        string         `json:"org_code" db:"org_code"`
	Role           string         `json:"role" db:"role"`
	ValidFrom      string         `json:"valid_from" db:"valid_from"`
	ValidTo        *string        `json:"valid_to" db:"valid_to"`
	Posts          pq.StringArray `json:"posts" db:"posts"`
	BoardReference string         `json:"board_reference" db:"board_reference"`
	AppointedBy    *string        `json:"appointed_by" db:"appointed_by"`
	ConfirmedBy    *string        `json:"confirmed_by" db:"confirmed_by"`
	Since          *time.Time     `json:"since" db:"since"`
	Ended          *time.Time     `json:"ended_at" db:"ended_at"`
	Revision       int            `json:"revision" db:"revision"`
}

func (r appointmentRow) appointment() caldicott.Appointment {
	return caldicott.Appointment{
		ID: r.ID, UserID: r.Person, OrganisationID: r.OrganisationID, OrgCode: r.OrgCode, Role: vocabulary.Role(r.Role),
		ValidFrom: r.ValidFrom, ValidTo: text(r.ValidTo), Posts: codes[vocabulary.Post](r.Posts),
		BoardReference: r.BoardReference, AppointedBy: text(r.AppointedBy), ConfirmedBy: text(r.ConfirmedBy),
		Since: instant(r.Since), Ended: instant(r.Ended), Revision: r.Revision,
	}
}

type delegationRow struct {
	ID             string     `json:"id" db:"id"`
	OrganisationID string     `json:"organisation_id" db:"organisation_id"`
	OrgCode        string     `json:"org_code" db:"org_code"`
	Guardian       string     `json:"guardian" db:"guardian"`
	Deputy         string     `json:"deputy" db:"deputy"`
	Reason         string     `json:"reason" db:"reason"`
	Note           string     `json:"note" db:"note"`
	ValidFrom      string     `json:"valid_from" db:"valid_from"`
	ValidTo        string     `json:"valid_to" db:"valid_to"`
	Scope          scopeJSON  `json:"scope" db:"scope"`
	Given          time.Time  `json:"given_at" db:"given_at"`
	Accepted       *time.Time `json:"accepted_at" db:"accepted_at"`
	Revoked        *time.Time `json:"revoked_at" db:"revoked_at"`
	Revision       int        `json:"revision" db:"revision"`
}

func (r delegationRow) delegation() caldicott.Delegation {
	return caldicott.Delegation{
		ID: r.ID, OrganisationID: r.OrganisationID, OrgCode: r.OrgCode, From: r.Guardian, To: r.Deputy,
		Reason: vocabulary.DelegationReason(r.Reason), Note: r.Note, ValidFrom: r.ValidFrom, ValidTo: r.ValidTo,
		Scope: caldicott.Scope(r.Scope), Given: r.Given.UTC(), Accepted: instant(r.Accepted), Revoked: instant(r.Revoked),
		Revision: r.Revision,
	}
}

// scopeJSON reads a delegation's scope from its column or from within a row of JSON.
type scopeJSON caldicott.Scope

// Scan reads the column.
func (s *scopeJSON) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok {
		return fmt.Errorf("scope is %T", src)
	}
	return json.Unmarshal(b, (*caldicott.Scope)(s))
}

// UnmarshalJSON reads the member.
func (s *scopeJSON) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, (*caldicott.Scope)(s)) }

func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func orNoInstant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Columns of the people's tables, dates as text: a day is a day, in no zone.
const (
	personColumns = `p.id, p.user_id, p.name, p.job_title, p.organisation_id, o.code AS org_code, p.issuer, p.subject,
		p.manager, p.email, p.mail, p.active, p.revision`
	appointmentColumns = `a.id, a.person, a.organisation_id, o.code AS org_code, a.role, CAST(a.valid_from AS text) AS valid_from,
		CAST(a.valid_to AS text) AS valid_to, a.posts, a.board_reference, a.appointed_by, a.confirmed_by, a.since, a.ended_at, a.revision`
	delegationColumns = `d.id, d.organisation_id, o.code AS org_code, d.guardian, d.deputy, d.reason, d.note,
		CAST(d.valid_from AS text) AS valid_from, CAST(d.valid_to AS text) AS valid_to, d.scope, d.given_at, d.accepted_at,
		d.revoked_at, d.revision`
)

// actorQuery reads a person with all their authority, and the holders of the guardian's role in organisation $2.
const actorQuery = `
	SELECT ` + personColumns + `,
		COALESCE((SELECT json_agg(x) FROM (
			SELECT ` + appointmentColumns + `
			FROM casework.appointments a JOIN casework.organisations o ON o.id = a.organisation_id
			WHERE a.person = p.user_id ORDER BY a.valid_from, a.id
		) x), '[]') AS appointments,
		COALESCE((SELECT json_agg(x) FROM (
			SELECT ` + delegationColumns + `
			FROM casework.delegations d JOIN casework.organisations o ON o.id = d.organisation_id
			WHERE d.deputy = p.user_id ORDER BY d.valid_from, d.id
		) x), '[]') AS delegations,
		COALESCE((SELECT json_agg(x) FROM (
			SELECT ` + appointmentColumns + `
			FROM casework.appointments a JOIN casework.organisations o ON o.id = a.organisation_id
			WHERE a.organisation_id = CAST($2 AS uuid) AND a.role = 'CALDICOTT_GUARDIAN' ORDER BY a.person
		) x), '[]') AS guardians
	FROM casework.people p JOIN casework.organisations o ON o.id = p.organisation_id
	WHERE `

func (r actorRow) actor() (caldicott.Actor, error) {
	actor := caldicott.Actor{Person: r.person()}
	if err := list(r.Appointments, appointmentRow.appointment, &actor.Appointments); err != nil {
		return caldicott.Actor{}, err
	}
	return actor, list(r.Delegations, delegationRow.delegation, &actor.Delegations)
}

// guardians keeps those in force at the instant.
func guardians(raw []byte, at time.Time) ([]caldicott.Guardian, error) {
	var appointments []caldicott.Appointment
	if err := list(raw, appointmentRow.appointment, &appointments); err != nil {
		return nil, err
	}
	var held []caldicott.Guardian
	for _, a := range appointments {
		if a.InForce(at) {
			held = append(held, caldicott.Guardian{UserID: a.UserID, Posts: a.Posts})
		}
	}
	return held, nil
}

func (q reads) actor(ctx context.Context, where string, args ...any) (caldicott.Actor, error) {
	var r actorRow
	if err := q.run.get(ctx, &r, actorQuery+where, args...); err != nil {
		return caldicott.Actor{}, explain(err, "person")
	}
	return r.actor()
}

// ActorBySubject finds who a token speaks for.
func (q reads) ActorBySubject(ctx context.Context, issuer, subject string) (caldicott.Actor, error) {
	return q.actor(ctx, `p.issuer = $1 AND p.subject = $3`, issuer, nil, subject)
}

// ActorByUserID finds a person by the name that people use.
func (q reads) ActorByUserID(ctx context.Context, userID string) (caldicott.Actor, error) {
	return q.actor(ctx, `p.user_id = $1`, userID, nil)
}

// PersonNamed is ActorByUserID inside a transaction.
func (t *tx) PersonNamed(ctx context.Context, userID string) (caldicott.Actor, error) {
	return t.ActorByUserID(ctx, userID)
}

// LockPerson locks the person's row. A change of authority takes the weaker of the exclusive locks, which the foreign keys
// that name people do not mind.
func (t *tx) LockPerson(ctx context.Context, personID string, changing bool) error {
	query := `SELECT id FROM casework.people WHERE id = $1 FOR SHARE`
	if changing {
		query = `SELECT id FROM casework.people WHERE id = $1 FOR NO KEY UPDATE`
	}
	if t.alone {
		return nil
	}
	var found string
	return explain(t.run.get(ctx, &found, query, personID), "person")
}

// Standing reads the person and the organisation's guardians in one question.
func (t *tx) Standing(ctx context.Context, personID, organisationID string, at time.Time) (caldicott.Actor, []caldicott.Guardian, error) {
	var r actorRow
	if err := t.run.get(ctx, &r, actorQuery+`p.id = $1`, personID, organisationID); err != nil {
		return caldicott.Actor{}, nil, explain(err, "person")
	}
	actor, err := r.actor()
	if err != nil {
		return caldicott.Actor{}, nil, err
	}
	held, err := guardians(r.Guardians, at)
	return actor, held, err
}

// Guardians are the holders of the guardian's role in the organisation at the instant.
func (q reads) Guardians(ctx context.Context, organisationID string, at time.Time) ([]caldicott.Guardian, error) {
	const query = `
		SELECT ` + appointmentColumns + `
		FROM casework.appointments a JOIN casework.organisations o ON o.id = a.organisation_id
		WHERE a.organisation_id = $1 AND a.role = 'CALDICOTT_GUARDIAN' ORDER BY a.person`
	var rows []appointmentRow
	if err := q.run.all(ctx, &rows, query, organisationID); err != nil {
		return nil, explain(err, "guardian")
	}
	var held []caldicott.Guardian
	for _, r := range rows {
		if a := r.appointment(); a.InForce(at) {
			held = append(held, caldicott.Guardian{UserID: a.UserID, Posts: a.Posts})
		}
	}
	return held, nil
}

// Unknown gives those of the ids that no active person of the organisation, or of one that it answers for, has.
func (t *tx) Unknown(ctx context.Context, organisationID string, userIDs []string) ([]string, error) {
	const query = `
		SELECT u FROM unnest(CAST($1 AS text[])) u
		WHERE NOT EXISTS (
			SELECT FROM casework.people p JOIN casework.organisations o ON o.id = p.organisation_id
			WHERE p.user_id = u AND p.active AND (o.id = $2 OR o.organisation_id = $2))`
	var unknown []string
	if err := t.run.all(ctx, &unknown, query, pq.Array(userIDs), organisationID); err != nil {
		return nil, explain(err, "person")
	}
	return unknown, nil
}

// Ending reads the appointments and delegations in force whose last day lies between the two days, both included.
func (q reads) Ending(ctx context.Context, from, to string) ([]caldicott.EndingOffice, error) {
	const query = `
		SELECT a.id, a.organisation_id, a.person, '' AS guardian, CAST(a.valid_to AS text) AS valid_to,
			COALESCE(a.since, CAST(a.valid_from AS timestamptz)) AS since
		FROM casework.appointments a
		WHERE a.ended_at IS NULL AND a.valid_to BETWEEN CAST($1 AS date) AND CAST($2 AS date)
		UNION ALL
		SELECT d.id, d.organisation_id, d.deputy, d.guardian, CAST(d.valid_to AS text), d.accepted_at
		FROM casework.delegations d
		WHERE d.revoked_at IS NULL AND d.accepted_at IS NOT NULL AND d.valid_to BETWEEN CAST($1 AS date) AND CAST($2 AS date)`
	var rows []struct {
		ID             string    `db:"id"`
		OrganisationID string    `db:"organisation_id"`
		Person         string    `db:"person"`
		Guardian       string    `db:"guardian"`
		ValidTo        string    `db:"valid_to"`
		Since          time.Time `db:"since"`
	}
	if err := q.run.all(ctx, &rows, query, from, to); err != nil {
		return nil, explain(err, "appointment")
	}
	offices := make([]caldicott.EndingOffice, len(rows))
	for i, r := range rows {
		offices[i] = caldicott.EndingOffice{
			ID: r.ID, OrganisationID: r.OrganisationID, UserID: r.Person, Guardian: r.Guardian, ValidTo: r.ValidTo, Since: r.Since.UTC(),
		}
	}
	return offices, nil
}
