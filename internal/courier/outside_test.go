package courier_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/caldicott/caldicott/internal/notify"
)

// here lets the webhooks of a test reach its own server.
var here = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// relay is a mail relay in this process.
type relay struct {
	port int
	// rcpt and data say what is answered to a reader and to a message; nil: all are taken. Set before use.
	rcpt func(to string) error
	data func(id string) error

	mu  sync.Mutex
	got []taken
}

// taken is a message that the relay took.
type taken struct{ id, to, text string }

func startRelay(t *testing.T) *relay {
	t.Helper()
	r := &relay{}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{relay: r}, nil }))
	server.Domain = "relay.test"
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.port = listener.Addr().(*net.TCPAddr).Port
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		_ = listener.Close() // for a server that had not yet begun
		if err := <-ended; err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	})
	return r
}

func (r *relay) mail() notify.Mail {
	return notify.Mail{Host: "127.0.0.1", Port: r.port, TLS: notify.NoTLS, From: "no-reply@caldicott.example", Timeout: 10 * time.Second}
}

func (r *relay) taken() []taken {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// ids are those of the messages so far, in the order in which they came.
func (r *relay) ids() []string {
	ids := []string{}
	for _, m := range r.taken() {
		ids = append(ids, m.id)
	}
	return ids
}

// session is one conversation.
type session struct {
	relay *relay
	to    string
}

var messageID = regexp.MustCompile(`(?m)^Message-I[Dd]:\s+<(.*)@caldicott\.example>\r?$`)

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }
func (s *session) Reset()                               {}
func (s *session) Logout() error                        { return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	if s.relay.rcpt != nil {
		return s.relay.rcpt(to)
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	found := messageID.FindSubmatch(text)
	if found == nil {
		return errors.New("no Message-ID")
	}
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	if s.relay.data != nil {
		if err := s.relay.data(string(found[1])); err != nil {
			return err
		}
	}
	s.relay.got = append(s.relay.got, taken{string(found[1]), s.to, string(text)})
	return nil
}

// says is a relay's answer that is no yes.
func says(code int) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "no Mrs Smith here"}
}

// receiver takes webhooks and verifies each.
type receiver struct {
	url string
	// answer gives the status of the nth call (from 1) and how long to wait, in seconds; nil: 204. Set before use.
	answer func(n int) (status, after int)

	mu    sync.Mutex
	calls int
	got   []taken
}

func startReceiver(t *testing.T) *receiver {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, call *http.Request) {
		body, err := io.ReadAll(call.Body)
		if err == nil {
			err = verifier.Verify(body, call.Header)
		}
		if err != nil {
			t.Errorf("a webhook that does not verify: %v", err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calls++
		status, after := http.StatusNoContent, 0
		if r.answer != nil {
			status, after = r.answer(r.calls)
		}
		if after > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(after))
		}
		w.WriteHeader(status)
		if status/100 == 2 {
			r.got = append(r.got, taken{id: call.Header.Get("webhook-id"), text: string(body)})
		}
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// taken are the webhooks that were answered with yes.
func (r *receiver) taken() []taken {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func (r *receiver) ids() []string {
	ids := []string{}
	for _, m := range r.taken() {
		ids = append(ids, m.id)
	}
	return ids
}
