package main

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

// question is what a client asks: the same bytes under the same key, however often and of whichever replica.
type question struct {
	who, method, path string
	deed              string // what the trail calls it; "" for a mere look
	key, match        string
	kind              string // of the body
	body              []byte
}

// reply is what came back.
type reply struct {
	status         int
	etag, location string
	body           []byte
	put            time.Time // when the question was put that this answers
}

func (r reply) same(other reply) bool {
	return r.status == other.status && r.etag == other.etag && r.location == other.location && bytes.Equal(r.body, other.body)
}

// deed is one that the service has acknowledged: whatever happens from now on, it was done.
type deed struct {
	question
	got     reply
	request string
}

// promises are all acknowledged deeds, with how hard it was to hear of them.
type promises struct {
	mu                          sync.Mutex
	deeds                       []deed
	filed                       []document
	cases, retries, busy, again int
}

func (p *promises) count(n *int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*n++
}

func (p *promises) keep(d deed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deeds = append(p.deeds, d)
}

// document is a paper that was filed, with who may read it.
type document struct {
	id, reader string
	content    []byte
}

func (p *promises) file(d document) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.filed = append(p.filed, d)
}

// How long a client goes on asking, how long it waits for one answer, and how long it rests before it asks again.
const (
	askFor     = time.Minute
	answerIn   = 20 * time.Second
	restBefore = 40 * time.Millisecond
)

// errRefused says that a question was answered, but not as it should have been. It is a finding already.
var errRefused = errors.New("refused")

// ask puts a question until somebody answers it, and says whether it had to be put again. A client that is told to stop
// still goes on until it knows what became of what it asked.
func (d *desk) ask(ctx context.Context, q question) (r reply, asked int, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askFor)
	defer cancel()
	var lost []reply
	for asked = 1; ; asked++ {
		r, rest, err := d.once(ctx, q)
		switch {
		case errors.Is(err, errNobody):
			asked-- // it was not put to anybody
		case err != nil || rest > 0 || r.status == http.StatusServiceUnavailable:
			d.promises.count(&d.promises.retries)
			if rest > 0 {
				d.promises.count(&d.promises.busy)
			}
			if errors.Is(err, errLost) {
				lost = append(lost, r)
			}
		case r.status < http.StatusMultipleChoices:
			d.alike(q, append(lost, r)...)
			return r, asked, nil
		default: // also 500: a service whose neighbour is killed has no reason to fail
			d.findings.add("%s %s by %s (%s) was answered %d: %s", q.method, q.path, q.who, q.deed, r.status, r.body)
			return r, asked, errRefused
		}
		if pause(ctx, max(rest, restBefore)) != nil {
			d.findings.add("%s %s by %s was not answered within %s: %d, %v", q.method, q.path, q.who, askFor, r.status, err)
			return r, asked, errRefused
		}
	}
}

// errLost says that the replica is killed before this client has read its answer.
var errLost = errors.New("the answer is lost")

// errNobody says that no replica answers at the moment.
var errNobody = errors.New("no replica answers")

// once asks one replica, once. rest is how long it asks to be left alone, where it is still working on the same question.
func (d *desk) once(ctx context.Context, q question) (reply, time.Duration, error) {
	replica, address, ok := d.fleet.pick(d.chance)
	if !ok {
		return reply{}, 0, errNobody
	}
	token, err := d.town.signIn.Token(q.who)
	if err != nil {
		return reply{}, 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	h, err := http.NewRequestWithContext(ctx, q.method, "http://"+address+"/api/v1"+q.path, bytes.NewReader(q.body))
	if err != nil {
		return reply{}, 0, err
	}
	h.GetBody = nil // whether it is sent again is for us to say
	for name, value := range map[string]string{
		"Authorization": "Bearer " + token, "Content-Type": q.kind, "Idempotency-Key": q.key, "If-Match": q.match,
	} {
		if value != "" {
			h.Header.Set(name, value)
		}
	}
	if q.deed != "" {
		tempts(d.fleet.sending, replica.number)
	}
	r, rest, err := answer(time.Now(), d.client.Do, h)
	if err == nil && q.deed != "" {
		d.fleet.took(time.Since(r.put))
		if r.status < http.StatusMultipleChoices && tempts(d.fleet.lost, replica.number) {
			return r, 0, errLost
		}
	}
	return r, rest, err
}

// answer reads an answer to its end: one that is cut off is none.
func answer(put time.Time, do func(*http.Request) (*http.Response, error), q *http.Request) (reply, time.Duration, error) {
	a, err := do(q)
	if err != nil {
		return reply{}, 0, err
	}
	defer a.Body.Close() //nolint:errcheck // read to its end
	body, err := io.ReadAll(a.Body)
	if err != nil {
		return reply{}, 0, err
	}
	r := reply{a.StatusCode, a.Header.Get("ETag"), a.Header.Get("Location"), body, put}
	if r.status != http.StatusConflict || !bytes.Contains(body, []byte(`"KEY_BUSY"`)) {
		return r, 0, nil
	}
	rest, err := time.ParseDuration(a.Header.Get("Retry-After") + "s")
	if err != nil {
		return r, 0, fmt.Errorf("Retry-After: %w", err)
	}
	return r, rest, nil
}
