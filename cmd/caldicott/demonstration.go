package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/issuer"
	"github.com/caldicott/caldicott/internal/postgres"
)

// extras is what a demonstration has besides its founding: partners, people with their roles, and assets.
type extras struct {
	Organisations []struct {
		Code string                      `json:"code"`
		Name string                      `json:"name"`
		Type vocabulary.OrganisationType `json:"type"`
	} `json:"organisations"`
	People []newcomer `json:"people"`
	Assets []struct {
		Name  string `json:"name"`
		Owner string `json:"owner"`
	} `json:"assets"`
}

// everybody is all people of the file, as the issuer of the demonstration knows them.
func (f founding) everybody() []newcomer {
	return slices.Concat(f.Administrators, []newcomer{f.Guardian}, f.People)
}

// startIssuer lets the demonstration's people sign in. It refuses to stand beside a configured issuer, or off loopback.
func startIssuer(ctx context.Context, c Config, f founding) (*issuer.Issuer, error) {
	var people []issuer.Person
	for _, n := range f.everybody() {
		people = append(people, issuer.Person{ID: n.UserID, Name: n.Name})
	}
	return issuer.Start(ctx, issuer.Config{
		Addr: c.DemoIssuer, Audience: c.Audience, People: people, Configured: c.Issuer, Life: 12 * time.Hour,
		KeyFile: filepath.Join(c.Embedded.DataDir, "issuer-key.pem"),
	})
}

// settle founds the house the first time, and lets the two administrators do the rest by their own deeds: what a trust
// would do on its first day, and on the record like everything else.
func settle(ctx context.Context, c Config, furnished house.Furnished, work *casework.Service, f founding, issuerURL string) error {
	for _, n := range []*newcomer{&f.Administrators[0], &f.Administrators[1], &f.Guardian} {
		n.Issuer, n.Subject = issuerURL, n.UserID
	}
	err := asOwner(c, furnished, func(s *casework.Service) error { return s.Bootstrap(ctx, f.founding()) })
	if errors.Is(err, casework.ErrFounded) {
		return nil
	}
	if err != nil {
		return err
	}
	first, err := work.Store.ActorByUserID(ctx, f.Administrators[0].UserID)
	if err != nil {
		return err
	}
	second, err := work.Store.ActorByUserID(ctx, f.Administrators[1].UserID)
	if err != nil {
		return err
	}
	d := settlement{ctx, work, f, casework.Call{By: first}, casework.Call{By: second}, issuerURL}
	return errors.Join(d.organisations(), d.people(), d.assets())
}

// settlement is the administrators' first day.
type settlement struct {
	ctx           context.Context //nolint:containedctx // lives for one settle
	work          *casework.Service
	file          founding
	first, second casework.Call
	issuerURL     string
}

func (d settlement) organisations() error {
	for _, o := range d.file.Organisations {
		record := caldicott.OrganisationRecord{Code: o.Code, Name: o.Name, Type: o.Type}
		if _, err := d.work.RegisterOrganisation(d.ctx, d.first, nil, record); err != nil {
			return fmt.Errorf("organisation %s: %w", o.Code, err)
		}
	}
	return nil
}

func (d settlement) people() error {
	for _, n := range d.file.People {
		p := n.person()
		p.Issuer, p.Subject = d.issuerURL, n.UserID
		if _, err := d.work.Enrol(d.ctx, d.first, nil, p); err != nil {
			return fmt.Errorf("person %s: %w", n.UserID, err)
		}
		if n.Role == "" {
			continue
		}
		r, err := d.work.Appoint(d.ctx, d.first, nil, caldicott.Appointment{
			UserID: n.UserID, OrgCode: n.OrgCode, Role: n.Role, ValidFrom: d.file.ValidFrom, Posts: n.Posts,
		})
		if err != nil {
			return fmt.Errorf("appointment of %s: %w", n.UserID, err)
		}
		if !caldicott.TwoPersonRole(n.Role) {
			continue
		}
		confirm := d.second
		confirm.IfMatch = r.Appointment.Revision
		if _, err := d.work.ConfirmAppointment(d.ctx, confirm, nil, r.Appointment.ID); err != nil {
			return fmt.Errorf("appointment of %s: %w", n.UserID, err)
		}
	}
	return nil
}

func (d settlement) assets() error {
	for _, a := range d.file.Assets {
		if _, err := d.work.RegisterAsset(d.ctx, d.first, nil, caldicott.Asset{Name: a.Name, Owner: a.Owner}); err != nil {
			return fmt.Errorf("asset of %s: %w", a.Owner, err)
		}
	}
	return nil
}

// demonstrate brings up everything on this machine and serves it until it is told to stop.
func demonstrate(t *tools, config Config, furnished house.Furnished, path string) error {
	if config.DatabaseURL != "" || config.OwnerURL != "" || config.ReaderURL != "" || config.Issuer != "" {
		return errors.New("a demonstration is never run beside a configured database or issuer: unset CALDICOTT_DATABASE_URL, CALDICOTT_OWNER_URL, CALDICOTT_READER_URL and CALDICOTT_OIDC_ISSUER")
	}
	file, err := readFounding(path)
	if err != nil {
		return err
	}
	if len(file.Administrators) != 2 {
		return fmt.Errorf("%s: a demonstration needs two administrators", path)
	}
	server, config, err := bringUp(t.ctx, t, config)
	if err != nil {
		return err
	}
	ctx, lost := context.WithCancelCause(t.ctx)
	defer lost(nil)
	go func() {
		<-server.Done()
		lost(errDatabaseEnded)
	}()
	err = perform(ctx, t, config, furnished, file, server.URL(demoDatabase))
	if cause := context.Cause(ctx); errors.Is(cause, errDatabaseEnded) {
		err = errors.Join(err, cause)
	}
	return errors.Join(err, server.Stop())
}

var errDatabaseEnded = errors.New("the embedded PostgreSQL has ended")

// perform migrates, puts the event triggers in place with the superuser's URL, lets people sign in, settles them and serves.
func perform(ctx context.Context, t *tools, config Config, furnished house.Furnished, file founding, superuser string) error {
	within := *t
	within.ctx = ctx // a database that is lost ends the migration too
	if err := migrate(&within, config, furnished); err != nil {
		return err
	}
	if _, err := postgres.Guard(ctx, superuser); err != nil {
		return err
	}
	signIn, err := startIssuer(ctx, config, file)
	if err != nil {
		return err
	}
	config.Issuer = signIn.URL()
	if config, err = demoKeys(config); err != nil {
		return errors.Join(err, signIn.Close())
	}
	db, err := openApplication(config, t.log)
	if err == nil {
		err = errors.Join(settle(ctx, config, furnished, caseworkOn(db, furnished), file, signIn.URL()), db.Close())
	}
	if err == nil {
		err = serve(ctx, t, config, furnished, func(address string) { welcome(t, config, address, signIn.URL()) })
	}
	return errors.Join(err, signIn.Close())
}

// welcome says where to look and what to try.
func welcome(t *tools, config Config, address, issuerURL string) {
	fmt.Fprintf(t.out, `
The Caldicott Guardian request service is up, with synthetic people and data only.

  API        http://%[1]s/api/v1        contract  http://%[1]s/openapi.yaml
  reference  http://%[1]s/docs
  sign-in    %[2]s                      data      %[3]s

Try, in another terminal (the README's walk-through goes on from here):

  token=$(bin/caldicott token u-req-research)
  curl -s http://%[1]s/api/v1/me -H "Authorization: Bearer $token"
  curl -s http://%[1]s/api/v1/requests -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d '{"kind":"ADVICE_ONLY","title":"May I ask?"}'

  bin/caldicott audit verify --keys %[3]s/keys      reads the whole trail again, and the log that it is sealed in

Ctrl-C stops it; the data stays.
`, address, issuerURL, config.Embedded.DataDir)
}
