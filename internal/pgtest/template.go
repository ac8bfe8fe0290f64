package pgtest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// buildLock is the advisory lock under which templates are made, one at a
// time on the whole server: test binaries race, and migrations also make
// roles, which all databases share. Advisory locks belong to a database, so
// it is only ever taken on the maintenance database.
const buildLock = 0x0CA1D1C0

// templates remembers which templates this process knows to be whole.
type templates struct {
	mu    sync.Mutex
	whole map[string]bool
}

// templateName makes any key fit for a database's name.
func (s Schema) templateName() string {
	digest := sha256.Sum256([]byte(s.Key))
	return fmt.Sprintf("template_%x", digest[:12])
}

// template answers the name of the schema's template database, making it if
// no test binary has yet.
func (s *server) template(ctx context.Context, schema Schema) (string, error) {
	if err := schema.check(); err != nil {
		return "", err
	}
	name := schema.templateName()
	s.templates.mu.Lock()
	defer s.templates.mu.Unlock()
	if s.templates.whole[name] {
		return name, nil
	}
	if err := s.locked(ctx, func(conn *sql.Conn) error { return s.build(ctx, conn, name, schema) }); err != nil {
		return "", err
	}
	if s.templates.whole == nil {
		s.templates.whole = make(map[string]bool)
	}
	s.templates.whole[name] = true
	return name, nil
}

// locked runs f while one session holds the build lock. If that session or
// this process dies, the server lets go of the lock by itself.
func (s *server) locked(ctx context.Context, f func(*sql.Conn) error) error {
	conn, err := s.admin.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect to the maintenance database: %w", err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", buildLock); err != nil {
		return fmt.Errorf("wait for another test binary's template: %w", err)
	}
	err = f(conn)
	if _, unlockErr := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", buildLock); unlockErr != nil {
		return errors.Join(err, fmt.Errorf("let go of the template lock: %w", unlockErr))
	}
	return err
}

// build makes the template. It is marked as a template only when whole: one
// without the mark was left by a process that died, and is made anew.
func (s *server) build(ctx context.Context, conn *sql.Conn, name string, schema Schema) error {
	var whole bool
	err := conn.QueryRowContext(ctx, "SELECT datistemplate FROM pg_database WHERE datname = $1", name).Scan(&whole)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("look for the template database: %w", err)
	}
	if whole {
		return nil
	}
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + name + " WITH (FORCE)", "CREATE DATABASE " + name + " TEMPLATE template0 ENCODING 'UTF8'"} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("make the template database: %w", err)
		}
	}
	if err := schema.Migrate(ctx, s.at(name)); err != nil {
		return fmt.Errorf("migrate the template database: %w", err)
	}
	// Closed to connections, or one left open would forbid every clone.
	if _, err := conn.ExecContext(ctx, "ALTER DATABASE "+name+" WITH IS_TEMPLATE true ALLOW_CONNECTIONS false"); err != nil {
		return fmt.Errorf("close the template database: %w", err)
	}
	return nil
}
