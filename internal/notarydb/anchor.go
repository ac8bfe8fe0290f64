package notarydb

import (
	"context"
	"fmt"
	"time"
)

// Anchored reads which kinds of anchors were made since, or of that size.
func (s Shelf) Anchored(ctx context.Context, size int64, since time.Time) ([]string, error) {
	var kinds []string
	err := s.DB.SelectContext(ctx, &kinds, `SELECT DISTINCT kind FROM audit.anchors WHERE made_at >= $1 OR size = $2`, since, size)
	if err != nil {
		return nil, fmt.Errorf("anchors: %w", err)
	}
	return kinds, nil
}

// Anchor stores what came of an anchor. Another replica may have made one of the same checkpoint.
func (d Desk) Anchor(ctx context.Context, size int64, kind string, token []byte) error {
	const query = `INSERT INTO audit.anchors (size, kind, token) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
	if _, err := d.DB.ExecContext(ctx, query, size, kind, token); err != nil {
		return fmt.Errorf("store the anchor of %d: %w", size, err)
	}
	return nil
}
