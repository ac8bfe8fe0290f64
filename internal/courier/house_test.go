package courier_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/emersion/go-smtp"
	"github.com/jmoiron/sqlx"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/courier"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/notify"
	"github.com/caldicott/caldicott/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// scene is a house with a mail relay and a receiver of webhooks beside it. Its clock stands still until it is put.
type scene struct {
	*housetest.House
	t     *testing.T
	relay *relay
	hook  *receiver
	sql   *sqlx.DB
	org   string // id of TST01
}

// open furnishes a scene; everybody has an address, and wants each notice at once.
func open(t *testing.T) *scene {
	t.Helper()
	s := &scene{House: housetest.New(t), t: t, relay: startRelay(t), hook: startReceiver(t)}
	s.Enrol(t)
	s.Clock.Step = 0
	var err error
	if s.sql, err = sqlx.Open("postgres", housetest.AppURL(s.Database)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.sql.Close() })
	o, err := s.DB.OrganisationByCode(t.Context(), "TST01")
	if err != nil {
		t.Fatal(err)
	}
	s.org = o.ID
	var everybody []string
	for _, a := range housetest.Scenarios(t).Actors {
		if a.OrgCode == o.Code {
			everybody = append(everybody, a.UserID)
		}
	}
	s.change(func(p *caldicott.Person) { p.Email = p.UserID + "@trust.example" }, everybody...)
	return s
}

// change changes what the directory says of people.
func (s *scene) change(how func(*caldicott.Person), userIDs ...string) {
	s.t.Helper()
	ctx := s.t.Context()
	err := s.DB.InTx(ctx, func(tx caldicott.Tx) error {
		if _, err := tx.LockOrganisation(ctx, "TST01"); err != nil {
			return err
		}
		var rows caldicott.DirectoryRows
		for _, id := range userIDs {
			a, err := tx.PersonNamed(ctx, id)
			if err != nil {
				return err
			}
			a.Revision++
			how(&a.Person)
			rows.People = append(rows.People, a.Person)
		}
		return tx.SaveDirectory(ctx, caldicott.Event{
			Stream: caldicott.OrganisationStream(s.org), Chained: true, Action: caldicott.Bootstrapped, Outcome: caldicott.OutcomeDone,
			At: s.Service.Now(), Organisation: s.org, PolicyDigest: s.Policy.Digest(),
		}, rows)
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// wants sets somebody's preference.
func (s *scene) wants(person string, mail vocabulary.MailPreference) {
	s.t.Helper()
	s.change(func(p *caldicott.Person) { p.Mail = mail }, person)
}

// request drafts one.
func (s *scene) request() string {
	s.t.Helper()
	by, err := s.DB.ActorByUserID(s.t.Context(), "u-req-int")
	if err != nil {
		s.t.Fatal(err)
	}
	content := caldicott.Content{Title: "Synthetic", Kind: vocabulary.Codes[vocabulary.Kind]("request_kind")[0]}
	r, err := s.Service.Begin(s.t.Context(), casework.Call{By: by}, caldicott.Drafting{Content: content})
	if err != nil {
		s.t.Fatal(err)
	}
	return r.Case.Request.ID
}

// tell writes a notice to a person, or to an endpoint where the name begins with @, and gives its id.
func (s *scene) tell(to, request string) string {
	s.t.Helper()
	n := caldicott.Notice{
		ID: house.NewID(), Event: vocabulary.NoticeDecisionMade, OrganisationID: s.org, RequestID: request,
		Reference: "CG-TST01-2026-00012", State: "DECIDED", At: s.Clock.At(), Recipient: to,
	}
	if endpoint, ok := strings.CutPrefix(to, "@"); ok {
		n.Recipient, n.Endpoint = "", endpoint
	}
	n.Key = n.ID
	s.write(n)
	return n.ID
}

func (s *scene) write(notices ...caldicott.Notice) {
	s.t.Helper()
	err := s.DB.InTx(s.t.Context(), func(tx caldicott.Tx) error { return tx.Tell(s.t.Context(), notices) })
	if err != nil {
		s.t.Fatal(err)
	}
}

// courier is one with everything set up, whose pauses are half of what they may be.
func (s *scene) courier() *courier.Courier {
	return &courier.Courier{
		Queue: s.DB, Mail: s.relay.mail(), Hooks: notify.Webhook{AllowPrivate: here, Timeout: time.Second},
		Endpoints: []notify.Endpoint{{Name: "finance", Organisation: "TST01", URL: s.hook.url + "?k=hidden", Secrets: []string{secret}}},
		Link:      func(id string) string { return "https://caldicott.example/requests/" + id },
		Clock:     s.Clock.Now, Random: func() float64 { return 0.5 },
	}
}

// deliver runs a courier once.
func (s *scene) deliver(c *courier.Courier) {
	s.t.Helper()
	if err := c.Deliver(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) digest(c *courier.Courier) {
	s.t.Helper()
	if err := c.Digest(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// later moves the clock.
func (s *scene) later(d time.Duration) { s.Clock.Put(s.Clock.At().Add(d)) }

// row is what the queue keeps of a notice.
type row struct {
	Status   string     `db:"status"`
	Attempts int        `db:"attempts"`
	Next     time.Time  `db:"next_at"`
	Leased   *time.Time `db:"leased_until"`
	Settled  *time.Time `db:"settled_at"`
	Fault    string     `db:"fault"`
}

func (s *scene) row(id string) row {
	s.t.Helper()
	var r row
	if err := s.sql.GetContext(s.t.Context(), &r, `SELECT status, attempts, next_at, leased_until, settled_at, fault FROM casework.notices WHERE id = $1`, id); err != nil {
		s.t.Fatal(err)
	}
	return r
}

// is reports a notice that is not as it should be: "SENT", or "DEAD SMTP_550".
func (s *scene) is(id, want string) {
	s.t.Helper()
	r := s.row(id)
	if got := strings.TrimSpace(r.Status + " " + r.Fault); got != want || r.Leased != nil || (r.Settled == nil) != (r.Status == "WAITING") {
		s.t.Errorf("the notice is %s (leased until %v, settled at %v), not %s", got, r.Leased, r.Settled, want)
	}
}

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
