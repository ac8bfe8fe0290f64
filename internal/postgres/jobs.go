package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// pulse is how the connection that holds a job's row is watched. beat and answer together are shorter than cut: a replica
// that cannot reach the server has told its run to stop before the server gives the row to another.
type pulse struct {
	beat   time.Duration // it is asked for a sign of life this often
	answer time.Duration // and has this long to give it
	cut    time.Duration // the server lets go of a row whose holder has been silent this long
}

// Usual figures. A run may last as long as it likes: its connection is never silent.
const (
	usualBeat   = 2 * time.Second
	usualAnswer = 5 * time.Second
	usualCut    = 15 * time.Second
)

// Before a job that failed is tried again: this long after the first failure, then twice as long each time.
const (
	firstPause   = time.Second
	longestPause = 5 * time.Minute
)

var errSilent = fmt.Errorf("no answer from the server: %w", context.DeadlineExceeded)

// job is one that may be due.
type job struct {
	name  string
	every time.Duration
	now   bool
}

// due is when a job may be run; $2 is whether it is asked for now. One that has failed waits all the same.
const due = `(next_at <= clock_timestamp() OR $2 AND failures = 0)`

// Turn runs f if the job's time has come, or now asks for it at once, and no other replica is running it; ran says whether
// f was called. If f goes well the job is due again after every. If it fails it is due after a pause that doubles with each
// failure in a row, from one second to five minutes, and now does not shorten the pause.
//
// A transaction of its own holds the job's row while f runs, so every running job takes one connection besides those that
// f takes: give the turns a DB of their own, or they may leave f none. If that connection is lost, the row is free at once
// and the job due as before; f's context is cancelled within seconds, and Turn fails. If ctx ends, f's context ends and the
// row is held until f has returned; a job that fails then is left due, for another replica.
//
// f may run again after a crash in the middle of it. Errors of the database are explained; f's own comes back as it is.
func (d *DB) Turn(ctx context.Context, name string, every time.Duration, now bool, f func(context.Context) error) (ran bool, err error) {
	return d.turn(ctx, job{name, every, now}, pulse{usualBeat, usualAnswer, usualCut}, f)
}

func (d *DB) turn(ctx context.Context, j job, p pulse, f func(context.Context) error) (bool, error) {
	if is, err := d.isDue(ctx, j); err != nil || !is {
		return false, explain(err, "job")
	}
	h, err := d.take(ctx, j, p)
	if err != nil || h == nil {
		return false, explain(err, "job")
	}
	defer h.release()
	said, lost := h.run(ctx, f)
	switch {
	case lost != nil:
		return true, errors.Join(explain(lost, "job"), said)
	case said != nil && ctx.Err() != nil:
		return true, said
	}
	if err := h.finish(j, said != nil); err != nil {
		return true, errors.Join(explain(err, "job"), said)
	}
	return true, said
}

// isDue looks without a lock, which is all that an idle job costs, and makes the row of a job that is new.
func (d *DB) isDue(ctx context.Context, j job) (bool, error) {
	const query = `SELECT ` + due + ` FROM casework.jobs WHERE name = $1`
	const first = `INSERT INTO casework.jobs (name, next_at) VALUES ($1, clock_timestamp()) ON CONFLICT DO NOTHING`
	var is bool
	if err := d.pool.get(ctx, &is, query, j.name, j.now); !errors.Is(err, sql.ErrNoRows) {
		return is, err
	}
	_, err := d.pool.db.ExecContext(ctx, first, j.name)
	return err == nil, err
}

// holding is a transaction that holds a job's row.
type holding struct {
	pulse
	conn     *sqlx.Conn
	tx       *sqlx.Tx
	failures int
}

// take locks the job's row; nil without an error if another replica has it, or has just done with it.
func (d *DB) take(ctx context.Context, j job, p pulse) (*holding, error) {
	conn, err := d.pool.db.Connx(ctx)
	if err != nil {
		return nil, err
	}
	// The transaction does not end with ctx: the row is held until the run has really stopped.
	tx, err := conn.BeginTxx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	h := &holding{pulse: p, conn: conn, tx: tx}
	if found, err := h.lock(ctx, j); err != nil || !found {
		h.release()
		return nil, err
	}
	return h, nil
}

func (h *holding) lock(ctx context.Context, j job) (bool, error) {
	const query = `SELECT failures FROM casework.jobs WHERE name = $1 AND ` + due + ` FOR UPDATE SKIP LOCKED`
	err := h.tx.GetContext(ctx, &h.failures, query, j.name, j.now)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = h.tx.ExecContext(ctx, fmt.Sprintf(`SET LOCAL idle_in_transaction_session_timeout = %d`, h.cut.Milliseconds()))
	return err == nil, err
}

// run calls f and meanwhile watches the connection; lost says why it held the row no longer, if so.
func (h *holding) run(ctx context.Context, f func(context.Context) error) (said, lost error) {
	held, lose := context.WithCancelCause(ctx)
	ended, watched := make(chan struct{}), make(chan error, 1)
	go func() { watched <- h.watch(ended, lose) }()
	defer func() { // also where f panics
		close(ended)
		lost = <-watched
		lose(nil)
	}()
	return f(held), nil
}

// watch cancels the run when the connection no longer answers: the row may then be another's.
func (h *holding) watch(ended <-chan struct{}, lose context.CancelCauseFunc) error {
	beat := time.NewTicker(h.beat)
	defer beat.Stop()
	for {
		select {
		case <-ended:
			return nil
		case <-beat.C:
		}
		err := h.ask(func() error {
			_, err := h.tx.ExecContext(context.Background(), `SELECT 1`)
			return err
		})
		if err != nil {
			err = fmt.Errorf("the connection that held the job is lost: %w", err)
			lose(err)
			return err
		}
	}
}

// finish writes when the job is due again, and gives the row back.
func (h *holding) finish(j job, failed bool) error {
	const query = `
		UPDATE casework.jobs
		SET started_at = transaction_timestamp(), finished_at = statement_timestamp(), failures = $2,
			next_at = statement_timestamp() + make_interval(secs => $3)
		WHERE name = $1`
	failures, next := 0, j.every
	if failed {
		failures, next = h.failures+1, pauseAfter(h.failures)
	}
	return h.ask(func() error {
		if _, err := h.tx.ExecContext(context.Background(), query, j.name, failures, next.Seconds()); err != nil {
			return err
		}
		return h.tx.Commit()
	})
}

// pauseAfter is the pause after a failure that had so many before it.
func pauseAfter(before int) time.Duration {
	const doublings = 9 // enough to pass the longest pause
	return min(firstPause<<min(before, doublings), longestPause)
}

// release gives the row and the connection back. Nothing is lost if the connection does not answer: the server lets go of
// the row by itself.
func (h *holding) release() {
	_ = h.ask(func() error { //nolint:errcheck // as said
		_ = h.tx.Rollback() //nolint:errcheck // does nothing once committed
		return h.conn.Close()
	})
}

// ask waits no longer for the connection than the pulse allows; lib/pq would wait for as long as TCP does, whatever its
// context says. What was asked is then left behind, and ends when the connection does.
func (h *holding) ask(do func() error) error {
	answer := make(chan error, 1)
	go func() { answer <- do() }()
	silence := time.NewTimer(h.answer)
	defer silence.Stop()
	select {
	case err := <-answer:
		return err
	case <-silence.C:
		return errSilent
	}
}
