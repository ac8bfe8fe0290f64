package notify_test

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/notify"
)

// read parses a message and gives its headers and its text.
func read(t *testing.T, raw string) (mail.Header, string) {
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
	return m.Header, strings.ReplaceAll(string(text), "\r\n", "\n")
}

// one gives the only message that the relay took.
func one(t *testing.T, r *relay) taken {
	t.Helper()
	got := r.taken()
	if len(got) != 1 {
		t.Fatalf("the relay took %d messages", len(got))
	}
	return got[0]
}

func TestANoticeGoesOverTLSAfterSigningIn(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]notify.TLSMode{"STARTTLS": notify.StartTLS, "implicit TLS": notify.ImplicitTLS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, &relay{}, mode)
			m := r.mail(mode)
			m.User, m.Password, m.HELO = user, password, "caldicott.example"
			if err := m.Send(t.Context(), reader, notice()); err != nil {
				t.Fatal(err)
			}
			got := one(t, r)
			if !got.private || got.hello != m.HELO || got.from != "no-reply@caldicott.example" || got.to != reader || r.signed != 1 {
				t.Errorf("got %+v, signed in %d times", got, r.signed)
			}
			r.hungUp()
		})
	}
}

func TestANoticeInClearGoesToThisMachineOnly(t *testing.T) {
	t.Parallel()
	r := start(t, &relay{noUsers: true}, notify.NoTLS)
	if err := r.mail(notify.NoTLS).Send(t.Context(), reader, notice()); err != nil || one(t, r).private {
		t.Error(err)
	}
	for _, host := range []string{"192.0.2.1", "relay.example", "::", "0.0.0.0"} {
		m := r.mail(notify.NoTLS)
		m.Host = host
		if err := m.Send(t.Context(), reader, notice()); err == nil || !strings.Contains(err.Error(), "loopback") {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestAMessageIsPlainTextWithItsHeaders(t *testing.T) {
	t.Parallel()
	r := start(t, &relay{}, notify.StartTLS)
	if err := r.mail(notify.StartTLS).Send(t.Context(), reader, notice()); err != nil {
		t.Fatal(err)
	}
	header, text := read(t, one(t, r).text)
	for name, want := range map[string]string{
		"Message-Id":               "<0199dbf1-2a40-7c31-9e57-5b0a4d1f6c21@caldicott.example>",
		"Subject":                  "CG-TST01-2026-00012: your review is due by 3 November 2026",
		"From":                     `"Caldicott service" <no-reply@caldicott.example>`,
		"To":                       "<amina@trust.example>",
		"Date":                     "Tue, 20 Oct 2026 08:30:00 +0000",
		"Auto-Submitted":           "auto-generated",
		"X-Auto-Response-Suppress": "OOF, AutoReply",
		"Mime-Version":             "1.0",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		delete(header, name)
	}
	kind, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || kind != "text/plain" || !strings.EqualFold(parameters["charset"], "utf-8") {
		t.Errorf("%s %v %v", kind, parameters, err)
	}
	delete(header, "Content-Type")
	delete(header, "Content-Transfer-Encoding")
	if len(header) != 0 {
		t.Errorf("headers besides: %v", header)
	}
	want := `CG-TST01-2026-00012: your review is due.
State: in force, review due
Wanted from you: please renew the authorisation, or let it end
Due: 17:00 on Tuesday 3 November 2026
https://caldicott.example/requests/0199dbf1-2a40-7c31-9e57-5b0a4d1f6c22

This message was sent by a machine and nobody reads replies to it. What it is about is
said in the service only, to those who may read it there.
`
	if text != want {
		t.Errorf("got %s\nwant %s", text, want)
	}
}

func TestARetrySendsTheSameMessage(t *testing.T) {
	t.Parallel()
	r := start(t, &relay{}, notify.StartTLS)
	for range 2 {
		if err := r.mail(notify.StartTLS).Send(t.Context(), reader, notice()); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.taken(); len(got) != 2 || got[0] != got[1] {
		t.Errorf("got %+v", got)
	}
}

func TestADigestTellsTheSoonestFirst(t *testing.T) {
	t.Parallel()
	r := start(t, &relay{}, notify.StartTLS)
	var msgs []notify.Message
	day := func(d int) time.Time { return time.Date(2026, 11, d, 0, 0, 0, 0, time.UTC) }
	for i, due := range []time.Time{{}, day(9), day(3), {}, day(9)} {
		m := notice()
		m.Reference, m.Due, m.At = fmt.Sprintf("CG-TST01-2026-0000%d", i), due, m.At.Add(-time.Duration(i)*time.Hour)
		msgs = append(msgs, m)
	}
	number := regexp.MustCompile(`CG-TST01-2026-0000(\d): your review`)
	for range 2 {
		if err := r.mail(notify.StartTLS).SendDigest(t.Context(), reader, "digest-1", "2026-11-02", msgs); err != nil {
			t.Fatal(err)
		}
	}
	if msgs[0].Reference != "CG-TST01-2026-00000" {
		t.Error("the caller's list was sorted")
	}
	for _, got := range r.taken() {
		header, text := read(t, got.text)
		if header.Get("Message-Id") != "<digest-1@caldicott.example>" ||
			header.Get("Subject") != "Caldicott service: 5 notices for Monday 2 November 2026" {
			t.Errorf("%v", header)
		}
		order := ""
		for _, found := range number.FindAllStringSubmatch(text, -1) {
			order += found[1]
		}
		if order != "24130" || !strings.Contains(text, "Due: the end of Sunday 8 November 2026\n") {
			t.Errorf("in the order %s: %s", order, text)
		}
	}
}

// The relay's answer says what a retry may hope for, and the log hears neither its words nor the reader's address.
func TestWhatTheRelayHasTakenIsSentThoughTheLineBreaks(t *testing.T) {
	t.Parallel()
	r := start(t, &relay{hangUp: true}, notify.StartTLS)
	if err := r.mail(notify.StartTLS).Send(t.Context(), reader, notice()); err != nil {
		t.Error(err)
	}
	one(t, r)
}

// No field can begin a line of its own, in SMTP or in the message.
// spoil gives notices in which one field each ends with what it must not hold.
func TestARelayIsPrintedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	m := notify.Mail{Host: "relay.example", Port: 587, User: user, Password: password}
	asJSON, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %+v %#v %s %q %s", m, m, m, m, m, asJSON)
	if strings.Contains(printed, "pa55") {
		t.Error(printed)
	}
}
