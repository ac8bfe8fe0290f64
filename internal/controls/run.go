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

// figure, month and row are as the database gives them.
type figure struct {
	Item  string  `json:"item"`
	Part  string  `json:"part"`
	Value float64 `json:"value"`
}

type month struct {
	Month  string `json:"month"`
	Rows   int64  `json:"rows"`
	Marked int64  `json:"marked"`
}

type row struct {
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

// Control answers one control, with its trend.
func (b Book) Control(ctx context.Context, n int, asked caldicott.ControlAsked) (caldicott.ControlResult, error) {
	c, err := find(n)
	if err != nil {
		return caldicott.ControlResult{}, err
	}
	var r caldicott.ControlResult
	err = b.read(ctx, asked, func(tx *sqlx.Tx, last int64) (err error) {
		r, err = run(ctx, tx, c, asked, last, true)
		return err
	})
	return r, err
}

// Controls answers every control of one and the same state of the database, without trends.
func (b Book) Controls(ctx context.Context, asked caldicott.ControlAsked) ([]caldicott.ControlResult, error) {
	list, err := catalogue()
	if err != nil {
		return nil, err
	}
	results := make([]caldicott.ControlResult, len(list))
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

// ControlRows gives one page of what a control found, in the order of the entries.
func (b Book) ControlRows(ctx context.Context, n int, asked caldicott.ControlAsked, page caldicott.ControlPage) ([]caldicott.ControlRow, error) {
	c, err := find(n)
	if err != nil {
		return nil, err
	}
	var rows []row
	err = b.read(ctx, asked, func(tx *sqlx.Tx, last int64) error {
		args := append(args(asked, c, asked.From, last), page.AfterEntry, page.AfterSubject, page.MarkedOnly, page.Limit)
		if err := tx.SelectContext(ctx, &rows, c.drill, args...); err != nil {
			return fmt.Errorf("control %d: %w", c.N, err)
		}
		return nil
	})
	list := make([]caldicott.ControlRow, len(rows))
	for i, r := range rows {
		list[i] = caldicott.ControlRow(r)
	}
	return list, err
}

// read opens a transaction that sees one state and changes nothing, and finds the newest entry that counts.
func (b Book) read(ctx context.Context, asked caldicott.ControlAsked, do func(tx *sqlx.Tx, last int64) error) (err error) {
	tx, err := b.DB.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("controls: %w", err)
	}
	defer func() {
		if over := tx.Rollback(); over != nil && !errors.Is(over, sql.ErrTxDone) && err == nil {
			err = fmt.Errorf("controls: %w", over)
		}
	}()
	// Compiling these queries takes longer than running them.
	const manner = `SELECT set_config('jit', 'off', true), set_config('statement_timeout', COALESCE(NULLIF($1, '0'), current_setting('statement_timeout')), true)`
	var jit, timeout string
	if err := tx.QueryRowxContext(ctx, manner, strconv.FormatInt(b.Patience.Milliseconds(), 10)).Scan(&jit, &timeout); err != nil {
		return fmt.Errorf("controls: %w", err)
	}
	const newest = `
		SELECT COALESCE((SELECT e.id FROM audit.entries e WHERE CAST($1 AS timestamptz) IS NULL OR e.recorded_at <= $1 ORDER BY e.id DESC LIMIT 1), 0)`
	var last int64
	if err := tx.GetContext(ctx, &last, newest, sql.NullTime{Time: asked.AsAt, Valid: !asked.AsAt.IsZero()}); err != nil {
		return fmt.Errorf("controls: the newest entry: %w", err)
	}
	return do(tx, last)
}

func run(ctx context.Context, tx *sqlx.Tx, c control, asked caldicott.ControlAsked, last int64, trend bool) (caldicott.ControlResult, error) {
	since, months, err := asked.From, []caldicott.ControlMonth(nil), error(nil)
	from := asked.To
	if trend {
		if from, months, err = year(asked.To); err != nil {
			return caldicott.ControlResult{}, err
		}
		if from.Before(since) {
			since = from
		}
	}
	var said []byte
	if err := tx.GetContext(ctx, &said, c.summary, append(args(asked, c, since, last), from)...); err != nil {
		return caldicott.ControlResult{}, fmt.Errorf("control %d: %w", c.N, err)
	}
	var found struct {
		Rows    int64    `json:"rows"`
		Marked  int64    `json:"marked"`
		Figures []figure `json:"figures"`
		Trend   []month  `json:"trend"`
	}
	if err := json.Unmarshal(said, &found); err != nil {
		return caldicott.ControlResult{}, fmt.Errorf("control %d: %w", c.N, err)
	}
	for i := range months {
		for _, m := range found.Trend {
			if m.Month == months[i].Month {
				months[i] = caldicott.ControlMonth(m)
			}
		}
	}
	r := caldicott.ControlResult{Control: c.Control, Rows: found.Rows, Marked: found.Marked, Trend: months, LastEntry: last}
	for _, f := range found.Figures {
		r.Figures = append(r.Figures, caldicott.ControlFigure(f))
	}
	return r, nil
}

// year gives the twelve months of which the last is the one that To ends or cuts, and the first instant of them.
func year(to time.Time) (time.Time, []caldicott.ControlMonth, error) {
	day, err := time.Parse(time.DateOnly, caldicott.Today(to.Add(-time.Microsecond)))
	if err != nil {
		return time.Time{}, nil, fmt.Errorf("controls: %w", err)
	}
	first := time.Date(day.Year(), day.Month()-11, 1, 0, 0, 0, 0, time.UTC)
	months := make([]caldicott.ControlMonth, 12)
	for i := range months {
		months[i].Month = first.AddDate(0, i, 0).Format("2006-01")
	}
	from, err := caldicott.StartOfDay(first.Format(time.DateOnly))
	return from, months, err
}

// args are the parameters that every statement begins with, in the order of places.
func args(a caldicott.ControlAsked, c control, since time.Time, last int64) []any {
	end, f := a.To, a.Filter
	for _, limit := range []time.Time{a.AsAt, a.Now} {
		if !limit.IsZero() && limit.Before(end) {
			end = limit
		}
	}
	return []any{
		a.Organisation, since, a.To, last, end, a.From, c.Standing, f.Kind+f.Urgency+f.Identifiability+f.Basis+f.Recipient+f.System != "", f.Outcome+f.DecidedBy+f.ActingAs != "",
		f.Kind, f.Urgency, f.Identifiability, f.Basis, f.Recipient, f.System, f.Outcome, f.DecidedBy, f.ActingAs,
	}
}
