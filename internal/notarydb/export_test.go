package notarydb

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/notary"
)

// Unlocked seals as Alone does, without the lock.
func (b Book) Unlocked(ctx context.Context, f func(notary.Page) error) (bool, error) {
	return true, b.within(ctx, func(tx *sqlx.Tx) error { return f(page{tx}) })
}
