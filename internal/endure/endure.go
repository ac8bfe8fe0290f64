package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

// How many clients there are, and how long each rests between two deeds at most: enough to keep the keeper busy, and no more
// than it can bring to those who are told while replicas are killed.
const (
	clients = 5
	pace    = 500 * time.Millisecond
)

// trial is one run.
type trial struct {
	Options
	town     *town
	fleet    *fleet
	arrived  *arrivals
	promises *promises
	findings *findings
	ledger   *ledger
	report   Report
	out      io.Writer
	began    time.Time
	last     time.Time
}

// Endure kills replicas of the service while it works, lets it come to rest, and reckons. An error says that this could not
// be done; what differs is in the report.
func Endure(ctx context.Context, o Options, out io.Writer) (Report, error) {
	f := &findings{}
	t := &trial{
		Options: o, arrived: newArrivals(o.Seed, f), promises: &promises{}, findings: f, out: out, began: time.Now(),
		report: Report{Seed: o.Seed, Kills: map[string]int{}},
	}
	t.last = t.began
	var err error
	t.town, err = bringUp(ctx, o, t.arrived)
	if err == nil {
		err = t.run(ctx)
	}
	if t.ledger != nil {
		err = errors.Join(err, t.ledger.Close())
	}
	if o.Keep {
		t.report.Folder = t.town.folder
	}
	err = errors.Join(err, t.town.takeDown(o.Keep))
	t.report.Whole = time.Since(t.began)
	t.report.Differs, t.report.More = f.told()
	return t.report, err
}

// phase notes how long it took until here.
func (t *trial) phase(name string) {
	now := time.Now()
	t.report.Took = append(t.report.Took, phase{name, now.Sub(t.last)})
	t.last = now
	fmt.Fprintf(t.out, "%6.1f s  %s\n", now.Sub(t.began).Seconds(), name)
}

func (t *trial) run(ctx context.Context) error {
	var err error
	if t.ledger, err = openLedger(t.town.superuser); err != nil {
		return err
	}
	if t.fleet, err = newFleet(t.town, t.Replicas, t.findings); err != nil {
		return err
	}
	defer t.fleet.abandon()
	t.phase("brought up")
	if err := t.fleet.start(ctx); err != nil {
		return err
	}
	t.phase("started")
	if err := t.work(ctx); err != nil {
		return err
	}
	t.phase("killed")
	if err := t.rest(ctx); err != nil {
		return err
	}
	err = t.reckon(ctx)
	t.phase("reckoned")
	return err
}

// work lets clients work while replicas are killed, and a little longer. Then every client hears what became of what it
// asked, and all replicas are there again.
func (t *trial) work(ctx context.Context) error {
	ctx, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	go func() {
		select {
		case <-t.town.server.Done():
			lost(errors.New("the database has ended"))
		case <-ctx.Done():
		}
	}()
	working, stop := context.WithCancel(ctx)
	defer stop()
	passing := make(chan error, 1)
	var all sync.WaitGroup
	for _, d := range desks(clients, t.Options, t.town, t.fleet, t.promises, t.findings) {
		all.Go(func() { d.run(working) })
	}
	all.Go(func() { passing <- t.passTime(working) })
	k := killer{
		fleet: t.fleet, arrived: t.arrived, holders: t.ledger, gap: t.Gap, done: t.report.Kills,
		chance: rand.New(rand.NewPCG(t.Seed, 2)), //nolint:gosec // chance, not secrecy
	}
	err := k.run(ctx, t.Kills)
	if err == nil {
		err = pause(ctx, t.Gap)
	}
	stop()
	all.Wait()
	t.fleet.raising.Wait()
	return errors.Join(err, <-passing, context.Cause(ctx))
}

// passEvery is how often minutes go by for the senders' leases and pauses.
const passEvery = 2 * time.Second

// passTime has the minutes go by, for which a notice stays with a sender that was killed, or rests after it was refused:
// otherwise nothing of that would be seen in so short a run.
func (t *trial) passTime(ctx context.Context) error {
	for pause(ctx, passEvery) == nil {
		held, err := t.ledger.letTimePass(context.WithoutCancel(ctx), t.findings)
		if err != nil {
			return err
		}
		t.report.Leases += held
	}
	return nil
}

// restWithin is how long the service may take to have told everybody everything, once it is left alone.
const restWithin = time.Minute

// rest has all replicas end in good order, and start once more to finish what is left.
func (t *trial) rest(ctx context.Context) error {
	t.fleet.stop()
	held, err := t.ledger.letTimePass(ctx, t.findings)
	if err != nil {
		return err
	}
	t.report.Leases += held
	t.phase("stopped")
	t.arrived.calm.Store(true)
	if err := t.fleet.start(ctx); err != nil {
		return err
	}
	if err := t.drain(ctx); err != nil {
		return err
	}
	t.phase("drained")
	t.papers(ctx)
	t.fleet.stop()
	t.phase("stopped again")
	return nil
}

// drain waits until nothing waits.
func (t *trial) drain(ctx context.Context) error {
	for limit := time.Now().Add(restWithin); ; {
		left, err := t.ledger.unfinished(ctx)
		if err != nil || left == "" {
			return err
		}
		if time.Now().After(limit) {
			t.findings.add("%s after the service was left alone, there is still unfinished: %s", restWithin, left)
			return nil
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// papers reads every document that was filed: none may be named by a deed whose bytes are gone.
func (t *trial) papers(ctx context.Context) {
	clerk := desks(1, t.Options, t.town, t.fleet, t.promises, t.findings)[0]
	for _, f := range t.promises.filed {
		r, _, err := clerk.ask(ctx, question{who: f.reader, method: "GET", path: "/documents/" + f.id})
		if err == nil && string(r.body) != string(f.content) {
			t.findings.add("document %s is not what was filed", f.id)
		}
	}
}
