package jobs

import (
	"context"
	"sync"
	"time"
)

// Before a free job that failed is run again: twice as long after each failure in a row.
const (
	freePause   = time.Second
	longestFree = time.Minute
)

// Free gives every replica every turn, whenever it looks: for work that may be done by several at once, and that would pay
// more for the turns than for itself. It remembers failures only, and makes a job that has failed wait.
type Free struct {
	mu     sync.Mutex
	failed map[string]failure
}

type failure struct {
	until time.Time
	next  time.Duration
}

var _ Turns = (*Free)(nil)

// Turn calls f, unless the job has just failed.
func (t *Free) Turn(ctx context.Context, name string, _ time.Duration, _ bool, f func(context.Context) error) (bool, error) {
	t.mu.Lock()
	before := t.failed[name]
	t.mu.Unlock()
	if time.Now().Before(before.until) {
		return false, nil
	}
	err := f(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		delete(t.failed, name)
		return true, nil
	}
	if t.failed == nil {
		t.failed = map[string]failure{}
	}
	pause := max(before.next, freePause)
	t.failed[name] = failure{time.Now().Add(pause), min(2*pause, longestFree)}
	return true, err
}
