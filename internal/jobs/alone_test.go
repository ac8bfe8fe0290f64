package jobs_test

import (
	"context"
	"sync"
	"time"
)

// alone are the turns of a single replica: a job is due when it has not run for its period.
type alone struct {
	mu    sync.Mutex
	next  map[string]time.Time
	looks []look
	away  error // what every turn fails with
	taken bool  // by another replica
}

type look struct {
	at  time.Time
	now bool
}

func (a *alone) Turn(ctx context.Context, name string, every time.Duration, now bool, f func(context.Context) error) (bool, error) {
	if due, err := a.look(name, now); err != nil || !due {
		return false, err
	}
	err := f(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.next == nil {
		a.next = map[string]time.Time{}
	}
	a.next[name] = time.Now().Add(every)
	return true, err
}

func (a *alone) look(name string, now bool) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.looks = append(a.looks, look{time.Now(), now})
	return a.away == nil && !a.taken && (now || !time.Now().Before(a.next[name])), a.away
}

func (a *alone) set(away error, taken bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.away, a.taken = away, taken
}

// seen gives the looks since the last time it was asked.
func (a *alone) seen() []look {
	a.mu.Lock()
	defer a.mu.Unlock()
	looks := a.looks
	a.looks = nil
	return looks
}

// counter counts runs.
type counter struct {
	mu   sync.Mutex
	runs int
}

func (c *counter) run(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs++
	return nil
}

func (c *counter) take() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.runs
	c.runs = 0
	return n
}
