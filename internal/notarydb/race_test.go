package notarydb_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/notary"
)

const (
	writers   = 48
	requests  = 32
	raceLasts = 6 * time.Second
)

// committed is an entry whose transaction has committed, and when its writer knew.
type committed struct {
	entry int64
	at    time.Time
}

// Of 48 writers some are slow, with a transaction number drawn early, and some roll back; a transaction idles elsewhere all
// the while; three sealers run, are cut off and begin anew. It runs alone, as it needs most of the server's connections.
func TestNoEntryIsLostDoubledOrOvertakenInTheRace(t *testing.T) { //nolint:paralleltest // as said
	h := newHouse(t)
	idle, err := h.superuser.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := idle.ExecContext(t.Context(), `SET LOCAL idle_in_transaction_session_timeout = 0; SELECT pg_current_xact_id()`); err != nil {
		t.Fatal(err)
	}
	ids := make([]string, requests)
	for i := range ids {
		ids[i] = uuid.NewString()
	}
	ctx, stop := context.WithTimeout(t.Context(), raceLasts)
	defer stop()
	sealing, sealed := context.WithCancel(t.Context())
	done := make(chan []committed, writers)
	for range writers {
		go func() { done <- h.write(ctx, t, ids) }()
	}
	var sealers sync.WaitGroup
	for range 2 {
		sealers.Go(func() { h.sealUntil(sealing, t, 100*time.Millisecond) })
	}
	sealers.Go(func() { h.kill(ctx) })
	var all []committed
	for range writers {
		all = append(all, <-done...)
	}
	sealed()
	sealers.Wait()
	seal(t, h.newSealer())
	if n := count(t, h.superuser, `SELECT (SELECT count(*) FROM audit.entries) - (SELECT count(*) FROM audit.leaves)`); n != 0 {
		t.Errorf("the idle transaction holds up %d entries", n)
	}
	if err := idle.Rollback(); err != nil {
		t.Error(err)
	}
	if n := count(t, h.superuser, `SELECT count(*) FROM audit.entries`); n < int64(len(all)) || len(all) < 100 {
		t.Errorf("%d entries are stored, %d were written", n, len(all))
	}
	requireSealed(t, h)
	report(t, h, all)
}

// write does deeds until the race ends.
func (h house) write(ctx context.Context, t *testing.T, ids []string) (all []committed) {
	for ctx.Err() == nil {
		id, kept, err := h.writeOne(t.Context(), rand.IntN(len(ids)), ids)
		if err != nil {
			t.Error(err)
			return all
		}
		if kept {
			all = append(all, committed{id, time.Now()})
		}
	}
	return all
}

func (h house) writeOne(ctx context.Context, at int, ids []string) (id int64, kept bool, err error) {
	tx, err := h.app.BeginTxx(ctx, nil)
	if err != nil {
		return 0, false, err
	}
	defer tx.Rollback() //nolint:errcheck // does nothing once committed
	if rand.IntN(10) == 0 {
		if _, err := tx.ExecContext(ctx, `SELECT pg_current_xact_id(), pg_sleep($1)`, 0.1+0.3*rand.Float64()); err != nil {
			return 0, false, err
		}
	}
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(1, $1)`, at); err != nil { // stands for the request's row
		return 0, false, err
	}
	if id, err = h.deed(ctx, tx, ids[at]); err != nil || rand.IntN(20) == 0 {
		return id, false, err
	}
	if rand.IntN(20) == 0 { // slow after its number is drawn
		if _, err := tx.ExecContext(ctx, `SELECT pg_sleep(0.05)`); err != nil {
			return 0, false, err
		}
	}
	return id, true, tx.Commit()
}

// sealUntil is a replica's sealer, which begins anew after each failure; only an alarm is one for the test.
func (h house) sealUntil(ctx context.Context, t *testing.T, every time.Duration) {
	look := time.NewTicker(every)
	defer look.Stop()
	s := h.newSealer()
	for ctx.Err() == nil {
		if err := s.Seal(ctx); err != nil {
			if _, is := notary.Alarmed(err); is {
				t.Error(err)
				return
			}
			s = h.newSealer()
		}
		select {
		case <-ctx.Done():
		case <-look.C:
		}
	}
}

// kill ends the sealers' connections wherever they happen to be.
func (h house) kill(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(rand.IntN(400)) * time.Millisecond):
		}
		_, _ = h.superuser.ExecContext(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sealer' AND datname = current_database()`)
	}
}

// report prints how long entries waited: the machine's load is in it, so it proves nothing by itself.
func report(t *testing.T, h house, all []committed) {
	t.Helper()
	lags, err := lags(t.Context(), h.superuser, all)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lags)
	t.Logf("%d entries, %.0f a second; from commit to sealing p50 %s, p99 %s, longest %s; %d batches", len(lags), float64(len(lags))/raceLasts.Seconds(),
		lags[len(lags)/2], lags[len(lags)*99/100], lags[len(lags)-1], count(t, h.superuser, `SELECT count(*) FROM audit.checkpoints`))
}

func lags(ctx context.Context, db *sqlx.DB, all []committed) ([]time.Duration, error) {
	const query = `
		SELECT l.entry_id, (SELECT c.sealed_at FROM audit.checkpoints c WHERE c.size > l.leaf_index ORDER BY c.size LIMIT 1) AS sealed_at
		FROM audit.leaves l`
	var rows []struct {
		Entry int64     `db:"entry_id"`
		At    time.Time `db:"sealed_at"`
	}
	if err := db.SelectContext(ctx, &rows, query); err != nil {
		return nil, err
	}
	sealed := map[int64]time.Time{}
	for _, r := range rows {
		sealed[r.Entry] = r.At
	}
	var lags []time.Duration
	for _, c := range all {
		lags = append(lags, sealed[c.entry].Sub(c.at))
	}
	return lags, nil
}
