package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"time"
)

// keeper keeps one job going.
type keeper struct {
	job   Job
	turns Turns
	wake  <-chan struct{} // nil once it is closed
	pause time.Duration
	log   *slog.Logger

	// owed is that a wake has not been served by a run. It outlives a turn that another replica had: its run may have begun
	// too early to see what the wake was about, and may not end well.
	owed bool
	// away is that turns could not be had at the last look, which has been logged.
	away bool
}

func (k *keeper) keep(ctx context.Context) {
	for ctx.Err() == nil {
		ran, err := k.turns.Turn(ctx, k.job.Name, k.job.Every, k.owed, guarded(k.job.Run))
		k.report(ctx, ran, err)
		if ran && err == nil {
			k.owed = false
		}
		k.wait(ctx)
	}
}

// wait ends when it is time to look again. Pauses are from half to one and a half of what is asked for, so that replicas
// that started together do not march in step.
func (k *keeper) wait(ctx context.Context) {
	look := time.NewTimer(k.pause/2 + rand.N(k.pause)) //nolint:gosec // nobody gains by guessing it
	defer look.Stop()
	wake := k.wake
	if k.owed { // more of them change nothing, and would keep asking for a turn that cannot be had yet
		wake = nil
	}
	select {
	case <-ctx.Done():
	case <-look.C:
	case _, open := <-wake:
		k.owed = open
		if !open {
			k.wake = nil
		}
	}
}

// report says once what went wrong: each failed run, and the first of a row of looks that failed.
func (k *keeper) report(ctx context.Context, ran bool, err error) {
	panicked, isPanic := errors.AsType[*panicking](err)
	switch {
	case ctx.Err() != nil:
		if ran && err != nil {
			k.log.InfoContext(ctx, "job was stopped before its end", "error", err)
		}
		return
	case isPanic:
		k.log.ErrorContext(ctx, "job failed", "error", err, "stack", panicked.stack)
	case ran && err != nil:
		k.log.ErrorContext(ctx, "job failed", "error", err)
	case err != nil && !k.away:
		k.log.ErrorContext(ctx, "job cannot have its turn", "error", err)
	case err == nil && k.away:
		k.log.InfoContext(ctx, "job can have its turn again")
	}
	k.away = !ran && err != nil
}

// panicking is what may be told of a panic. What it panicked with may hold content, unless the runtime says it.
type panicking struct{ said, stack string }

func (p *panicking) Error() string { return "panic: " + p.said }

// guarded makes a panic an error like any other.
func guarded(run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) (err error) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			said := fmt.Sprintf("%T", cause)
			if e, ok := cause.(runtime.Error); ok {
				said = e.Error()
			}
			err = &panicking{said: said, stack: string(debug.Stack())}
		}()
		return run(ctx)
	}
}
