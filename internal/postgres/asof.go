package postgres

import (
	"context"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// Kinds of rows of which every state is kept.
const (
	people       = "people"
	appointments = "appointments"
	delegations  = "delegations"
)

const writeVersions = `
	INSERT INTO casework.directory_versions (kind, row_id, revision, organisation_id, body, at, entry_id)
	SELECT CAST(:kind AS text), CAST(x ->> 'id' AS uuid), CAST(x ->> 'revision' AS integer), CAST(x ->> 'organisation_id' AS uuid), x,
		CAST(:at AS timestamptz), :entry_id
	FROM jsonb_array_elements(CAST(:rows AS jsonb)) x`

// table is what a list reads from: the table of that kind, or with an instant its rows as they stood then.
func (l *listing) table(kind, alias string, filter caldicott.Filter) (caldicott.Filter, string) {
	at, past := filter[caldicott.AsOf]
	if !past {
		return filter, "casework." + kind + " " + alias
	}
	rest := caldicott.Filter{}
	for name, value := range filter {
		if name != caldicott.AsOf {
			rest[name] = value
		}
	}
	return rest, `(
			SELECT DISTINCT ON (v.row_id) v.body FROM casework.directory_versions v
			WHERE v.kind = '` + kind + `' AND v.at <= CAST(` + l.arg(at) + ` AS timestamptz) ORDER BY v.row_id, v.revision DESC
		) v CROSS JOIN LATERAL jsonb_populate_record(CAST(NULL AS casework.` + kind + `), v.body) ` + alias
}

// PersonAsOf reads a person's record as it stood at the instant.
func (q reads) PersonAsOf(ctx context.Context, id string, at time.Time) (caldicott.Person, error) {
	const query = `SELECT ` + personColumns + `
		FROM casework.directory_versions v
		CROSS JOIN LATERAL jsonb_populate_record(CAST(NULL AS casework.people), v.body) p
		JOIN casework.organisations o ON o.id = p.organisation_id
		WHERE v.kind = 'people' AND v.row_id = $1 AND v.at <= $2 ORDER BY v.revision DESC LIMIT 1`
	var r personRow
	if err := q.run.get(ctx, &r, query, id, at); err != nil {
		return caldicott.Person{}, explain(err, "person")
	}
	return r.person(), nil
}
