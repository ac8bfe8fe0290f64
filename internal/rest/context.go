package rest

import (
	"context"

	"github.com/caldicott/caldicott/internal/caldicott"
)

type key int

const (
	actorKey key = iota
	requestIDKey
)

// WithActor says who is asking. Whoever has not signed in does not come this far.
func WithActor(ctx context.Context, by caldicott.Actor) context.Context {
	return context.WithValue(ctx, actorKey, by)
}

// actorOf is who is asking; the zero Actor, who may do nothing, where nobody said.
func actorOf(ctx context.Context) caldicott.Actor {
	by, _ := ctx.Value(actorKey).(caldicott.Actor)
	return by
}

// WithRequestID gives the request the name by which the log knows it.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey, id)
}

// RequestIDOf is that name.
func RequestIDOf(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey).(string)
	return id
}
