package main

import (
	"context"

	"github.com/caldicott/caldicott/internal/auditdb"
	"github.com/caldicott/caldicott/internal/export"
	"github.com/caldicott/caldicott/internal/postgres"
	"github.com/caldicott/caldicott/internal/rest"
)

// logReader gives rest the entries of the log in its own words.
type logReader struct{ log auditdb.Log }

// Page reads one page, the newest entry first.
func (l logReader) Page(ctx context.Context, asked rest.LogAsked, before int64, limit int) ([]export.Row, error) {
	found, err := l.log.Page(ctx, auditdb.Question(asked), before, limit)
	rows := make([]export.Row, len(found))
	for i, r := range found {
		rows[i] = export.Row(r)
	}
	return rows, postgres.Explain(err, "log")
}

// Wholes reads entries with their words.
func (l logReader) Wholes(ctx context.Context, asked rest.LogAsked, limit int) ([]rest.LogWhole, error) {
	found, err := l.log.Wholes(ctx, auditdb.Question(asked), limit)
	list := make([]rest.LogWhole, len(found))
	for i, w := range found {
		list[i] = rest.LogWhole{
			Row: export.Row(w.Row), Checkpoint: w.Checkpoint, Detailed: w.Detailed, Salt: w.Salt, Body: w.Body, ErasedAt: w.ErasedAt,
		}
	}
	return list, postgres.Explain(err, "log")
}

// Stream reads entries one after the other.
func (l logReader) Stream(ctx context.Context, asked rest.LogAsked, f func(*export.Row) error) error {
	err := l.log.Stream(ctx, auditdb.Question(asked), func(r *auditdb.Row) error {
		row := export.Row(*r)
		return f(&row)
	})
	return postgres.Explain(err, "log")
}

// Bundle reads entries in the order of the log.
func (l logReader) Bundle(ctx context.Context, first int64, width int) ([]rest.LogSealed, error) {
	found, err := l.log.Bundle(ctx, first, width)
	list := make([]rest.LogSealed, len(found))
	for i, s := range found {
		list[i] = rest.LogSealed(s)
	}
	return list, postgres.Explain(err, "log")
}

// Stretch counts between checkpoints.
func (l logReader) Stretch(ctx context.Context, asked rest.LogAsked) (rest.LogStretch, error) {
	s, err := l.log.Stretch(ctx, auditdb.Question(asked))
	return rest.LogStretch{From: rest.LogMark(s.From), To: rest.LogMark(s.To), Count: s.Count, Disposed: s.Disposed, Reached: s.Reached}, postgres.Explain(err, "log")
}
