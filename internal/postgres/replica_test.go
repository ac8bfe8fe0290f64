package postgres_test

import (
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/postgres"
)

// replica is one replica's own pool on a database that others use too.
func replica(t testing.TB, url, name string) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(postgres.Settings{URL: url, Application: name, Connections: 4, StatementTimeout: 10 * time.Second}, house.Scribe)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// soon waits for a signal that must come.
func soon[T any](t testing.TB, signal <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-signal:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("waited in vain: %s", what)
		panic("not reached")
	}
}
