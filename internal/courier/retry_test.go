package courier_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/notify"
)

func TestAFailedNoticeWaitsForItsPause(t *testing.T) {
	t.Parallel()
	s := open(t)
	tries := 0
	s.relay.data = func(string) error { tries++; return says(451) }
	id := s.tell("u-guardian", s.request())
	c := s.courier()
	for attempt, pause := range []time.Duration{2500 * time.Millisecond, 10 * time.Second, 40 * time.Second, 160 * time.Second} {
		s.deliver(c)
		r := s.row(id)
		if wait := r.Next.Sub(s.Clock.At()); wait != pause || tries != attempt+1 || r.Attempts != attempt+1 {
			t.Errorf("after attempt %d (%d counted, %d made) it waits %v, not %v", attempt+1, r.Attempts, tries, wait, pause)
		}
		s.later(pause - time.Microsecond)
		s.deliver(c)
		if tries != attempt+1 {
			t.Errorf("attempt %d came before its time", attempt+2)
		}
		s.later(time.Microsecond)
	}
}

func TestANoticeIsGivenUpAfterItsAttemptsAndSentWhenAskedAgain(t *testing.T) {
	t.Parallel()
	s := open(t)
	away, tries := true, 0
	s.relay.data = func(string) error {
		if tries++; away {
			return says(451)
		}
		return nil
	}
	id := s.tell("u-guardian", s.request())
	c := s.courier()
	for range notify.MaxAttempts + 3 {
		s.deliver(c)
		s.later(7 * time.Hour)
	}
	s.is(id, "DEAD SMTP_451")
	if r := s.row(id); tries != notify.MaxAttempts || r.Attempts != notify.MaxAttempts {
		t.Errorf("%d attempts were made, %d are counted", tries, r.Attempts)
	}
	admin, err := s.DB.ActorByUserID(t.Context(), "u-admin1")
	if err != nil {
		t.Fatal(err)
	}
	if list, err := s.Service.Undelivered(t.Context(), admin, "", 10); err != nil || len(list) != 1 || list[0].ID != id {
		t.Fatal(list, err)
	}
	away = false
	if _, err := s.Service.ResendNotice(t.Context(), casework.Call{By: admin}, nil, id); err != nil {
		t.Fatal(err)
	}
	s.deliver(c)
	s.is(id, "SENT")
	if got := s.relay.ids(); len(got) != 1 || got[0] != id {
		t.Errorf("sent: %v", got)
	}
}

func TestAReceiverIsWaitedForAsLongAsItAsks(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.hook.answer = func(n int) (int, int) {
		if n == 1 {
			return 429, 600
		}
		return 200, 0
	}
	id := s.tell("@finance", s.request())
	c := s.courier()
	s.deliver(c)
	if wait := s.row(id).Next.Sub(s.Clock.At()); wait != 10*time.Minute {
		t.Errorf("it waits %v", wait)
	}
	s.is(id, "WAITING HTTP_429")
	s.later(10 * time.Minute)
	s.deliver(c)
	s.is(id, "SENT")
}

func TestEveryFailureHasItsCode(t *testing.T) {
	t.Parallel()
	closed, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere := closed.Addr().(*net.TCPAddr)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		arrange func(*scene) (mail notify.Mail, endpoint notify.Endpoint)
		to      string
		want    string
	}{
		"unknown mailbox":    {func(s *scene) (notify.Mail, notify.Endpoint) { s.relay.rcpt = refusing(550); return s.usual() }, "u-guardian", "DEAD SMTP_550"},
		"greylisted":         {func(s *scene) (notify.Mail, notify.Endpoint) { s.relay.rcpt = refusing(450); return s.usual() }, "u-guardian", "WAITING SMTP_450"},
		"a malformed sender": {func(s *scene) (notify.Mail, notify.Endpoint) { m, e := s.usual(); m.From = "x"; return m, e }, "u-guardian", "WAITING UNREACHABLE"},
		"a relay without a port": {func(s *scene) (notify.Mail, notify.Endpoint) {
			m, e := s.usual()
			m.Port = nowhere.Port
			return m, e
		}, "u-guardian", "WAITING UNREACHABLE"},
		"a malformed address": {func(s *scene) (notify.Mail, notify.Endpoint) {
			s.change(func(p *caldicott.Person) { p.Email = "no address" }, "u-guardian")
			return s.usual()
		}, "u-guardian", "DEAD REFUSED"},
		"a receiver that is gone":   {answering(410), "@finance", "DEAD HTTP_410"},
		"a receiver that stumbles":  {answering(503), "@finance", "WAITING HTTP_503"},
		"a receiver that redirects": {answering(302), "@finance", "WAITING HTTP_302"},
		"a slow receiver": {func(s *scene) (notify.Mail, notify.Endpoint) {
			s.hook.answer = func(int) (int, int) { time.Sleep(1200 * time.Millisecond); return 200, 0 }
			return s.usual()
		}, "@finance", "WAITING TIMEOUT"},
		"a receiver that is down": {func(s *scene) (notify.Mail, notify.Endpoint) {
			m, e := s.usual()
			e.URL = "http://" + nowhere.String()
			return m, e
		}, "@finance", "WAITING UNREACHABLE"},
		"a forbidden address": {func(s *scene) (notify.Mail, notify.Endpoint) {
			m, e := s.usual()
			e.URL = "https://10.0.0.1/"
			return m, e
		}, "@finance", "DEAD REFUSED"},
		"an endpoint that is gone": {func(s *scene) (notify.Mail, notify.Endpoint) { m, e := s.usual(); e.Name = "other"; return m, e }, "@finance", "DEAD NO_ENDPOINT"},
		"an endpoint that is another organisation's now": {func(s *scene) (notify.Mail, notify.Endpoint) {
			m, e := s.usual()
			e.Organisation = "TST02"
			return m, e
		}, "@finance", "DEAD NO_ENDPOINT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			c := s.courier()
			c.Mail, c.Endpoints[0] = x.arrange(s)
			id := s.tell(x.to, "")
			s.deliver(c)
			s.is(id, x.want)
		})
	}
}

// usual are the relay and the endpoint of the scene.
func (s *scene) usual() (notify.Mail, notify.Endpoint) {
	return s.relay.mail(), s.courier().Endpoints[0]
}

func refusing(code int) func(string) error { return func(string) error { return says(code) } }

func answering(status int) func(*scene) (notify.Mail, notify.Endpoint) {
	return func(s *scene) (notify.Mail, notify.Endpoint) {
		s.hook.answer = func(int) (int, int) { return status, 0 }
		return s.usual()
	}
}

func TestANoticeWithAnythingInItThatIsNoCodeIsGivenUp(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := house.NewID()
	s.write(caldicott.Notice{
		ID: id, Key: id, Event: vocabulary.NoticeDecisionMade, OrganisationID: s.org, Recipient: "u-guardian", State: "In review of Mrs Smith", At: s.Clock.At(),
	})
	s.deliver(s.courier())
	s.is(id, "DEAD REFUSED")
	if got := s.relay.ids(); len(got) != 0 {
		t.Errorf("sent: %v", got)
	}
}

func TestAServiceThatEndsAtEveryAttemptDoesNotSendForEver(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.tell("u-guardian", s.request())
	c, q := s.courier(), &forgetful{s.DB, true}
	c.Queue, c.Workers = q, 1
	for range notify.MaxAttempts {
		if err := c.Deliver(t.Context()); !errors.Is(err, errLost) {
			t.Fatalf("the run ended with %v", err)
		}
		s.later(3 * time.Minute)
	}
	q.lost = false
	s.deliver(c)
	s.is(id, "DEAD EXHAUSTED")
	if got := s.relay.ids(); len(got) != notify.MaxAttempts || strings.Join(got, "") != strings.Repeat(id, notify.MaxAttempts) {
		t.Errorf("sent: %v", got)
	}
}
