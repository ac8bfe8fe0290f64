package notarydb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/notary"
)

var _ notary.Cosignatures = Desk{}

// Cosigned reads how far each witness has come.
func (s Shelf) Cosigned(ctx context.Context, witnesses []string) (map[string]notary.Cosigned, error) {
	const query = `
		SELECT c.witness, c.size, c.received_at FROM unnest(CAST($1 AS text[])) AS x (witness)
		CROSS JOIN LATERAL (SELECT c.witness, c.size, c.received_at FROM audit.cosignatures c WHERE c.witness = x.witness ORDER BY c.size DESC LIMIT 1) AS c`
	var rows []struct {
		Witness string    `db:"witness"`
		Size    int64     `db:"size"`
		At      time.Time `db:"received_at"`
	}
	if err := s.DB.SelectContext(ctx, &rows, query, pq.Array(witnesses)); err != nil {
		return nil, fmt.Errorf("cosignatures: %w", err)
	}
	last := make(map[string]notary.Cosigned, len(rows))
	for _, r := range rows {
		last[r.Witness] = notary.Cosigned{Size: r.Size, At: r.At}
	}
	return last, nil
}

// Public reads the largest size that a quorum has cosigned.
func (s Shelf) Public(ctx context.Context, witnesses []string, quorum int) (size int64, err error) {
	const query = `
		SELECT size FROM audit.cosignatures WHERE witness = ANY($1)
		GROUP BY size HAVING count(*) >= $2 ORDER BY size DESC LIMIT 1`
	err = s.DB.GetContext(ctx, &size, query, pq.Array(witnesses), quorum)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("cosignatures: %w", err)
	}
	return size, nil
}

// Cosign stores a cosignature. A witness that is asked again says the same with another time, which is not needed.
func (d Desk) Cosign(ctx context.Context, size int64, witness, line string) error {
	const query = `INSERT INTO audit.cosignatures (size, witness, line) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
	if _, err := d.DB.ExecContext(ctx, query, size, witness, line); err != nil {
		return fmt.Errorf("store the cosignature of %d: %w", size, err)
	}
	return nil
}

// Introduce adds a word on a witness's key, the first time. Two replicas may both say it, which says no more.
func (d Desk) Introduce(ctx context.Context, verifier string, size int64) error {
	const query = `
		INSERT INTO audit.keys (vkey, role, valid_from_size)
		SELECT CAST($1 AS text), 'witness', $2 WHERE NOT EXISTS (SELECT FROM audit.keys k WHERE k.vkey = $1 AND k.role = 'witness')`
	if _, err := d.DB.ExecContext(ctx, query, verifier, size); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}
