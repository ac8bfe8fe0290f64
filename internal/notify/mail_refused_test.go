package notify_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/notify"
	"github.com/emersion/go-smtp"
)

func TestADigestOfNothingOrOfNoDayIsRefused(t *testing.T) {
	t.Parallel()
	m := notify.Mail{Host: "127.0.0.1", Port: 1, From: "no-reply@caldicott.example"}
	spoilt := notice()
	spoilt.State = "In review of Mrs Smith"
	for name, err := range map[string]error{
		"nothing":  m.SendDigest(t.Context(), reader, "1", "2026-11-02", nil),
		"no day":   m.SendDigest(t.Context(), reader, "1", "tomorrow", []notify.Message{notice()}),
		"no id":    m.SendDigest(t.Context(), reader, "1\r\nBcc: x@y.example", "2026-11-02", []notify.Message{notice()}),
		"a spoilt": m.SendDigest(t.Context(), reader, "1", "2026-11-02", []notify.Message{notice(), spoilt}),
	} {
		if !notify.Permanent(err) {
			t.Errorf("%s: %v", name, err)
		}
		tells(t, err, "Smith", "Bcc", "tomorrow")
	}
}

func TestOnlyARefusalOfTheReaderOrTheMessageIsForGood(t *testing.T) {
	t.Parallel()
	answer := func(code int) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "no such person as " + reader}
	}
	for name, c := range map[string]struct {
		relay     *relay
		permanent bool
		says      string
	}{
		"unknown mailbox":            {&relay{onRcpt: answer(550)}, true, "550 5.1.1"},
		"mailbox busy":               {&relay{onRcpt: answer(450)}, false, "450 4.1.1"},
		"greylisted":                 {&relay{onRcpt: answer(451)}, false, "451"},
		"sign-in wanted, but late":   {&relay{onRcpt: answer(530)}, false, "530"},
		"message refused":            {&relay{onData: answer(554)}, true, "554"},
		"message not now":            {&relay{onData: answer(452)}, false, "452"},
		"sender refused":             {&relay{onMail: answer(553)}, false, "553"},
		"sender not now":             {&relay{onMail: answer(421)}, false, "421"},
		"password refused":           {&relay{onAuth: answer(535)}, false, "535"},
		"nobody may sign in":         {&relay{noUsers: true}, false, "AUTH"},
		"message refused without me": {&relay{onData: errors.New("disk of " + reader)}, true, "554"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, c.relay, notify.StartTLS)
			m := r.mail(notify.StartTLS)
			m.User, m.Password = user, password
			err := m.Send(t.Context(), reader, notice())
			if err == nil || notify.Permanent(err) != c.permanent || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, permanent %v", err, notify.Permanent(err))
			}
			tells(t, err, reader, "no such person", password)
			if len(r.taken()) != 0 {
				t.Error("it was taken")
			}
			r.hungUp()
		})
	}
}

func TestARelayWithoutTheConfiguredTLSIsRefused(t *testing.T) {
	t.Parallel()
	_, others := certificate(t)
	for name, c := range map[string]struct {
		serves, wants notify.TLSMode
		change        func(*notify.Mail)
		says          string
	}{
		"no STARTTLS":                    {notify.NoTLS, notify.StartTLS, nil, "STARTTLS"},
		"no TLS from the first byte":     {notify.NoTLS, notify.ImplicitTLS, nil, "tls"},
		"certificate of strangers":       {notify.StartTLS, notify.StartTLS, func(m *notify.Mail) { m.Roots = others }, "unknown authority"},
		"implicit, of strangers":         {notify.ImplicitTLS, notify.ImplicitTLS, func(m *notify.Mail) { m.Roots = others }, "unknown authority"},
		"certificate that nobody trusts": {notify.StartTLS, notify.StartTLS, func(m *notify.Mail) { m.Roots = nil }, "unknown authority"},
		"certificate for another name":   {notify.StartTLS, notify.StartTLS, func(m *notify.Mail) { m.Host = "localhost" }, "localhost"},
		"implicit, for another name":     {notify.ImplicitTLS, notify.ImplicitTLS, func(m *notify.Mail) { m.Host = "localhost" }, "localhost"},
		"TLS where STARTTLS is wanted": {notify.ImplicitTLS, notify.StartTLS, func(m *notify.Mail) {
			m.Timeout = 200 * time.Millisecond // each waits for the other to begin
		}, "in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, &relay{}, c.serves)
			m := r.mail(c.wants)
			m.User, m.Password = user, password
			if c.change != nil {
				c.change(&m)
			}
			err := m.Send(t.Context(), reader, notice())
			if err == nil || notify.Permanent(err) || !strings.Contains(err.Error(), c.says) || len(r.taken()) != 0 {
				t.Errorf("got %v, permanent %v", err, notify.Permanent(err))
			}
			tells(t, err, reader, password)
			r.hungUp()
			if r.signed != 0 {
				t.Error("it was told the password")
			}
		})
	}
}

func TestARelayThatSaysNothingIsGivenUp(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() // it is never accepted from
	m := notify.Mail{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, From: "no-reply@caldicott.example", Timeout: 50 * time.Millisecond}
	err = m.Send(t.Context(), reader, notice())
	if !errors.Is(err, context.DeadlineExceeded) || notify.Permanent(err) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m.Timeout = time.Minute
	if err := m.Send(ctx, reader, notice()); !errors.Is(err, context.Canceled) || notify.Permanent(err) {
		t.Errorf("got %v", err)
	}
}

func TestNoFieldBreaksOutOfItsLine(t *testing.T) {
	t.Parallel()
	r := start(t, &relay{}, notify.StartTLS)
	m := r.mail(notify.StartTLS)
	for _, evil := range []string{
		"\r\nBcc: x@evil.example", "\nBcc: x@evil.example", "\rBcc: x@evil.example", "\r\n.\r\nMAIL FROM:<x@evil.example>", "\x00", "\u2028",
		"> SIZE=1", "\" <x@evil.example>", ",x@evil.example",
	} {
		for _, to := range []string{reader + evil, evil + reader, "a" + evil + "@trust.example", "\"a" + evil + "\"@trust.example"} {
			if err := m.Send(t.Context(), to, notice()); !notify.Permanent(err) {
				t.Errorf("to %q: %v", to, err)
			}
		}
		for field, n := range spoil(evil) {
			err := m.Send(t.Context(), reader, n)
			if !notify.Permanent(err) {
				t.Errorf("%s with %q: %v", field, evil, err)
			}
			tells(t, err, "evil")
		}
		from := m
		from.From = "no-reply" + evil + "@caldicott.example"
		if err := from.Send(t.Context(), reader, notice()); err == nil || notify.Permanent(err) {
			t.Errorf("from %q: %v", from.From, err)
		}
		hello := m
		hello.HELO = "caldicott.example" + evil
		if err := hello.Send(t.Context(), reader, notice()); err == nil {
			t.Errorf("HELO %q", hello.HELO)
		}
	}
	if got := r.taken(); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

func spoil(evil string) map[string]notify.Message {
	spoilt := map[string]notify.Message{}
	for field, change := range map[string]func(*notify.Message){
		"id":           func(n *notify.Message) { n.ID += evil },
		"event":        func(n *notify.Message) { n.Event += evil },
		"organisation": func(n *notify.Message) { n.Organisation += evil },
		"request":      func(n *notify.Message) { n.Request += evil },
		"reference":    func(n *notify.Message) { n.Reference += evil },
		"state":        func(n *notify.Message) { n.State += evil },
		"wanted":       func(n *notify.Message) { n.Wanted += evil },
		"link":         func(n *notify.Message) { n.Link = "https://caldicott.example" + evil + "/" },
	} {
		n := notice()
		change(&n)
		spoilt[field] = n
	}
	return spoilt
}
