package notify_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/caldicott/caldicott/internal/notify"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const (
	reader   = "amina@trust.example"
	user     = "caldicott"
	password = "pa55word/with:signs@"
)

// notice is a notice with everything in it.
func notice() notify.Message {
	return notify.Message{
		ID: "0199dbf1-2a40-7c31-9e57-5b0a4d1f6c21", Event: "REVIEW_REMINDER", Organisation: "TST01",
		Request: "0199dbf1-2a40-7c31-9e57-5b0a4d1f6c22", Reference: "CG-TST01-2026-00012", State: "REVIEW_DUE", Wanted: "RENEW",
		Due: time.Date(2026, 11, 3, 17, 0, 0, 0, time.UTC), At: time.Date(2026, 10, 20, 8, 30, 0, 0, time.UTC),
		Link: "https://caldicott.example/requests/0199dbf1-2a40-7c31-9e57-5b0a4d1f6c22",
	}
}

// certificate makes a server's certificate for 127.0.0.1, vouched for by itself, and the pool that trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// relay is a mail relay in this process. What it is told to answer is set before it is used.
type relay struct {
	host  string
	port  int
	roots *x509.CertPool

	onMail, onRcpt, onData, onAuth error
	hangUp                         bool // breaks the line as soon as it has answered that the message is taken
	noUsers                        bool // does not offer to sign in

	mu     sync.Mutex
	got    []taken
	signed int // sign-ins that succeeded
	open   int // lines that are open
	closed *sync.Cond
}

// taken is a message that the relay took.
type taken struct {
	hello, from, to, text string
	private               bool
}

// start brings up a relay that speaks TLS as the mode says; NoTLS offers none.
func start(t *testing.T, r *relay, mode notify.TLSMode) *relay {
	t.Helper()
	r.closed = sync.NewCond(&r.mu)
	cert, roots := certificate(t)
	r.roots = roots
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.open++
		return &session{relay: r, conn: c}, nil
	}))
	server.Domain = "relay.test"
	server.AllowInsecureAuth = true
	server.ErrorLog = quiet{}
	config := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if mode == notify.StartTLS {
		server.TLSConfig = config
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.host, r.port = "127.0.0.1", listener.Addr().(*net.TCPAddr).Port
	if mode == notify.ImplicitTLS {
		listener = tls.NewListener(listener, config)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		_ = listener.Close() // for a server that had not yet begun; else the second time
		if err := <-ended; err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	})
	return r
}

// mail gives the Mail that speaks to the relay.
func (r *relay) mail(mode notify.TLSMode) notify.Mail {
	return notify.Mail{
		Host: r.host, Port: r.port, TLS: mode, Roots: r.roots, Timeout: 10 * time.Second,
		From: "Caldicott service <no-reply@caldicott.example>",
	}
}

// taken gives the messages so far.
func (r *relay) taken() []taken {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]taken(nil), r.got...)
}

// hungUp waits until the relay has no line open.
func (r *relay) hungUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.open > 0 {
		r.closed.Wait()
	}
}

// session is one conversation.
type session struct {
	relay    *relay
	conn     *smtp.Conn
	from, to string
	took     bool
}

func (s *session) AuthMechanisms() []string {
	if s.relay.noUsers {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, name, pass string) error {
		if s.relay.onAuth != nil {
			return s.relay.onAuth
		}
		if name != user || pass != password {
			return smtp.ErrAuthFailed
		}
		s.relay.mu.Lock()
		defer s.relay.mu.Unlock()
		s.relay.signed++
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return s.relay.onMail
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return s.relay.onRcpt
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.relay.onData != nil {
		return s.relay.onData
	}
	_, private := s.conn.TLSConnectionState()
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	s.relay.got = append(s.relay.got, taken{s.conn.Hostname(), s.from, s.to, string(text), private})
	s.took = true
	return nil
}

// Reset comes after the answer to a message.
func (s *session) Reset() {
	if s.took && s.relay.hangUp {
		_ = s.conn.Conn().Close() // for the client to find
	}
}

func (s *session) Logout() error {
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	s.relay.open--
	s.relay.closed.Broadcast()
	return nil
}

// quiet keeps the refusals that the tests provoke out of their output.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// tells reports any of the words that an error repeats.
func tells(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, word := range words {
		if err != nil && strings.Contains(err.Error(), word) {
			t.Errorf("the error repeats %q: %v", word, err)
		}
	}
}
