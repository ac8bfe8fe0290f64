package courier_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/courier"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/postgres"
)

func TestNoticesOfOneRequestReachOneReaderInTheirOrder(t *testing.T) {
	t.Parallel()
	s := open(t)
	one, two := s.request(), s.request()
	held := s.tell("u-guardian", one)
	first := true
	s.relay.data = func(id string) error {
		if id == held && first {
			first = false
			return says(451)
		}
		return nil
	}
	second, third := s.tell("u-guardian", one), s.tell("u-guardian", one)
	elsewhere, colleague, about := s.tell("u-guardian", two), s.tell("u-ig1", one), s.tell("u-guardian", "")
	hooked := []string{s.tell("@finance", one), s.tell("@finance", one), s.tell("@finance", one)}

	c := s.courier()
	s.deliver(c)
	if got := s.relay.ids(); len(got) != 3 || !slices.Contains(got, elsewhere) || !slices.Contains(got, colleague) || !slices.Contains(got, about) {
		t.Errorf("while the first was not taken: %v", got)
	}
	if got := s.hook.ids(); !slices.Equal(got, hooked) {
		t.Errorf("the receiver got %v, not %v", got, hooked)
	}
	s.is(held, "WAITING SMTP_451")
	s.later(time.Minute)
	s.deliver(c)
	if got := s.relay.ids()[3:]; !slices.Equal(got, []string{held, second, third}) {
		t.Errorf("in the order %v", got)
	}
	for _, id := range append(hooked, held, second, third, elsewhere, colleague, about) {
		s.is(id, "SENT")
	}
}

func TestANoticeThatWasGivenUpHoldsNoOtherUp(t *testing.T) {
	t.Parallel()
	s := open(t)
	one := s.request()
	lost, next := s.tell("u-guardian", one), s.tell("u-guardian", one)
	s.relay.data = func(id string) error {
		if id == lost {
			return says(554)
		}
		return nil
	}
	s.deliver(s.courier())
	s.is(lost, "DEAD SMTP_554")
	s.is(next, "SENT")
}

func TestTwoCouriersAtOnceSendNothingTwice(t *testing.T) {
	t.Parallel()
	s := open(t)
	var groups [][]string
	for range 3 {
		request := s.request()
		for _, to := range []string{"u-guardian", "u-ig1", "@finance"} {
			var group []string
			for range 5 {
				group = append(group, s.tell(to, request))
			}
			groups = append(groups, group)
		}
	}
	replica, err := postgres.Open(postgres.Settings{URL: housetest.AppURL(s.Database), Application: "replica", Connections: 8}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer replica.Close()
	other := s.courier()
	other.Queue = replica
	var all sync.WaitGroup
	for _, c := range []*courier.Courier{s.courier(), other} {
		all.Go(func() {
			if err := c.Deliver(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got := append(s.relay.ids(), s.hook.ids()...)
	if len(got) != 45 {
		t.Errorf("%d were sent, not 45", len(got))
	}
	for _, group := range groups {
		before := -1
		for _, id := range group {
			place := slices.Index(got, id)
			if place <= before {
				t.Errorf("%s was sent out of its turn, or not at all", id)
			}
			before = place
			s.is(id, "SENT")
		}
	}
}

// forgetful is a queue that is lost before it is told what became of a notice.
type forgetful struct {
	courier.Queue
	lost bool
}

// ClaimDigest gives the notices in another order than the queue does, which promises none.
func (f *forgetful) ClaimDigest(ctx context.Context, now time.Time, lease time.Duration, cut time.Time) ([]courier.Sending, error) {
	list, err := f.Queue.ClaimDigest(ctx, now, lease, cut)
	if f.lost {
		slices.Reverse(list)
	}
	return list, err
}

var errLost = errors.New("the database is away")

func (f *forgetful) Settle(ctx context.Context, ids []string, status, fault string, at, next time.Time) error {
	if f.lost {
		return errLost
	}
	return f.Queue.Settle(ctx, ids, status, fault, at, next)
}

func TestWhatWasSentButNotWrittenDownIsSentAgainUnderTheSameID(t *testing.T) {
	t.Parallel()
	s := open(t)
	mailed, hooked := s.tell("u-guardian", s.request()), s.tell("@finance", s.request())
	c, q := s.courier(), &forgetful{s.DB, true}
	c.Queue, c.Workers = q, 1
	for range 2 {
		if err := c.Deliver(t.Context()); !errors.Is(err, errLost) {
			t.Fatalf("the run ended with %v", err)
		}
	}
	q.lost = false
	s.deliver(c)
	if len(s.relay.ids()) != 1 || len(s.hook.ids()) != 1 {
		t.Fatalf("before its lease ended, it was sent again: %v %v", s.relay.ids(), s.hook.ids())
	}
	s.later(3 * time.Minute)
	s.deliver(c)
	mails, calls := s.relay.taken(), s.hook.taken()
	if len(mails) != 2 || mails[0] != mails[1] || mails[0].id != mailed {
		t.Errorf("mails: %+v", mails)
	}
	if len(calls) != 2 || calls[0] != calls[1] || calls[0].id != hooked {
		t.Errorf("webhooks: %+v", calls)
	}
	s.is(mailed, "SENT")
	s.is(hooked, "SENT")
	if n := s.row(mailed).Attempts; n != 2 {
		t.Errorf("%d attempts are counted", n)
	}
}

func TestALostDatabaseEndsTheRunWithAnError(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := s.courier()
	gone, err := postgres.Open(postgres.Settings{URL: "postgres://nobody:x@127.0.0.1:1/none?sslmode=disable", Connections: 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer gone.Close()
	c.Queue = gone
	if err := c.Deliver(t.Context()); err == nil {
		t.Error("delivering went well")
	}
	if err := c.Digest(t.Context()); err == nil {
		t.Error("the digest went well")
	}
}

func TestWhoWantsNoMailIsToldInTheService(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.wants("u-siro", vocabulary.MailPreferenceNever)
	s.change(func(p *caldicott.Person) { p.Email = "" }, "u-dpo")
	s.change(func(p *caldicott.Person) { p.Email, p.Mail = "", vocabulary.MailPreferenceDaily }, "u-cyber")
	s.change(func(p *caldicott.Person) { p.Active = false }, "u-legal")
	one := s.request()
	var kept []string
	for _, to := range []string{"u-siro", "u-dpo", "u-cyber", "u-legal", "u-nobody"} {
		kept = append(kept, s.tell(to, one), s.tell(to, one))
	}
	told := s.tell("u-guardian", one)
	s.deliver(s.courier())
	for _, id := range kept {
		s.is(id, "KEPT")
		if n := s.row(id).Attempts; n != 0 {
			t.Errorf("%d attempts are counted", n)
		}
	}
	if got := s.relay.ids(); !slices.Equal(got, []string{told}) {
		t.Errorf("sent: %v", got)
	}
}

func TestWithoutMailPeopleAreToldInTheServiceAndEndpointsAsEver(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.wants("u-ig1", vocabulary.MailPreferenceDaily)
	s.Clock.Put(time.Date(2026, 11, 2, 7, 0, 0, 0, time.UTC))
	one := s.request()
	mailed, daily, hooked := s.tell("u-guardian", one), s.tell("u-ig1", one), s.tell("@finance", one)
	c := s.courier()
	c.Mail = nil
	s.deliver(c)
	s.later(2 * time.Hour)
	s.digest(c)
	s.is(mailed, "KEPT")
	s.is(daily, "KEPT")
	s.is(hooked, "SENT")
}

// What the organisation's receiver is told of a request is in the notice, and nothing else.
func TestAWebhookSaysWhatTheNoticeSays(t *testing.T) {
	t.Parallel()
	s := open(t)
	one := s.request()
	s.tell("@finance", one)
	s.deliver(s.courier())
	want := fmt.Sprintf(`{"type":"decision.made","timestamp":"2026-11-02T09:00:%02dZ","data":{"organisation":"TST01","request":"%s",`+
		`"reference":"CG-TST01-2026-00012","state":"DECIDED","link":"https://caldicott.example/requests/%s"}}`, s.Clock.At().Second(), one, one)
	if got := s.hook.taken(); len(got) != 1 || got[0].text != want {
		t.Errorf("got %+v\nwant %s", got, want)
	}
}
