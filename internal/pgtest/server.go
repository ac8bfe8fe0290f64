package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/pgembed"
)

// fetching bounds the start, which on a bare machine downloads a server.
const fetching = 5 * time.Minute

// server is where the databases are made: the one in the environment, or a
// throwaway of our own.
type server struct {
	once      sync.Once
	err       error
	url       *url.URL
	admin     *sql.DB // on the maintenance database
	own       *pgembed.Server
	templates templates
}

// start finds or starts the server, once: if that failed, every test says why.
func (s *server) start() error {
	s.once.Do(func() { s.err = s.open() })
	return s.err
}

func (s *server) open() error {
	ctx, cancel := context.WithTimeout(context.Background(), fetching)
	defer cancel()
	given := os.Getenv(setting)
	if given == "" {
		c := pgembed.FromEnv(os.Getenv)
		c.DataDir = "" // throwaway, whatever the product is told to keep
		own, err := pgembed.Start(ctx, c)
		if err != nil {
			return err
		}
		s.own = own
		given = own.URL("postgres")
	}
	var err error
	if s.url, err = url.Parse(given); err != nil || s.url.Host == "" {
		return fmt.Errorf("%s is not of the form postgres://user:password@host:port/postgres", setting) // without the text: it holds a password
	}
	connector, err := pq.NewConnector(s.at("postgres"))
	if err != nil {
		return fmt.Errorf("read %s: %w", setting, err)
	}
	s.admin = sql.OpenDB(connector)
	if err := s.admin.PingContext(ctx); err != nil {
		return fmt.Errorf("reach the server of the tests at %s: %w", s.url.Host, err)
	}
	return nil
}

func (s *server) stop() error {
	var errs []error
	if s.admin != nil {
		errs = append(errs, s.admin.Close())
	}
	if s.own != nil {
		errs = append(errs, s.own.Stop())
	}
	return errors.Join(errs...)
}

// at is the superuser's URL of a database on this server.
func (s *server) at(database string) string {
	u := *s.url
	u.Path = "/" + database
	return u.String()
}
