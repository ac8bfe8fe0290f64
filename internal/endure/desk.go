package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// desk is a client that works through one case after another, for everybody who has a part in it.
type desk struct {
	number   int
	town     *town
	fleet    *fleet
	promises *promises
	findings *findings
	chance   *rand.Rand
	client   *http.Client
	pace     time.Duration // between two deeds, at most
	cases    int
	steps    int
}

// desks makes so many, each with a chance of its own.
func desks(n int, o Options, t *town, fl *fleet, p *promises, f *findings) []*desk {
	list := make([]*desk, n)
	for i := range list {
		list[i] = &desk{
			number: i, town: t, fleet: fl, promises: p, findings: f, pace: pace,
			chance: rand.New(rand.NewPCG(o.Seed, uint64(100+i))), //nolint:gosec // chance, not secrecy
			client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Second}},
		}
	}
	return list
}

// run works until it is told to stop. A case in which something was answered wrongly is left alone; the finding is made.
func (d *desk) run(ctx context.Context) {
	for ctx.Err() == nil {
		d.cases++
		d.promises.count(&d.promises.cases)
		err := d.play(ctx)
		if err != nil && !errors.Is(err, errRefused) && !errors.Is(err, errOver) && ctx.Err() == nil {
			d.findings.add("desk %d: %v", d.number, err)
		}
	}
	d.client.CloseIdleConnections()
}

// again is in how many of a hundred deeds the client asks a second time although it was answered.
const again = 12

// do does a deed: it asks, remembers what was promised, and often asks again under the same key, which must change nothing.
func (d *desk) do(ctx context.Context, q question, request string) (reply, error) {
	if err := pause(ctx, time.Duration(d.chance.Int64N(int64(d.pace)))); err != nil {
		return reply{}, err
	}
	if q.match != "" { // a path: what is read there is what the deed is done to
		read, _, err := d.ask(ctx, question{who: q.who, method: http.MethodGet, path: q.match})
		if err != nil {
			return read, err
		}
		q.match = read.etag
	}
	d.steps++
	q.method, q.key = http.MethodPost, fmt.Sprintf("desk-%d-case-%d-%d", d.number, d.cases, d.steps)
	r, asked, err := d.ask(ctx, q)
	if err != nil {
		return r, err
	}
	if request == "" { // the deed that begins it
		if request, err = idIn(r.body); err != nil {
			return r, err
		}
	}
	d.promises.keep(deed{q, r, request})
	if asked == 1 && d.chance.IntN(100) >= again {
		return r, nil
	}
	return r, d.compare(ctx, q, r)
}

// compare asks the same again.
func (d *desk) compare(ctx context.Context, q question, first reply) error {
	d.promises.count(&d.promises.again)
	second, _, err := d.ask(ctx, q)
	if err == nil {
		d.alike(q, first, second)
	}
	return err
}

// alike holds answers to the same question against one another: they must be the same, byte for byte.
func (d *desk) alike(q question, answers ...reply) {
	first := answers[0]
	for _, r := range answers[1:] {
		if !r.same(first) {
			d.findings.add("%s by %s (%s) has two answers under the key %s:\n%d %s %s\n%d %s %s", q.path, q.who, q.deed, q.key,
				first.status, first.etag, first.body, r.status, r.etag, r.body)
		}
	}
}

// idIn reads the id of what was answered.
func idIn(body []byte) (string, error) {
	var v struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(body, &v); err != nil || v.ID == "" {
		return "", fmt.Errorf("an answer has no id: %s", body)
	}
	return v.ID, nil
}
