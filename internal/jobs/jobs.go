// Package jobs keeps doing things: each again and again, in one replica at a time, until it is told to stop.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Job is something that is done again and again, by one replica at a time.
type Job struct {
	Name  string        // the same in every replica
	Every time.Duration // from the end of one run to the next
	// Run does it once. It stops soon when its context ends: the service is stopping, or another replica may take over. It
	// may be cut off anywhere, and begin again from the start.
	Run func(context.Context) error
	// Wake asks for a run at once; nil where only the clock does. What comes before a run begins is served by that run.
	Wake <-chan struct{}
}

// Turns decides who runs a job; *postgres.DB does.
type Turns interface {
	// Turn calls f if it is time, or at once where now is set, unless a replica is doing so; ran says whether it called f.
	// The error is f's, or says that a turn could not be had or not be kept. f's context ends with ctx and with the turn.
	Turn(ctx context.Context, name string, every time.Duration, now bool, f func(context.Context) error) (ran bool, err error)
}

// Runner runs jobs, each in a goroutine of its own, so that none waits for another.
type Runner struct {
	Jobs  []Job
	Turns Turns
	Log   *slog.Logger  // nil: silence
	Poll  time.Duration // how often a job whose time may have come is looked at, about; zero: one second
}

// usualPoll is how often a job is looked at where the runner does not say.
const usualPoll = time.Second

// Run does the jobs until ctx ends, waits for those that are running, and returns nil. A job that could never be done is
// an error at once; one that fails is logged and tried again.
func (r Runner) Run(ctx context.Context) error {
	if err := r.check(); err != nil {
		return err
	}
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	if r.Poll == 0 {
		r.Poll = usualPoll
	}
	var all sync.WaitGroup
	for _, job := range r.Jobs {
		k := keeper{
			job: job, turns: r.Turns, wake: job.Wake,
			pause: min(r.Poll, job.Every), log: r.Log.With("job", job.Name),
		}
		all.Go(func() { k.keep(ctx) })
	}
	<-ctx.Done()
	all.Wait()
	return nil
}

// check refuses what would do nothing for ever, or two jobs that would take each other's turns.
func (r Runner) check() error {
	if r.Turns == nil {
		return errors.New("jobs: nobody decides whose turn it is")
	}
	if r.Poll < 0 {
		return fmt.Errorf("jobs: looked at every %s", r.Poll)
	}
	names := map[string]bool{}
	for _, j := range r.Jobs {
		if j.Name == "" || j.Every <= 0 || j.Run == nil || names[j.Name] {
			return fmt.Errorf("job %q: needs a name of its own, a period and something to do", j.Name)
		}
		names[j.Name] = true
	}
	return nil
}
