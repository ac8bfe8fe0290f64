package postgres

import (
	"context"
	"fmt"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// Rehearsal is a store inside one outer transaction that is never committed: each InTx is a savepoint, after which the
// deferred checks are made at once, as a commit would make them. One goroutine at a time.
type Rehearsal struct {
	reads
	tx *tx
}

// Rehearse gives f such a store and takes everything back afterwards.
func (d *DB) Rehearse(ctx context.Context, f func(caldicott.Store) error) error {
	outer, err := d.pool.db.BeginTxx(ctx, nil)
	if err != nil {
		return explain(err, "rehearsal")
	}
	t := newTx(d.pool, outer, d.Scribe)
	err = f(&Rehearsal{reads: t.reads, tx: t})
	if rollback := outer.Rollback(); err == nil && rollback != nil {
		return explain(rollback, "rehearsal")
	}
	if err != nil {
		return err
	}
	return explain(t.run.learn(ctx), "rehearsal")
}

// InTx runs f between savepoints.
func (r *Rehearsal) InTx(ctx context.Context, f func(caldicott.Tx) error) error {
	if err := r.exec(ctx, "SAVEPOINT deed"); err != nil {
		return err
	}
	inner := &tx{reads: r.reads, run: r.tx.run, scribe: r.tx.scribe, heads: map[string]head{}, alone: true}
	err := f(inner)
	if err == nil {
		err = r.exec(ctx, "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; RELEASE SAVEPOINT deed")
	}
	if err == nil {
		return nil
	}
	if back := r.exec(ctx, "ROLLBACK TO SAVEPOINT deed; RELEASE SAVEPOINT deed"); back != nil {
		return fmt.Errorf("%w (and the savepoint is lost: %w)", err, back)
	}
	return explain(err, "transaction")
}

func (r *Rehearsal) exec(ctx context.Context, statements string) error {
	_, err := r.tx.run.tx.ExecContext(ctx, statements)
	return explain(err, "savepoint")
}
