package controls

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// Book runs the controls under the reader's login.
type Book struct {
	DB *sqlx.DB
	// Patience is how long one statement may take; zero for as long as the login may.
	Patience time.Duration
}

// Asked is about which organisation and which period (From included, To not) a control is asked, and as of when: with AsAt,
// only entries count that the database had recorded by then. Now is the service's clock: what stands is never asked of the future.
type Asked struct {
	Organisation   string
	From, To, AsAt time.Time
	Now            time.Time
	Filter         Filter
}

// Filter narrows a control. The first six are about the version that a row names, the others about its decision; a row
// without one is left out.
type Filter struct {
	Kind, Urgency, Identifiability, Basis, Recipient, System string
	Outcome, DecidedBy, ActingAs                             string
}

func (f Filter) ofVersion() bool {
	return f.Kind+f.Urgency+f.Identifiability+f.Basis+f.Recipient+f.System != ""
}
func (f Filter) ofDecision() bool { return f.Outcome+f.DecidedBy+f.ActingAs != "" }

// Result is what a control found.
type Result struct {
	Control
	Rows, Marked int64
	Figures      []Figure
	Trend        []Month // the twelve months up to To; nil where it was not asked for
	LastEntry    int64   // the newest entry that counted
}

// Verdict is pass or fail for a test, figures for any other control.
func (r Result) Verdict() string {
	switch {
	case !r.Test:
		return "figures"
	case r.Marked > 0:
		return "fail"
	}
	return "pass"
}

// Figure is one number: of what, and of which part of it ("" for all).
type Figure struct {
	Item  string  `json:"item"`
	Part  string  `json:"part"`
	Value float64 `json:"value"`
}

// Month counts the rows of one month in London ("2026-09").
type Month struct {
	Month  string `json:"month"`
	Rows   int64  `json:"rows"`
	Marked int64  `json:"marked"`
}

// Row is one thing that a control found, with the entry of the trail behind it (0 for none).
type Row struct {
	Entry     int64           `db:"entry_id"`
	Request   string          `db:"request_id"`
	Reference string          `db:"reference"`
	Version   int             `db:"version"`
	Decision  string          `db:"decision_id"`
	Subject   string          `db:"subject"`
	At        time.Time       `db:"at"`
	Marked    bool            `db:"marked"`
	Facts     json.RawMessage `db:"facts"`
}

// After is where a page of rows ended; Limit is how many there may be, and MarkedOnly leaves out what is as it should be.
type After struct {
	Entry      int64
	Subject    string
	Limit      int
	MarkedOnly bool
}

// Run answers one control, with its trend.
func (b Book) Run(ctx context.Context, c Control, asked Asked) (Result, error) {
	var r Result
	err := b.read(ctx, asked, func(tx *sqlx.Tx, last int64) (err error) {
		r, err = run(ctx, tx, c, asked, last, true)
		return err
	})
	return r, err
}

// RunAll answers every control of one and the same state of the database, without trends.
func (b Book) RunAll(ctx context.Context, asked Asked) ([]Result, error) {
	list, err := Catalogue()
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(list))
	err = b.read(ctx, asked, func(tx *sqlx.Tx, last int64) error {
		for i, c := range list {
			var err error
			if results[i], err = run(ctx, tx, c, asked, last, false); err != nil {
				return err
			}
		}
		return nil
	})
	return results, err
}

// Rows gives one page of what a control found, in the order of the entries.
func (b Book) Rows(ctx context.Context, c Control, asked Asked, after After) ([]Row, error) {
	var rows []Row
	err := b.read(ctx, asked, func(tx *sqlx.Tx, last int64) error {
		args := append(asked.args(c, asked.From, last), after.Entry, after.Subject, after.MarkedOnly, after.Limit)
		if err := tx.SelectContext(ctx, &rows, c.drill, args...); err != nil {
			return fmt.Errorf("control %d: %w", c.N, err)
		}
		return nil
	})
	return rows, err
}

// read opens a transaction that sees one state and changes nothing, and finds the newest entry that counts.
func (b Book) read(ctx context.Context, asked Asked, do func(tx *sqlx.Tx, last int64) error) (err error) {
	tx, err := b.DB.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("controls: %w", err)
	}
	defer func() {
		if over := tx.Rollback(); over != nil && !errors.Is(over, sql.ErrTxDone) && err == nil {
			err = fmt.Errorf("controls: %w", over)
		}
	}()
	if b.Patience > 0 {
		const patience = `SELECT set_config('statement_timeout', $1, true)`
		var set string
		if err := tx.GetContext(ctx, &set, patience, strconv.FormatInt(b.Patience.Milliseconds(), 10)); err != nil {
			return fmt.Errorf("controls: %w", err)
		}
	}
	const newest = `
		SELECT COALESCE((SELECT e.id FROM audit.entries e WHERE CAST($1 AS timestamptz) IS NULL OR e.recorded_at <= $1 ORDER BY e.id DESC LIMIT 1), 0)`
	var last int64
	if err := tx.GetContext(ctx, &last, newest, sql.NullTime{Time: asked.AsAt, Valid: !asked.AsAt.IsZero()}); err != nil {
		return fmt.Errorf("controls: the newest entry: %w", err)
	}
	return do(tx, last)
}

func run(ctx context.Context, tx *sqlx.Tx, c Control, asked Asked, last int64, trend bool) (Result, error) {
	since, months, err := asked.From, []Month(nil), error(nil)
	from := asked.To
	if trend {
		if from, months, err = year(asked.To); err != nil {
			return Result{}, err
		}
		if from.Before(since) {
			since = from
		}
	}
	var said []byte
	if err := tx.GetContext(ctx, &said, c.summary, append(asked.args(c, since, last), from)...); err != nil {
		return Result{}, fmt.Errorf("control %d: %w", c.N, err)
	}
	var found struct {
		Rows    int64    `json:"rows"`
		Marked  int64    `json:"marked"`
		Figures []Figure `json:"figures"`
		Trend   []Month  `json:"trend"`
	}
	if err := json.Unmarshal(said, &found); err != nil {
		return Result{}, fmt.Errorf("control %d: %w", c.N, err)
	}
	for i := range months {
		for _, m := range found.Trend {
			if m.Month == months[i].Month {
				months[i] = m
			}
		}
	}
	return Result{Control: c, Rows: found.Rows, Marked: found.Marked, Figures: found.Figures, Trend: months, LastEntry: last}, nil
}

// year gives the twelve months of which the last is the one that To ends or cuts, and the first instant of them.
func year(to time.Time) (time.Time, []Month, error) {
	day, err := time.Parse(time.DateOnly, caldicott.Today(to.Add(-time.Microsecond)))
	if err != nil {
		return time.Time{}, nil, fmt.Errorf("controls: %w", err)
	}
	first := time.Date(day.Year(), day.Month()-11, 1, 0, 0, 0, 0, time.UTC)
	months := make([]Month, 12)
	for i := range months {
		months[i].Month = first.AddDate(0, i, 0).Format("2006-01")
	}
	from, err := caldicott.StartOfDay(first.Format(time.DateOnly))
	return from, months, err
}

// args are the parameters that every statement begins with, in the order of places.
func (a Asked) args(c Control, since time.Time, last int64) []any {
	end, f := a.To, a.Filter
	for _, limit := range []time.Time{a.AsAt, a.Now} {
		if !limit.IsZero() && limit.Before(end) {
			end = limit
		}
	}
	return []any{
		a.Organisation, since, a.To, last, end, a.From, c.Standing, f.ofVersion(), f.ofDecision(),
		f.Kind, f.Urgency, f.Identifiability, f.Basis, f.Recipient, f.System, f.Outcome, f.DecidedBy, f.ActingAs,
	}
}
