package postgres

import (
	"context"
	"time"

	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Wordings asks the trail, which the application may not read, only whether there are words and whose they are.
func (t *tx) Wordings(ctx context.Context, entries []int64) ([]caldicott.Wording, error) {
	const query = `
		SELECT w.entry, COALESCE(CAST(w.request AS text), '') AS request, COALESCE(CAST(w.organisation AS text), '') AS organisation, w.state
		FROM audit.words_of($1) w ORDER BY w.entry`
	var rows []struct {
		Entry        int64  `db:"entry"`
		Request      string `db:"request"`
		Organisation string `db:"organisation"`
		State        string `db:"state"`
	}
	if err := t.run.all(ctx, &rows, query, pq.Array(entries)); err != nil {
		return nil, explain(err, "entry")
	}
	list := make([]caldicott.Wording, len(rows))
	for i, r := range rows {
		list[i] = caldicott.Wording{Entry: r.Entry, Request: r.Request, Organisation: r.Organisation, State: caldicott.WordingState(r.State)}
	}
	return list, nil
}

// Erase leaves it to the database to see that two people agreed, and that nothing is held.
func (t *tx) Erase(ctx context.Context, entry int64) error {
	var done string
	return explain(t.run.get(ctx, &done, `SELECT CAST(audit.erase($1) AS text)`, entry), "erasure")
}

// Held waits for whoever begins or ends a hold: they hold the organisation's row.
func (t *tx) Held(ctx context.Context, organisationID, requestID string) (bool, error) {
	var held bool
	var found string
	if err := t.run.get(ctx, &found, `SELECT o.id FROM casework.organisations o WHERE o.id = $1 FOR SHARE`, organisationID); err != nil {
		return false, explain(err, "organisation")
	}
	err := t.run.get(ctx, &held, `SELECT audit.held($1, CAST($2 AS uuid))`, organisationID, orNull(requestID))
	return held, explain(err, "hold")
}

// Disposable asks the trail what has been kept long enough.
func (t *tx) Disposable(ctx context.Context, organisationID string, kind vocabulary.Kind, before time.Time) ([]caldicott.Disposable, error) {
	const query = `SELECT d.entry, d.request FROM audit.disposable($1, $2, $3) d ORDER BY d.entry`
	var rows []struct {
		Entry   int64  `db:"entry"`
		Request string `db:"request"`
	}
	if err := t.run.all(ctx, &rows, query, organisationID, string(kind), before); err != nil {
		return nil, explain(err, "entry")
	}
	list := make([]caldicott.Disposable, len(rows))
	for i, r := range rows {
		list[i] = caldicott.Disposable(r)
	}
	return list, nil
}

// Dispose leaves it to the database to see that two people agreed on exactly this.
func (t *tx) Dispose(ctx context.Context, proposal string) error {
	var done string
	return explain(t.run.get(ctx, &done, `SELECT CAST(audit.dispose($1) AS text)`, proposal), "disposal")
}
