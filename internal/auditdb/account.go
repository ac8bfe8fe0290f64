package auditdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/caldicott/caldicott/internal/audit"
)

// ErrUnknown says that there is no such request or entry.
var ErrUnknown = errors.New("there is no such request, or no such entry")

// Request finds a request by its id or its reference.
func (h History) Request(ctx context.Context, name string) (id string, err error) {
	const query = `SELECT id FROM casework.requests WHERE reference = $1 OR CAST(id AS text) = lower($1)`
	err = h.DB.GetContext(ctx, &id, query, name)
	if errors.Is(err, sql.ErrNoRows) {
		return "", ErrUnknown
	}
	if err != nil {
		return "", fmt.Errorf("request %s: %w", name, err)
	}
	return id, nil
}

// Accounts reads all entries about a request, the oldest first.
func (h History) Accounts(ctx context.Context, request string) ([]audit.Account, error) {
	const query = accountColumns + ` WHERE e.request_id = $1 ORDER BY e.id`
	return h.accounts(ctx, query, request)
}

// Account reads one entry.
func (h History) Account(ctx context.Context, entry int64) (audit.Account, error) {
	const query = accountColumns + ` WHERE e.id = $1`
	found, err := h.accounts(ctx, query, entry)
	if err == nil && len(found) == 0 {
		err = ErrUnknown
	}
	if err != nil {
		return audit.Account{}, err
	}
	return found[0], nil
}

const accountColumns = `
	SELECT e.id, e.canon, e.leaf_hash, COALESCE(p.user_id, '') AS user_id,
		CASE WHEN d.entry_id IS NULL THEN '' WHEN d.erased_at IS NULL THEN '` + audit.WordsPresent + `' ELSE '` + audit.WordsErased + `' END AS words,
		COALESCE(x.certificate_entry, 0) AS certificate
	FROM audit.entries e
	LEFT JOIN casework.people p ON p.id = e.actor_id
	LEFT JOIN audit.details d ON d.entry_id = e.id
	LEFT JOIN audit.disposals x ON x.entry_id = e.id`

func (h History) accounts(ctx context.Context, query string, arg any) ([]audit.Account, error) {
	var rows []struct {
		ID          int64  `db:"id"`
		Canon       []byte `db:"canon"`
		Leaf        []byte `db:"leaf_hash"`
		UserID      string `db:"user_id"`
		Words       string `db:"words"`
		Certificate int64  `db:"certificate"`
	}
	if err := h.DB.SelectContext(ctx, &rows, query, arg); err != nil {
		return nil, fmt.Errorf("entries: %w", err)
	}
	accounts := make([]audit.Account, len(rows))
	for i, r := range rows {
		accounts[i] = audit.Account{Entry: r.ID, Canon: r.Canon, Leaf: r.Leaf, Actor: r.UserID, Words: r.Words, Certificate: r.Certificate}
	}
	return accounts, nil
}
