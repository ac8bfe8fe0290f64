package notify_test

import (
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/caldicott/caldicott/internal/notify"
)

func TestARelayIsReadFromItsURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]notify.Mail{
		"smtp://caldicott:p%40ss@relay.example:2525": {Host: "relay.example", Port: 2525, User: "caldicott", Password: "p@ss"},
		"smtp://relay.example":                       {Host: "relay.example", Port: 587},
		"SMTPS://relay.example/":                     {Host: "relay.example", Port: 465, TLS: notify.ImplicitTLS},
		"smtps://[2001:db8::1]:4650":                 {Host: "2001:db8::1", Port: 4650, TLS: notify.ImplicitTLS},
		"smtp+plain://127.0.0.1:25":                  {Host: "127.0.0.1", Port: 25, TLS: notify.NoTLS},
		"smtp+plain://localhost":                     {Host: "localhost", Port: 25, TLS: notify.NoTLS},
		"smtp+plain://[::1]:1025":                    {Host: "::1", Port: 1025, TLS: notify.NoTLS},
	} {
		got, err := notify.ParseMailURL(raw)
		if err != nil || got.Host != want.Host || got.Port != want.Port || got.User != want.User || got.Password != want.Password || got.TLS != want.TLS {
			t.Errorf("%s: got %v %q %q %v, %v", raw, got, got.User, got.Password, got.TLS, err)
		}
	}
}

// refusals are the sentences that ParseMailURL may say, with a URL for each.
var refusals = map[string][]string{
	"mail: the URL is not one of smtp://, smtps:// and smtp+plain://": {"", "http://relay.example", "relay.example:25", "smtp+tls://relay.example"},
	"mail: the URL has more or less than a user, a password, a host and a port": {
		"smtp:relay.example", "smtp://relay.example/path", "smtp://relay.example?tls=none", "smtp://relay.example?", "smtp://u:p#w@relay.example",
		"smtp://u:%zz@relay.example", "smtp://relay.example:x", "smtp://relay.example\n", "smtp://relay%20example", "://",
	},
	"mail: the host or the port is malformed": {
		"smtp://", "smtp://:25", "smtp://relay.example:0", "smtp://relay.example:65536", "smtp://relay.example:99999999999999999999",
		"smtp://-relay", "smtp://[fe80::1%25eth0]", "smtp://relay.example,evil.example",
	},
	"mail: the user or the password is missing or malformed": {"smtp://u@relay.example", "smtp://u:@relay.example", "smtp://:p@relay.example", "smtp://@relay.example", "smtp://u:p%00@relay.example", "smtp://u%0d%0a:p@relay.example"},
	"mail: without TLS only a loopback host may be used":     {"smtp+plain://relay.example", "smtp+plain://10.0.0.1", "smtp+plain://0.0.0.0", "smtp+plain://localhost.example"},
	"mail: a password is not sent without TLS":               {"smtp+plain://u:p@127.0.0.1"},
}

func TestAMalformedURLOfARelayIsNotRepeated(t *testing.T) {
	t.Parallel()
	for want, urls := range refusals {
		for _, raw := range urls {
			if got, err := notify.ParseMailURL(raw); err == nil || err.Error() != want || got.Host != "" {
				t.Errorf("%q: got %v, want %s", raw, err, want)
			}
		}
	}
}

func FuzzParseMailURL(f *testing.F) {
	for _, urls := range refusals {
		for _, raw := range urls {
			f.Add(raw)
		}
	}
	f.Add("smtp://caldicott:p%40ss@relay.example:2525")
	f.Add("smtp+plain://[::1]:1025")
	f.Fuzz(func(t *testing.T, raw string) {
		m, err := notify.ParseMailURL(raw)
		if err != nil {
			if _, known := refusals[err.Error()]; !known {
				t.Errorf("got %v", err)
			}
			return
		}
		ip := net.ParseIP(m.Host)
		here := m.Host == "localhost" || ip != nil && ip.IsLoopback()
		control := func(r rune) bool { return r < ' ' }
		if m.Port < 1 || m.Port > 65535 || m.Host == "" || m.TLS == notify.NoTLS && (!here || m.User != "") ||
			!slices.Contains([]notify.TLSMode{notify.StartTLS, notify.ImplicitTLS, notify.NoTLS}, m.TLS) ||
			strings.ContainsFunc(m.Host+m.User+m.Password, control) {
			t.Errorf("got %v", m)
		}
	})
}
