package postgres

import (
	"context"
	"database/sql/driver"
	_ "embed"
	"fmt"
	"io/fs"
	"strconv"
)

// GuardSQL installs the event triggers. Only a superuser may run it, and on some servers nobody may.
//
//go:embed guard.sql
var GuardSQL string

// guards is how many event triggers GuardSQL makes.
const guards = 3

// Guard installs the event triggers where the login is a superuser's, and says whether they are there and are awake.
func Guard(ctx context.Context, url string) (bool, error) {
	db, err := openOwner(url)
	if err != nil {
		return false, err
	}
	defer db.Close() //nolint:errcheck // nothing was promised about this connection
	var super bool
	if err := db.QueryRowContext(ctx, `SELECT rolsuper FROM pg_roles WHERE rolname = current_user`).Scan(&super); err != nil {
		return false, fmt.Errorf("guard: %w", err)
	}
	if super {
		if _, err := db.ExecContext(ctx, GuardSQL); err != nil {
			return false, fmt.Errorf("guard: %w", err)
		}
	}
	var awake int
	const query = `SELECT count(*) FROM pg_event_trigger WHERE evtname LIKE 'caldicott\_%' AND evtenabled = 'A'`
	if err := db.QueryRowContext(ctx, query).Scan(&awake); err != nil {
		return false, fmt.Errorf("guard: %w", err)
	}
	return awake == guards, nil
}

// releasing opens connections that say which migration they bring: the event triggers let them define something.
type releasing struct {
	driver.Connector
	version int64
}

func releaseOf(c driver.Connector, files fs.FS) (driver.Connector, error) {
	newest, err := newestMigration(files)
	return releasing{c, newest}, err
}

// Connect opens one.
func (r releasing) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := r.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	e, ok := c.(driver.ExecerContext)
	if !ok {
		return nil, fmt.Errorf("release: the driver executes nothing")
	}
	if _, err := e.ExecContext(ctx, "SET caldicott.release = "+strconv.FormatInt(r.version, 10), nil); err != nil {
		return nil, fmt.Errorf("release: %w", err)
	}
	return c, nil
}
