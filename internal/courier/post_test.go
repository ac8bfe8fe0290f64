package courier_test

import (
	"context"
	"io"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/courier"
	"github.com/caldicott/caldicott/internal/notify"
)

// post is a queue in memory with a courier at its end: everything goes by mail and by webhook.
type post struct {
	t     *testing.T
	relay *relay
	hook  *receiver

	mu    sync.Mutex
	queue []courier.Sending
}

func newPost(t *testing.T) *post {
	t.Helper()
	return &post{t: t, relay: startRelay(t), hook: startReceiver(t)}
}

// take queues a notice for a reader, and for an endpoint too.
func (p *post) take(notices []caldicott.Notice) {
	for _, n := range notices {
		n.Attempts = 1
		mailed := courier.Sending{Notice: n, OrgCode: "TST01", Email: "reader@trust.example"}
		hooked := mailed
		hooked.Recipient, hooked.Endpoint = "", "finance"
		p.queue = append(p.queue, mailed, hooked)
	}
}

func (p *post) Claim(context.Context, time.Time, time.Duration, int) ([]courier.Sending, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		return nil, nil
	}
	first := p.queue[:1]
	p.queue = p.queue[1:]
	return first, nil
}

func (p *post) ClaimDigest(context.Context, time.Time, time.Duration, time.Time) ([]courier.Sending, error) {
	return nil, nil
}

func (p *post) Settle(_ context.Context, ids []string, status, fault string, _, _ time.Time) error {
	if status != "SENT" {
		p.t.Errorf("notice %v was not sent: %s %s", ids, status, fault)
	}
	return nil
}

// send gives what arrived, decoded.
func (p *post) send() []taken {
	p.t.Helper()
	c := courier.Courier{
		Queue: p, Mail: p.relay.mail(), Hooks: notify.Webhook{AllowPrivate: here},
		Endpoints: []notify.Endpoint{{Name: "finance", Organisation: "TST01", URL: p.hook.url, Secrets: []string{secret}}},
		Link:      func(id string) string { return "https://caldicott.example/requests/" + id },
	}
	if err := c.Deliver(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	arrived := p.hook.taken()
	for _, m := range p.relay.taken() {
		m.text = decoded(p.t, m.text)
		arrived = append(arrived, m)
	}
	return arrived
}

// decoded is a mail as its reader sees it, with what its headers hold.
func decoded(t *testing.T, raw string) string {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var body io.Reader = m.Body
	if m.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, values := range m.Header {
		b.WriteString(strings.Join(values, "\n") + "\n")
	}
	return b.String() + "\n" + string(text)
}
