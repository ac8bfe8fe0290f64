// Package housetest gives a test a house of its own: a fresh database, casework on it, and a clock that the test sets.
package housetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/pgtest"
	"github.com/caldicott/caldicott/internal/postgres"
)

// Logins of the tests' databases; roles belong to the whole server, so every test shares them.
const (
	appUser, appPassword       = "caldicott_test_app", "app"
	readerUser, readerPassword = "caldicott_test_reader", "reader"
	sealerUser, sealerPassword = "caldicott_test_sealer", "sealer"
)

// House is one test's house.
type House struct {
	house.Furnished
	Database pgtest.Database
	DB       *postgres.DB
	Service  *casework.Service
	Clock    *Clock
}

// Clock stands where the test puts it, and moves on by Step at every look.
type Clock struct {
	Step time.Duration // set it while nobody else looks

	mu  sync.Mutex
	now time.Time
}

// NewClock gives a clock that stands there and is moved by nobody's looking.
func NewClock(at time.Time) *Clock { return &Clock{now: at} }

// Now moves on and gives the instant.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(c.Step)
	return c.now
}

// At is where the clock stands, without a look at it.
func (c *Clock) At() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Put puts the clock.
func (c *Clock) Put(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

var furnish = sync.OnceValues(func() (house.Furnished, error) { return house.Furnish(nil) })

// Furnished reads policy and rules once for a test binary.
func Furnished(t testing.TB) house.Furnished {
	t.Helper()
	f, err := furnish()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// New opens a house on a fresh, migrated database. The clock stands on a Monday morning, and moves on by a second at every
// look, as no two deeds happen at once.
func New(t testing.TB) *House {
	t.Helper()
	f := Furnished(t)
	database := Database(t)
	db, err := postgres.Open(postgres.Settings{
		URL: AppURL(database), Application: "test", Connections: 16, StatementTimeout: 30 * time.Second,
	}, house.Scribe)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	clock := NewClock(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC))
	clock.Step = time.Second
	return &House{
		Furnished: f, Database: database, DB: db, Clock: clock,
		Service: &casework.Service{Store: db, Policy: f.Policy, House: f.House, Clock: clock.Now, NewID: house.NewID},
	}
}

// Database gives a fresh, migrated database.
func Database(t testing.TB) pgtest.Database {
	t.Helper()
	return pgtest.New(t, schema(t))
}

// OwnServer gives a migrated database on a server of the test's own, which may be killed.
func OwnServer(t testing.TB) *pgtest.Own {
	t.Helper()
	return pgtest.NewOwn(t, schema(t))
}

func schema(t testing.TB) pgtest.Schema {
	t.Helper()
	f := Furnished(t)
	key, err := postgres.MigrationsDigest(f.Migrations)
	if err != nil {
		t.Fatal(err)
	}
	return pgtest.Schema{Key: key, Migrate: func(ctx context.Context, superuser string) error {
		_, err := postgres.Migrate(ctx, superuser, f.Migrations, Logins())
		if err != nil {
			return fmt.Errorf("template: %w", err)
		}
		return nil
	}}
}

// Logins are those of the tests.
func Logins() []postgres.Login {
	return []postgres.Login{
		{User: appUser, Password: appPassword, Group: postgres.GroupApplication},
		{User: readerUser, Password: readerPassword, Group: postgres.GroupReader},
		{User: sealerUser, Password: sealerPassword, Group: postgres.GroupSealer},
	}
}

// AppURL is the database under the application's login.
func AppURL(d pgtest.Database) string { return d.As(appUser, appPassword) }

// ReaderURL is the database under the reader's login.
func ReaderURL(d pgtest.Database) string { return d.As(readerUser, readerPassword) }

// SealerURL is the database under the sealer's login.
func SealerURL(d pgtest.Database) string { return d.As(sealerUser, sealerPassword) }
