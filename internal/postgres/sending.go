package postgres

import (
	"context"
	"time"

	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// Sending is a notice in a sender's hands. It is spelt out, not defined, so that the courier's own spelling of it is the same
// type: siblings do not import each other.
type Sending = struct {
	caldicott.Notice
	OrgCode string // of the organisation whose notice it is
	Email   string // of the recipient; "" where an endpoint is told
}

type sendingRow struct {
	noticeRow
	OrgCode string  `db:"org_code"`
	Email   *string `db:"email"`
}

const sendingColumns = noticeColumns + `, due.org_code, due.email`

// free says whether a notice is in no sender's hands; $1 is now.
const free = `(n.leased_until IS NULL OR n.leased_until < $1)`

// timely says whether its time has come. One that was never tried waits for nothing: its next_at is the server's clock's,
// everything later the caller's.
const timely = `(n.attempts = 0 OR n.next_at <= $1)`

// Claim takes notices whose time has come, at most so many, and keeps other senders away from them until the lease ends. Of
// those about one request to one recipient only the first that waits may be taken; those about no request stand each for
// itself. Notices to somebody who is told nothing by mail (no address, no wish for it, no longer active) are settled as KEPT
// on the way, and those to somebody who wants one mail a day are left to ClaimDigest.
func (d *DB) Claim(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]Sending, error) {
	const query = `
		WITH due AS (
			SELECT n.id, o.code AS org_code, p.email, n.endpoint <> '' OR p.user_id IS NOT NULL AS reached
			FROM casework.notices n
			JOIN casework.organisations o ON o.id = n.organisation_id
			LEFT JOIN casework.people p ON p.user_id = n.recipient AND p.active AND p.email <> '' AND p.mail <> 'NEVER'
			WHERE n.status = 'WAITING' AND ` + timely + ` AND ` + free + ` AND p.mail IS DISTINCT FROM 'DAILY'
				AND NOT EXISTS (
					SELECT FROM casework.notices e
					WHERE e.status = 'WAITING' AND e.recipient = n.recipient AND e.endpoint = n.endpoint
						AND e.request_id = n.request_id AND e.place < n.place)
			ORDER BY n.next_at, n.place LIMIT $3
			FOR UPDATE OF n SKIP LOCKED)
		UPDATE casework.notices n SET
			status = CASE WHEN due.reached THEN 'WAITING' ELSE 'KEPT' END,
			settled_at = CASE WHEN due.reached THEN NULL ELSE CAST($1 AS timestamptz) END,
			leased_until = CASE WHEN due.reached THEN CAST($2 AS timestamptz) END,
			attempts = n.attempts + CAST(due.reached AS integer), next_at = $1
		FROM due WHERE n.id = due.id
		RETURNING ` + sendingColumns
	for {
		rows, err := d.sendings(ctx, query, now, now.Add(lease), limit)
		if err != nil || len(rows) == 0 {
			return nil, err
		}
		var taken []Sending
		for _, s := range rows {
			if s.Status == "WAITING" {
				taken = append(taken, s)
			}
		}
		if len(taken) > 0 {
			return taken, nil
		} // all were kept: there may be more
	}
}

// ClaimDigest takes what waits for one person who wants one mail a day, of what was done before cut; nothing where there is
// no such person. Who has been sent something since cut has had their mail of the day. Taking what was done before cut, and
// no more, makes a digest that is sent again the same digest.
func (d *DB) ClaimDigest(ctx context.Context, now time.Time, lease time.Duration, cut time.Time) ([]Sending, error) {
	const query = `
		WITH head AS (
			SELECT n.recipient, p.email
			FROM casework.notices n
			JOIN casework.people p ON p.user_id = n.recipient AND p.active AND p.email <> '' AND p.mail = 'DAILY'
			WHERE n.status = 'WAITING' AND n.at < $3 AND ` + timely + ` AND ` + free + `
				AND NOT EXISTS (
					SELECT FROM casework.notices e
					WHERE e.status = 'WAITING' AND e.recipient = n.recipient AND e.at < $3 AND e.place < n.place)
				AND NOT EXISTS (
					SELECT FROM casework.notices h WHERE h.recipient = n.recipient AND h.status = 'SENT' AND h.settled_at >= $3)
			ORDER BY n.place LIMIT 1
			FOR UPDATE OF n SKIP LOCKED
		), due AS (
			SELECT n.id, o.code AS org_code, head.email
			FROM head JOIN casework.notices n ON n.recipient = head.recipient
			JOIN casework.organisations o ON o.id = n.organisation_id
			WHERE n.status = 'WAITING' AND n.at < $3 AND ` + free + `
			FOR UPDATE OF n)
		UPDATE casework.notices n SET leased_until = $2, attempts = n.attempts + 1, next_at = $1
		FROM due WHERE n.id = due.id
		RETURNING ` + sendingColumns
	return d.sendings(ctx, query, now, now.Add(lease), cut)
}

// sendings runs one statement that takes notices.
func (d *DB) sendings(ctx context.Context, query string, args ...any) ([]Sending, error) {
	var rows []sendingRow
	if err := d.pool.all(ctx, &rows, query, args...); err != nil {
		return nil, explain(err, "notice")
	}
	taken := make([]Sending, len(rows))
	for i, r := range rows {
		taken[i] = Sending{Notice: r.notice(), OrgCode: r.OrgCode, Email: text(r.Email)}
	}
	return taken, nil
}

// Settle writes what became of notices that were taken, all or none: SENT, KEPT or DEAD at an instant, or WAITING again until
// next. fault is a code, "" for none. What another sender has settled meanwhile stays as it is.
func (d *DB) Settle(ctx context.Context, ids []string, status, fault string, at, next time.Time) error {
	const query = `
		UPDATE casework.notices n SET
			status = $2, fault = $3, leased_until = NULL,
			settled_at = CASE WHEN $2 = 'WAITING' THEN NULL ELSE CAST($4 AS timestamptz) END,
			next_at = CASE WHEN $2 = 'WAITING' THEN CAST($5 AS timestamptz) ELSE n.next_at END
		WHERE n.id = ANY(CAST($1 AS uuid[])) AND n.status = 'WAITING'
		RETURNING 1`
	var settled []int
	return explain(d.pool.all(ctx, &settled, query, pq.Array(ids), status, fault, at, next), "notice")
}
