package auditdb

import (
	"context"
	"fmt"

	"github.com/caldicott/caldicott/internal/audit"
)

// Deed is the entry of a deed: where it is, what it says of who did what, and its bytes. Erased says that its words are gone;
// of what was disposed of there is only the number of its certificate.
type Deed struct {
	Entry    int64
	Stream   string
	Seq      int
	Action   string
	Actor    string // the person's id
	Canon    []byte
	Erased   bool
	Disposed int64
}

// Decision reads the entry under which a decision was made.
func (h History) Decision(ctx context.Context, id string) (Deed, error) {
	const query = `
		SELECT e.id, e.canon, d.erased_at IS NOT NULL AS erased, COALESCE(x.certificate_entry, 0) AS disposed
		FROM casework.witnessed w JOIN audit.entries e ON e.id = w.entry_id
		LEFT JOIN audit.details d ON d.entry_id = e.id
		LEFT JOIN audit.disposals x ON x.entry_id = e.id
		WHERE w.table_name = 'decisions' AND w.row_id = $1`
	var row struct {
		ID       int64  `db:"id"`
		Canon    []byte `db:"canon"`
		Erased   bool   `db:"erased"`
		Disposed int64  `db:"disposed"`
	}
	if err := h.DB.GetContext(ctx, &row, query, id); err != nil {
		return Deed{}, fmt.Errorf("entry of a decision: %w", err)
	}
	if row.Disposed != 0 {
		return Deed{Entry: row.ID, Disposed: row.Disposed}, nil
	}
	e, err := audit.ParseEntry(row.Canon)
	if err != nil {
		return Deed{}, fmt.Errorf("entry %d: %w", row.ID, err)
	}
	return Deed{Entry: row.ID, Stream: e.Stream, Seq: e.Seq, Action: e.Action, Actor: e.Actor, Canon: row.Canon, Erased: row.Erased}, nil
}
