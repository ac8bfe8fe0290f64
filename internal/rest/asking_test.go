package rest_test

import (
	"context"

	"github.com/caldicott/caldicott/internal/auditdb"
	"github.com/caldicott/caldicott/internal/export"
	"github.com/caldicott/caldicott/internal/rest"
)

// asking reads the log as cmd wires it.
type asking struct{ log auditdb.Log }

func (l asking) Page(ctx context.Context, asked rest.LogAsked, before int64, limit int) ([]export.Row, error) {
	found, err := l.log.Page(ctx, auditdb.Question(asked), before, limit)
	rows := make([]export.Row, len(found))
	for i, r := range found {
		rows[i] = export.Row(r)
	}
	return rows, err
}

func (l asking) Wholes(ctx context.Context, asked rest.LogAsked, limit int) ([]rest.LogWhole, error) {
	found, err := l.log.Wholes(ctx, auditdb.Question(asked), limit)
	list := make([]rest.LogWhole, len(found))
	for i, w := range found {
		list[i] = rest.LogWhole{Row: export.Row(w.Row), Checkpoint: w.Checkpoint, Detailed: w.Detailed, Salt: w.Salt, Body: w.Body, ErasedAt: w.ErasedAt}
	}
	return list, err
}

func (l asking) Stream(ctx context.Context, asked rest.LogAsked, f func(*export.Row) error) error {
	return l.log.Stream(ctx, auditdb.Question(asked), func(r *auditdb.Row) error {
		row := export.Row(*r)
		return f(&row)
	})
}

func (l asking) Bundle(ctx context.Context, first int64, width int) ([]rest.LogSealed, error) {
	found, err := l.log.Bundle(ctx, first, width)
	list := make([]rest.LogSealed, len(found))
	for i, s := range found {
		list[i] = rest.LogSealed(s)
	}
	return list, err
}

func (l asking) Stretch(ctx context.Context, asked rest.LogAsked) (rest.LogStretch, error) {
	s, err := l.log.Stretch(ctx, auditdb.Question(asked))
	return rest.LogStretch{From: rest.LogMark(s.From), To: rest.LogMark(s.To), Count: s.Count, Disposed: s.Disposed, Reached: s.Reached}, err
}
