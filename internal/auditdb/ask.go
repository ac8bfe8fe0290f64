package auditdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Log answers questions about the whole log, through the reader's login.
type Log struct{ DB *sqlx.DB }

// Question says which entries are asked for. Organisations are those whose entries may be told, Own says that those about no
// organisation may be, too. All else narrows; zero narrows nothing. From and To bound when it happened (To is not within),
// AsAt when it was recorded.
type Question struct {
	Organisations                          []string
	Own                                    bool
	Actor                                  string // user id
	Request, Reference                     string // a uuid, CG-TST01-2026-0001
	Action, Outcome, Rule, Subject, Stream string
	Acting, Policy                         string
	Sealed                                 string // "true", "false"
	From, To, AsAt                         time.Time
	Entry                                  int64
}

// Row is one entry as it stands in the trail, with the names that people use. Index is -1 while it waits to be sealed. Of an entry
// that was disposed of, Canon is nil and Disposed the number of its certificate.
type Row struct {
	ID, Index                      int64
	Canon, Leaf                    []byte
	RecordedAt                     time.Time
	Actor, Organisation, Reference string
	Seq                            int // 0 outside of all chains
	Disposed                       int64
}

// Whole is one entry with its words, where it has any and they have not been erased.
type Whole struct {
	Row
	Checkpoint int64 // the size of the first checkpoint that has the entry; 0 while it waits
	Detailed   bool
	Salt, Body []byte
	ErasedAt   time.Time
}

// The parts of the queries. The session plans each of them for its own arguments, so that a condition on "" is no condition.
const (
	rowColumns = `
		SELECT e.id, COALESCE(l.leaf_index, -1) AS leaf_index, e.canon, e.leaf_hash, e.recorded_at, COALESCE(p.user_id, '') AS user_id,
			COALESCE(o.code, '') AS code, COALESCE(r.reference, '') AS reference, COALESCE(e.seq, 0) AS seq, COALESCE(x.certificate_entry, 0) AS disposed`
	fromEntries = `
		FROM audit.entries e
		LEFT JOIN audit.leaves l ON l.entry_id = e.id
		LEFT JOIN casework.people p ON p.id = e.actor_id
		LEFT JOIN casework.organisations o ON o.id = e.organisation_id
		LEFT JOIN casework.requests r ON r.id = e.request_id
		LEFT JOIN audit.disposals x ON x.entry_id = e.id`
	pageQuery = rowColumns + fromEntries + thatAreAsked + ` AND ($18 = 0 OR e.id < $18) ORDER BY e.id DESC LIMIT $19`
	// The planner takes what happened in a short time to lie all over the trail, and would look for it from the newest entry
	// back. What is not in the order of an index it looks for by its time.
	shortQuery = rowColumns + fromEntries + thatAreAsked + ` AND ($18 = 0 OR e.id < $18) ORDER BY e.id + 0 DESC LIMIT $19`
	// The last three are members of canon that no column repeats. acting can only be the first of all members; the others
	// are looked for as they are written.
	thatAreAsked = `
		WHERE (e.organisation_id = ANY(CAST($1 AS uuid[])) OR CAST($2 AS boolean) AND e.organisation_id IS NULL)
			AND ($3 = '' OR e.actor_id = (SELECT id FROM casework.people WHERE user_id = $3))
			AND ($4 = '' OR e.request_id = CAST(NULLIF($4, '') AS uuid))
			AND ($5 = '' OR e.request_id = (SELECT id FROM casework.requests WHERE reference = $5))
			AND ($6 = '' OR e.action = $6)
			AND ($7 = '' OR e.outcome = $7)
			AND ($8 = '' OR e.rule = $8)
			AND ($9 = '' OR e.stream = $9)
			AND ($10 = '' OR (l.leaf_index IS NOT NULL) = ($10 = 'true'))
			AND (CAST($11 AS timestamptz) IS NULL OR e.occurred_at >= CAST($11 AS timestamptz))
			AND (CAST($12 AS timestamptz) IS NULL OR e.occurred_at < CAST($12 AS timestamptz))
			AND (CAST($13 AS timestamptz) IS NULL OR e.recorded_at <= CAST($13 AS timestamptz))
			AND ($14 = 0 OR e.id = $14)
			AND ($15 = '' OR substring(e.canon FROM 1 FOR 13 + length($15)) = convert_to('{"acting":"' || $15 || '",', 'UTF8'))
			AND ($16 = '' OR position(convert_to('"stream":"' || e.stream || '","subject":"' || $16 || '"', 'UTF8') IN e.canon) > 0)
			AND ($17 = '' OR position(convert_to('","policy":"' || $17 || '"', 'UTF8') IN e.canon) > 0)`
)

func (q Question) args() []any {
	return []any{
		pq.Array(q.Organisations), q.Own, q.Actor, q.Request, q.Reference, q.Action, q.Outcome, q.Rule, q.Stream, q.Sealed,
		given(q.From), given(q.To), given(q.AsAt), q.Entry, q.Acting, q.Subject, q.Policy,
	}
}

func given(t time.Time) sql.NullTime { return sql.NullTime{Time: t, Valid: !t.IsZero()} }

// short is a time in which so little happens that all of it can be sorted for one page.
const short = 31 * 24 * time.Hour

func (q Question) pageQuery() string {
	if !q.From.IsZero() && !q.To.IsZero() && q.To.Sub(q.From) <= short {
		return shortQuery
	}
	return pageQuery
}

// Page gives so many entries, the newest first, before the one of that number (0: from the newest).
func (l Log) Page(ctx context.Context, q Question, before int64, limit int) ([]Row, error) {
	rows, err := l.DB.QueryContext(ctx, q.pageQuery(), append(q.args(), before, limit)...)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	defer rows.Close()
	var page []Row
	for rows.Next() {
		var r Row
		if err := rows.Scan(&r.ID, &r.Index, &r.Canon, &r.Leaf, &r.RecordedAt, &r.Actor, &r.Organisation, &r.Reference, &r.Seq, &r.Disposed); err != nil {
			return nil, fmt.Errorf("log: %w", err)
		}
		page = append(page, r)
	}
	return page, rows.Err()
}

// Wholes gives the first entries with their words, the oldest first: of what is known by its number, or by its stream.
func (l Log) Wholes(ctx context.Context, q Question, limit int) ([]Whole, error) {
	const query = rowColumns + `,
			COALESCE((SELECT min(c.size) FROM audit.checkpoints c WHERE c.size > l.leaf_index), 0) AS checkpoint,
			d.entry_id IS NOT NULL AS detailed, d.salt, d.body, COALESCE(d.erased_at, CAST('0001-01-01' AS timestamptz)) AS erased_at` +
		fromEntries + ` LEFT JOIN audit.details d ON d.entry_id = e.id` + thatAreAsked + ` ORDER BY e.id LIMIT $18`
	rows, err := l.DB.QueryContext(ctx, query, append(q.args(), limit)...)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	defer rows.Close()
	var list []Whole
	for rows.Next() {
		var w Whole
		if err := rows.Scan(&w.ID, &w.Index, &w.Canon, &w.Leaf, &w.RecordedAt, &w.Actor, &w.Organisation, &w.Reference, &w.Seq, &w.Disposed,
			&w.Checkpoint, &w.Detailed, &w.Salt, &w.Body, &w.ErasedAt); err != nil {
			return nil, fmt.Errorf("log: %w", err)
		}
		list = append(list, w)
	}
	return list, rows.Err()
}

// Stream gives every entry asked for, the oldest first, as the log stands at one moment. The rows come as fast as f takes
// them: nothing is gathered here, and f keeps nothing of what it is given.
func (l Log) Stream(ctx context.Context, q Question, f func(*Row) error) error {
	moment, err := Open(ctx, l.DB)
	if err != nil {
		return err
	}
	err = moment.stream(ctx, q, f)
	return errors.Join(err, moment.Close())
}

func (t Trail) stream(ctx context.Context, q Question, f func(*Row) error) error {
	const query = rowColumns + fromEntries + thatAreAsked + ` ORDER BY e.id`
	var row Row
	var canon, leaf, actor, organisation, reference sql.RawBytes
	var names intern
	return t.each(ctx, query, func(rows *sql.Rows) error {
		if err := rows.Scan(&row.ID, &row.Index, &canon, &leaf, &row.RecordedAt, &actor, &organisation, &reference, &row.Seq, &row.Disposed); err != nil {
			return err
		}
		row.Canon, row.Leaf = canon, leaf
		row.Actor, row.Organisation, row.Reference = names.of(actor), names.of(organisation), names.of(reference)
		return f(&row)
	}, q.args()...)
}

// intern gives the last strings again instead of making the same ones anew. It forgets all of them before it grows large.
type intern map[string]string

func (n *intern) of(b []byte) string {
	if s, ok := (*n)[string(b)]; ok {
		return s
	}
	if len(*n) >= 1024 || *n == nil {
		*n = intern{}
	}
	s := string(b)
	(*n)[s] = s
	return s
}
