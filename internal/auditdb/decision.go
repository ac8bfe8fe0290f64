package auditdb

import (
	"context"
	"fmt"

	"github.com/caldicott/caldicott/internal/audit"
)

// Deed is the entry of a deed: where it is, what it says of who did what, and its bytes. Of one that was
// disposed of only its number is left.
type Deed struct {
	Entry  int64
	Stream string
	Seq    int
	Action string
	Actor  string // the person's id
	Canon  []byte
}

// Decision reads the entry under which a decision was made.
func (h History) Decision(ctx context.Context, id string) (Deed, error) {
	const query = `
		SELECT e.id, e.canon FROM casework.witnessed w JOIN audit.entries e ON e.id = w.entry_id
		WHERE w.table_name = 'decisions' AND w.row_id = $1`
	var row struct {
		ID    int64  `db:"id"`
		Canon []byte `db:"canon"`
	}
	if err := h.DB.GetContext(ctx, &row, query, id); err != nil {
		return Deed{}, fmt.Errorf("entry of a decision: %w", err)
	}
	if row.Canon == nil {
		return Deed{Entry: row.ID}, nil
	}
	e, err := audit.ParseEntry(row.Canon)
	if err != nil {
		return Deed{}, fmt.Errorf("entry %d: %w", row.ID, err)
	}
	return Deed{Entry: row.ID, Stream: e.Stream, Seq: e.Seq, Action: e.Action, Actor: e.Actor, Canon: row.Canon}, nil
}
