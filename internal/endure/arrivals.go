package main

import (
	"crypto/sha256"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// arrivals is what reached those who are told, by mail and by webhook.
type arrivals struct {
	findings *findings
	landed   chan struct{} // something has just come in: a good moment to kill
	calm     atomic.Bool   // receivers take everything at once

	mu   sync.Mutex
	by   map[delivery]*arrival
	next int
	hard *rand.Rand

	refused int
}

// delivery is a notice on its way to somebody: a person's user id, or an endpoint's name.
type delivery struct{ notice, to string }

// arrival is what came of it. First orders the first arrivals of all; 0 while it was only refused.
type arrival struct {
	first, times int
	content      [sha256.Size]byte
}

func newArrivals(seed uint64, f *findings) *arrivals {
	return &arrivals{
		findings: f, landed: make(chan struct{}), by: map[delivery]*arrival{},
		hard: rand.New(rand.NewPCG(seed, 1)), //nolint:gosec // chance, not secrecy
	}
}

// note writes down what came, and whether the receiver took it: the same notice must be the same, however often it comes.
func (a *arrivals) note(notice, to string, content []byte, taken bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	sum := sha256.Sum256(content)
	was, again := a.by[delivery{notice, to}]
	if !again {
		was = &arrival{content: sum}
		a.by[delivery{notice, to}] = was
	}
	if was.content != sum {
		a.findings.add("notice %s came to %s again with another content", notice, to)
	}
	if !taken {
		return
	}
	if was.times == 0 {
		a.next++
		was.first = a.next
	}
	was.times++
}

// all gives what came, as it stands.
func (a *arrivals) all() map[delivery]arrival {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make(map[delivery]arrival, len(a.by))
	for d, x := range a.by {
		all[d] = *x
	}
	return all
}

// treatment is what a receiver does to a delivery, besides taking it.
type treatment struct {
	refuse bool
	linger time.Duration // before it answers
}

// The chance, in a hundred, that a receiver refuses for now, and that it lingers; and how long at most.
const (
	refusing    = 4
	lingering   = 4
	longestWait = 1500 * time.Millisecond
)

// treat decides how a receiver behaves this time, and tells whoever waits for such a moment.
func (a *arrivals) treat() treatment {
	select {
	case a.landed <- struct{}{}:
	default:
	}
	if a.calm.Load() {
		return treatment{}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch n := a.hard.IntN(100); {
	case n < refusing:
		a.refused++
		return treatment{refuse: true}
	case n < refusing+lingering:
		a.refused++
		return treatment{linger: time.Duration(a.hard.Int64N(int64(longestWait)))}
	}
	return treatment{}
}
