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

// Stretch is the log from one checkpoint to another, with the number of entries asked for among the leaves between them. Disposed
// counts those that were disposed of and of which nobody can tell any more whether they were of that kind.
// Reached is false where the log has not been sealed as far as the end of the time yet.
type Stretch struct {
	From, To Mark
	Count    int64
	Disposed int64
	Reached  bool
}

// emptyRoot is the root of a log without leaves (RFC 6962): SHA-256 of nothing.
var emptyRoot = sha256.Sum256(nil)

// Stretch finds the checkpoints around the time From to To of the question, and counts, by what else is asked, among the
// leaves between them. All that was recorded in that time, and is there now, is among them: nothing is sealed before it is
// recorded, so the leaves up to the last checkpoint before From are older; and the checkpoint after To has every entry that
// was recorded by then. Where one still waits to be sealed, or To is not over, that is not reached.
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
		// The least checkpoint that has every entry recorded by then: what was sealed by then, and what was only recorded. The
		// empty log has them all where there was nothing yet.
		after = `
			SELECT c.size, c.root, c.sealed_at
			FROM (SELECT 0 AS size, sha256('') AS root, to_timestamp(0) AS sealed_at UNION ALL SELECT size, root, sealed_at FROM audit.checkpoints) c
			WHERE $1 < now() AND c.size >= GREATEST(0,
				(SELECT max(b.size) FROM audit.checkpoints b WHERE b.sealed_at <= $1),
				(SELECT max(l.leaf_index) + 1 FROM audit.leaves l JOIN audit.entries e ON e.id = l.entry_id
					WHERE e.recorded_at <= $1
						AND l.leaf_index >= COALESCE((SELECT max(b.size) FROM audit.checkpoints b WHERE b.sealed_at <= $1), 0)))
			AND NOT EXISTS (
				SELECT FROM audit.entries e LEFT JOIN audit.leaves l ON l.entry_id = e.id
				WHERE e.xid >= COALESCE((SELECT n.low_water FROM audit.checkpoints n ORDER BY n.size DESC LIMIT 1), '0')
					AND l.entry_id IS NULL AND e.recorded_at <= $1)
			ORDER BY c.size LIMIT 1`
		count = `SELECT count(*)` + fromEntries + thatAreAsked + ` AND l.leaf_index >= $18 AND l.leaf_index < $19`
		gone  = count + ` AND x.entry_id IS NOT NULL`
	)
	from, to := q.From, q.To
	q.From, q.To = time.Time{}, time.Time{}
	if s.From, _, err = t.mark(ctx, before, from); err != nil {
		return Stretch{}, err
	}
	s.To, s.Reached, err = t.mark(ctx, after, to)
	if err != nil || !s.Reached {
		return s, err
	}
	err = t.tx.GetContext(ctx, &s.Count, count, append(q.args(), s.From.Size, s.To.Size)...)
	if err != nil {
		return Stretch{}, fmt.Errorf("count in a stretch of the log: %w", err)
	}
	// Columns still say what a disposed entry was about, but not who acted, in which capacity, on what and under which policy.
	if q.Actor+q.Acting+q.Subject+q.Policy != "" {
		q.Actor, q.Acting, q.Subject, q.Policy = "", "", "", ""
		err = t.tx.GetContext(ctx, &s.Disposed, gone, append(q.args(), s.From.Size, s.To.Size)...)
	}
	if err != nil {
		return Stretch{}, fmt.Errorf("count what was disposed of in a stretch of the log: %w", err)
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
