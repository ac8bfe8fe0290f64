// Package postgres is the only room that speaks SQL.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// maxAttempts is how often a transaction is tried that lost against another one.
const (
	maxAttempts = 3
	maxPause    = 20 * time.Millisecond // before the second attempt; twice that before the third
)

// learnWithin is how long a transaction that has ended may spend on preparing its statements.
const learnWithin = 5 * time.Second

// Settings say how to connect. URL is a lib/pq URL or DSN; several hosts and target_session_attrs are allowed in it.
type Settings struct {
	URL              string
	Application      string // shown in pg_stat_activity
	Connections      int    // at most, and kept idle
	StatementTimeout time.Duration
	Log              *slog.Logger // nil: silence
}

// DB keeps requests, people and the trail. It implements caldicott.Store.
type DB struct {
	reads
	pool *pool
	log  *slog.Logger
	// Scribe writes an event as the bytes that the trail keeps; wired to the audit room.
	Scribe Scribe
}

// Entry is an event as the trail keeps it. Salt and Body are nil where nothing was said.
type Entry struct {
	Canon, Salt, Body []byte
	Leaf              [32]byte
}

// Scribe turns an event into an entry that follows the given head; seq 0 is an entry outside any chain.
type Scribe func(e caldicott.Event, seq int, prev [32]byte) (Entry, error)

// Open connects and checks at once that the settings are understood; the database itself may still be away.
func Open(s Settings, scribe Scribe) (*DB, error) {
	connector, err := pq.NewConnector(s.URL)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", errURL)
	}
	db := sqlx.NewDb(sql.OpenDB(sessions{connector, s}), "postgres")
	db.SetMaxOpenConns(s.Connections)
	db.SetMaxIdleConns(s.Connections)
	log := s.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	p := &pool{db: db}
	return &DB{reads: reads{p}, pool: p, log: log, Scribe: scribe}, nil
}

// errURL hides lib/pq's own words, which may repeat the password.
var errURL = errors.New("is not a PostgreSQL URL that can be used")

// Close gives the connections back.
func (d *DB) Close() error { return d.pool.db.Close() }

// Ping says whether the database answers.
func (d *DB) Ping(ctx context.Context) error { return explain(d.pool.db.PingContext(ctx), "database") }

// InTx runs f in one transaction, again if it lost against another. READ COMMITTED and row locks are what casework needs.
func (d *DB) InTx(ctx context.Context, f func(caldicott.Tx) error) error {
	var err error
	for attempt := range maxAttempts {
		if err = d.once(ctx, f); !retryable(err) {
			return explain(err, "transaction")
		}
		select { // let the other one finish
		case <-ctx.Done():
			return explain(ctx.Err(), "transaction")
		case <-time.After(time.Duration(attempt+1) * time.Duration(rand.Int64N(int64(maxPause)))):
		}
	}
	return explain(err, "transaction")
}

func (d *DB) once(ctx context.Context, f func(caldicott.Tx) error) error {
	t, err := d.pool.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback() //nolint:errcheck // does nothing once committed; a failed rollback loses nothing but the connection
	own := newTx(d.pool, t, d.Scribe)
	if err := f(own); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return err
	}
	later, cancel := context.WithTimeout(context.WithoutCancel(ctx), learnWithin)
	defer cancel()
	if err := own.run.learn(later); err != nil {
		d.log.WarnContext(ctx, "statements could not be prepared", "error", err) // what was done is committed all the same
	}
	return nil
}

// newTx wraps a transaction of sqlx.
func newTx(p *pool, t *sqlx.Tx, scribe Scribe) *tx {
	run := &within{pool: p, tx: t}
	return &tx{reads: reads{run}, run: run, scribe: scribe, heads: map[string]head{}}
}

// tx is one transaction. It has no InTx, so nesting does not compile.
type tx struct {
	reads
	run    *within
	scribe Scribe
	heads  map[string]head
	last   caldicott.Appended
	alone  bool // in a rehearsal, where nobody else could hold a lock
}

// head is the end of a chain, as read under the lock of what the chain is about.
type head struct {
	seq  int
	leaf [32]byte
}

// runner is a place where prepared statements run: the pool, or one transaction.
type runner interface {
	get(ctx context.Context, dest any, query string, args ...any) error
	all(ctx context.Context, dest any, query string, args ...any) error
	// once runs a query that is put together anew each time and would fill the server with prepared statements.
	once(ctx context.Context, dest any, query string, args ...any) error
}

// reads are the queries that need no lock.
type reads struct{ run runner }

// pool prepares each query once: unprepared, lib/pq asks the server twice for every statement.
type pool struct {
	db         *sqlx.DB
	statements sync.Map // query → *sqlx.Stmt
	named      sync.Map // query → *sqlx.NamedStmt
}

func (p *pool) prepared(ctx context.Context, query string) (*sqlx.Stmt, error) {
	if s, ok := p.statements.Load(query); ok {
		return s.(*sqlx.Stmt), nil
	}
	s, err := p.db.PreparexContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if kept, ok := p.statements.LoadOrStore(query, s); ok {
		return kept.(*sqlx.Stmt), s.Close()
	}
	return s, nil
}

func (p *pool) prepareNamed(ctx context.Context, query string) error {
	if _, ok := p.named.Load(query); ok {
		return nil
	}
	s, err := p.db.PrepareNamedContext(ctx, query)
	if err != nil {
		return err
	}
	if _, ok := p.named.LoadOrStore(query, s); ok {
		return s.Close()
	}
	return nil
}

func (p *pool) get(ctx context.Context, dest any, query string, args ...any) error {
	s, err := p.prepared(ctx, query)
	if err != nil {
		return err
	}
	return s.GetContext(ctx, dest, args...)
}

func (p *pool) all(ctx context.Context, dest any, query string, args ...any) error {
	s, err := p.prepared(ctx, query)
	if err != nil {
		return err
	}
	return s.SelectContext(ctx, dest, args...)
}

func (p *pool) once(ctx context.Context, dest any, query string, args ...any) error {
	return p.db.SelectContext(ctx, dest, query, args...)
}

// within runs the pool's prepared statements in one transaction. A query that it meets for the first time is run as it is
// and prepared when the transaction has ended: preparing takes a connection of its own, and a full pool of transactions
// that each wait for one more would wait for ever.
type within struct {
	pool          *pool
	tx            *sqlx.Tx
	met, metNamed []string
}

func (w *within) get(ctx context.Context, dest any, query string, args ...any) error {
	if s, ok := w.pool.statements.Load(query); ok {
		return w.tx.StmtxContext(ctx, s).GetContext(ctx, dest, args...)
	}
	w.met = append(w.met, query)
	return w.tx.GetContext(ctx, dest, query, args...)
}

func (w *within) all(ctx context.Context, dest any, query string, args ...any) error {
	if s, ok := w.pool.statements.Load(query); ok {
		return w.tx.StmtxContext(ctx, s).SelectContext(ctx, dest, args...)
	}
	w.met = append(w.met, query)
	return w.tx.SelectContext(ctx, dest, query, args...)
}

func (w *within) once(ctx context.Context, dest any, query string, args ...any) error {
	return w.tx.SelectContext(ctx, dest, query, args...)
}

// write runs a statement with named parameters, which is how rows of many columns are written.
func (w *within) write(ctx context.Context, query string, row any) error {
	if s, ok := w.pool.named.Load(query); ok {
		_, err := w.tx.NamedStmtContext(ctx, s.(*sqlx.NamedStmt)).ExecContext(ctx, row)
		return err
	}
	w.metNamed = append(w.metNamed, query)
	_, err := w.tx.NamedExecContext(ctx, query, row)
	return err
}

// learn prepares what a transaction that has ended met for the first time. It is only a matter of speed: what cannot be
// prepared now is met again.
func (w *within) learn(ctx context.Context) error {
	for _, query := range w.met {
		if _, err := w.pool.prepared(ctx, query); err != nil {
			return err
		}
	}
	for _, query := range w.metNamed {
		if err := w.pool.prepareNamed(ctx, query); err != nil {
			return err
		}
	}
	return nil
}

// OpenReader connects with the reader's login, for rooms that read the trail and nothing else.
func OpenReader(s Settings) (*sqlx.DB, error) {
	db, err := Open(s, nil)
	if err != nil {
		return nil, err
	}
	return db.pool.db, nil
}
