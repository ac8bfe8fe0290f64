package auditdb

import (
	"context"
	"database/sql"
	"fmt"
)

// Sealed is an entry as the log has it. Canon is nil where it was disposed of; Organisation is "" where it is about none.
type Sealed struct {
	Canon        []byte
	Organisation string
}

// Bundle reads so many entries in the order of the log, from an index on.
func (l Log) Bundle(ctx context.Context, first int64, width int) ([]Sealed, error) {
	const query = `
		SELECT e.canon, COALESCE(CAST(e.organisation_id AS text), '')
		FROM audit.leaves l JOIN audit.entries e ON e.id = l.entry_id
		WHERE l.leaf_index >= $1 AND l.leaf_index < $2 ORDER BY l.leaf_index`
	moment, err := Open(ctx, l.DB)
	if err != nil {
		return nil, err
	}
	defer moment.Close() //nolint:errcheck // only read
	var list []Sealed
	err = moment.each(ctx, query, func(rows *sql.Rows) error {
		var s Sealed
		if err := rows.Scan(&s.Canon, &s.Organisation); err != nil {
			return err
		}
		list = append(list, s)
		return nil
	}, first, first+int64(width))
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	return list, nil
}
