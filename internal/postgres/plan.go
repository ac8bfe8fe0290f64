package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Plan replaces the request's tasks and says when the keeper is to look again.
func (t *tx) Plan(ctx context.Context, request caldicott.Request, tasks []caldicott.Task, next time.Time) error {
	var gone []int
	if err := t.run.all(ctx, &gone, `DELETE FROM casework.tasks WHERE request_id = $1 RETURNING 1`, request.ID); err != nil {
		return explain(err, "task")
	}
	if err := t.writeTasks(ctx, request.OrganisationID, request.ID, tasks); err != nil {
		return err
	}
	const agenda = `
		INSERT INTO casework.agenda (request_id, next_at) VALUES (:request_id, CAST(:next_at AS timestamptz))
		ON CONFLICT (request_id) DO UPDATE SET next_at = excluded.next_at`
	when := any(next)
	if next.IsZero() {
		when = "infinity"
	}
	return explain(t.run.write(ctx, agenda, map[string]any{"request_id": request.ID, "next_at": when}), "agenda")
}

// writeTasks writes all in one statement.
func (t *tx) writeTasks(ctx context.Context, organisationID, requestID string, tasks []caldicott.Task) error {
	if len(tasks) == 0 {
		return nil
	}
	rows := make([]map[string]any, len(tasks))
	for i, x := range tasks {
		not := x.Not
		if not == nil {
			not = []string{}
		}
		rows[i] = map[string]any{
			"name": string(x.Name), "subject": x.Subject, "person": orNull(x.Person), "roles": strs(x.Roles), "excluded": not,
			"limited_by": string(x.Limit), "from_at": x.From, "due": orNoInstant(x.Due),
		}
	}
	list, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("tasks: %w", err)
	}
	return explain(t.run.write(ctx, `
		INSERT INTO casework.tasks (organisation_id, request_id, name, subject, person, roles, excluded, limited_by, from_at, due)
		SELECT CAST(:organisation_id AS uuid), CAST(:request_id AS uuid), x.name, x.subject, x.person, x.roles, x.excluded, x.limited_by, x.from_at, x.due
		FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x (name text, subject text, person text, roles text[], excluded text[],
			limited_by text, from_at timestamptz, due timestamptz)`,
		map[string]any{"organisation_id": organisationID, "request_id": orNull(requestID), "rows": string(list)}), "task")
}

// Assign replaces the tasks about something that is no request: a delegation, a sample.
func (t *tx) Assign(ctx context.Context, organisationID, subject string, tasks []caldicott.Task) error {
	var gone []int
	const clear = `DELETE FROM casework.tasks WHERE organisation_id = $1 AND subject = $2 AND request_id IS NULL RETURNING 1`
	if err := t.run.all(ctx, &gone, clear, organisationID, subject); err != nil {
		return explain(err, "task")
	}
	for i := range tasks {
		tasks[i].Subject = subject
	}
	return t.writeTasks(ctx, organisationID, "", tasks)
}

// Noticed is the channel on which the senders are woken.
const Noticed = "caldicott_notices"

// Tell writes notices in one statement and wakes the senders when the transaction commits.
func (t *tx) Tell(ctx context.Context, notices []caldicott.Notice) error {
	if len(notices) == 0 {
		return nil
	}
	rows := make([]map[string]any, len(notices))
	for i, n := range notices {
		rows[i] = map[string]any{
			"id": n.ID, "organisation_id": n.OrganisationID, "request_id": orNull(n.RequestID), "recipient": n.Recipient,
			"endpoint": n.Endpoint, "event": string(n.Event), "wanted": string(n.Wanted), "reference": n.Reference, "state": n.State,
			"subject": n.Subject, "due": orNoInstant(n.Due), "at": n.At, "key": n.Key,
		}
	}
	list, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("notices: %w", err)
	}
	if err := t.run.write(ctx, `
		INSERT INTO casework.notices (id, organisation_id, request_id, recipient, endpoint, event, wanted, reference, state, subject, due, at, key)
		SELECT x.id, x.organisation_id, x.request_id, x.recipient, x.endpoint, x.event, x.wanted, x.reference, x.state, x.subject, x.due, x.at, x.key
		FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x (id uuid, organisation_id uuid, request_id uuid, recipient text, endpoint text,
			event text, wanted text, reference text, state text, subject text, due timestamptz, at timestamptz, key text)
		ON CONFLICT (key) DO NOTHING`, map[string]any{"rows": string(list)}); err != nil {
		return explain(err, "notice")
	}
	return t.wake(ctx)
}

// wake tells whoever listens that there is something to send, once the transaction has committed.
func (t *tx) wake(ctx context.Context) error {
	var told string
	return explain(t.run.get(ctx, &told, `SELECT CAST(pg_notify('`+Noticed+`', '') AS text)`), "notice")
}

// Audience reads holders of roles, with deputies under a delegation in force standing in for their guardian.
func (t *tx) Audience(ctx context.Context, organisationID string, roles []vocabulary.Role, at time.Time) ([]caldicott.Audience, error) {
	const query = `
		SELECT ` + appointmentColumns + `
		FROM casework.appointments a JOIN casework.organisations o ON o.id = a.organisation_id
		JOIN casework.people p ON p.user_id = a.person AND p.active
		WHERE a.organisation_id = $1 AND a.role = ANY($2) ORDER BY a.person`
	if slices.Contains(roles, vocabulary.RoleCaldicottGuardian) {
		roles = append(slices.Clone(roles), vocabulary.RoleDeputyGuardian)
	}
	var rows []appointmentRow
	if err := t.run.all(ctx, &rows, query, organisationID, pq.Array(strs(roles))); err != nil {
		return nil, explain(err, "appointment")
	}
	var audience []caldicott.Audience
	for _, r := range rows {
		if a := r.appointment(); a.InForce(at) && a.Role != vocabulary.RoleDeputyGuardian {
			audience = append(audience, caldicott.Audience{UserID: a.UserID, Role: a.Role})
		}
	}
	deputies, err := t.deputies(ctx, organisationID, at)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		a := r.appointment()
		if a.Role == vocabulary.RoleDeputyGuardian && a.InForce(at) && deputies[a.UserID] {
			audience = append(audience, caldicott.Audience{UserID: a.UserID, Role: vocabulary.RoleCaldicottGuardian})
		}
	}
	return audience, nil
}

// deputies are those who act for a guardian of the organisation at the instant.
func (q reads) deputies(ctx context.Context, organisationID string, at time.Time) (map[string]bool, error) {
	const query = `
		SELECT ` + delegationColumns + `
		FROM casework.delegations d JOIN casework.organisations o ON o.id = d.organisation_id
		WHERE d.organisation_id = $1 AND d.accepted_at IS NOT NULL AND d.revoked_at IS NULL`
	var rows []delegationRow
	if err := q.run.all(ctx, &rows, query, organisationID); err != nil {
		return nil, explain(err, "delegation")
	}
	deputies := map[string]bool{}
	for _, r := range rows {
		if d := r.delegation(); d.InForce(at) {
			deputies[d.To] = true
		}
	}
	return deputies, nil
}

// Hear puts the requests at the head of the keeper's agenda that authorise something to the recipient.
func (t *tx) Hear(ctx context.Context, organisationID, orgCode string) error {
	var touched []string
	const query = `
		UPDATE casework.agenda g SET next_at = 'epoch' WHERE g.request_id IN (
			SELECT a.request_id FROM casework.authorisations a
			JOIN casework.requests r ON r.id = a.request_id AND r.organisation_id = $1
			JOIN casework.versions v ON v.request_id = a.request_id AND v.n = a.version
			WHERE CAST(v.content AS jsonb) @> jsonb_build_object('recipients', jsonb_build_array(jsonb_build_object('org_code', CAST($2 AS text)))))
		RETURNING CAST(g.request_id AS text)`
	return explain(t.run.all(ctx, &touched, query, organisationID, orgCode), "agenda")
}

// Recall puts the request under which an authorisation was given at the head of the agenda: something took its place.
func (t *tx) Recall(ctx context.Context, authorisationID string) error {
	var touched []string
	const query = `
		UPDATE casework.agenda g SET next_at = 'epoch'
		FROM casework.authorisations a WHERE a.id = $1 AND g.request_id = a.request_id RETURNING CAST(g.request_id AS text)`
	return explain(t.run.all(ctx, &touched, query, authorisationID), "agenda")
}

// Ledger reads an organisation's records in the order in which they were made.
func (q reads) Ledger(ctx context.Context, organisationID string, kind caldicott.LedgerKind, subject string) ([]caldicott.LedgerRow, error) {
	const query = `
		SELECT l.id, l.subject, COALESCE(l.person, '') AS person, l.body, l.at, l.entry_id FROM casework.ledger l
		WHERE l.organisation_id = $1 AND l.kind = $2 AND ($3 = '' OR l.subject = $3) ORDER BY l.entry_id`
	var rows []struct {
		ID      string    `db:"id"`
		Subject string    `db:"subject"`
		Person  string    `db:"person"`
		Body    []byte    `db:"body"`
		At      time.Time `db:"at"`
		Entry   int64     `db:"entry_id"`
	}
	if err := q.run.all(ctx, &rows, query, organisationID, string(kind), subject); err != nil {
		return nil, explain(err, "record")
	}
	list := make([]caldicott.LedgerRow, len(rows))
	for i, r := range rows {
		list[i] = caldicott.LedgerRow{ID: r.ID, OrganisationID: organisationID, Kind: kind, Subject: r.Subject, By: r.Person, Body: r.Body, At: r.At.UTC(), Entry: r.Entry}
	}
	return list, nil
}

// Reviewers reads the review guardians, the organisation's own first, then by how long they have been appointed.
func (t *tx) Reviewers(ctx context.Context, organisationID string, at time.Time) ([]caldicott.Actor, error) {
	const query = `
		SELECT a.person FROM casework.appointments a
		WHERE a.role = 'REVIEW_GUARDIAN' ORDER BY a.organisation_id <> CAST($1 AS uuid), a.valid_from, a.person`
	var ids []string
	if err := t.run.all(ctx, &ids, query, organisationID); err != nil {
		return nil, explain(err, "appointment")
	}
	var reviewers []caldicott.Actor
	for _, id := range ids {
		a, err := t.ActorByUserID(ctx, id)
		if err != nil {
			return nil, err
		}
		if _, ok := a.Appointment(vocabulary.RoleReviewGuardian, "", at); ok && a.Active {
			reviewers = append(reviewers, a)
		}
	}
	return reviewers, nil
}

// Due reads the head of the keeper's agenda.
func (q reads) Due(ctx context.Context, now time.Time, limit int) ([]string, error) {
	const query = `SELECT g.request_id FROM casework.agenda g WHERE g.next_at <= $1 ORDER BY g.next_at, g.request_id LIMIT $2`
	var ids []string
	return ids, explain(q.run.all(ctx, &ids, query, now, limit), "agenda")
}

// Durations reads when the newest decided requests of the kind were submitted and decided.
func (q reads) Durations(ctx context.Context, organisationID string, kind vocabulary.Kind, limit int) ([]caldicott.Span, error) {
	const query = `
		SELECT r.submitted_at, r.decided_at FROM casework.requests r
		WHERE r.organisation_id = $1 AND r.kind = $2 AND r.decided_at IS NOT NULL AND r.submitted_at <= r.decided_at
		ORDER BY r.decided_at DESC LIMIT $3`
	var rows []struct {
		From time.Time `db:"submitted_at"`
		To   time.Time `db:"decided_at"`
	}
	if err := q.run.all(ctx, &rows, query, organisationID, string(kind), limit); err != nil {
		return nil, explain(err, "request")
	}
	spans := make([]caldicott.Span, len(rows))
	for i, r := range rows {
		spans[i] = caldicott.Span{From: r.From.UTC(), To: r.To.UTC()}
	}
	return spans, nil
}

// samplable are decisions set aside at triage, and approvals that were put forward straight from there.
const samplable = `
	FROM casework.decisions d
	JOIN casework.requests r ON r.id = d.request_id
	WHERE (d.outcome IN ('NOT_REQUIRED', 'OUT_OF_REMIT') AND EXISTS (
			SELECT FROM casework.deeds x WHERE x.request_id = r.id AND x.deed = 'set_aside' AND x.subject = CAST(d.id AS text))
		OR d.outcome IN ('APPROVE', 'APPROVE_WITH_CONDITIONS') AND 'TRIAGE' = (
			SELECT x.from_state FROM casework.deeds x WHERE x.request_id = r.id AND x.deed = 'put_forward' AND x.entry_id < d.entry_id
			ORDER BY x.entry_id DESC LIMIT 1))`

// Samplable reads the decisions from which a sample is drawn, in the order of their ids.
func (t *tx) Samplable(ctx context.Context, organisationID string, from, to time.Time) ([]caldicott.Samplable, error) {
	const query = `SELECT d.id, d.request_id, COALESCE(r.reference, '') AS reference, r.kind, d.outcome, d.decided_by` + samplable + `
		AND r.organisation_id = $1 AND d.at >= $2 AND d.at < $3 ORDER BY d.id`
	var rows []struct {
		ID        string `db:"id"`
		Request   string `db:"request_id"`
		Reference string `db:"reference"`
		Kind      string `db:"kind"`
		Outcome   string `db:"outcome"`
		DecidedBy string `db:"decided_by"`
	}
	if err := t.run.all(ctx, &rows, query, organisationID, from, to); err != nil {
		return nil, explain(err, "decision")
	}
	list := make([]caldicott.Samplable, len(rows))
	for i, r := range rows {
		list[i] = caldicott.Samplable{
			Decision: r.ID, Request: r.Request, Reference: r.Reference, Kind: vocabulary.Kind(r.Kind),
			Outcome: vocabulary.Outcome(r.Outcome), DecidedBy: r.DecidedBy,
		}
	}
	return list, nil
}

// Unsampled reads where a sample of the quarter is still to be drawn.
func (q reads) Unsampled(ctx context.Context, quarter string, from, to time.Time) ([]string, error) {
	const query = `
		SELECT o.code FROM casework.organisations o
		WHERE NOT EXISTS (SELECT FROM casework.ledger l WHERE l.organisation_id = o.id AND l.kind = 'sample' AND l.subject = $1)
			AND EXISTS (SELECT` + samplable + ` AND r.organisation_id = o.id AND d.at >= $2 AND d.at < $3)
		ORDER BY o.code`
	var codes []string
	return codes, explain(q.run.all(ctx, &codes, query, quarter, from, to), "organisation")
}
