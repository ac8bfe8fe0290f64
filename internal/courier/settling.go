package courier

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/notify"
)

// What becomes of a notice, as the queue keeps it.
const (
	sent    = "SENT"
	kept    = "KEPT"
	dead    = "DEAD"
	waiting = "WAITING"
)

// Errors that never leave this room.
var (
	errNoEndpoint = errors.New("the settings have no such endpoint")
	errExhausted  = errors.New("every attempt ended before what became of it could be written down")
)

// deliver makes one attempt at one notice and writes down what became of it. The error is the queue's.
func (c *Courier) deliver(ctx context.Context, s Sending) error {
	if s.Endpoint == "" && c.Mail == nil {
		return c.settle(ctx, []Sending{s}, kept, "", time.Time{})
	}
	err := c.attempt(ctx, []Sending{s}, func(ctx context.Context) error { return c.send(ctx, s) })
	return c.conclude(ctx, []Sending{s}, err)
}

// send sends one notice. An endpoint is known by name and organisation: a name that has moved to another organisation gets
// nothing of the first one's.
func (c *Courier) send(ctx context.Context, s Sending) error {
	if s.Endpoint == "" {
		return c.Mail.Send(ctx, s.Email, c.message(s))
	}
	for _, e := range c.Endpoints {
		if e.Name == s.Endpoint && e.Organisation == s.OrgCode {
			return c.Hooks.Send(ctx, e, c.message(s))
		}
	}
	return errNoEndpoint
}

// attempt sends, unless the notices have already had their attempts: a service that ends before it can settle has counted
// them all the same. A panic is the notices' own failure; its words may hold content, so only its type is told.
func (c *Courier) attempt(ctx context.Context, list []Sending, send func(context.Context) error) (err error) {
	if most(list) > notify.MaxAttempts {
		return errExhausted
	}
	under, cancel := finishing(ctx)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			c.log().ErrorContext(ctx, "sending a notice panicked", "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			err = errPanicked
		}
	}()
	return send(under)
}

// conclude writes down what an attempt came to: notices that may be tried again wait, the others are given up.
func (c *Courier) conclude(ctx context.Context, list []Sending, failed error) error {
	if failed == nil {
		return c.settle(ctx, list, sent, "", time.Time{})
	}
	fault := faultOf(failed)
	forGood := notify.Permanent(failed) || errors.Is(failed, errNoEndpoint) || errors.Is(failed, errExhausted)
	var over, again []Sending
	for _, s := range list {
		if forGood || s.Attempts >= notify.MaxAttempts {
			over = append(over, s)
			c.log().WarnContext(ctx, "notice was given up", "notice", s.ID, "attempts", s.Attempts, "fault", fault, "error", failed)
			continue
		}
		again = append(again, s)
		c.log().InfoContext(ctx, "notice was not sent", "notice", s.ID, "attempts", s.Attempts, "fault", fault, "error", failed)
	}
	if err := c.settle(ctx, over, dead, fault, time.Time{}); err != nil {
		return err
	}
	return c.settle(ctx, again, waiting, fault, c.now().Add(c.pause(most(again), failed)))
}

// settle writes it down even where the run has been told to stop meanwhile.
func (c *Courier) settle(ctx context.Context, list []Sending, status, fault string, next time.Time) error {
	if len(list) == 0 {
		return nil
	}
	ids := make([]string, len(list))
	for i, s := range list {
		ids[i] = s.ID
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writing)
	defer cancel()
	return c.Queue.Settle(ctx, ids, status, fault, c.now(), next)
}

// most is the largest number of attempts in the list.
func most(list []Sending) int {
	if len(list) == 0 {
		return 0
	}
	return slices.MaxFunc(list, func(a, b Sending) int { return a.Attempts - b.Attempts }).Attempts
}
