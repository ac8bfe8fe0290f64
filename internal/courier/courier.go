// Package courier brings notices to whom they are for.
package courier

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/notify"
)

// Sending is a notice that was taken to be sent. It is spelt out, not defined, so that the queue's own spelling of it is the
// same type: the two rooms do not import each other.
type Sending = struct {
	caldicott.Notice
	OrgCode string // of the organisation whose notice it is
	Email   string // of the recipient; "" where an endpoint is told
}

// Queue keeps the notices (postgres.DB). What it hands out is the caller's alone until the lease ends; what was not settled
// by then is handed out again, so that a notice is sent at least once.
type Queue interface {
	// Claim takes at most so many notices whose time has come; none where there are none. Of those about one request to one
	// recipient it gives the first only.
	Claim(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]Sending, error)
	// ClaimDigest takes what waits, of before cut, for one person who wants one mail a day and has not had it since.
	ClaimDigest(ctx context.Context, now time.Time, lease time.Duration, cut time.Time) ([]Sending, error)
	// Settle writes what became of them, all or none: SENT, KEPT or DEAD at an instant, or WAITING again until next.
	Settle(ctx context.Context, ids []string, status, fault string, at, next time.Time) error
}

// Mailer mails notices (notify.Mail).
type Mailer interface {
	Send(ctx context.Context, to string, msg notify.Message) error
	SendDigest(ctx context.Context, to, id, day string, msgs []notify.Message) error
}

// Hooker posts notices to endpoints (notify.Webhook).
type Hooker interface {
	Send(ctx context.Context, e notify.Endpoint, msg notify.Message) error
}

// Courier sends what waits. It keeps nothing between its runs; several may run at once, here and in other replicas.
type Courier struct {
	Queue     Queue
	Mail      Mailer // nil: no mail is set up, and notices to people are kept in the service
	Hooks     Hooker // needed where there are Endpoints
	Endpoints []notify.Endpoint
	Link      func(requestID string) string // URL of a request, or of the service for ""; nil: notices have no link
	Clock     func() time.Time              // nil: the machine's
	Log       *slog.Logger                  // nil: silence
	Workers   int                           // how many send at the same time; zero: four
	Random    func() float64                // spreads the pauses, see notify.Backoff; nil: math/rand/v2
}

// An attempt is cut off well before its lease ends, so that nobody else sends the same notice meanwhile. A run that is told
// to stop lets what is under way finish for a little, as a mail that is cut off may have been taken and would come twice.
const (
	lease        = 2 * time.Minute
	attempt      = time.Minute
	grace        = 5 * time.Second
	writing      = 10 * time.Second // what became of it is written down although the run was told to stop
	usualWorkers = 4
)

// Deliver sends until nothing is due. What goes wrong with a notice is written down with it and stops no other; an error
// says that the queue is lost or that the run was told to stop.
func (c *Courier) Deliver(ctx context.Context) error {
	return c.each(ctx, func(ctx context.Context) (bool, error) {
		taken, err := c.Queue.Claim(ctx, c.now(), lease, 1)
		for _, s := range taken {
			if err := c.deliver(ctx, s); err != nil {
				return false, err
			}
		}
		return len(taken) > 0, err
	})
}

// each has the workers do one thing after another until there is no more; the first error stops them all.
func (c *Courier) each(ctx context.Context, one func(context.Context) (more bool, err error)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	workers := c.Workers
	if workers <= 0 {
		workers = usualWorkers
	}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for ctx.Err() == nil {
				more, err := one(ctx)
				if err != nil {
					stop(err)
				}
				if err != nil || !more {
					return
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// finishing gives an attempt's context: it outlives ctx by the grace.
func finishing(ctx context.Context) (context.Context, context.CancelFunc) {
	under, cancel := context.WithTimeout(context.WithoutCancel(ctx), attempt)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return under, func() {
		stop()
		cancel()
	}
}

// message is what is told of a notice, by mail or by webhook: nothing else of it leaves the service.
func (c *Courier) message(s Sending) notify.Message {
	m := notify.Message{
		ID: s.ID, Event: string(s.Event), Organisation: s.OrgCode, Request: s.RequestID, Reference: s.Reference, State: s.State,
		Wanted: string(s.Wanted), Due: s.Due, At: s.At,
	}
	if c.Link != nil {
		m.Link = c.Link(s.RequestID)
	}
	return m
}

func (c *Courier) now() time.Time {
	if c.Clock == nil {
		return time.Now().UTC()
	}
	return c.Clock()
}

func (c *Courier) log() *slog.Logger {
	if c.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Log
}

// pause is how long to wait after so many failed attempts: no less than the receiver asked for.
func (c *Courier) pause(attempts int, err error) time.Duration {
	random := c.Random
	if random == nil {
		random = rand.Float64
	}
	asked, _ := notify.RetryAfter(err)
	return max(asked, notify.Backoff(attempts, random))
}
