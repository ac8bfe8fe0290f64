package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/issuer"
	"github.com/caldicott/caldicott/internal/pgembed"
	"github.com/caldicott/caldicott/internal/postgres"
)

// database, and the logins besides the replicas' own.
const (
	database  = "endure"
	ownerRole = "endure_owner"
	readRole  = "endure_reader"
	appRole   = "endure_app_%d" // one for each replica, so that the server can say whose connection is whose
)

// town is what stays up while replicas are killed: database, sign-in, and who is told.
type town struct {
	folder    string
	binary    string
	furnished house.Furnished
	server    *pgembed.Server
	superuser string   // URLs of the database
	owner     string   //
	reader    string   //
	apps      []string // one a replica
	signIn    *issuer.Issuer
	relay     *relay
	receiver  *receiver
	db        *postgres.DB // the first replica's login, for founding and for reckoning
}

// bringUp makes the town in a folder of its own; what was begun is in it even with an error.
func bringUp(ctx context.Context, o Options, arrived *arrivals) (*town, error) {
	t := &town{}
	var err error
	if t.furnished, err = house.Furnish(nil); err != nil {
		return t, err
	}
	if t.folder, err = os.MkdirTemp("", "caldicott-endure-"); err != nil {
		return t, err
	}
	if err := os.Chmod(t.folder, 0o755); err != nil { //nolint:gosec // the server's account must come through; what matters inside is closed
		return t, err
	}
	built := make(chan error, 1)
	go func() { built <- t.build(ctx) }()
	err = t.openDatabase(ctx, o.Replicas)
	if err == nil {
		t.signIn, err = issuer.Start(ctx, issuer.Config{Audience: "caldicott", People: signing(), Life: time.Hour})
	}
	if err == nil {
		err = t.found(ctx)
	}
	if err == nil {
		t.relay, err = openRelay(ctx, arrived)
	}
	if err == nil {
		t.receiver, err = openReceiver(ctx, arrived)
	}
	return t, errors.Join(err, <-built)
}

// build makes the binary that is killed, raced where this program is.
func (t *town) build(ctx context.Context) error {
	t.binary = filepath.Join(t.folder, "caldicott")
	args := []string{"build", "-buildvcs=false", "-o", t.binary}
	if raced {
		args = append(args, "-race")
	}
	out, err := exec.CommandContext(ctx, "go", append(args, "github.com/caldicott/caldicott/cmd/caldicott")...).CombinedOutput() //nolint:gosec // our own words
	if err != nil {
		return fmt.Errorf("build the service: %w: %s", err, out)
	}
	return nil
}

// openDatabase starts a server on a folder, so that it keeps what it is told as a real one does: it is the service that is
// killed. It makes the logins and the schema.
func (t *town) openDatabase(ctx context.Context, replicas int) error {
	config := pgembed.FromEnv(os.Getenv)
	config.DataDir, config.Port = filepath.Join(t.folder, "postgres"), 0
	var err error
	if t.server, err = pgembed.Start(ctx, config); err != nil {
		return err
	}
	password := rand.Text()
	if err := postgres.CreateOwner(ctx, t.server.URL("postgres"), ownerRole, password); err != nil {
		return err
	}
	if err := postgres.CreateDatabase(ctx, t.server.URL("postgres"), database, ownerRole); err != nil {
		return err
	}
	t.superuser = t.server.URL(database)
	t.owner, t.reader = as(t.superuser, ownerRole, password), as(t.superuser, readRole, rand.Text())
	logins := []postgres.Login{}
	for n := range replicas {
		t.apps = append(t.apps, as(t.superuser, fmt.Sprintf(appRole, n), rand.Text()))
	}
	for _, raw := range append([]string{t.reader}, t.apps...) {
		group := postgres.GroupApplication
		if raw == t.reader {
			group = postgres.GroupReader
		}
		login, err := postgres.LoginOf(raw, group)
		if err != nil {
			return err
		}
		logins = append(logins, login)
	}
	_, err = postgres.Migrate(ctx, t.owner, t.furnished.Migrations, logins)
	return err
}

// as is the same database under another login.
func as(raw, user, password string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw // it came from the server, whose URLs parse
	}
	u.User = url.UserPassword(user, password)
	return u.String()
}

// found founds the organisation as its owner, and lets the administrators do the rest.
func (t *town) found(ctx context.Context) error {
	owner, err := t.open(t.owner)
	if err != nil {
		return err
	}
	p := func(id string) caldicott.Person { return person(id, t.signIn.URL()) }
	err = t.casework(owner).Bootstrap(ctx, casework.Founding{
		Organisation:   caldicott.OrganisationRecord{Code: home, Name: "Northmere (synthetic)", Type: "NHS_BODY"},
		Administrators: []caldicott.Person{p(admin1), p(admin2)}, Guardian: p(guardian), BoardReference: "synthetic", ValidFrom: since,
	})
	if err := errors.Join(err, owner.Close()); err != nil {
		return err
	}
	if t.db, err = t.open(t.apps[0]); err != nil {
		return err
	}
	return t.settle(ctx, t.casework(t.db))
}

// settle is the administrators' first day.
func (t *town) settle(ctx context.Context, work *casework.Service) error {
	first, err := work.Store.ActorByUserID(ctx, admin1)
	if err != nil {
		return err
	}
	second, err := work.Store.ActorByUserID(ctx, admin2)
	if err != nil {
		return err
	}
	call := casework.Call{By: first}
	university := caldicott.OrganisationRecord{Code: elsewhere, Name: "University (synthetic)", Type: "UNIVERSITY"}
	if _, err := work.RegisterOrganisation(ctx, call, nil, university); err != nil {
		return err
	}
	for _, m := range members() {
		if _, err := work.Enrol(ctx, call, nil, person(m.id, t.signIn.URL())); err != nil {
			return fmt.Errorf("person %s: %w", m.id, err)
		}
		if err := appoint(ctx, work, call, casework.Call{By: second}, m); err != nil {
			return fmt.Errorf("appointment of %s: %w", m.id, err)
		}
	}
	_, err = work.RegisterAsset(ctx, call, nil, caldicott.Asset{Name: "Electronic health record", Owner: iao})
	return err
}

// appoint gives somebody their role, with the second administrator's word where it takes two.
func appoint(ctx context.Context, work *casework.Service, first, second casework.Call, m member) error {
	if m.role == "" {
		return nil
	}
	r, err := work.Appoint(ctx, first, nil, caldicott.Appointment{UserID: m.id, OrgCode: home, Role: m.role, ValidFrom: since})
	if err != nil || !caldicott.TwoPersonRole(m.role) {
		return err
	}
	second.IfMatch = r.Appointment.Revision
	_, err = work.ConfirmAppointment(ctx, second, nil, r.Appointment.ID)
	return err
}

func (t *town) open(url string) (*postgres.DB, error) {
	return postgres.Open(postgres.Settings{URL: url, Application: "endure", Connections: 4, StatementTimeout: time.Minute}, house.Scribe)
}

func (t *town) casework(db *postgres.DB) *casework.Service {
	return &casework.Service{Store: db, Policy: t.furnished.Policy, House: t.furnished.House, Clock: time.Now, NewID: house.NewID}
}

// takeDown ends everything, and removes the folder unless it is to be kept.
func (t *town) takeDown(keep bool) error {
	var errs []error
	if t.db != nil {
		errs = append(errs, t.db.Close())
	}
	if t.receiver != nil {
		errs = append(errs, t.receiver.Close())
	}
	if t.relay != nil {
		errs = append(errs, t.relay.Close())
	}
	if t.signIn != nil {
		errs = append(errs, t.signIn.Close())
	}
	if t.server != nil {
		errs = append(errs, t.server.Stop())
	}
	if t.folder != "" && !keep {
		errs = append(errs, os.RemoveAll(t.folder))
	}
	return errors.Join(errs...)
}
