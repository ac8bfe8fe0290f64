package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/postgres"
)

// outcome is what a turn came to.
type outcome struct {
	ran bool
	err error
}

// turns is the DB, or one of a faster pulse.
type turns interface {
	Turn(ctx context.Context, name string, every time.Duration, now bool, f func(context.Context) error) (bool, error)
}

// begin starts a turn that lasts until its context ends or the test lets it go with what the job is to say.
func begin(t testing.TB, by turns) (held context.Context, let chan<- error, ended <-chan outcome) {
	t.Helper()
	running, say, done := make(chan context.Context, 1), make(chan error, 1), make(chan outcome, 1)
	go func() {
		ran, err := by.Turn(t.Context(), "count", time.Hour, false, func(ctx context.Context) error {
			running <- ctx
			select {
			case err := <-say:
				return err
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		done <- outcome{ran, err}
	}()
	return soon(t, running, "the run begins"), say, done
}

// try takes a turn at the job that does nothing but fail with err.
func try(t testing.TB, db *postgres.DB, now bool, err error) bool {
	t.Helper()
	called := false
	ran, got := db.Turn(t.Context(), "count", time.Hour, now, func(context.Context) error { called = true; return err })
	if ran != called || !errors.Is(got, err) {
		t.Fatalf("ran %v, called %v, %v", ran, called, got)
	}
	return ran
}

// kill ends every backend of a replica that holds a job.
func kill(t testing.TB, superuser *sqlx.DB, name string) {
	t.Helper()
	if n := len(words(t, superuser, `SELECT CAST(pg_terminate_backend(pid) AS text) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = $1 AND state = 'idle in transaction'`, name)); n != 1 {
		t.Fatalf("%d connections hold the job", n)
	}
}

func TestAJobHasOneTurnAtATimeAndOneEachPeriod(t *testing.T) {
	t.Parallel()
	d := housetest.Database(t)
	one, other := replica(t, housetest.AppURL(d), "one"), replica(t, housetest.AppURL(d), "other")
	_, let, ended := begin(t, one)
	if try(t, other, false, nil) || try(t, other, true, nil) {
		t.Error("two replicas run the job")
	}
	let <- nil
	if got := soon(t, ended, "the run ends"); !got.ran || got.err != nil {
		t.Errorf("%+v", got)
	}
	if try(t, other, false, nil) || try(t, one, false, nil) {
		t.Error("it runs again within its period")
	}
	if !try(t, other, true, nil) {
		t.Error("it is not run when it is asked for now")
	}
	row := words(t, connect(t, d.Superuser), `SELECT concat_ws(' ', started_at <= finished_at, failures, next_at - finished_at = '1 hour') FROM casework.jobs WHERE name = 'count'`)
	if len(row) != 1 || row[0] != "t 0 t" {
		t.Errorf("the row says %q", row)
	}
}

// An idle job costs one look: the only connection there is must be free again at once.
func TestAJobWhoseTimeHasNotComeHoldsNoConnection(t *testing.T) {
	t.Parallel()
	d := housetest.Database(t)
	db, err := postgres.Open(postgres.Settings{URL: housetest.AppURL(d), Application: "only", Connections: 1, StatementTimeout: 10 * time.Second}, house.Scribe)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := patience(t, 20*time.Second)
	for i := range 5 {
		if ran, err := db.Turn(ctx, "count", time.Hour, false, func(context.Context) error { return nil }); err != nil || ran != (i == 0) {
			t.Fatalf("turn %d: %v, %v", i+1, ran, err)
		}
		if err := db.Ping(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if busy := words(t, connect(t, d.Superuser), `SELECT state FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'only' AND state <> 'idle'`); len(busy) > 0 {
		t.Errorf("%q", busy)
	}
}

// A run that is longer than a session may be idle in a transaction keeps its row.
func TestALongRunKeepsItsTurn(t *testing.T) {
	t.Parallel()
	d := housetest.Database(t)
	one, other := replica(t, housetest.AppURL(d), "one"), replica(t, housetest.AppURL(d), "other")
	const cut = 400 * time.Millisecond
	_, let, ended := begin(t, one.Quickly(40*time.Millisecond, 5*time.Second, cut))
	// Time itself is what is tested here: thrice what the server allows the silent.
	time.Sleep(3 * cut)
	if try(t, other, true, nil) {
		t.Error("another replica took the job meanwhile")
	}
	let <- nil
	if got := soon(t, ended, "the run ends"); !got.ran || got.err != nil {
		t.Errorf("%+v", got)
	}
}

func TestARunWhoseConnectionIsCutEndsAndTheJobIsFreeAtOnce(t *testing.T) {
	t.Parallel()
	d := housetest.Database(t)
	one, other := replica(t, housetest.AppURL(d), "one"), replica(t, housetest.AppURL(d), "other")
	held, _, ended := begin(t, one.Quickly(20*time.Millisecond, 5*time.Second, time.Minute))
	kill(t, connect(t, d.Superuser), "one")
	soon(t, held.Done(), "the run is told")
	if context.Cause(held) == context.Canceled {
		t.Error("it is not told why")
	}
	got := soon(t, ended, "the turn ends")
	if !got.ran || caldicott.KindOf(got.err) != caldicott.Unavailable {
		t.Errorf("%+v", got)
	}
	if !try(t, other, false, nil) {
		t.Error("the job is not due, or not free")
	}
}

// A server that does not answer, and sends no word that it is gone: the run ends before the server gives the row away.
func TestARunWhoseServerFallsSilentEndsBeforeAnotherBegins(t *testing.T) {
	t.Parallel()
	d := housetest.Database(t)
	wire := tap(t, housetest.AppURL(d))
	one, other := replica(t, wire.url, "one"), replica(t, housetest.AppURL(d), "other")
	const cut = 2 * time.Second
	held, _, ended := begin(t, one.Quickly(50*time.Millisecond, 200*time.Millisecond, cut))
	wire.cut()
	silent := time.Now()
	soon(t, held.Done(), "the run is told")
	if d := time.Since(silent); d > cut/2 {
		t.Errorf("the run was told after %s", d)
	}
	if got := soon(t, ended, "the turn ends"); !got.ran || caldicott.KindOf(got.err) != caldicott.Unavailable {
		t.Errorf("%+v", got)
	}
	for !try(t, other, true, nil) {
		time.Sleep(20 * time.Millisecond) // the server tells nobody when it lets go
	}
	if d := time.Since(silent); d < cut*3/4 || d > 5*cut {
		t.Errorf("the server let go after %s", d)
	}
}

// stopped is a turn that is told to stop, waits until the test has looked, and then says what it is to say.
func stopped(t testing.TB, db *postgres.DB, look func(), say error) outcome {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	told, looked, done := make(chan bool), make(chan bool), make(chan outcome, 1)
	go func() {
		ran, err := db.Turn(ctx, "count", time.Hour, true, func(ctx context.Context) error {
			stop()
			<-ctx.Done()
			told <- true
			<-looked
			return say
		})
		done <- outcome{ran, err}
	}()
	soon(t, told, "the run is told")
	look()
	close(looked)
	return soon(t, done, "the turn ends")
}

func TestAStoppedRunKeepsItsTurnUntilItEndsAndIsThenFollowed(t *testing.T) {
	t.Parallel()
	d := housetest.Database(t)
	one, other := replica(t, housetest.AppURL(d), "one"), replica(t, housetest.AppURL(d), "other")
	held := func() {
		if try(t, other, true, nil) {
			t.Error("another replica runs it while it is still stopping")
		}
	}
	if got := stopped(t, one, held, context.Canceled); !got.ran || !errors.Is(got.err, context.Canceled) {
		t.Errorf("%+v", got)
	}
	row := words(t, connect(t, d.Superuser), `SELECT concat_ws(' ', failures, finished_at IS NULL, next_at <= clock_timestamp()) FROM casework.jobs`)
	if len(row) != 1 || row[0] != "0 t t" {
		t.Errorf("the row says %q", row)
	}
	if got := stopped(t, one, held, nil); !got.ran || got.err != nil {
		t.Errorf("%+v", got)
	}
	if try(t, other, false, nil) {
		t.Error("a run that was told to stop and went well all the same does not count")
	}
}

func TestAJobThatFailsWaitsLongerEachTimeUntilItGoesWell(t *testing.T) {
	t.Parallel()
	d := housetest.Database(t)
	db, superuser := replica(t, housetest.AppURL(d), "one"), connect(t, d.Superuser)
	broken := errors.New("broken")
	bring := func(set string) {
		t.Helper()
		if _, err := superuser.Exec(`UPDATE casework.jobs SET ` + set); err != nil {
			t.Fatal(err)
		}
	}
	row := func() string {
		t.Helper()
		return words(t, superuser, `SELECT failures || ' ' || round(extract(epoch FROM next_at - finished_at)) FROM casework.jobs`)[0]
	}
	for _, want := range []string{"1 1", "2 2", "3 4", "4 8"} {
		if !try(t, db, false, broken) {
			t.Fatal("it is not due")
		}
		if got := row(); got != want {
			t.Errorf("failures and seconds: %s, want %s", got, want)
		}
		if try(t, db, true, nil) {
			t.Error("asking for it now brings it forward")
		}
		bring("next_at = clock_timestamp()")
	}
	bring("failures = 400, next_at = clock_timestamp()")
	if try(t, db, false, broken); row() != "401 300" {
		t.Errorf("failures and seconds: %s", row())
	}
	bring("next_at = clock_timestamp()")
	if try(t, db, false, nil); row() != "0 3600" {
		t.Errorf("failures and seconds: %s", row())
	}
}

func TestATurnSurvivesAPanicOfItsJob(t *testing.T) {
	t.Parallel()
	d := housetest.Database(t)
	one, other := replica(t, housetest.AppURL(d), "one"), replica(t, housetest.AppURL(d), "other")
	func() {
		defer func() { _ = recover() }()
		_, _ = one.Turn(t.Context(), "count", time.Hour, false, func(context.Context) error { panic("broken") })
	}()
	if !try(t, other, false, nil) {
		t.Error("the job is still held")
	}
}

func TestTheServiceMayNeitherRenameNorForgetAJob(t *testing.T) {
	t.Parallel()
	d := housetest.Database(t)
	app, reader := connect(t, housetest.AppURL(d)), connect(t, housetest.ReaderURL(d))
	for _, statement := range []string{`DELETE FROM casework.jobs`, `UPDATE casework.jobs SET name = 'x'`, `TRUNCATE casework.jobs`} {
		if _, err := attempt(t, app, statement); sqlState(err) != "42501" {
			t.Errorf("%s: %v, want 42501", statement, err)
		}
	}
	if _, err := attempt(t, reader, `SELECT FROM casework.jobs`); sqlState(err) != "42501" {
		t.Errorf("the reader: %v, want 42501", err)
	}
}
