package courier_test

import (
	"context"
	"encoding/json"
	"io"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/courier"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/notify"
	"github.com/caldicott/caldicott/internal/rehearse"
)

// TestNoNoticeOfAnyRehearsalHoldsAWordOfItsRequest plays every written case, has a real courier send everything that was told
// to a real relay and a real receiver, and looks for the case's own words in what arrived.
func TestNoNoticeOfAnyRehearsalHoldsAWordOfItsRequest(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../testdata/rehearsals/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	h, cases, told, read := housetest.New(t), 0, 0, 0
	for _, path := range append(paths, "../../testdata/scenarios.json") {
		f := rehearsal(t, path)
		post := newPost(t)
		words := map[string][]string{} // of each request
		for _, c := range f.Cases {
			ear := &ear{stage: h.DB}
			p := rehearse.Player{House: h.House, Policy: h.Policy, NewID: house.NewID}
			if _, err := p.Play(t.Context(), f, c, ear); err != nil {
				t.Fatal(c.ID, err)
			}
			own := wordsOf(t, f, c)
			for _, n := range ear.told {
				words[n.ID] = own
				if leaf := found(own, codesOf(n)); leaf != "" {
					t.Errorf("%s: the notice %s holds %q", c.ID, n.Event, leaf)
				}
			}
			post.take(ear.told)
			cases, told = cases+1, told+len(ear.told)
		}
		for _, m := range post.send() {
			read++
			if leaf := found(words[m.id], m.text); leaf != "" {
				t.Errorf("%s: what was sent holds %q: %s", filepath.Base(path), leaf, m.text)
			}
			if own := words[m.id]; len(own) < 20 || found(own, m.text+" "+own[len(own)/2]) == "" {
				t.Fatalf("%s: the search would not find a word: %d", m.id, len(own))
			}
		}
	}
	if told < 300 || read != 2*told {
		t.Errorf("%d notices of %d cases were told, %d mails and webhooks read", told, cases, read)
	}
	t.Logf("%d cases, %d notices, %d mails and webhooks", cases, told, read)
}

func rehearsal(t *testing.T, path string) rehearse.File {
	t.Helper()
	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := rehearse.Read(r)
	if err != nil {
		t.Fatal(path, err)
	}
	return f
}

// ear is a stage on which everything that is told is heard.
type ear struct {
	stage rehearse.Rehearser
	told  []caldicott.Notice
}

func (e *ear) Rehearse(ctx context.Context, f func(caldicott.Store) error) error {
	return e.stage.Rehearse(ctx, func(s caldicott.Store) error { return f(eared{s, e}) })
}

type eared struct {
	caldicott.Store
	ear *ear
}

// InTx hears what was told in a transaction that came to its end.
func (s eared) InTx(ctx context.Context, f func(caldicott.Tx) error) error {
	var told []caldicott.Notice
	err := s.Store.InTx(ctx, func(tx caldicott.Tx) error {
		told = nil
		return f(earedTx{tx, &told})
	})
	if err == nil {
		s.ear.told = append(s.ear.told, told...)
	}
	return err
}

type earedTx struct {
	caldicott.Tx
	told *[]caldicott.Notice
}

func (t earedTx) Tell(ctx context.Context, notices []caldicott.Notice) error {
	*t.told = append(*t.told, notices...)
	return t.Tx.Tell(ctx, notices)
}

// codesOf is everything in a notice that is not the id of a person.
func codesOf(n caldicott.Notice) string {
	return strings.Join([]string{
		string(n.Event), string(n.Wanted), n.OrganisationID, n.RequestID, n.Reference, n.State, n.Subject,
		n.Due.Format(time.RFC3339), n.At.Format(time.RFC3339), n.Fault,
	}, "\n")
}

// wordsOf are the texts of at least eight characters in the content, in the deeds and in the names of the file's people and
// organisations; codes of the vocabulary and dates are not texts.
func wordsOf(t *testing.T, f rehearse.File, c rehearse.Case) []string {
	t.Helper()
	codes := map[string]bool{}
	for _, l := range vocabulary.Lists() {
		for _, e := range l.Entries {
			codes[e.Code] = true
		}
	}
	var words []string
	add := func(s string) {
		_, noDay := time.Parse(time.DateOnly, s)
		_, noInstant := time.Parse(time.RFC3339, s)
		if len(s) >= 8 && !codes[s] && noDay != nil && noInstant != nil {
			words = append(words, plain(s))
		}
	}
	for _, a := range f.Actors {
		add(a.UserID)
		add(a.Name)
		add(a.JobTitle)
	}
	for _, o := range f.Organisations {
		add(o.Name)
	}
	texts := []json.RawMessage{c.Content}
	for _, s := range c.Steps {
		texts = append(texts, s.Patch)
		for _, member := range s.Body {
			texts = append(texts, member)
		}
	}
	for _, raw := range texts {
		var value any
		if len(raw) == 0 {
			continue
		}
		if err := json.Unmarshal(raw, &value); err != nil {
			t.Fatal(c.ID, err)
		}
		leaves(value, add)
	}
	return words
}

func leaves(value any, add func(string)) {
	switch v := value.(type) {
	case string:
		add(v)
	case []any:
		for _, x := range v {
			leaves(x, add)
		}
	case map[string]any:
		for _, x := range v {
			leaves(x, add)
		}
	}
}

// plain lets neither letter case nor line breaks hide a word.
func plain(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// found gives the first of the words that the text holds.
func found(words []string, text string) string {
	text = plain(text)
	for _, w := range words {
		if strings.Contains(text, w) {
			return w
		}
	}
	return ""
}

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

// decoded is a mail as its reader sees it, with all its headers.
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
	for name, values := range m.Header {
		b.WriteString(name + ": " + strings.Join(values, ", ") + "\n")
	}
	return b.String() + "\n" + string(text)
}
