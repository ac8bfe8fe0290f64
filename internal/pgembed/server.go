package pgembed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lib/pq"
)

const superuser = "postgres"

// Server is a private PostgreSQL server that ends with this process.
type Server struct {
	config    Config
	port      int
	password  string
	throwaway string // directory to remove, "" when the data is kept
	cluster   *cluster
	process   *process
	stop      func() error
}

// Start brings up a server and returns when it answers. The context limits
// the start only, the fetching included; the server lives until Stop.
func Start(ctx context.Context, c Config) (*Server, error) {
	if !supported {
		return nil, fmt.Errorf("a private PostgreSQL server on this system: %w; bring your own and give its URL", errors.ErrUnsupported)
	}
	s := &Server{config: c.withDefaults()}
	s.stop = sync.OnceValue(s.halt)
	if c.DataDir == "" {
		parent := c.throwawayParent()
		sweepThrowaways(parent, time.Now())
		dir, err := makeThrowaway(parent)
		if err != nil {
			return nil, err
		}
		s.throwaway, s.config.DataDir = dir, dir
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	began := time.Now()
	var err error
	if s.cluster, err = openCluster(s.config.DataDir, s.config.Account); err != nil {
		return err
	}
	b, err := locate(ctx, s.config, s.cluster.who, s.cluster.major)
	if err != nil {
		return err
	}
	if err := s.cluster.reach(ctx, b); err != nil {
		return err
	}
	if s.cluster.major == 0 {
		if err := s.cluster.initialise(ctx, b, s.throwaway != ""); err != nil {
			return err
		}
	}
	if s.password, err = s.cluster.secret(); err != nil {
		return err
	}
	if err := s.launch(ctx, b); err != nil {
		return err
	}
	s.config.Log.Info("private PostgreSQL is ready", "version", b.version, "from", b.source, "programs", b.dir,
		"data", s.cluster.dir, "port", s.port, "account", s.cluster.who.name, "took", time.Since(began).Round(time.Millisecond).String())
	return nil
}

// launch starts the server, trying again where another program has just taken
// the port, or where a predecessor that lost its parent is still closing.
func (s *Server) launch(ctx context.Context, b binaries) error {
	const handover = 15 * time.Second
	const ports = 5
	deadline := time.Now().Add(handover)
	for tries := 1; ; tries++ {
		err := s.attempt(ctx, b)
		said := fmt.Sprint(err)
		switch {
		case err == nil:
			return s.answer(ctx)
		case strings.Contains(said, "could not bind") && s.config.Port == 0 && tries < ports:
		case strings.Contains(said, "could not bind"):
			return fmt.Errorf("port %d on 127.0.0.1 is taken; set another, or 0 for any: %w", s.port, err)
		case !strings.Contains(said, "postmaster.pid") && !strings.Contains(said, "shared memory block"):
			return err
		case time.Now().After(deadline):
			return fmt.Errorf("%w: a server whose owner has gone still runs on it: %w", ErrInUse, err)
		default:
			// The predecessor is not our child: the only sign of its end is
			// that the lock it holds can be had.
			if err := pause(ctx, 200*time.Millisecond); err != nil {
				return err
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the previous server to close: %w", ctx.Err())
	}
}

// attempt starts the server once, on the port asked for or on a free one.
func (s *Server) attempt(ctx context.Context, b binaries) error {
	if s.port = s.config.Port; s.port == 0 {
		var err error
		if s.port, err = freePort(ctx); err != nil {
			return err
		}
	}
	cmd := b.command(context.WithoutCancel(ctx), s.cluster.who, s.cluster.dir, "postgres", s.arguments()...)
	p, err := startProcess(cmd, s.config.Log)
	if err != nil {
		return err
	}
	if err := p.await(ctx); err != nil {
		return err
	}
	s.process = p
	return nil
}

// arguments are the server's settings. There is no socket file, so no path
// can be too long; and errors in statements go to the caller alone, since
// they quote what was typed, which a log must not.
func (s *Server) arguments() []string {
	args := []string{"-D", s.cluster.data(), "-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-k", "",
		"-c", "logging_collector=off", "-c", "log_destination=stderr", "-c", "log_min_messages=log", "-c", "log_min_error_statement=panic",
		"-c", "timezone=UTC", "-c", "log_timezone=UTC"}
	if s.throwaway != "" {
		args = append(args, "-F", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
			"-c", "max_connections=200", "-c", "shared_buffers=64MB", "-c", "autovacuum=off",
			"-c", "min_wal_size=32MB", "-c", "max_wal_size=256MB")
	}
	return args
}

// answer proves that the server on our port is ours: it knows our password.
func (s *Server) answer(ctx context.Context) error {
	connector, err := pq.NewConnector(s.URL("postgres"))
	if err != nil {
		return fmt.Errorf("form the server's URL: %w", err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	if err := db.PingContext(ctx); err != nil {
		return fmt.Errorf("speak to the new server: %w", err)
	}
	return nil
}

// URL is how the superuser reaches a database of this server.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(superuser, s.password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Done is closed when the server has ended, by Stop or by itself.
func (s *Server) Done() <-chan struct{} { return s.process.done }

// Stop ends the server, releases its data and removes it if it is throwaway.
// A second call answers as the first did.
func (s *Server) Stop() error { return s.stop() }

func (s *Server) halt() error {
	var errs []error
	if s.process != nil {
		errs = append(errs, s.end())
	}
	if s.throwaway != "" {
		if err := os.RemoveAll(s.throwaway); err != nil {
			errs = append(errs, fmt.Errorf("remove the throwaway data: %w", err))
		}
	}
	if s.cluster != nil {
		errs = append(errs, s.cluster.close())
	}
	return errors.Join(errs...)
}

// end ends the server's process: in order, or at once when nothing is kept.
func (s *Server) end() error {
	select {
	case <-s.process.done:
		return fmt.Errorf("the server had ended by itself: %s", s.process.said)
	default:
	}
	if s.throwaway != "" {
		s.process.halt(syscall.SIGQUIT)
		return nil
	}
	if !s.process.halt(syscall.SIGINT) {
		return fmt.Errorf("the server did not close in order; it will recover at its next start: %s", s.process.said)
	}
	return nil
}

// freePort asks the kernel for a port nobody uses at this moment.
func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("find a free port: %s is no TCP address", l.Addr())
	}
	return address.Port, nil
}
