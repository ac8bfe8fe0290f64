package notarydb_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
)

const (
	writers   = 48
	requests  = 32
	raceLasts = 6 * time.Second
)

// raceSetting makes the race end after so many commits, and not after six seconds.
const raceSetting = "CALDICOTT_RACE_COMMITS"

// committed is an entry whose transaction has committed, and when its writer knew.
type committed struct {
	entry int64
	at    time.Time
}

// Of 48 writers some are slow, with a transaction number drawn early, and some roll back; a transaction idles elsewhere all
// the while. One sealer dies at any point of its work, a replica that seals and signs is killed as a process, and the
// connections of all are cut. It runs alone, as it needs most of the server's connections.
func TestNoEntryIsLostDoubledOrOvertakenInTheRace(t *testing.T) { //nolint:paralleltest // as said
	h := newHouse(t)
	idling, idled := context.WithCancel(t.Context())
	var idler sync.WaitGroup
	idler.Go(func() { h.idleUntil(idling, t, idles) })
	secret, key, verifier := newSecret(t)
	memories := t.TempDir()
	ids := make([]string, requests)
	for i := range ids {
		ids[i] = uuid.NewString()
	}
	ctx, counted, stop := raceEnds(t)
	defer stop()
	sealing, sealed := context.WithCancel(t.Context())
	began := time.Now()
	done := make(chan []committed, writers)
	for range writers {
		go func() { done <- h.write(ctx, t, ids, counted) }()
	}
	var sealers sync.WaitGroup
	var lives, kills int
	signer := h.newSigner(filepath.Join(memories, "here"), key)
	sealers.Go(func() { lives = h.sealUntil(sealing, t, everySealing, seldom(100)) })
	sealers.Go(func() { h.signUntil(sealing, t, signer) })
	sealers.Go(func() {
		kills = h.killReplicas(sealing, t, housetest.SealerURL(h.database), filepath.Join(memories, "there"), secret)
	})
	sealers.Go(func() { h.cutOff(ctx) })
	var all []committed
	for range writers {
		all = append(all, <-done...)
	}
	took := time.Since(began)
	sealed()
	sealers.Wait()
	h.sealAll(t, h.newSealer())
	if n := count(t, h.superuser, `SELECT (SELECT count(*) FROM audit.entries) - (SELECT count(*) FROM audit.leaves)`); n != 0 {
		t.Errorf("the idle transaction holds up %d entries", n)
	}
	idled()
	idler.Wait()
	requireStored(t, h, all)
	requireSealed(t, h)
	sign(t, signer)
	requireSigned(t, h, verifier)
	t.Logf("one sealer lived %d times, a replica was killed %d times", lives, kills)
	report(t, h, all, took)
}

// raceEnds is when the writers stop; each commit is to be counted.
func raceEnds(t *testing.T) (ctx context.Context, counted func(), stop context.CancelFunc) {
	t.Helper()
	if os.Getenv(raceSetting) == "" {
		ctx, stop = context.WithTimeout(t.Context(), raceLasts)
		return ctx, func() {}, stop
	}
	var left atomic.Int64
	left.Store(int64(amount(t, raceSetting, 0)))
	ctx, stop = context.WithCancel(t.Context())
	return ctx, func() {
		if left.Add(-1) == 0 {
			stop()
		}
	}, stop
}

// idles is how long a transaction idles before it is another's turn: for good, it would keep every old version of a chain's
// end alive, and a long race would measure that.
const idles = 30 * time.Second

// idleUntil keeps a transaction open that has a number and does nothing.
func (h house) idleUntil(ctx context.Context, t testing.TB, each time.Duration) {
	for ctx.Err() == nil {
		tx, err := h.superuser.BeginTxx(context.WithoutCancel(ctx), nil)
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := tx.ExecContext(t.Context(), `SET LOCAL idle_in_transaction_session_timeout = 0; SELECT pg_current_xact_id()`); err != nil {
			t.Error(err)
		}
		pause(ctx, each)
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}
}

// requireStored asks for every entry whose commit was acknowledged.
func requireStored(t testing.TB, h house, all []committed) {
	t.Helper()
	ids := make([]int64, len(all))
	for i, c := range all {
		ids[i] = c.entry
	}
	n := count(t, h.superuser, `SELECT count(*) FROM audit.entries WHERE id = ANY($1)`, pq.Array(ids))
	if n != int64(len(all)) || n < 100 {
		t.Errorf("%d entries of %d that were acknowledged are there", n, len(all))
	}
}

// write does deeds until the race ends.
func (h house) write(ctx context.Context, t *testing.T, ids []string, counted func()) (all []committed) {
	for ctx.Err() == nil {
		id, kept, err := h.writeOne(t.Context(), rand.IntN(len(ids)), ids)
		if err != nil {
			t.Error(err)
			return all
		}
		if kept {
			all = append(all, committed{id, time.Now()})
			counted()
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

// sealUntil is a replica's sealer, which begins anew after each failure and each death; only an alarm is one for the test.
func (h house) sealUntil(ctx context.Context, t *testing.T, every time.Duration, now func() error) (lives int) {
	look := time.NewTicker(every)
	defer look.Stop()
	var s *notary.Sealer
	for ctx.Err() == nil {
		if s == nil {
			s = &notary.Sealer{Book: mortal{notarydb.Book{DB: h.sealer}, now}}
			lives++
		}
		if err := s.Seal(ctx); err != nil {
			if _, is := notary.Alarmed(err); is {
				t.Error(err)
				return lives
			}
			s = nil
		}
		select {
		case <-ctx.Done():
		case <-look.C:
		}
	}
	return lives
}

func (h house) signUntil(ctx context.Context, t *testing.T, s *notary.Signer) {
	for ctx.Err() == nil {
		if _, is := notary.Alarmed(s.Sign(ctx)); is {
			t.Error("the signer was alarmed")
			return
		}
		pause(ctx, everySealing)
	}
}

// cutOff ends the sealers' connections wherever they happen to be.
func (h house) cutOff(ctx context.Context) {
	for ctx.Err() == nil {
		pause(ctx, time.Duration(rand.IntN(2000))*time.Millisecond)
		_, _ = h.superuser.ExecContext(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sealer' AND datname = current_database()`)
	}
}

// report prints how long entries waited: the machine's load is in it, so it proves nothing by itself.
func report(t testing.TB, h house, all []committed, took time.Duration) {
	t.Helper()
	lags, err := lags(t.Context(), h.superuser, all)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lags)
	t.Logf("%d entries, %.0f a second; from commit to sealing p50 %s, p99 %s, longest %s; %d batches", len(lags), float64(len(lags))/took.Seconds(),
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
