package postgres

import (
	"context"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

type noticeRow struct {
	ID             string     `db:"id"`
	OrganisationID string     `db:"organisation_id"`
	RequestID      *string    `db:"request_id"`
	Recipient      string     `db:"recipient"`
	Endpoint       string     `db:"endpoint"`
	Event          string     `db:"event"`
	Wanted         string     `db:"wanted"`
	Reference      string     `db:"reference"`
	State          string     `db:"state"`
	Subject        string     `db:"subject"`
	Due            *time.Time `db:"due"`
	At             time.Time  `db:"at"`
	Status         string     `db:"status"`
	Attempts       int        `db:"attempts"`
	SettledAt      *time.Time `db:"settled_at"`
	Fault          string     `db:"fault"`
}

const noticeColumns = `n.id, n.organisation_id, n.request_id, n.recipient, n.endpoint, n.event, n.wanted, n.reference, n.state,
	n.subject, n.due, n.at, n.status, n.attempts, n.settled_at, n.fault`

func (r noticeRow) notice() caldicott.Notice {
	return caldicott.Notice{
		ID: r.ID, OrganisationID: r.OrganisationID, RequestID: text(r.RequestID), Recipient: r.Recipient, Endpoint: r.Endpoint,
		Event: vocabulary.Notice(r.Event), Wanted: vocabulary.Task(r.Wanted), Reference: r.Reference, State: r.State,
		Subject: r.Subject, Due: instant(r.Due), At: r.At.UTC(), Status: r.Status, Attempts: r.Attempts,
		SettledAt: instant(r.SettledAt), Fault: r.Fault,
	}
}

func (q reads) notices(ctx context.Context, query string, args ...any) ([]caldicott.Notice, error) {
	var rows []noticeRow
	if err := q.run.all(ctx, &rows, query, args...); err != nil {
		return nil, explain(err, "notice")
	}
	notices := make([]caldicott.Notice, len(rows))
	for i, r := range rows {
		notices[i] = r.notice()
	}
	return notices, nil
}

// NoticesOf reads what a person was told, the newest first.
func (q reads) NoticesOf(ctx context.Context, userID, before string, limit int) ([]caldicott.Notice, error) {
	const query = `
		SELECT ` + noticeColumns + ` FROM casework.notices n
		WHERE n.recipient = $1 AND ($2 = '' OR n.place < (SELECT b.place FROM casework.notices b WHERE b.id = CAST(NULLIF($2, '') AS uuid)))
		ORDER BY n.place DESC LIMIT $3`
	return q.notices(ctx, query, userID, before, limit)
}

// Undelivered reads what was given up, oldest first.
func (q reads) Undelivered(ctx context.Context, organisationID, after string, limit int) ([]caldicott.Notice, error) {
	const query = `
		SELECT ` + noticeColumns + ` FROM casework.notices n
		WHERE n.organisation_id = $1 AND n.status = 'DEAD'
			AND ($2 = '' OR n.place > (SELECT b.place FROM casework.notices b WHERE b.id = CAST(NULLIF($2, '') AS uuid)))
		ORDER BY n.place LIMIT $3`
	return q.notices(ctx, query, organisationID, after, limit)
}

// Resend puts a notice that was given up back in the queue, as if it had never been tried.
func (t *tx) Resend(ctx context.Context, organisationID, id string) (caldicott.Notice, error) {
	const query = `
		UPDATE casework.notices n SET status = 'WAITING', attempts = 0, next_at = clock_timestamp(), leased_until = NULL, settled_at = NULL
		WHERE n.id = $1 AND n.organisation_id = $2 AND n.status = 'DEAD' RETURNING ` + noticeColumns
	var r noticeRow
	if err := t.run.get(ctx, &r, query, id, organisationID); err != nil {
		return caldicott.Notice{}, explain(err, "notice")
	}
	return r.notice(), t.wake(ctx)
}
