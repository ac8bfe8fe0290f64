package pgembed

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lib/pq"
)

// openDir is a temporary directory that another account may enter, which
// t.TempDir is not.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgembed-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // see above
		t.Fatal(err)
	}
	return dir
}

// throwaway is the server these tests use, from where the settings say.
func throwaway() Config {
	c := FromEnv(os.Getenv)
	c.DataDir = ""
	return c
}

// keeping is the same with data that is kept.
func keeping(dir string) Config {
	c := throwaway()
	c.DataDir = dir
	return c
}

// begin starts a server that the test's end stops, if the test has not.
func begin(t *testing.T, c Config) *Server {
	t.Helper()
	s, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

func connect(t *testing.T, url string) *sql.DB {
	t.Helper()
	connector, err := pq.NewConnector(url)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func ask(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	var answer string
	if err := db.QueryRowContext(t.Context(), query).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

func do(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
}

func TestAThrowawayServerIsPreparedForTestsAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	s := begin(t, throwaway())
	db := connect(t, s.URL("postgres"))
	for query, want := range map[string]string{
		"SHOW fsync":              "off",
		"SHOW synchronous_commit": "off",
		"SHOW full_page_writes":   "off",
		"SHOW max_connections":    "200",
		"SHOW data_checksums":     "on",
		"SHOW server_encoding":    "UTF8",
		"SHOW lc_collate":         "C",
		"SHOW timezone":           "UTC",
		"SHOW listen_addresses":   "127.0.0.1",
		"SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules":                          "scram-sha-256",
		`SELECT string_agg(w, '' ORDER BY w COLLATE "en-GB-x-icu") FROM unnest('{b,É,a,Z}'::text[]) w`: "abÉZ",
	} {
		if got := ask(t, db, query); got != want {
			t.Errorf("%s answers %q, not %q", query, got, want)
		}
	}
	stop(t, s)
	<-s.Done()
	if _, err := os.Stat(s.throwaway); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the throwaway directory is still there: %v", err)
	}
	stop(t, s) // a second time is no error
}

func TestDataOutlivesItsServer(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "data")
	s := begin(t, keeping(dir))
	db := connect(t, s.URL("postgres"))
	do(t, db, "CREATE DATABASE caldicott")
	do(t, connect(t, s.URL("caldicott")), "CREATE TABLE kept AS SELECT 'the row' AS what")
	if got := ask(t, db, "SHOW fsync"); got != "on" {
		t.Errorf("fsync is %s for data that is to be kept", got)
	}
	stop(t, s)

	// What a crash in the middle of initdb would leave must not matter.
	if err := os.Mkdir(filepath.Join(dir, "cluster.new"), 0o700); err != nil {
		t.Fatal(err)
	}
	again := begin(t, keeping(dir))
	if got := ask(t, connect(t, again.URL("caldicott")), "SELECT what FROM kept"); got != "the row" {
		t.Errorf("after a restart the table holds %q", got)
	}
	stop(t, again)
}

func TestTheDataAndThePasswordAreClosedToOthers(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "data")
	stop(t, begin(t, keeping(dir)))
	for name, want := range map[string]fs.FileMode{"": 0o755, "cluster": 0o700, "password": 0o600, "lock": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("data/%s is %#o, not %#o", name, got, want)
		}
		if uid, _, ok := owner(filepath.Join(dir, name)); name != "cluster" && ok && uid != os.Geteuid() {
			t.Errorf("data/%s belongs to uid %d, not to us", name, uid)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.password"))
	if err != nil || len(left) > 0 {
		t.Errorf("copies of the password are left: %v %v", left, err)
	}
}

func TestASecondServerOnTheSameDataIsRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "data")
	s := begin(t, keeping(dir))
	second, err := Start(t.Context(), keeping(dir))
	if !errors.Is(err, ErrInUse) {
		t.Fatalf("a second server: %v, %v", second, err)
	}
	if got := ask(t, connect(t, s.URL("postgres")), "SELECT 'well'"); got != "well" {
		t.Errorf("the first server answers %q", got)
	}
}

func TestAPortThatIsTakenIsNamed(t *testing.T) {
	t.Parallel()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	c := throwaway()
	c.Port = number
	if _, err := Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), "port "+port+" on 127.0.0.1 is taken") {
		t.Errorf("starting on a taken port: %v", err)
	}
}

func TestAWrongPasswordIsRefused(t *testing.T) {
	t.Parallel()
	s := begin(t, throwaway())
	u, err := url.Parse(s.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(superuser, "guess")
	err = connect(t, u.String()).PingContext(t.Context())
	if refused, ok := errors.AsType[*pq.Error](err); !ok || refused.Code != "28P01" {
		t.Errorf("a guess is answered with %v", err)
	}
}

func TestAServerThatDiesSaysSo(t *testing.T) {
	t.Parallel()
	s := begin(t, keeping(filepath.Join(openDir(t), "data")))
	if err := s.process.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	if err := s.Stop(); err == nil || !strings.Contains(err.Error(), "ended by itself") {
		t.Errorf("stopping a dead server: %v", err)
	}
}

func TestTheServersLogDoesNotRepeatWhatWasTyped(t *testing.T) {
	t.Parallel()
	s := begin(t, throwaway())
	db := connect(t, s.URL("postgres"))
	for _, statement := range []string{
		"SELECT 'Mrs Smith'::uuid",                                   // an error that quotes its input
		"SELECT pg_terminate_backend(pg_backend_pid()), 'Mrs Smith'", // an end that would quote its statement
	} {
		if _, err := db.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("%s went well", statement)
		}
	}
	stop(t, s)
	if said := s.process.said.String(); strings.Contains(said, "Smith") || !strings.Contains(said, "terminating connection") {
		t.Errorf("the log says:\n%s", said)
	}
}

func TestAStartThatIsCalledOffLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "data")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, keeping(dir)); !errors.Is(err, context.Canceled) {
		t.Fatalf("a start that was called off: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "cluster")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a cluster was made all the same: %v", err)
	}
	stop(t, begin(t, keeping(dir)))
}

func TestOnlyAbandonedThrowawaysAreSwept(t *testing.T) {
	t.Parallel()
	tmp := openDir(t)
	now := time.Now()
	long := now.Add(-time.Hour)
	for name, made := range map[string]time.Time{"abandoned": long, "held": long, "new": now} {
		dir := filepath.Join(tmp, throwawayPrefix+name)
		if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // as makeThrowaway makes them
			t.Fatal(err)
		}
		if name == "held" {
			cl := &cluster{dir: dir}
			if err := cl.own(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cl.close() })
		}
		if err := os.Chtimes(dir, made, made); err != nil {
			t.Fatal(err)
		}
	}
	sweepThrowaways(tmp, now)
	for name, want := range map[string]bool{"abandoned": false, "held": true, "new": true} {
		_, err := os.Stat(filepath.Join(tmp, throwawayPrefix+name))
		if kept := err == nil; kept != want {
			t.Errorf("%s: kept is %t, not %t", name, kept, want)
		}
	}
}
