package main

import (
	"errors"
	"fmt"

	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/postgres"
)

// migrateCommand brings the schema up to date, or says how far behind it is.
type migrateCommand struct {
	Status bool `help:"Only say how many migrations the database lacks; exit 1 if any."`
	Guard  bool `help:"Only print the SQL by which a superuser keeps everybody but a release from changing what is defined."`
}

// Run migrates as the owner and gives the logins of application, reader and sealer their rights.
func (c *migrateCommand) Run(t *tools) error {
	if c.Guard {
		_, err := fmt.Fprint(t.out, postgres.GuardSQL)
		return err
	}
	config, err := load(t.env)
	if err != nil {
		return err
	}
	if config.OwnerURL == "" {
		return errors.New("migrate needs CALDICOTT_OWNER_URL")
	}
	furnished, err := house.Furnish(config.Closures)
	if err != nil {
		return err
	}
	if c.Status {
		lacking, err := postgres.Pending(t.ctx, config.OwnerURL, furnished.Migrations)
		if err != nil {
			return err
		}
		fmt.Fprintf(t.out, "%d migrations are lacking\n", lacking)
		if lacking > 0 {
			return exit(exitFault)
		}
		return nil
	}
	return migrate(t, config, furnished)
}

// migrate runs what is lacking and puts that on the record.
func migrate(t *tools, config Config, furnished house.Furnished) error {
	var logins []postgres.Login
	for _, l := range []struct{ url, group string }{
		{config.DatabaseURL, postgres.GroupApplication}, {config.ReaderURL, postgres.GroupReader}, {config.SealerURL, postgres.GroupSealer},
	} {
		if l.url == "" {
			continue
		}
		login, err := postgres.LoginOf(l.url, l.group)
		if err != nil {
			return err
		}
		logins = append(logins, login)
	}
	ran, err := postgres.Migrate(t.ctx, config.OwnerURL, furnished.Migrations, logins)
	if err != nil {
		return err
	}
	if ran > 0 {
		if err := asOwner(config, furnished, func(s *casework.Service) error { return s.Migrated(t.ctx, ran) }); err != nil {
			return err
		}
	}
	guarded, err := postgres.Guard(t.ctx, config.OwnerURL)
	if err != nil {
		return err
	}
	t.log.Info("migrated", "migrations", ran, "guarded", guarded)
	return nil
}

// asOwner does something of casework with the owner's login.
func asOwner(config Config, furnished house.Furnished, f func(*casework.Service) error) error {
	db, err := postgres.Open(postgres.Settings{
		URL: config.OwnerURL, Application: "caldicott owner", Connections: 2, StatementTimeout: config.StatementTimeout,
	}, house.Scribe)
	if err != nil {
		return err
	}
	return errors.Join(f(caseworkOn(db, furnished)), db.Close())
}
