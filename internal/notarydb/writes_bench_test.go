package notarydb_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/benchtest"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/housetest"
)

// office is a house on a server that keeps what it is told, with tables that stand for the case's and, as the reference,
// tables of the trail's shape with nothing that guards them.
type office struct {
	house
	requests []string
}

const officeTables = `
	CREATE TABLE public.requests (id uuid PRIMARY KEY, entry_id bigint NOT NULL) WITH (fillfactor = 70);
	CREATE TABLE public.witnessed (LIKE public.requests INCLUDING ALL) WITH (fillfactor = 70);
	INSERT INTO public.requests SELECT gen_random_uuid(), 0 FROM generate_series(1, 4096);
	INSERT INTO public.witnessed SELECT * FROM public.requests;
	SELECT audit.guard_table('public.witnessed', 'request', 'id');
	CREATE TABLE public.chains (LIKE audit.chains INCLUDING INDEXES) WITH (fillfactor = 70);
	CREATE TABLE public.entries (LIKE audit.entries INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING INDEXES);
	GRANT ALL ON ALL TABLES IN SCHEMA public TO caldicott_app;
	ANALYZE`

func newOffice(b *testing.B) office {
	b.Helper()
	o := office{house: houseIn(b, housetest.OwnServer(b).Database())}
	o.app.SetMaxOpenConns(70)
	o.app.SetMaxIdleConns(70)
	if _, err := o.superuser.ExecContext(b.Context(), officeTables); err != nil {
		b.Fatal(err)
	}
	if err := o.superuser.SelectContext(b.Context(), &o.requests, `SELECT CAST(id AS text) FROM public.requests`); err != nil {
		b.Fatal(err)
	}
	return o
}

// way is how a deed is written: its four statements between BEGIN and COMMIT are the same but for the tables.
type way struct{ lock, head, record, move string }

const recordBare = `
	WITH moved AS (INSERT INTO public.chains (stream, seq, head) VALUES ($1, $2, $5)
		ON CONFLICT (stream) DO UPDATE SET seq = excluded.seq, head = excluded.head)
	INSERT INTO public.entries (stream, seq, canon, leaf_hash, request_id, organisation_id, action, outcome, occurred_at)
	VALUES ($1, $2, $4, $5, $6, $6, 'amend', 'done', now()) RETURNING id + 0 * octet_length(CAST($3 AS bytea))`

var (
	bare = way{`SELECT entry_id FROM public.requests WHERE id = $1 FOR UPDATE`, `SELECT seq, head FROM public.chains WHERE stream = $1`,
		recordBare, `UPDATE public.requests SET entry_id = $2 WHERE id = $1`}
	appended = way{bare.lock, `SELECT seq, head FROM audit.chains WHERE stream = $1`,
		`SELECT audit.append($1, $2, $3, $4, NULL, NULL)`, bare.move}
	guarded = way{`SELECT entry_id FROM public.witnessed WHERE id = $1 FOR UPDATE`, appended.head, appended.record,
		`UPDATE public.witnessed SET entry_id = $2 WHERE id = $1`}
)

// pen is one writer's connection with its statements.
type pen struct {
	conn                     *sqlx.Conn
	lock, head, record, move *sqlx.Stmt
	bare                     bool
}

func (o office) newPen(ctx context.Context, w way) (*pen, error) {
	conn, err := o.app.Connx(ctx)
	if err != nil {
		return nil, err
	}
	p := &pen{conn: conn, bare: w.record == recordBare}
	for to, query := range map[**sqlx.Stmt]string{&p.lock: w.lock, &p.head: w.head, &p.record: w.record, &p.move: w.move} {
		stmt, prepared := conn.PreparexContext(ctx, query)
		err, *to = errors.Join(err, prepared), stmt
	}
	return p, err
}

func (p *pen) close() error {
	return errors.Join(p.lock.Close(), p.head.Close(), p.record.Close(), p.move.Close(), p.conn.Close())
}

// write is one deed on a request.
func (p *pen) write(ctx context.Context, request, organisation string) error {
	tx, err := p.conn.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // does nothing once committed
	var entry int64
	if err := tx.StmtxContext(ctx, p.lock).GetContext(ctx, &entry, request); err != nil {
		return err
	}
	e := caldicott.Event{
		Stream: caldicott.RequestStream(request), Chained: true, Action: "amend", Outcome: audit.Done,
		At: time.Now().UTC().Truncate(time.Microsecond), Organisation: organisation, Request: request,
	}
	var seq int
	var prev [32]byte
	var head []byte
	if err := tx.StmtxContext(ctx, p.head).QueryRowContext(ctx, e.Stream).Scan(&seq, &head); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	copy(prev[:], head)
	w, err := audit.Write(e, seq+1, prev)
	if err != nil {
		return err
	}
	args := []any{e.Stream, seq + 1, prev[:], w.Canon}
	if p.bare {
		args = append(args, w.Leaf[:], request)
	}
	if err := tx.StmtxContext(ctx, p.record).GetContext(ctx, &entry, args...); err != nil {
		return err
	}
	if _, err := tx.StmtxContext(ctx, p.move).ExecContext(ctx, request, entry); err != nil {
		return err
	}
	return tx.Commit()
}

// rate lets writers write on any of the requests, and says how many deeds were committed in a second.
func (o office) rate(b *testing.B, w way, writers int, requests []string, lasts time.Duration) float64 {
	b.Helper()
	pens := make([]*pen, writers)
	for i := range pens {
		var err error
		if pens[i], err = o.newPen(b.Context(), w); err != nil {
			b.Fatal(err)
		}
	}
	var written atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for _, p := range pens {
		all.Go(func() {
			for time.Since(began) < lasts {
				if err := p.write(b.Context(), requests[rand.IntN(len(requests))], o.organisation); err != nil {
					b.Error(err)
					return
				}
				written.Add(1)
			}
		})
	}
	all.Wait()
	rate := float64(written.Load()) / time.Since(began).Seconds()
	for _, p := range pens {
		if err := p.close(); err != nil {
			b.Error(err)
		}
	}
	return rate
}

// looks is how often a replica's sealer looks, as the service has it.
const looks = 120 * time.Millisecond

// sealed does something while a sealer is at work.
func (o office) sealed(b *testing.B, f func() float64) float64 {
	b.Helper()
	ctx, stop := context.WithCancel(b.Context())
	var sealer sync.WaitGroup
	sealer.Go(func() {
		s := o.newSealer()
		for ctx.Err() == nil {
			if err := s.Seal(ctx); err != nil && ctx.Err() == nil {
				b.Error(err)
				return
			}
			pause(ctx, looks)
		}
	})
	rate := f()
	stop()
	sealer.Wait()
	seal(b, o.newSealer()) // what is left over is not the next arm's work
	return rate
}

// BenchmarkGlobalChain is G1: chains of each request against one chain of all, the sealer at work in both. The latter ones
// wait two milliseconds for each commit, as they would for a disk or a standby.
func BenchmarkGlobalChain(b *testing.B) {
	o := newOffice(b)
	lasts := benchtest.Lasts(b)
	run := func(writers int) func(*testing.B) {
		return func(b *testing.B) {
			arm := func(requests []string) func() float64 {
				return func() float64 {
					return o.sealed(b, func() float64 { return o.rate(b, appended, writers, requests, lasts) })
				}
			}
			benchtest.Compare(b, "deeds/s", 5, benchtest.Arm{Name: "one-chain", Run: arm(o.requests[:1])}, benchtest.Arm{Name: "per-request", Run: arm(o.requests)})
		}
	}
	for _, writers := range []int{16, 32, 64} {
		b.Run(fmt.Sprint(writers), run(writers))
	}
	for _, setting := range []string{`ALTER SYSTEM SET commit_delay = 2000`, `ALTER SYSTEM SET commit_siblings = 0`, `SELECT pg_reload_conf()`} {
		if _, err := o.superuser.ExecContext(b.Context(), setting); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("64 with 2 ms", run(64))
}

// BenchmarkWrites is G2: what the trail's guards and the sealer cost beside bare tables, by the same driver and statements.
func BenchmarkWrites(b *testing.B) {
	o := newOffice(b)
	lasts := benchtest.Lasts(b)
	arm := func(w way) func() float64 {
		return func() float64 { return o.rate(b, w, 32, o.requests, lasts) }
	}
	benchtest.Compare(b, "deeds/s", 7,
		benchtest.Arm{Name: "bare", Run: arm(bare)},
		benchtest.Arm{Name: "append", Run: arm(appended)},
		benchtest.Arm{Name: "append+sealer", Run: func() float64 { return o.sealed(b, arm(appended)) }},
		benchtest.Arm{Name: "guards", Run: arm(guarded)},
		benchtest.Arm{Name: "guards+sealer", Run: func() float64 { return o.sealed(b, arm(guarded)) }})
}

// BenchmarkLag is G3: how long an entry waits for its seal while 32 writers write as fast as they can, without and with a
// transaction that idles elsewhere.
func BenchmarkLag(b *testing.B) {
	o := newOffice(b)
	lasts := time.Duration(benchtest.Size(b, "CALDICOTT_BENCH_IDLE", 15)) * time.Second
	var rates []float64
	lag := func() float64 {
		before := count(b, o.superuser, `SELECT COALESCE(max(id), 0) FROM audit.entries`)
		rates = append(rates, o.sealed(b, func() float64 { return o.rate(b, appended, 32, o.requests, lasts) }))
		const query = `
			SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY 1000 * extract(epoch FROM c.sealed_at - e.recorded_at))
			FROM audit.entries e JOIN audit.leaves l ON l.entry_id = e.id
			CROSS JOIN LATERAL (SELECT sealed_at FROM audit.checkpoints WHERE size > l.leaf_index ORDER BY size LIMIT 1) c WHERE e.id > $1`
		var p99 float64
		if err := o.superuser.GetContext(b.Context(), &p99, query, before); err != nil {
			b.Fatal(err)
		}
		return p99
	}
	benchtest.Compare(b, "ms-p99", 3, benchtest.Arm{Name: "alone", Run: lag}, benchtest.Arm{Name: "idle-writer", Run: func() float64 {
		ctx, stop := context.WithCancel(b.Context())
		var idler sync.WaitGroup
		idler.Go(func() { o.idleUntil(ctx, b, time.Hour) })
		defer idler.Wait()
		defer stop()
		return lag()
	}})
	b.ReportMetric(benchtest.Median(rates), "deeds/s")
}
