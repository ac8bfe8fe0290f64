package postgres

import (
	"context"
	"time"
)

// Quickly gives turns of a faster pulse: a sign of life every beat, with so long to give it, and the server lets go after cut.
func (d *DB) Quickly(beat, answer, cut time.Duration) QuickTurns {
	return QuickTurns{d, pulse{beat, answer, cut}}
}

// QuickTurns are turns that tests need not wait for.
type QuickTurns struct {
	db *DB
	pulse
}

// Turn is DB's.
func (q QuickTurns) Turn(ctx context.Context, name string, every time.Duration, now bool, f func(context.Context) error) (bool, error) {
	return q.db.turn(ctx, job{name, every, now}, q.pulse, f)
}
