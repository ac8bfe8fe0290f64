package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/jobs"
	"github.com/caldicott/caldicott/internal/pgtest"
	"github.com/caldicott/caldicott/internal/postgres"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// site is a database on which replicas run jobs.
type site struct {
	database  pgtest.Database
	superuser *sqlx.DB
}

func newSite(t *testing.T) site {
	t.Helper()
	d := housetest.Database(t)
	db, err := sqlx.Open("postgres", d.Superuser)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return site{d, db}
}

// ask gives one text.
func (s site) ask(t *testing.T, query string, args ...any) string {
	t.Helper()
	var said string
	if err := s.superuser.GetContext(t.Context(), &said, query, args...); err != nil {
		t.Fatal(err)
	}
	return said
}

// begin starts a replica with pools of its own, as a process would have, and gives what stops it and waits for it.
func (s site) begin(t *testing.T, name string, list ...jobs.Job) (stop func()) {
	t.Helper()
	db, err := postgres.Open(postgres.Settings{URL: housetest.AppURL(s.database), Application: name, Connections: 4, StatementTimeout: 10 * time.Second}, house.Scribe)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- jobs.Runner{Jobs: list, Turns: db, Poll: 100 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}.Run(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := soon(t, ended, name+" stops"); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// soon waits for a signal that must come.
func soon[T any](t *testing.T, signal <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-signal:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("waited in vain: %s", what)
		panic("not reached")
	}
}

// until is a run that begins, says so, and goes on until its context ends.
func until(began chan<- context.Context) func(context.Context) error {
	return func(ctx context.Context) error {
		began <- ctx
		<-ctx.Done()
		return context.Cause(ctx)
	}
}

// punctual is a job that notices when it runs twice at once, or twice in a period.
type punctual struct {
	t       *testing.T
	period  time.Duration
	running atomic.Int32
	mu      sync.Mutex
	last    time.Time
	runs    int
	enough  chan bool // closed after so many runs
	many    int
}

func (p *punctual) run(ctx context.Context) error {
	if p.running.Add(1) > 1 {
		p.t.Error("it runs twice at once")
	}
	defer p.running.Add(-1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if gap := time.Since(p.last); gap < p.period {
		p.t.Errorf("it runs again after %s, its period is %s", gap, p.period)
	}
	if p.runs++; p.runs == p.many {
		close(p.enough)
	}
	p.last = time.Now()
	return nil
}

func TestThreeReplicasRunEachJobOnceAPeriodAndNeverTwiceAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var all []*punctual
	var list []jobs.Job
	for i, period := range []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond} {
		p := &punctual{t: t, period: period, many: int(2 * time.Second / period / 2), enough: make(chan bool)}
		all = append(all, p)
		list = append(list, jobs.Job{Name: fmt.Sprint("job ", i), Every: period, Run: p.run})
	}
	began := time.Now()
	for i := range 3 {
		s.begin(t, fmt.Sprint("replica ", i), list...)
	}
	for _, p := range all {
		soon(t, p.enough, "it has run often enough")
	}
	t.Logf("%d, %d and %d runs or more in %s", all[0].many, all[1].many, all[2].many, time.Since(began).Round(time.Millisecond))
}

func TestAReplicaThatLosesItsConnectionStopsItsRunAndAnotherBegins(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first, second := make(chan context.Context, 9), make(chan context.Context, 9)
	s.begin(t, "first", jobs.Job{Name: "deliver", Every: time.Hour, Run: until(first)})
	held := soon(t, first, "the first replica runs it")
	s.begin(t, "second", jobs.Job{Name: "deliver", Every: time.Hour, Run: until(second)})
	killed := s.ask(t, `SELECT CAST(count(pg_terminate_backend(pid)) AS text) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'first' AND state = 'idle in transaction'`)
	if killed != "1" {
		t.Fatalf("%s connections held the job", killed)
	}
	cut := time.Now()
	soon(t, second, "the second replica runs it")
	if took := time.Since(cut); took > 5*time.Second {
		t.Errorf("it was free after %s", took)
	}
	soon(t, held.Done(), "the first run is told")
	if took := time.Since(cut); took > 10*time.Second {
		t.Errorf("the first run was told after %s", took)
	}
}

func TestAReplicaThatStopsIsFollowedAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first, second := make(chan context.Context, 9), make(chan context.Context, 9)
	stop := s.begin(t, "first", jobs.Job{Name: "deliver", Every: time.Hour, Run: until(first)})
	held := soon(t, first, "the first replica runs it")
	s.begin(t, "second", jobs.Job{Name: "deliver", Every: time.Hour, Run: until(second)})
	stop()
	soon(t, held.Done(), "the first run is told")
	soon(t, second, "the second replica runs it")
	if n := s.ask(t, `SELECT CAST(failures AS text) FROM casework.jobs`); n != "0" {
		t.Errorf("a stop counts as %s failures", n)
	}
}

func TestAJobThatFailsPausesAndComesBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	runs := make(chan time.Time, 9)
	var n atomic.Int32
	s.begin(t, "only", jobs.Job{Name: "deliver", Every: 10 * time.Millisecond, Run: func(context.Context) error {
		select {
		case runs <- time.Now():
		default: // enough
		}
		switch n.Add(1) {
		case 1:
			return errors.New("broken")
		case 2:
			panic("broken")
		}
		return nil
	}})
	first, second, third := soon(t, runs, "the first run"), soon(t, runs, "the second run"), soon(t, runs, "the third run")
	if one, two := second.Sub(first), third.Sub(second); one < time.Second || two < 2*time.Second {
		t.Errorf("it was tried again after %s and %s", one, two)
	}
	soon(t, runs, "the fourth run") // so the third has been written
	if n := s.ask(t, `SELECT CAST(failures AS text) FROM casework.jobs`); n != "0" {
		t.Errorf("%s failures after it went well", n)
	}
}

func TestANotificationRunsTheJobAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	wake, err := postgres.Listen(t.Context(), postgres.Settings{URL: housetest.AppURL(s.database), Application: "listener"}, "outbox")
	if err != nil {
		t.Fatal(err)
	}
	soon(t, wake, "listening has begun")
	runs := make(chan bool, 9)
	s.begin(t, "only", jobs.Job{Name: "deliver", Every: time.Hour, Wake: wake, Run: func(context.Context) error { runs <- true; return nil }})
	soon(t, runs, "the first run")
	for range 3 {
		if _, err := s.superuser.ExecContext(t.Context(), `NOTIFY outbox`); err != nil {
			t.Fatal(err)
		}
		soon(t, runs, "a run for the notification")
	}
}

// This one is not parallel: no other runner's goroutines are about.
func TestAStopLeavesNoGoroutineAndNoLockBehind(t *testing.T) {
	s := newSite(t)
	began := make(chan context.Context, 1)
	var c counter
	stop := s.begin(t, "only",
		jobs.Job{Name: "busy", Every: time.Hour, Run: until(began)},
		jobs.Job{Name: "idle", Every: time.Hour, Run: c.run, Wake: make(chan struct{})})
	soon(t, began, "it runs")
	stop()
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for goroutine := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		if text := string(goroutine); strings.Contains(text, "jobs.(*keeper)") || strings.Contains(text, "postgres.(*holding)") {
			t.Errorf("left behind: %s", text)
		}
	}
	free := s.ask(t, `SELECT CAST(count(*) AS text) FROM (SELECT FROM casework.jobs WHERE name = 'busy' FOR UPDATE SKIP LOCKED) AS unlocked`)
	if free != "1" {
		t.Error("the row is still locked")
	}
}
