package auditdb

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// Evidence reads what an evidence pack is made of, through the reader's login.
type Evidence struct{ DB *sqlx.DB }

// EvidenceAsked is which entries: those about a request; or, Request "", those about none, of the organisation and of the
// service itself. From and To bound when they occurred (zero: not at all), From included and To not. Only entries after the
// one of that number, so many of them.
type EvidenceAsked struct {
	Request, Organisation string
	From, To              time.Time
	After                 int64
	Limit                 int
}

// EvidenceRow is an entry with its place in the log, its words, and who acted. Canon is nil where the entry was disposed of,
// under the certificate Disposed. LeafIndex is -1 while it waits.
type EvidenceRow struct {
	ID        int64  `db:"id"`
	Canon     []byte `db:"canon"`
	LeafHash  []byte `db:"leaf_hash"`
	LeafIndex int64  `db:"leaf_index"`
	Detailed  bool   `db:"detailed"`
	Salt      []byte `db:"salt"`
	Body      []byte `db:"body"`
	Erased    bool   `db:"erased"`
	Disposed  string `db:"disposed"`
	UserID    string `db:"user_id"`
	Name      string `db:"name"`
	JobTitle  string `db:"job_title"`
}

// Request finds a request by its reference or its id.
func (e Evidence) Request(ctx context.Context, name string) (string, error) {
	const query = `SELECT CAST(id AS text) FROM casework.requests WHERE reference = $1 OR CAST(id AS text) = $1`
	var id string
	if err := e.DB.GetContext(ctx, &id, query, name); err != nil {
		return "", fmt.Errorf("request %s: %w", name, err)
	}
	return id, nil
}

// Entries reads entries in the order of their numbers.
func (e Evidence) Entries(ctx context.Context, asked EvidenceAsked) ([]EvidenceRow, error) {
	const columns = `
		SELECT e.id, e.canon, e.leaf_hash, COALESCE(l.leaf_index, -1) AS leaf_index, d.entry_id IS NOT NULL AS detailed,
			d.salt, d.body, d.erased_at IS NOT NULL AS erased, COALESCE(CAST(x.certificate_entry AS text), '') AS disposed,
			COALESCE(p.user_id, '') AS user_id, COALESCE(p.name, '') AS name, COALESCE(p.job_title, '') AS job_title
		FROM audit.entries e
		LEFT JOIN audit.leaves l ON l.entry_id = e.id
		LEFT JOIN audit.details d ON d.entry_id = e.id
		LEFT JOIN audit.disposals x ON x.entry_id = e.id
		LEFT JOIN casework.people p ON p.id = e.actor_id `
	const ofRequest = columns + `
		WHERE e.request_id = CAST($1 AS uuid) AND e.id > $2
			AND e.occurred_at >= CAST($3 AS timestamptz) AND e.occurred_at < CAST($4 AS timestamptz)
		ORDER BY e.id LIMIT $5`
	const ofNone = columns + `
		WHERE e.request_id IS NULL AND (e.organisation_id = CAST($1 AS uuid) OR e.organisation_id IS NULL) AND e.id > $2
			AND e.occurred_at >= CAST($3 AS timestamptz) AND e.occurred_at < CAST($4 AS timestamptz)
		ORDER BY e.id LIMIT $5`
	query, subject := ofRequest, asked.Request
	if asked.Request == "" {
		query, subject = ofNone, asked.Organisation
	}
	stmt, err := e.DB.PreparexContext(ctx, query) // lib/pq then receives bytes as they are
	if err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	defer stmt.Close() //nolint:errcheck // read only
	var rows []EvidenceRow
	if err := stmt.SelectContext(ctx, &rows, subject, asked.After, bound(asked.From, "-infinity"), bound(asked.To, "infinity"), asked.Limit); err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	return rows, nil
}

// bound is an instant as PostgreSQL reads it, or the end of time where there is none.
func bound(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// Touched gives the requests of the organisation about which there is an entry in the time, up to so many, and how many
// entries of the organisation and of the service itself lie in it in all.
func (e Evidence) Touched(ctx context.Context, organisation string, from, to time.Time, limit int) ([]string, int, error) {
	const requests = `
		SELECT DISTINCT CAST(request_id AS text) FROM audit.entries
		WHERE organisation_id = $1 AND request_id IS NOT NULL AND occurred_at >= $2 AND occurred_at < $3 ORDER BY 1 LIMIT $4`
	const entries = `
		SELECT count(*) FROM audit.entries
		WHERE (organisation_id = $1 OR organisation_id IS NULL) AND occurred_at >= $2 AND occurred_at < $3`
	var ids []string
	if err := e.DB.SelectContext(ctx, &ids, requests, organisation, from, to, limit); err != nil {
		return nil, 0, fmt.Errorf("evidence: %w", err)
	}
	var n int
	if err := e.DB.GetContext(ctx, &n, entries, organisation, from, to); err != nil {
		return nil, 0, fmt.Errorf("evidence: %w", err)
	}
	return ids, n, nil
}

// Waits says whether any entry that the pack would hold is not under a checkpoint of that size, but will soon be: what has
// waited for longer waits for something else than time.
func (e Evidence) Waits(ctx context.Context, asked EvidenceAsked, size int64) (bool, error) {
	const query = `
		SELECT EXISTS (
			SELECT FROM audit.entries e LEFT JOIN audit.leaves l ON l.entry_id = e.id
			WHERE e.recorded_at > clock_timestamp() - interval '1 minute' AND COALESCE(l.leaf_index, $1) >= $1
				AND (CAST(e.request_id AS text) = $2 OR $2 = '' AND (e.organisation_id = $3 OR e.organisation_id IS NULL)
					AND e.occurred_at < CAST($4 AS timestamptz)))`
	var waits bool
	if err := e.DB.GetContext(ctx, &waits, query, size, asked.Request, asked.Organisation, bound(asked.To, "infinity")); err != nil {
		return false, fmt.Errorf("evidence: %w", err)
	}
	return waits, nil
}
