package pgtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lib/pq"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

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

func do(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func count(t *testing.T, db *sql.DB, query string, args ...any) int {
	t.Helper()
	var n int
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// requests is a new schema of one table, as migrations would make it. Its
// template goes with the test, since the server may be a lasting one.
func requests(t testing.TB) Schema {
	t.Helper()
	if err := current.start(); err != nil {
		t.Fatal(err)
	}
	s := Schema{Key: t.Name() + rand.Text(), Migrate: func(ctx context.Context, url string) error {
		return execute(ctx, url, "CREATE TABLE requests (title text)")
	}}
	t.Cleanup(func() { discard(t, s) })
	return s
}

// discard drops a schema's template.
func discard(t testing.TB, s Schema) {
	t.Helper()
	for _, statement := range []string{"ALTER DATABASE " + s.templateName() + " IS_TEMPLATE false", "DROP DATABASE " + s.templateName()} {
		if err := execute(context.Background(), current.at("postgres"), statement); err != nil {
			t.Error(err)
		}
	}
}

func execute(ctx context.Context, url, statement string) error {
	connector, err := pq.NewConnector(url)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	_, err = db.ExecContext(ctx, statement)
	return err
}

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	s := requests(t)
	for i := range 10 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			db := connect(t, New(t, s).Superuser)
			do(t, db, "INSERT INTO requests VALUES ('one')")
			if n := count(t, db, "SELECT count(*) FROM requests"); n != 1 {
				t.Errorf("%d rows are in the table, not the one of this test", n)
			}
		})
	}
}

func TestADatabaseGoesWithItsTestEvenWhenItIsInUse(t *testing.T) {
	t.Parallel()
	var d Database
	var left *sql.DB
	s := requests(t)
	t.Run("a test that leaves a connection open", func(t *testing.T) {
		d = New(t, s)
		connector, err := pq.NewConnector(d.Superuser)
		if err != nil {
			t.Fatal(err)
		}
		left = sql.OpenDB(connector)
		do(t, left, "SELECT 1")
	})
	defer left.Close()
	if n := count(t, current.admin, "SELECT count(*) FROM pg_database WHERE datname = $1", d.Name); n != 0 {
		t.Error("the database is still there")
	}
}

func TestASchemaIsMigratedOnceHoweverManyTestsAsk(t *testing.T) {
	t.Parallel()
	var times atomic.Int32
	s := requests(t)
	migrate := s.Migrate
	s.Migrate = func(ctx context.Context, url string) error {
		times.Add(1)
		return migrate(ctx, url)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := current.template(t.Context(), s); err != nil {
				t.Error(err)
			}
		})
	}
	New(t, s)
	all.Wait()
	if n := times.Load(); n != 1 {
		t.Errorf("migrated %d times", n)
	}
}

// racerSetting makes a test binary one of several that race for a template.
// Its value is the template's key.
const racerSetting = "PGTEST_RACE"

// TestARacer is no test by itself: it is what TestSeveralTestBinariesMakeOneTemplate runs.
func TestARacer(t *testing.T) {
	t.Parallel()
	key := os.Getenv(racerSetting)
	if key == "" {
		return
	}
	s := Schema{Key: key, Migrate: func(ctx context.Context, url string) error {
		// Roles are shared by all databases: a second one would be refused.
		return execute(ctx, url, "CREATE ROLE "+key)
	}}
	connect(t, New(t, s).Superuser)
}

func TestSeveralTestBinariesMakeOneTemplate(t *testing.T) {
	t.Parallel()
	if err := current.start(); err != nil {
		t.Fatal(err)
	}
	role := "racer_" + strings.ToLower(rand.Text())
	t.Cleanup(func() {
		discard(t, Schema{Key: role})
		if err := execute(context.Background(), current.at("postgres"), "DROP ROLE "+role); err != nil {
			t.Error(err)
		}
	})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestARacer$") //nolint:gosec // this very program
			cmd.Env = append(os.Environ(), racerSetting+"="+role, setting+"="+current.at("postgres"))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	all.Wait()
}

func TestATemplateThatWasLeftHalfMadeIsMadeAnew(t *testing.T) {
	t.Parallel()
	broken := errors.New("the migration has died")
	s := requests(t)
	migrate := s.Migrate
	s.Migrate = func(ctx context.Context, url string) error {
		return errors.Join(execute(ctx, url, "CREATE TABLE requests (half text)"), broken)
	}
	if _, err := current.template(t.Context(), s); !errors.Is(err, broken) {
		t.Fatalf("a migration that dies: %v", err)
	}
	s.Migrate = migrate
	do(t, connect(t, New(t, s).Superuser), "INSERT INTO requests (title) VALUES ('whole')")
}

func TestAnotherRoleReachesTheDatabaseByItsOwnPassword(t *testing.T) {
	t.Parallel()
	d := New(t, requests(t))
	role := "role_" + d.Name
	db := connect(t, d.Superuser)
	do(t, db, "CREATE ROLE "+role+" LOGIN PASSWORD 'p@ss/word'")
	t.Cleanup(func() {
		if err := execute(context.Background(), current.at("postgres"), "DROP ROLE "+role); err != nil {
			t.Error(err)
		}
	})
	if n := count(t, connect(t, d.As(role, "p@ss/word")), "SELECT count(*) WHERE current_user = $1 AND current_database() = $2", role, d.Name); n != 1 {
		t.Error("the role is somebody else, or elsewhere")
	}
}

func TestASchemaWithoutAKeyIsRefused(t *testing.T) {
	t.Parallel()
	for _, s := range []Schema{{}, {Key: "no migration"}, {Migrate: func(context.Context, string) error { return nil }}} {
		if s.check() == nil {
			t.Errorf("%+v was taken", s)
		}
	}
}

// witness is a test that notes its failure instead of failing.
type witness struct {
	testing.TB
	said string
}

func (*witness) Helper() {}

func (w *witness) Fatal(args ...any) {
	w.said = fmt.Sprint(args...)
	runtime.Goexit()
}

func (w *witness) Fatalf(format string, args ...any) { w.Fatal(fmt.Sprintf(format, args...)) }

// failing answers what New says when it fails.
func failing(t *testing.T) string {
	t.Helper()
	w := &witness{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		New(w, Schema{Key: "failing"})
	}()
	<-done
	return w.said
}

func TestAPackageThatForgetsMainIsToldSo(t *testing.T) {
	ready.Store(false)
	defer ready.Store(true)
	if said := failing(t); !strings.Contains(said, "os.Exit(pgtest.Main(m))") {
		t.Errorf("New says %q", said)
	}
}

func TestAMissingServerIsAFailureThatSaysWhatToDo(t *testing.T) {
	for why, environment := range map[string]map[string]string{
		"nothing listens there":  {setting: "postgres://postgres:hush@127.0.0.1:1/postgres?sslmode=disable"},
		"this is not a URL":      {setting: "host=localhost password=hush"},
		"no server can be found": {setting: "", "PG_BIN": t.TempDir()},
	} {
		t.Run(why, func(t *testing.T) {
			for name, value := range environment {
				t.Setenv(name, value)
			}
			usual := current
			defer func() { current = usual }()
			current = new(server)
			said := failing(t)
			if !strings.Contains(said, "set TEST_DATABASE_URL to a superuser's URL") || strings.Contains(said, "hush") {
				t.Errorf("New says %q", said)
			}
			if err := current.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

func BenchmarkADatabaseForATest(b *testing.B) {
	s := requests(b)
	for b.Loop() {
		d, err := current.clone(b.Context(), s)
		if err != nil {
			b.Fatal(err)
		}
		if err := current.drop(b.Context(), d.Name); err != nil {
			b.Fatal(err)
		}
	}
}
