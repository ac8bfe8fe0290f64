package notarydb

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/caldicott/caldicott/internal/notary"
)

// Pulse reads how the log is doing, under the reader's login. What waits is looked for from the low-water mark on.
func (s Shelf) Pulse(ctx context.Context) (notary.Pulse, error) {
	const query = `
		WITH newest AS (SELECT size, low_water, sealed_at FROM audit.checkpoints ORDER BY size DESC LIMIT 1),
			signed AS (SELECT size, min(signed_at) AS signed_at FROM audit.signatures
				WHERE size = (SELECT max(size) FROM audit.signatures) GROUP BY size),
			waiting AS (SELECT count(*) AS n, min(e.recorded_at) AS oldest FROM audit.entries e
				WHERE e.xid >= COALESCE((SELECT low_water FROM newest), '0') AND NOT EXISTS (SELECT FROM audit.leaves l WHERE l.entry_id = e.id)),
			attested AS (SELECT CAST(convert_from(canon, 'UTF8') AS jsonb) ->> 'digest' AS definition, occurred_at
				FROM audit.entries WHERE action = 'attested' ORDER BY id DESC LIMIT 1)
		SELECT clock_timestamp() AS now, (SELECT size FROM newest) AS size, (SELECT sealed_at FROM newest) AS sealed_at,
			(SELECT size FROM signed) AS signed, (SELECT signed_at FROM signed) AS signed_at, w.n AS waiting, w.oldest,
			COALESCE((SELECT definition FROM attested), '') AS definition, (SELECT occurred_at FROM attested) AS attested_at
		FROM waiting w`
	var row struct {
		Now        time.Time     `db:"now"`
		Size       sql.NullInt64 `db:"size"`
		SealedAt   sql.NullTime  `db:"sealed_at"`
		Signed     sql.NullInt64 `db:"signed"`
		SignedAt   sql.NullTime  `db:"signed_at"`
		Waiting    int64         `db:"waiting"`
		Oldest     sql.NullTime  `db:"oldest"`
		Definition string        `db:"definition"`
		AttestedAt sql.NullTime  `db:"attested_at"`
	}
	if err := s.DB.GetContext(ctx, &row, query); err != nil {
		return notary.Pulse{}, fmt.Errorf("pulse of the log: %w", err)
	}
	p := notary.Pulse{
		Now: row.Now, Size: row.Size.Int64, SealedAt: row.SealedAt.Time, Signed: row.Signed.Int64, SignedAt: row.SignedAt.Time,
		Waiting: row.Waiting, Oldest: row.Oldest.Time,
		Definition: row.Definition, AttestedAt: row.AttestedAt.Time,
	}
	return p, nil
}

// Keys reads the last word on every key, for information.
func (s Shelf) Keys(ctx context.Context) ([]notary.KeyWord, error) {
	const query = `
		SELECT vkey, role, valid_from_size, valid_to_size, noted_at
		FROM (SELECT DISTINCT ON (vkey) * FROM audit.keys ORDER BY vkey, n DESC) k ORDER BY role, valid_from_size, vkey`
	var keys []notary.KeyWord
	err := each(ctx, s.DB, query, func(rows *sql.Rows) error {
		var k notary.KeyWord
		if err := rows.Scan(&k.Key, &k.Role, &k.From, &k.To, &k.NotedAt); err != nil {
			return err
		}
		keys = append(keys, k)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return keys, nil
}

// SignedBefore reads signed checkpoints smaller than before (0: from the newest), the largest first.
func (s Shelf) SignedBefore(ctx context.Context, before int64, limit int) ([]notary.Signed, error) {
	const query = `
		SELECT c.size, c.root, c.sealed_at FROM audit.checkpoints c
		WHERE ($1 = 0 OR c.size < $1) AND EXISTS (SELECT FROM audit.signatures s WHERE s.size = c.size)
		ORDER BY c.size DESC LIMIT $2`
	var list []notary.Signed
	err := each(ctx, s.DB, query, func(rows *sql.Rows) error {
		var c notary.Signed
		if err := rows.Scan(&c.Size, &c.Root, &c.SealedAt); err != nil {
			return err
		}
		list = append(list, c)
		return nil
	}, before, limit)
	if err != nil {
		return nil, fmt.Errorf("checkpoints: %w", err)
	}
	return list, nil
}
