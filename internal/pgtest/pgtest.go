// Package pgtest gives each test a fresh, migrated database.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// setting names the one thing tests read from the environment: the URL of a
// superuser on a server whose databases may be made and dropped. The product's
// own database setting is never read, so no test can touch real data.
const setting = "TEST_DATABASE_URL"

// Schema is what a fresh database holds.
type Schema struct {
	// Key is a digest of the migrations: the same key, the same tables.
	Key string
	// Migrate makes the tables in the database of the superuser's URL. It is
	// called once for each key, however many test binaries ask.
	Migrate func(ctx context.Context, superuserURL string) error
}

// Database is one test's own.
type Database struct {
	Name string
	// Superuser is the URL of the database for the account that may do all.
	Superuser string
}

// As is the URL of the database for another role.
func (d Database) As(user, password string) string {
	u, err := url.Parse(d.Superuser)
	if err != nil {
		panic("pgtest: a database whose URL was not made by New: " + err.Error())
	}
	u.User = url.UserPassword(user, password)
	return u.String()
}

// ready is true while Main runs: New needs Main to stop what it starts.
var ready atomic.Bool

// current is the server this test binary uses, started by the first New.
var current = new(server)

// Main runs a package's tests and then stops the server they may have
// started. Every package that calls New needs it, once:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
func Main(m *testing.M) int {
	ready.Store(true)
	code := m.Run()
	ready.Store(false)
	if err := current.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		return max(code, 1)
	}
	return code
}

// New gives the test a database of its own, cloned from a template that is
// migrated once. It is dropped when the test ends. Where there is no server
// to be had the test fails, and says what to do: it is never skipped.
func New(t testing.TB, s Schema) Database {
	t.Helper()
	if !ready.Load() {
		t.Fatal("this package's tests ask for a database but have no TestMain: " +
			"add func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }")
	}
	if err := current.start(); err != nil {
		t.Fatalf("there is no database to test with: set %s to a superuser's URL (make test does), or let one be started: %v", setting, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	d, err := current.clone(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := current.drop(ctx, d.Name); err != nil {
			t.Error(err)
		}
	})
	return d
}

// patience bounds each step, so that a hang is a failure with a name. It is
// long, because the first step of all may be waiting for other binaries.
const patience = 2 * time.Minute

// clone copies the schema's template into a database of a new name.
func (s *server) clone(ctx context.Context, schema Schema) (Database, error) {
	template, err := s.template(ctx, schema)
	if err != nil {
		return Database{}, err
	}
	name := "test_" + strings.ToLower(rand.Text())
	// Copying files beats replaying them through the log, which is what the
	// default strategy does: a test's database is small and not precious.
	if _, err := s.admin.ExecContext(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template+" STRATEGY file_copy"); err != nil {
		return Database{}, fmt.Errorf("clone the template database: %w", err)
	}
	return Database{Name: name, Superuser: s.at(name)}, nil
}

func (s *server) drop(ctx context.Context, name string) error {
	if _, err := s.admin.ExecContext(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop the test's database: %w", err)
	}
	return nil
}

// check refuses a schema that would make a template nobody can tell apart.
func (s Schema) check() error {
	if s.Key == "" || s.Migrate == nil {
		return errors.New("a test's schema needs both a key and a migration")
	}
	return nil
}
