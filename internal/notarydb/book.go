// Package notarydb keeps the sealed log in PostgreSQL.
package notarydb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notary"
)

// Book is the log under the sealer's login; under the reader's it can be read.
type Book struct{ DB *sqlx.DB }

var _ notary.Book = Book{}

// sealing is the advisory lock of whoever seals. It saves work and guards nothing: the primary keys do.
const sealing = 0x0CA1D5EA

// settings hold for one sealing. With statistics that lag behind, the planner would rather hash all leaves than look up a
// few. Without synchronous commit others, and the signer, would see a checkpoint that a crash can take back. A look at
// everything, after a restore, takes longer than a person would wait for an answer.
const settings = `
	SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off;
	SET LOCAL jit = off; SET LOCAL statement_timeout = '10min';
	SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') IN ('off', 'local')`

// errBusy says that another is sealing.
var errBusy = errors.New("another is sealing")

// Alone runs f in a transaction of its own, and commits what it did.
func (b Book) Alone(ctx context.Context, f func(notary.Page) error) (bool, error) {
	err := b.within(ctx, func(tx *sqlx.Tx) error {
		var alone bool
		if err := tx.GetContext(ctx, &alone, `SELECT pg_try_advisory_xact_lock($1)`, sealing); err != nil {
			return fmt.Errorf("seal: %w", err)
		}
		if !alone {
			return errBusy
		}
		return f(page{tx})
	})
	if errors.Is(err, errBusy) {
		return false, nil
	}
	return true, err
}

func (b Book) within(ctx context.Context, f func(*sqlx.Tx) error) error {
	tx, err := b.DB.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // does nothing once committed
	if _, err := tx.ExecContext(ctx, settings); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	return nil
}

// page is the end of the book in one transaction.
type page struct{ tx *sqlx.Tx }

// Head reads the newest checkpoint.
func (p page) Head(ctx context.Context) (notary.Head, error) {
	const query = `SELECT size, root, CAST(low_water AS text) AS low_water FROM audit.checkpoints ORDER BY size DESC LIMIT 1`
	var row struct {
		Size     int64  `db:"size"`
		Root     []byte `db:"root"`
		LowWater string `db:"low_water"`
	}
	err := p.tx.GetContext(ctx, &row, query)
	if errors.Is(err, sql.ErrNoRows) {
		return notary.Head{}, nil
	}
	if err != nil {
		return notary.Head{}, fmt.Errorf("checkpoint: %w", err)
	}
	low, err := strconv.ParseUint(row.LowWater, 10, 64)
	return notary.Head{Tree: merkle.Tree{Size: row.Size, Root: merkle.Hash(row.Root)}, LowWater: low}, err
}

// Tile reads a place.
func (p page) Tile(ctx context.Context, place merkle.Place) ([]byte, error) {
	return tile(ctx, p.tx, place)
}

// Look asks for moment and entries in one statement, so that both are of one snapshot. id + 0 keeps the planner from
// going through all entries by their primary key for the sake of the order.
func (p page) Look(ctx context.Context, since uint64, limit int) (notary.Look, error) {
	const query = `
		SELECT CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS oldest, CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS next,
			ARRAY(SELECT e.id FROM audit.entries e
				WHERE e.xid >= CAST(CAST($1 AS text) AS xid8) AND NOT EXISTS (SELECT FROM audit.leaves l WHERE l.entry_id = e.id)
				ORDER BY e.id + 0 LIMIT $2) AS entries`
	var row struct {
		Oldest  string        `db:"oldest"`
		Next    string        `db:"next"`
		Entries pq.Int64Array `db:"entries"`
	}
	if err := p.tx.GetContext(ctx, &row, query, strconv.FormatUint(since, 10), limit); err != nil {
		return notary.Look{}, fmt.Errorf("look for what is not sealed: %w", err)
	}
	oldest, err := strconv.ParseUint(row.Oldest, 10, 64)
	next, nextErr := strconv.ParseUint(row.Next, 10, 64)
	return notary.Look{Entries: row.Entries, Whole: len(row.Entries) < limit, Oldest: oldest, Next: next}, errors.Join(err, nextErr)
}

// Entries reads what is to be hashed.
func (p page) Entries(ctx context.Context, ids []int64, f func(int64, []byte, []byte) error) error {
	const query = `SELECT id, canon, leaf_hash FROM audit.entries WHERE id = ANY($1) ORDER BY id`
	var id int64
	var canon, leaf sql.RawBytes
	return each(ctx, p.tx, query, func(rows *sql.Rows) error {
		if err := rows.Scan(&id, &canon, &leaf); err != nil {
			return err
		}
		return f(id, canon, leaf)
	}, pq.Array(ids))
}

// Write adds a batch. Each statement must say that it wrote all: a rule may swallow rows without an error.
func (p page) Write(ctx context.Context, b notary.Batch) error {
	const leaves = `
		INSERT INTO audit.leaves (leaf_index, entry_id, leaf_hash)
		SELECT $1 + x.n - 1, x.id, substr(CAST($3 AS bytea), CAST((x.n - 1) * 32 + 1 AS integer), 32)
		FROM unnest(CAST($2 AS bigint[])) WITH ORDINALITY AS x (id, n)`
	if err := p.insert(ctx, len(b.Leaves), leaves, b.From, pq.Array(b.Entries), merkle.Join(b.Leaves)); err != nil {
		return fmt.Errorf("leaves from %d: %w", b.From, err)
	}
	if err := p.writeTiles(ctx, b.Tiles); err != nil {
		return fmt.Errorf("tiles: %w", err)
	}
	const checkpoint = `INSERT INTO audit.checkpoints (size, root, low_water) VALUES ($1, $2, CAST(CAST($3 AS text) AS xid8))`
	if err := p.insert(ctx, 1, checkpoint, b.Head.Size, b.Head.Root[:], strconv.FormatUint(b.Head.LowWater, 10)); err != nil {
		return fmt.Errorf("checkpoint %d: %w", b.Head.Size, err)
	}
	return nil
}

func (p page) writeTiles(ctx context.Context, tiles []merkle.Tile) error {
	if len(tiles) == 0 {
		return nil
	}
	var levels, indexes []int64
	var roots, hashes [][]byte
	for _, t := range tiles {
		levels, indexes = append(levels, int64(t.Level)), append(indexes, t.Index)
		roots, hashes = append(roots, t.Root[:]), append(hashes, t.Hashes)
	}
	const query = `
		INSERT INTO audit.tiles (level, idx, root, hashes)
		SELECT x.level, x.idx, x.root, x.hashes
		FROM unnest(CAST($1 AS smallint[]), CAST($2 AS bigint[]), CAST($3 AS bytea[]), CAST($4 AS bytea[])) AS x (level, idx, root, hashes)`
	return p.insert(ctx, len(tiles), query, pq.Array(levels), pq.Array(indexes), pq.Array(roots), pq.Array(hashes))
}

func (p page) insert(ctx context.Context, want int, query string, args ...any) error {
	result, err := p.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != int64(want) {
		return errors.Join(err, fmt.Errorf("%d rows of %d were written", n, want))
	}
	return nil
}
