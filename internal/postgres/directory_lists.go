package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// directory reads one page of a table of the directory, in the order of its key, which is also the cursor.
func directory[Row, T any](ctx context.Context, q reads, columns, from, key string, l *listing, page caldicott.Page, noun func(Row) T) ([]T, error) {
	if page.AfterID != "" {
		l.and("CAST("+key+" AS text) > %s", page.AfterID)
	}
	query := fmt.Sprintf(`SELECT %s FROM %s%s ORDER BY CAST(%s AS text) LIMIT %s`, columns, from, l.sql(), key, l.arg(page.Limit))
	var rows []Row
	if err := q.run.once(ctx, &rows, query, l.args...); err != nil {
		return nil, explain(err, "directory")
	}
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = noun(r)
	}
	return out, nil
}

// choose applies the filters that the table knows.
func (l *listing) choose(filter caldicott.Filter, known map[string]string) error {
	for name, value := range filter {
		condition, ok := known[name]
		if !ok {
			return fmt.Errorf("no filter %s", name)
		}
		l.and(strings.ReplaceAll(condition, "?", "%s"), value)
	}
	return nil
}

// in keeps what belongs to one of the organisations.
func (l *listing) in(column string, organisationIDs []string) {
	l.and(column+" = ANY(CAST(%s AS uuid[]))", pq.Array(organisationIDs))
}

// Organisations lists the directory by code.
func (q reads) Organisations(ctx context.Context, filter caldicott.Filter, page caldicott.Page) ([]caldicott.OrganisationRow, error) {
	var l listing
	if err := l.choose(filter, map[string]string{"type": "o.type = ?"}); err != nil {
		return nil, err
	}
	return directory(ctx, q, organisationColumns, "casework.organisations o", "o.code", &l, page, organisationRow.organisation)
}

// People lists the enrolled of the organisations by user id.
func (q reads) People(ctx context.Context, organisationIDs []string, filter caldicott.Filter, page caldicott.Page) ([]caldicott.Person, error) {
	var l listing
	l.in("p.organisation_id", organisationIDs)
	if err := l.choose(filter, map[string]string{"active": "CAST(p.active AS text) = ?", "organisation": "o.code = ?"}); err != nil {
		return nil, err
	}
	return directory(ctx, q, personColumns, "casework.people p JOIN casework.organisations o ON o.id = p.organisation_id",
		"p.user_id", &l, page, personRow.person)
}

// Appointments lists those of the organisations by id.
func (q reads) Appointments(ctx context.Context, organisationIDs []string, filter caldicott.Filter, page caldicott.Page) ([]caldicott.Appointment, error) {
	var l listing
	l.in("a.organisation_id", organisationIDs)
	filter, table := l.table(appointments, "a", filter)
	if err := l.choose(filter, map[string]string{"person": "a.person = ?", "role": "a.role = ?", "organisation": "o.code = ?"}); err != nil {
		return nil, err
	}
	return directory(ctx, q, appointmentColumns, table+" JOIN casework.organisations o ON o.id = a.organisation_id",
		"a.id", &l, page, appointmentRow.appointment)
}

// Delegations lists those of the organisations by id.
func (q reads) Delegations(ctx context.Context, organisationIDs []string, filter caldicott.Filter, page caldicott.Page) ([]caldicott.Delegation, error) {
	var l listing
	l.in("d.organisation_id", organisationIDs)
	filter, table := l.table(delegations, "d", filter)
	if err := l.choose(filter, map[string]string{"deputy": "d.deputy = ?", "guardian": "d.guardian = ?"}); err != nil {
		return nil, err
	}
	return directory(ctx, q, delegationColumns, table+" JOIN casework.organisations o ON o.id = d.organisation_id",
		"d.id", &l, page, delegationRow.delegation)
}

// Assets lists those of the organisations by id.
func (q reads) Assets(ctx context.Context, organisationIDs []string, filter caldicott.Filter, page caldicott.Page) ([]caldicott.Asset, error) {
	var l listing
	l.in("a.organisation_id", organisationIDs)
	if err := l.choose(filter, map[string]string{"owner": "a.owner = ?"}); err != nil {
		return nil, err
	}
	return directory(ctx, q, assetColumns, "casework.assets a JOIN casework.organisations o ON o.id = a.organisation_id",
		"a.id", &l, page, assetRow.asset)
}
