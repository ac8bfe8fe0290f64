package auditdb

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Mark is a checkpoint: how large the log was, and its root. Size 0 is the empty log.
type Mark struct {
	Size     int64
	Root     [32]byte
	SealedAt time.Time
}

// Stretch is the log from one checkpoint to another, with the number of entries asked for among the leaves between them.
// Reached is false where the log has not been sealed as far as the end of the time yet.
type Stretch struct {
	From, To Mark
	Count    int64
	Reached  bool
}

// emptyRoot is the root of a log without leaves (RFC 6962): SHA-256 of nothing.
var emptyRoot = sha256.Sum256(nil)

// Stretch finds the checkpoints around the time From to To of the question, and counts, by what else is asked, among the
// leaves between them. All that was recorded in that time, and is there now, is among them: nothing is sealed before it is
// recorded, and the last checkpoint is one after To that has every entry recorded by then; or the newest one, where nothing
// waits to be sealed and To is over.
func (l Log) Stretch(ctx context.Context, q Question) (Stretch, error) {
	moment, err := Open(ctx, l.DB)
	if err != nil {
		return Stretch{}, err
	}
	s, err := moment.stretch(ctx, q)
	return s, errors.Join(err, moment.Close())
}

func (t Trail) stretch(ctx context.Context, q Question) (s Stretch, err error) {
	const (
		before = `SELECT size, root, sealed_at FROM audit.checkpoints WHERE sealed_at < $1 ORDER BY sealed_at DESC, size DESC LIMIT 1`
		// An entry is recorded while its transaction runs, which may end much later. All of the transactions before low_water
		// have ended and are sealed. No transaction runs for an hour.
		after = `
			SELECT c.size, c.root, c.sealed_at FROM audit.checkpoints c
			WHERE c.sealed_at >= $1 AND c.low_water > COALESCE((
				SELECT e.xid FROM audit.entries e WHERE e.recorded_at <= $1 AND e.recorded_at > $1 - interval '1 hour'
				ORDER BY e.xid DESC LIMIT 1), '0')
			ORDER BY c.size LIMIT 1`
		newest = `
			SELECT c.size, c.root, c.sealed_at FROM audit.checkpoints c
			WHERE $1 < now() AND NOT EXISTS (
				SELECT FROM audit.entries e LEFT JOIN audit.leaves l ON l.entry_id = e.id
				WHERE e.xid >= c.low_water AND l.entry_id IS NULL)
			ORDER BY c.size DESC LIMIT 1`
		count = `SELECT count(*)` + fromEntries + thatAreAsked + ` AND l.leaf_index >= $18 AND l.leaf_index < $19`
	)
	from, to := q.From, q.To
	q.From, q.To = time.Time{}, time.Time{}
	if s.From, _, err = t.mark(ctx, before, from); err != nil {
		return Stretch{}, err
	}
	if s.To, s.Reached, err = t.mark(ctx, after, to); err == nil && !s.Reached {
		s.To, s.Reached, err = t.mark(ctx, newest, to)
	}
	if err != nil || !s.Reached {
		return s, err
	}
	err = t.tx.GetContext(ctx, &s.Count, count, append(q.args(), s.From.Size, s.To.Size)...)
	if err != nil {
		return Stretch{}, fmt.Errorf("count in a stretch of the log: %w", err)
	}
	return s, nil
}

// mark reads a checkpoint; the empty log where there is none.
func (t Trail) mark(ctx context.Context, query string, at time.Time) (Mark, bool, error) {
	m := Mark{Root: emptyRoot}
	var root []byte
	err := t.tx.QueryRowContext(ctx, query, at).Scan(&m.Size, &root, &m.SealedAt)
	if errors.Is(err, sql.ErrNoRows) {
		return m, false, nil
	}
	if err != nil {
		return Mark{}, false, fmt.Errorf("checkpoint: %w", err)
	}
	if len(root) != len(m.Root) {
		return Mark{}, false, fmt.Errorf("checkpoint of %d: its root is no hash", m.Size)
	}
	copy(m.Root[:], root)
	return m, true, nil
}
