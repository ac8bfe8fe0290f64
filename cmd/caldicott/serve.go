package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/postgres"
	"github.com/caldicott/caldicott/internal/rest"
	"github.com/caldicott/caldicott/internal/server"
)

// serveCommand serves the API until it is told to stop.
type serveCommand struct {
	Demonstration string `type:"existingfile" placeholder:"FILE" help:"Bring everything up on this machine with the people of this file: embedded PostgreSQL, schema, sign-in. Never beside a configured database or issuer."`
}

// Run serves, and stops in good order: what is under way is finished, then the database is let go.
func (c *serveCommand) Run(t *tools) error {
	config, err := load(t.env)
	if err != nil {
		return err
	}
	t.log = logger(t, config.LogLevel)
	furnished, err := house.Furnish(config.Closures)
	if err != nil {
		return err
	}
	if c.Demonstration != "" {
		return demonstrate(t, config, furnished, c.Demonstration)
	}
	for _, s := range []struct{ name, value string }{
		{"CALDICOTT_DATABASE_URL", config.DatabaseURL}, {"CALDICOTT_READER_URL", config.ReaderURL}, {"CALDICOTT_OIDC_ISSUER", config.Issuer},
	} {
		if s.value == "" {
			return fmt.Errorf("serve needs %s (or --demonstration deploy/demonstration.json to try it)", s.name)
		}
	}
	return serve(t.ctx, t, config, furnished, func(string) {})
}

func logger(t *tools, level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	return slog.New(slog.NewJSONHandler(t.err, &slog.HandlerOptions{Level: l}))
}

// serve opens the house and listens; ready is told the address once it answers.
func serve(ctx context.Context, t *tools, config Config, furnished house.Furnished, ready func(address string)) error {
	db, err := openApplication(config, t.log)
	if err != nil {
		return err
	}
	reader, err := postgres.OpenReader(postgres.Settings{
		URL: config.ReaderURL, Application: "caldicott history", Connections: rest.MostExports + max(2, config.Connections/4), StatementTimeout: config.StatementTimeout,
	})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	notary, err := openNotary(config, reader)
	if err == nil {
		err = errors.Join(open(ctx, t, config, furnished, db, notary, ready), notary.close())
	}
	return errors.Join(err, reader.Close(), db.Close())
}

// open serves, and keeps beside it, until the context ends or one of the two does.
func open(ctx context.Context, t *tools, config Config, furnished house.Furnished, db *postgres.DB, notary *notaryOffice, ready func(string)) error {
	around, err := reach(config, db)
	if err != nil {
		return err
	}
	work := caseworkOn(db, furnished)
	around.furnish(work)
	receipts, err := openReceipts(config, t.log)
	if err != nil {
		return err
	}
	work.Promise = receipts.promise
	handler, err := wire(t, config, furnished, work, db, notary, receipts)
	if err != nil {
		return err
	}
	if err := work.Started(ctx); err != nil {
		return err
	}
	if err := notary.attest(ctx, work); err != nil {
		return err
	}
	if err := notary.introduce(ctx, work, receipts.keys); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	kept := make(chan error, 1)
	go func() {
		defer stop() // a keeper that cannot go on is not silently missing
		if !config.Keeper {
			<-ctx.Done()
			kept <- nil
			return
		}
		kept <- keep(ctx, config, around, work, db, notary, t.log)
	}()
	err = listen(ctx, t, config, handler, ready)
	stop()
	return errors.Join(err, <-kept)
}

// listen serves until the context ends, then lets requests under way finish.
func listen(ctx context.Context, t *tools, config Config, handler http.Handler, ready func(string)) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", config.Address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := server.HTTP(config.Address, handler, t.log)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.log.Info("serving", "address", listener.Addr().String())
	ready(listener.Addr().String())
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	t.log.Info("stopping")
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), config.StopWithin)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return errors.Join(fmt.Errorf("requests under way did not end in time: %w", err), server.Close())
	}
	t.log.Info("stopped")
	return nil
}
