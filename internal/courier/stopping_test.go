package courier_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/caldicott/caldicott/internal/notify"
)

// mailer is one that does as it is told.
type mailer struct {
	notify.Mail
	send func(context.Context, notify.Message) error
}

func (m mailer) Send(ctx context.Context, to string, msg notify.Message) error {
	if err := m.send(ctx, msg); err != nil {
		return err
	}
	return m.Mail.Send(ctx, to, msg)
}

func TestOneNoticesPanicStopsNoOther(t *testing.T) {
	t.Parallel()
	s := open(t)
	bad, good := s.tell("u-guardian", s.request()), s.tell("u-guardian", s.request())
	var log bytes.Buffer
	c := s.courier()
	c.Log = slog.New(slog.NewJSONHandler(&log, nil))
	c.Mail = mailer{s.relay.mail(), func(_ context.Context, msg notify.Message) error {
		if msg.ID == bad {
			panic("Mrs Smith of u-guardian@trust.example")
		}
		return nil
	}}
	s.deliver(c)
	s.is(bad, "WAITING PANIC")
	s.is(good, "SENT")
	if said := log.String(); !strings.Contains(said, bad) || strings.Contains(said, "Smith") || strings.Contains(said, "trust.example") {
		t.Errorf("the log says %s", said)
	}
}

func TestWhatIsUnderWayIsFinishedWhenTheServiceStops(t *testing.T) {
	t.Parallel()
	s := open(t)
	under := s.tell("u-guardian", s.request())
	waiting := s.tell("u-guardian", s.request())
	ctx, stop := context.WithCancel(t.Context())
	c := s.courier()
	c.Workers = 1
	c.Mail = mailer{s.relay.mail(), func(context.Context, notify.Message) error { stop(); return nil }}
	if err := c.Deliver(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the run ended with %v", err)
	}
	s.is(under, "SENT")
	s.is(waiting, "WAITING")
}

func TestTheLogHoldsNoAddressNoURLAndNoSecret(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.relay.rcpt = func(string) error { return says(550) }
	s.hook.answer = func(int) (int, int) { return 500, 0 }
	s.tell("u-guardian", s.request())
	s.tell("@finance", s.request())
	var log bytes.Buffer
	c := s.courier()
	c.Log, c.Workers = slog.New(slog.NewJSONHandler(&log, nil)), 1
	s.deliver(c)
	said := log.String()
	if !strings.Contains(said, "SMTP_550") || !strings.Contains(said, "HTTP_500") {
		t.Errorf("the log does not say what went wrong: %s", said)
	}
	for _, word := range []string{"trust.example", "u-guardian", "hidden", "whsec", "Smith", "CG-TST01"} {
		if strings.Contains(said, word) {
			t.Errorf("the log says %q: %s", word, said)
		}
	}
}
