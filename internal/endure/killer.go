package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// killer kills replicas, and has them started again.
type killer struct {
	fleet   *fleet
	arrived *arrivals
	holders holders
	chance  *rand.Rand
	gap     time.Duration
	done    map[string]int // by the name of the moment
}

// holders says which replicas run a job at this moment.
type holders interface {
	holding(ctx context.Context) ([]int, error)
}

// moment is a way to choose when and whom to kill; it kills at most so many and says how many it did.
type moment struct {
	name   string
	weight int
	strike func(ctx context.Context, most int) (int, error)
}

func (k *killer) moments() []moment {
	return []moment{
		{"at random", 4, k.atRandom},
		{"in bursts", 2, k.inBurst},
		{"in a question", 4, k.inQuestion},
		{"in an answer", 3, k.inAnswer},
		{"in a job", 4, k.inJob},
		{"in a delivery", 3, k.inDelivery},
	}
}

// run kills so many times, at the pace that was asked for: what one moment took longer, the next wait less.
func (k *killer) run(ctx context.Context, kills int) error {
	list := k.moments()
	began, total := time.Now(), 0
	for total < kills {
		due := began.Add(time.Duration(float64(k.gap) * (float64(total) + 0.3 + 1.2*k.chance.Float64())))
		if err := pause(ctx, time.Until(due)); err != nil {
			return err
		}
		m := k.choose(list)
		n, err := m.strike(ctx, kills-total)
		if err != nil {
			return fmt.Errorf("kill %s: %w", m.name, err)
		}
		k.done[m.name] += n
		total += n
	}
	return nil
}

func (k *killer) choose(list []moment) moment {
	all := 0
	for _, m := range list {
		all += m.weight
	}
	n := k.chance.IntN(all)
	for _, m := range list {
		if n -= m.weight; n < 0 {
			return m
		}
	}
	return list[0]
}

// longestDown is how long a killed replica stays down at most.
const longestDown = 300 * time.Millisecond

// one kills a replica and has it started again after a while.
func (k *killer) one(ctx context.Context, r *replica) int {
	if !r.kill() {
		return 0
	}
	k.fleet.raise(ctx, r, time.Duration(k.chance.Int64N(int64(longestDown))))
	return 1
}

// atRandom kills whoever is alive, even while it starts.
func (k *killer) atRandom(ctx context.Context, _ int) (int, error) {
	for _, i := range k.chance.Perm(len(k.fleet.replicas)) {
		if k.one(ctx, k.fleet.replicas[i]) == 1 {
			return 1, nil
		}
	}
	return 0, pause(ctx, 20*time.Millisecond)
}

// inBurst kills several within a moment, all of them more often than not.
func (k *killer) inBurst(ctx context.Context, most int) (int, error) {
	n := 0
	for _, i := range k.chance.Perm(len(k.fleet.replicas)) {
		if n == most || n > 0 && k.chance.IntN(5) == 0 {
			break
		}
		n += k.one(ctx, k.fleet.replicas[i])
		if err := pause(ctx, time.Duration(k.chance.Int64N(int64(60*time.Millisecond)))); err != nil {
			return n, err
		}
	}
	return n, nil
}

// waiting is how long a good moment is waited for.
const waiting = 700 * time.Millisecond

// inQuestion kills a replica within milliseconds of its being asked something: before it is done, while it is, or when the
// answer is on its way. How long that takes, the clients know.
func (k *killer) inQuestion(ctx context.Context, _ int) (int, error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(waiting):
		return 0, nil
	case n := <-k.fleet.sending:
		usual := max(time.Millisecond, time.Duration(k.fleet.latency.Load()))
		err := pause(ctx, time.Duration(k.chance.Int64N(int64(usual+usual/4))))
		return k.one(ctx, k.fleet.replicas[n]), err
	}
}

// inAnswer kills a replica whose deed is done and whose answer is on its way: the client does not read it. That is too short
// a time to be hit by waiting, so it is the client that says when.
func (k *killer) inAnswer(ctx context.Context, _ int) (int, error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(waiting):
		return 0, nil
	case n := <-k.fleet.lost:
		return k.one(ctx, k.fleet.replicas[n]), nil
	}
}

// inJob kills a replica within milliseconds of its having begun a job.
func (k *killer) inJob(ctx context.Context, _ int) (int, error) {
	for deadline := time.Now().Add(waiting); time.Now().Before(deadline); {
		n, err := k.holder(ctx, time.Duration(k.chance.Int64N(int64(8*time.Millisecond))))
		if n > 0 || err != nil {
			return n, err
		}
		if err := pause(ctx, 3*time.Millisecond); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// inDelivery kills a replica while a receiver has its notice, and has not answered or only just.
func (k *killer) inDelivery(ctx context.Context, _ int) (int, error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(waiting):
		return 0, nil
	case <-k.arrived.landed:
		return k.holder(ctx, 0)
	}
}

// holder kills a replica that runs a job, a little later.
func (k *killer) holder(ctx context.Context, after time.Duration) (int, error) {
	list, err := k.holders.holding(ctx)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	if err := pause(ctx, after); err != nil {
		return 0, err
	}
	return k.one(ctx, k.fleet.replicas[list[k.chance.IntN(len(list))]]), nil
}

// pause waits, unless it is told to stop.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
