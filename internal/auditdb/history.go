package auditdb

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/audit"
)

// History reads the entries about one request through the reader's login.
type History struct{ DB *sqlx.DB }

// Line is one entry as a history tells it: who, by the name that people use, did what, when and by which rule. Of what was
// disposed of it tells only its place, and the number of the certificate.
type Line struct {
	Entry         int64
	Seq           int
	Action        string
	Outcome, Rule string
	At            time.Time
	Actor         string
	Acting        string
	From, To      string
	Line          string // of the policy
	Version       int
	Disposed      int64
}

// Asked is one page of a history: entries before the one of that number (0: from the newest), so many. Who is not Told
// everything is told what was done, but for the actions Kept, and what they themselves (Reader, a person's id) tried or read.
type Asked struct {
	Request string
	Before  int64
	Limit   int
	Told    bool
	Kept    []string
	Reader  string
}

// Of gives one page of the entries about a request, the newest first.
func (h History) Of(ctx context.Context, asked Asked) ([]Line, error) {
	const query = `
		SELECT e.id, e.canon, COALESCE(p.user_id, '') AS user_id, COALESCE(e.seq, 0) AS seq, COALESCE(x.certificate_entry, 0) AS disposed
		FROM audit.entries e LEFT JOIN casework.people p ON p.id = e.actor_id LEFT JOIN audit.disposals x ON x.entry_id = e.id
		WHERE e.request_id = $1 AND ($2 = 0 OR e.id < $2)
			AND ($4 OR e.outcome = 'done' AND e.action <> ALL($5) OR CAST(e.actor_id AS text) = $6)
		ORDER BY e.id DESC LIMIT $3`
	var rows []struct {
		ID       int64  `db:"id"`
		Canon    []byte `db:"canon"`
		UserID   string `db:"user_id"`
		Seq      int    `db:"seq"`
		Disposed int64  `db:"disposed"`
	}
	if err := h.DB.SelectContext(ctx, &rows, query, asked.Request, asked.Before, asked.Limit, asked.Told, pq.Array(asked.Kept), asked.Reader); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	lines := make([]Line, len(rows))
	for i, r := range rows {
		if r.Disposed != 0 {
			lines[i] = Line{Entry: r.ID, Seq: r.Seq, Disposed: r.Disposed}
			continue
		}
		e, err := audit.ParseEntry(r.Canon)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", r.ID, err)
		}
		lines[i] = Line{
			Entry: r.ID, Seq: e.Seq, Action: e.Action, Outcome: e.Outcome, Rule: e.Rule, At: e.At, Actor: r.UserID,
			Acting: e.Acting, From: e.From, To: e.To, Line: e.Line, Version: e.Version,
		}
	}
	return lines, nil
}
