package courier_test

import (
	"os"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/jmoiron/sqlx"

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
