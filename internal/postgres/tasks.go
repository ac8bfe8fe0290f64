package postgres

import (
	"context"
	"time"

	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

type taskRow struct {
	ID             string         `db:"id"`
	Name           string         `db:"name"`
	Subject        string         `db:"subject"`
	Person         *string        `db:"person"`
	Roles          pq.StringArray `db:"roles"`
	LimitedBy      string         `db:"limited_by"`
	From           time.Time      `db:"from_at"`
	Due            *time.Time     `db:"due"`
	Key            string         `db:"key"`
	OrgCode        string         `db:"org_code"`
	OrganisationID string         `db:"organisation_id"`
	RequestID      *string        `db:"request_id"`
	Reference      *string        `db:"reference"`
	Requester      *string        `db:"requester"`
	State          *string        `db:"state"`
	Kind           *string        `db:"kind"`
	Urgency        *string        `db:"urgency"`
	Title          *string        `db:"title"`
	Submitted      *time.Time     `db:"submitted_at"`
}

// TasksOf is one query: what waits for the person by name, and for the roles that they hold. What has no limit comes last.
func (q reads) TasksOf(ctx context.Context, asked caldicott.TasksAsked) ([]caldicott.TaskRow, error) {
	const query = `
		SELECT t.id, t.name, t.subject, t.person, t.roles, t.limited_by, t.from_at, t.due,
			CAST(COALESCE(t.due, 'infinity') AS text) AS key, o.code AS org_code, t.organisation_id, t.request_id,
			r.reference, r.requester, r.state, r.kind, r.urgency, r.title, r.submitted_at
		FROM casework.tasks t
		JOIN casework.organisations o ON o.id = t.organisation_id
		LEFT JOIN casework.requests r ON r.id = t.request_id
		WHERE t.from_at <= $1 AND NOT $2 = ANY(t.excluded) AND NOT t.organisation_id = ANY(CAST($5 AS uuid[]))
			AND (t.person = $2 OR t.person IS NULL AND EXISTS (
				SELECT FROM unnest(CAST($3 AS text[]), CAST($4 AS uuid[])) AS mine (role, organisation_id)
				WHERE mine.organisation_id = t.organisation_id AND mine.role = ANY(t.roles)))
			AND ($7 = '' OR (COALESCE(t.due, 'infinity'), t.id) > (CAST(COALESCE(NULLIF($6, ''), '-infinity') AS timestamptz), CAST(NULLIF($7, '') AS uuid)))
		ORDER BY COALESCE(t.due, 'infinity'), t.id LIMIT $8`
	roles, organisations := make([]string, len(asked.Roles)), make([]string, len(asked.Roles))
	for i, r := range asked.Roles {
		roles[i], organisations[i] = r.Role, r.OrganisationID
	}
	denied := asked.Denied
	if denied == nil {
		denied = []string{}
	}
	var rows []taskRow
	err := q.run.all(ctx, &rows, query, asked.Now, asked.UserID, pq.Array(roles), pq.Array(organisations), pq.Array(denied),
		asked.AfterDue, asked.AfterID, asked.Limit)
	if err != nil {
		return nil, explain(err, "task")
	}
	tasks := make([]caldicott.TaskRow, len(rows))
	for i, r := range rows {
		tasks[i] = r.task()
	}
	return tasks, nil
}

func (r taskRow) task() caldicott.TaskRow {
	return caldicott.TaskRow{
		ID: r.ID, Key: r.Key, OrgCode: r.OrgCode,
		Task: caldicott.Task{
			Name: vocabulary.Task(r.Name), Subject: r.Subject, Person: text(r.Person), Roles: codes[vocabulary.Role](r.Roles),
			Limit: vocabulary.Limit(r.LimitedBy), From: r.From.UTC(), Due: instant(r.Due),
		},
		Request: caldicott.Request{
			ID: text(r.RequestID), Reference: text(r.Reference), OrganisationID: r.OrganisationID, OrgCode: r.OrgCode,
			Requester: text(r.Requester), State: caldicott.State(text(r.State)),
		},
		Kind: vocabulary.Kind(text(r.Kind)), Urgency: vocabulary.Urgency(text(r.Urgency)), Title: text(r.Title), Submitted: instant(r.Submitted),
	}
}
