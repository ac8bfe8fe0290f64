package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/pgembed"
)

// Own is a server of one test's own, which keeps what it is told: for tests
// that kill it, and for figures that must not leave out the disk.
type Own struct {
	config pgembed.Config
	server *pgembed.Server
}

const ownDatabase = "house"

// NewOwn starts a server with one migrated database. It ends with the test.
func NewOwn(t testing.TB, s Schema) *Own {
	t.Helper()
	if err := s.check(); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "pgtest-own-") // another account may have to enter, which t.TempDir forbids
	if err != nil {
		t.Fatal(err)
	}
	o := &Own{config: pgembed.FromEnv(os.Getenv)}
	o.config.DataDir, o.config.Port = filepath.Join(dir, "data"), 0
	t.Cleanup(func() {
		if err := errors.Join(o.stop(), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the data inside is 0700
		t.Fatal(err)
	}
	o.Start(t)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := o.furnish(ctx, s); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *Own) furnish(ctx context.Context, s Schema) error {
	connector, err := pq.NewConnector(o.server.URL("postgres"))
	if err != nil {
		return fmt.Errorf("form the server's URL: %w", err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+ownDatabase+" TEMPLATE template0 ENCODING 'UTF8'"); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	return s.Migrate(ctx, o.Database().Superuser)
}

// Database is the server's one database. After a new start it may be at another port.
func (o *Own) Database() Database {
	return Database{Name: ownDatabase, Superuser: o.server.URL(ownDatabase)}
}

// Start starts the server on its data, after Kill.
func (o *Own) Start(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), fetching)
	defer cancel()
	server, err := pgembed.Start(ctx, o.config)
	if err != nil {
		t.Fatal(err)
	}
	o.server = server
}

// Kill ends the server as a SIGKILL does: nothing is put in order.
func (o *Own) Kill(t testing.TB) {
	t.Helper()
	lock, err := os.ReadFile(filepath.Join(o.config.DataDir, "cluster", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(lock), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		t.Fatal(err)
	}
	process, err := os.FindProcess(pid)
	if err == nil {
		err = process.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
	<-o.server.Done()
	_ = o.server.Stop() // says that it ended badly, and lets go of the data
}

func (o *Own) stop() error {
	if o.server == nil {
		return nil
	}
	select {
	case <-o.server.Done(): // killed, and not started again
		return nil
	default:
		return o.server.Stop()
	}
}
