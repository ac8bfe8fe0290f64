// Package auditdb is the trail as the verifier reads it from PostgreSQL.
package auditdb

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/audit"
)

// Trail is the whole trail at one moment: an audit.Source. Close it.
type Trail struct {
	tx *sqlx.Tx
}

var _ audit.Source = Trail{}

// Open fixes the moment. The reader's login is enough; what it may not read is an error and never passed over.
func Open(ctx context.Context, db *sqlx.DB) (Trail, error) {
	tx, err := db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return Trail{}, fmt.Errorf("open the trail: %w", err)
	}
	// Times are read as text: the session's settings must not change what they say. A service's statement timeout is
	// for people who wait for an answer.
	for _, setting := range []string{"SET LOCAL timezone TO 'UTC'", "SET LOCAL datestyle TO 'ISO'", "SET LOCAL statement_timeout TO 0"} {
		if _, err := tx.ExecContext(ctx, setting); err != nil {
			return Trail{}, fmt.Errorf("open the trail: %w", cleanUp(tx, err))
		}
	}
	return Trail{tx}, nil
}

func cleanUp(tx *sqlx.Tx, err error) error {
	_ = tx.Rollback() // the first error is the one to tell
	return err
}

// Close lets the moment go.
func (t Trail) Close() error { return t.tx.Rollback() }

// each runs a query and calls f for each row. The query is prepared first because lib/pq then receives bytes as they
// are, and not as hexadecimal text.
func (t Trail) each(ctx context.Context, query string, f func(*sql.Rows) error, args ...any) error {
	stmt, err := t.tx.PrepareContext(ctx, query)
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

// Moment is the database's clock, and how far the newest checkpoint says that everything is sealed.
func (t Trail) Moment(ctx context.Context) (audit.Moment, error) {
	const query = `
		SELECT clock_timestamp(), COALESCE((SELECT low_water FROM audit.checkpoints ORDER BY size DESC LIMIT 1), '0'),
			COALESCE((SELECT max(id) FROM audit.entries), 0)`
	var m audit.Moment
	if err := t.tx.QueryRowContext(ctx, query).Scan(&m.Now, &m.LowWater, &m.Last); err != nil {
		return audit.Moment{}, fmt.Errorf("the moment: %w", err)
	}
	return m, nil
}

// Disposals reads which entries were disposed of, and by which certificate.
func (t Trail) Disposals(ctx context.Context, f func(audit.Disposal) error) error {
	const query = `
		SELECT d.entry_id, d.certificate_entry, c.canon
		FROM audit.disposals d LEFT JOIN audit.entries c ON c.id = d.certificate_entry`
	if err := t.present(ctx, "audit.disposals"); err != nil {
		return err
	}
	return t.each(ctx, query, func(rows *sql.Rows) error {
		var d audit.Disposal
		if err := rows.Scan(&d.Entry, &d.Certificate, &d.Canon); err != nil {
			return err
		}
		return f(d)
	})
}

// Entries reads the trail in the order of its ids, each entry with its leaf.
func (t Trail) Entries(ctx context.Context, f func(*audit.Row) error) error {
	const query = `
		SELECT e.id, coalesce(e.xid, '0'), e.stream, coalesce(e.seq, 0), e.canon, e.leaf_hash, e.recorded_at, e.occurred_at,
			e.request_id, e.organisation_id, e.actor_id, e.action, e.outcome, e.rule, d.entry_id IS NOT NULL,
			coalesce(l.leaf_index, 0), l.leaf_hash
		FROM audit.entries e
		LEFT JOIN audit.details d ON d.entry_id = e.id
		LEFT JOIN audit.leaves l ON l.entry_id = e.id
		ORDER BY e.id`
	var row audit.Row
	var recorded, occurred any
	var raw [10]sql.RawBytes
	fields := []any{&row.ID, &row.XID, &raw[0], &row.Seq, &raw[1], &raw[2], &recorded, &occurred,
		&raw[3], &raw[4], &raw[5], &raw[6], &raw[7], &raw[8], &row.Detailed, &row.Index, &raw[9]}
	return t.each(ctx, query, func(rows *sql.Rows) error {
		if err := rows.Scan(fields...); err != nil {
			return err
		}
		row.RecordedAt, row.OccurredAt = moment(recorded), moment(occurred)
		row.Stream, row.Canon, row.Leaf = raw[0], raw[1], raw[2]
		row.Request, row.Organisation, row.Actor = raw[3], raw[4], raw[5]
		row.Action, row.Outcome, row.Rule = raw[6], raw[7], raw[8]
		row.Sealed = raw[9]
		return f(&row)
	})
}

// Leaves reads the log in its order.
func (t Trail) Leaves(ctx context.Context, from, to int64, f func(audit.Leaf) error) error {
	const query = `
		SELECT l.leaf_index, l.entry_id, l.leaf_hash, c.root
		FROM audit.leaves l
		LEFT JOIN audit.checkpoints c ON c.size - 1 = l.leaf_index
		WHERE l.leaf_index >= $1 AND l.leaf_index < $2
		ORDER BY l.leaf_index`
	var leaf audit.Leaf
	var hash, root sql.RawBytes
	return t.each(ctx, query, func(rows *sql.Rows) error {
		if err := rows.Scan(&leaf.Index, &leaf.Entry, &hash, &root); err != nil {
			return err
		}
		leaf.Hash, leaf.Root = hash, root
		return f(leaf)
	}, from, to)
}

// Sealed reads the entries of the first so many leaves, in the order of the log.
func (t Trail) Sealed(ctx context.Context, size int64, f func(*audit.Row) error) error {
	const query = `
		SELECT l.leaf_index, l.entry_id, l.leaf_hash, e.canon, e.leaf_hash, coalesce(e.stream, ''), coalesce(e.seq, 0)
		FROM audit.leaves l LEFT JOIN audit.entries e ON e.id = l.entry_id
		WHERE l.leaf_index < $1
		ORDER BY l.leaf_index`
	var row audit.Row
	var raw [4]sql.RawBytes
	return t.each(ctx, query, func(rows *sql.Rows) error {
		if err := rows.Scan(&row.Index, &row.ID, &raw[0], &raw[1], &raw[2], &raw[3], &row.Seq); err != nil {
			return err
		}
		row.Sealed, row.Canon, row.Leaf, row.Stream = raw[0], raw[1], raw[2], raw[3]
		return f(&row)
	}, size)
}

// Tiles reads the full tiles.
func (t Trail) Tiles(ctx context.Context, f func(audit.Tile) error) error {
	const query = `SELECT level, idx, root, hashes FROM audit.tiles ORDER BY level, idx`
	var tile audit.Tile
	var root, hashes sql.RawBytes
	return t.each(ctx, query, func(rows *sql.Rows) error {
		if err := rows.Scan(&tile.Level, &tile.Index, &root, &hashes); err != nil {
			return err
		}
		tile.Root, tile.Hashes = root, hashes
		return f(tile)
	})
}

// Checkpoints reads what was signed, and what was not.
func (t Trail) Checkpoints(ctx context.Context, f func(audit.Checkpoint) error) error {
	const query = `
		SELECT coalesce(c.size, s.size), c.root, c.sealed_at, s.lines,
			ARRAY(SELECT w.line FROM audit.cosignatures w WHERE w.size = c.size ORDER BY w.witness)
		FROM audit.checkpoints c
		FULL JOIN (SELECT size, array_agg(line ORDER BY key_id) AS lines FROM audit.signatures GROUP BY size) s ON s.size = c.size
		ORDER BY 1`
	return t.each(ctx, query, func(rows *sql.Rows) error {
		var c audit.Checkpoint
		var at any
		if err := rows.Scan(&c.Size, &c.Root, &at, pq.Array(&c.Lines), pq.Array(&c.Cosigned)); err != nil {
			return err
		}
		c.At = moment(at)
		return f(c)
	})
}

// Keys reads what was last said of each key of the log.
func (t Trail) Keys(ctx context.Context, f func(audit.Key) error) error {
	const query = `
		SELECT DISTINCT ON (vkey) vkey, valid_from_size, coalesce(valid_to_size, 0)
		FROM audit.keys WHERE role = 'log' ORDER BY vkey, n DESC`
	return t.each(ctx, query, func(rows *sql.Rows) error {
		var k audit.Key
		if err := rows.Scan(&k.Verifier, &k.From, &k.To); err != nil {
			return err
		}
		return f(k)
	})
}

// moment is zero for what is no time: null and infinity, which only a forger can have written.
func moment(v any) time.Time {
	at, _ := v.(time.Time)
	return at
}

// Chains reads the ends of the chains.
func (t Trail) Chains(ctx context.Context, f func(audit.Chain) error) error {
	const query = `SELECT stream, seq, head FROM audit.chains`
	return t.each(ctx, query, func(rows *sql.Rows) error {
		var c audit.Chain
		if err := rows.Scan(&c.Stream, &c.Seq, &c.Head); err != nil {
			return err
		}
		return f(c)
	})
}

// Details reads the words that entries commit to.
func (t Trail) Details(ctx context.Context, f func(audit.Detail) error) error {
	const query = `
		SELECT d.entry_id, coalesce(d.erasure_entry, 0), d.salt, d.body, d.erased_at IS NOT NULL, e.canon, r.canon
		FROM audit.details d
		LEFT JOIN audit.entries e ON e.id = d.entry_id
		LEFT JOIN audit.entries r ON r.id = d.erasure_entry`
	return t.each(ctx, query, func(rows *sql.Rows) error {
		var d audit.Detail
		if err := rows.Scan(&d.Entry, &d.Erasure, &d.Salt, &d.Body, &d.Erased, &d.Canon, &d.ErasureCanon); err != nil {
			return err
		}
		return f(d)
	})
}

// CaseRows reads the view casework.witnessed, in which each case row names the entry of its deed.
func (t Trail) CaseRows(ctx context.Context, f func(audit.CaseRow) error) error {
	const query = `
		SELECT w.table_name, w.row_id, coalesce(w.entry_id, 0), coalesce(CAST(w.request_id AS text), ''),
			coalesce(CAST(w.organisation_id AS text), ''), w.says, w.words, d.body, e.canon
		FROM casework.witnessed w
		LEFT JOIN audit.entries e ON e.id = w.entry_id
		LEFT JOIN audit.details d ON d.entry_id = w.entry_id AND d.erased_at IS NULL`
	if err := t.present(ctx, "casework.witnessed"); err != nil {
		return err
	}
	return t.each(ctx, query, func(rows *sql.Rows) error {
		var c audit.CaseRow
		if err := rows.Scan(&c.Table, &c.Row, &c.Entry, &c.Request, &c.Organisation, pq.Array(&c.Says), pq.Array(&c.Words), &c.Body, &c.Canon); err != nil {
			return err
		}
		return f(c)
	})
}

// Versions reads casework.versions, the content of the requests.
func (t Trail) Versions(ctx context.Context, f func(audit.Version) error) error {
	const query = `
		SELECT v.request_id, v.n, v.content, v.digest, coalesce(v.entry_id, 0), e.canon, v.erased_entry IS NOT NULL, r.canon
		FROM casework.versions v
		LEFT JOIN audit.entries e ON e.id = v.entry_id
		LEFT JOIN audit.entries r ON r.id = v.erased_entry`
	if err := t.present(ctx, "casework.versions"); err != nil {
		return err
	}
	return t.each(ctx, query, func(rows *sql.Rows) error {
		var v audit.Version
		if err := rows.Scan(&v.Request, &v.N, &v.Content, &v.Digest, &v.Entry, &v.Canon, &v.Erased, &v.ErasureCanon); err != nil {
			return err
		}
		return f(v)
	})
}

func (t Trail) present(ctx context.Context, relation string) error {
	const query = `SELECT to_regclass($1) IS NOT NULL`
	var there bool
	if err := t.tx.GetContext(ctx, &there, query, relation); err != nil {
		return err
	}
	if !there {
		return fmt.Errorf("%s: %w", relation, audit.ErrAbsent)
	}
	return nil
}
