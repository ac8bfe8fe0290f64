package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caldicott/caldicott/internal/vault"
)

// fleet is all replicas.
type fleet struct {
	replicas []*replica
	findings *findings
	sending  chan int     // the number of a replica that a client is about to ask: a good moment to kill it
	lost     chan int     // the number of a replica whose answer a client will not have read if it is killed now
	latency  atomic.Int64 // how long a deed takes, lately
	raising  sync.WaitGroup
}

func newFleet(t *town, replicas int, f *findings) (*fleet, error) {
	key, err := vault.GenerateKey("endure", nil)
	if err != nil {
		return nil, err
	}
	fl := &fleet{findings: f, sending: make(chan int), lost: make(chan int)}
	for n := range replicas {
		fl.replicas = append(fl.replicas, &replica{number: n, town: t, key: key, findings: f})
	}
	return fl, nil
}

// start begins the life of every replica, and returns when all answer.
func (f *fleet) start(ctx context.Context) error {
	errs := make([]error, len(f.replicas))
	var all sync.WaitGroup
	for i, r := range f.replicas {
		all.Go(func() { errs[i] = r.start(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// raise starts a replica again after a rest, in its own time; one that cannot be started again is a finding.
func (f *fleet) raise(ctx context.Context, r *replica, rest time.Duration) {
	f.raising.Go(func() {
		if pause(ctx, rest) != nil {
			return
		}
		if err := r.start(ctx); err != nil && ctx.Err() == nil {
			f.findings.add("%v", err)
		}
	})
}

// stop ends every replica in good order; those that do not are findings.
func (f *fleet) stop() {
	f.raising.Wait()
	var all sync.WaitGroup
	for _, r := range f.replicas {
		all.Go(func() {
			if err := r.stop(); err != nil {
				f.findings.add("%v", err)
			}
		})
	}
	all.Wait()
}

// abandon ends whatever still runs.
func (f *fleet) abandon() {
	f.raising.Wait()
	for _, r := range f.replicas {
		r.kill()
	}
}

// pick gives a replica that answers, and its address; false where there is none at the moment.
func (f *fleet) pick(chance *rand.Rand) (*replica, string, bool) {
	for _, i := range chance.Perm(len(f.replicas)) {
		if address, ok := f.replicas[i].serving(); ok {
			return f.replicas[i], address, true
		}
	}
	return nil, "", false
}

// tempts offers a moment to the killer, and says whether it was taken.
func tempts(moment chan<- int, replica int) bool {
	select {
	case moment <- replica:
		return true
	default:
		return false
	}
}

// took notes how long a deed took: a killed replica's answer does not count.
func (f *fleet) took(d time.Duration) {
	was := f.latency.Load()
	f.latency.Store(was + (int64(d)-was)/8)
}

// foreign leaves out what belongs to the service: nobody's own settings may reach a replica.
func foreign(environment []string) []string {
	return slices.DeleteFunc(environment, func(s string) bool { return strings.HasPrefix(s, "CALDICOTT_") })
}

// lastLines are the last that a replica said.
func lastLines(path string) string {
	const enough = 2000
	b, err := os.ReadFile(path) //nolint:gosec // a log of our own
	if err != nil {
		return err.Error()
	}
	said := strings.TrimSpace(string(b))
	if len(said) > enough {
		_, said, _ = strings.Cut(said[len(said)-enough:], "\n") // from where a line begins
	}
	return said
}
