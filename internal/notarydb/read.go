package notarydb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notary"
)

// preparer is a pool or a transaction.
type preparer interface {
	PreparexContext(ctx context.Context, query string) (*sqlx.Stmt, error)
}

// each runs a query and calls f for each row. The query is prepared first because lib/pq then receives bytes as they are,
// and not as hexadecimal text.
func each(ctx context.Context, on preparer, query string, f func(*sql.Rows) error, args ...any) error {
	stmt, err := on.PreparexContext(ctx, query)
	if err != nil {
		return err
	}
	defer stmt.Close()
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// tile reads the hashes of a place: a full tile as it is stored, the tile at the edge from what stands below it.
func tile(ctx context.Context, on sqlx.QueryerContext, p merkle.Place) ([]byte, error) {
	const (
		full   = `SELECT hashes FROM audit.tiles WHERE level = $1 AND idx = $2`
		leaves = `SELECT COALESCE(string_agg(leaf_hash, '' ORDER BY leaf_index), '') FROM audit.leaves WHERE leaf_index >= $1 AND leaf_index < $2`
		roots  = `SELECT COALESCE(string_agg(root, '' ORDER BY idx), '') FROM audit.tiles WHERE level = $3 AND idx >= $1 AND idx < $2`
	)
	var hashes []byte
	var err error
	first := p.Index * merkle.TileWidth
	switch {
	case p.Width == merkle.TileWidth:
		err = sqlx.GetContext(ctx, on, &hashes, full, p.Level, p.Index)
	case p.Level == 0:
		err = sqlx.GetContext(ctx, on, &hashes, leaves, first, first+int64(p.Width))
	default:
		err = sqlx.GetContext(ctx, on, &hashes, roots, first, first+int64(p.Width), p.Level-1)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("tile %d/%d: %w", p.Level, p.Index, err)
	}
	if want := p.Width * len(merkle.Hash{}); len(hashes) != want {
		return nil, &notary.Alarm{Name: notary.AlarmTree, Text: fmt.Sprintf("tile %d/%d has %d bytes, not %d", p.Level, p.Index, len(hashes), want)}
	}
	return hashes, nil
}

// Still fixes a moment and reads all of it.
func (b Book) Still(ctx context.Context, f func(notary.Whole) error) error {
	tx, err := b.DB.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	if _, err := tx.ExecContext(ctx, `SET LOCAL statement_timeout = 0`); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	return f(whole{tx})
}

// whole is the book at one moment.
type whole struct{ tx *sqlx.Tx }

// Leaves reads all leaves with what their entries say.
func (w whole) Leaves(ctx context.Context, f func(int64, int64, []byte, []byte) error) error {
	const query = `
		SELECT l.leaf_index, l.entry_id, l.leaf_hash, e.leaf_hash
		FROM audit.leaves l LEFT JOIN audit.entries e ON e.id = l.entry_id ORDER BY l.leaf_index`
	var index, entry int64
	var leaf, now sql.RawBytes
	return each(ctx, w.tx, query, func(rows *sql.Rows) error {
		if err := rows.Scan(&index, &entry, &leaf, &now); err != nil {
			return err
		}
		return f(index, entry, leaf, now)
	})
}

// Tiles reads all full tiles.
func (w whole) Tiles(ctx context.Context, f func(merkle.Tile) error) error {
	const query = `SELECT level, idx, root, hashes FROM audit.tiles ORDER BY level, idx`
	return each(ctx, w.tx, query, func(rows *sql.Rows) error {
		var t merkle.Tile
		var root []byte
		if err := rows.Scan(&t.Level, &t.Index, &root, &t.Hashes); err != nil {
			return err
		}
		t.Root = merkle.Hash(root)
		return f(t)
	})
}

// Checkpoints reads all checkpoints.
func (w whole) Checkpoints(ctx context.Context, f func(merkle.Tree) error) error {
	const query = `SELECT size, root FROM audit.checkpoints ORDER BY size`
	return each(ctx, w.tx, query, func(rows *sql.Rows) error {
		var t merkle.Tree
		var root []byte
		if err := rows.Scan(&t.Size, &root); err != nil {
			return err
		}
		t.Root = merkle.Hash(root)
		return f(t)
	})
}
