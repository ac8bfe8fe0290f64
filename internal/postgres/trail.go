package postgres

import (
	"context"
	"fmt"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// appendQuery is the only way into the trail: the application's role may not insert there itself.
const appendQuery = `SELECT audit.append($1, $2, $3, $4, $5, $6)`

// record appends the event: to the chain whose head was read under its lock, or outside any chain. It gives the entry's
// id, which every row written under it must carry or the transaction cannot commit.
func (t *tx) record(ctx context.Context, e caldicott.Event) (int64, error) {
	var at head
	var seq, prev any
	if e.Chained {
		at = t.heads[e.Stream]
		at.seq++
		seq, prev = at.seq, at.leaf[:]
	}
	entry, err := t.scribe(e, at.seq, at.leaf)
	if err != nil {
		return 0, fmt.Errorf("entry of %s: %w", e.Action, err)
	}
	var id int64
	if err := t.run.get(ctx, &id, appendQuery, e.Stream, seq, prev, entry.Canon, entry.Salt, entry.Body); err != nil {
		return 0, explain(err, "trail")
	}
	if id == 0 {
		return 0, caldicott.Errorf(caldicott.Unavailable, caldicott.CodeUnavailable, "The trail took no entry.")
	}
	if e.Chained {
		t.heads[e.Stream] = head{seq: at.seq, leaf: entry.Leaf}
		t.last = caldicott.Appended{Stream: e.Stream, Seq: at.seq, Leaf: entry.Leaf}
	}
	return id, nil
}

// Appended is the entry that was appended to a chain last.
func (t *tx) Appended() caldicott.Appended { return t.last }

// Note appends an event that stands for no change.
func (t *tx) Note(ctx context.Context, e caldicott.Event) error {
	_, err := t.record(ctx, e)
	return err
}
