package main

import (
	"errors"
	"log/slog"
	"net/url"
	"time"

	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/postgres"
)

// caseworkOn puts casework on a store.
func caseworkOn(db *postgres.DB, f house.Furnished) *casework.Service {
	return &casework.Service{Store: db, Policy: f.Policy, House: f.House, Clock: time.Now, NewID: house.NewID}
}

// openApplication connects with the application's login.
func openApplication(c Config, log *slog.Logger) (*postgres.DB, error) {
	return postgres.Open(postgres.Settings{
		URL: c.DatabaseURL, Application: "caldicott", Connections: c.Connections, StatementTimeout: c.StatementTimeout, Log: log,
	}, house.Scribe)
}

// atWork does something of casework with the application's login, for a command that serves nothing.
func atWork(t *tools, c Config, f func(*casework.Service) error) error {
	furnished, err := house.Furnish(c.Closures)
	if err != nil {
		return err
	}
	db, err := openApplication(c, t.log)
	if err != nil {
		return err
	}
	return errors.Join(f(caseworkOn(db, furnished)), db.Close())
}

// as is the same database under another login.
func as(raw, user, password string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw // it came from the embedded server, whose URLs parse
	}
	u.User = url.UserPassword(user, password)
	return u.String()
}
