package identity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	// quiet is how long a good answer stands. Any stranger can invent a key id,
	// and go-oidc would visit the issuer for each; a new key of the issuer's is
	// at most this late.
	quiet = 10 * time.Second

	firstPause = time.Second
	lastPause  = 30 * time.Second

	maxAnswer = 1 << 20
)

// gate stands between go-oidc and the issuer. Everything that is not a readable
// 200 leaves it as ErrIssuerAway (redirects too: keys come from where the issuer
// says or not at all), and no address is visited more often than its last
// outcome allows; in between, that outcome is given again.
type gate struct {
	next http.RoundTripper
	now  func() time.Time

	mu     sync.Mutex
	visits map[string]visit // by URL; there are two
}

// visit is how the last one went, and how long that holds.
type visit struct {
	body  []byte
	err   error
	at    time.Time
	pause time.Duration
}

// gated is a copy of the client that goes through a gate.
func gated(client *http.Client, now func() time.Time) *http.Client {
	c := http.Client{}
	if client != nil {
		c = *client
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	next := c.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	c.Transport = &gate{next: next, now: now, visits: map[string]visit{}}
	return &c
}

// RoundTrip makes a gate an http.RoundTripper. It does not lock while it visits:
// go-oidc fetches keys once at a time and keySet discovers in turn.
func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	address := r.URL.String()
	g.mu.Lock()
	last := g.visits[address]
	g.mu.Unlock()
	if last.stands(g.now()) {
		return last.answer(r)
	}
	body, err := g.fetch(r)
	if errors.Is(err, context.Canceled) {
		return nil, away(err) // the caller left, which says nothing of the issuer
	}
	v := last.then(body, err, g.now())
	g.mu.Lock()
	g.visits[address] = v
	g.mu.Unlock()
	return v.answer(r)
}

func (g *gate) fetch(r *http.Request) ([]byte, error) {
	resp, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered %d", resp.StatusCode)
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // cut off, it is no JSON
}

// stands reports whether it is too soon to visit again. A clock that was set
// back ends the pause rather than stretching it.
func (v visit) stands(now time.Time) bool {
	since := now.Sub(v.at)
	return v.pause > 0 && since >= 0 && since < v.pause
}

// then is the visit after v: a good one keeps quiet for a fixed time, a bad one
// for twice as long as the bad one before it.
func (v visit) then(body []byte, err error, at time.Time) visit {
	if err == nil {
		return visit{body: body, at: at, pause: quiet}
	}
	pause := firstPause
	if v.err != nil {
		pause = min(2*v.pause, lastPause)
	}
	return visit{err: away(err), at: at, pause: pause}
}

func (v visit) answer(r *http.Request) (*http.Response, error) {
	if v.err != nil {
		return nil, v.err
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(bytes.NewReader(v.body)),
		ContentLength: int64(len(v.body)),
		Request:       r,
	}, nil
}
