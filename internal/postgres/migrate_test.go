package postgres_test

import (
	"context"
	"crypto/rand"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/pgtest"
	"github.com/caldicott/caldicott/internal/postgres"
)

// empty is a database in which nothing has been made yet.
func empty(t testing.TB) pgtest.Database {
	t.Helper()
	return pgtest.New(t, pgtest.Schema{Key: "postgres: nothing yet", Migrate: func(context.Context, string) error { return nil }})
}

func migrations(t testing.TB) (fs.FS, int) {
	t.Helper()
	files := housetest.Furnished(t).Migrations
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	return files, len(names)
}

func TestMigratingTwiceChangesNothingTheSecondTime(t *testing.T) {
	t.Parallel()
	d := empty(t)
	files, all := migrations(t)
	ctx := patience(t, 30*time.Second)
	if n, err := postgres.Pending(ctx, d.Superuser, files); err != nil || n != all {
		t.Errorf("%d pending at first, %v", n, err)
	}
	for i, want := range []int{all, 0, 0} {
		if n, err := postgres.Migrate(ctx, d.Superuser, files, nil); err != nil || n != want {
			t.Errorf("run %d: %d migrations, %v; want %d", i+1, n, err, want)
		}
	}
	if n, err := postgres.Pending(ctx, d.Superuser, files); err != nil || n != 0 {
		t.Errorf("%d pending at last, %v", n, err)
	}
}

func TestProcessesThatMigrateAtOnceMigrateOnce(t *testing.T) {
	t.Parallel()
	d := empty(t)
	files, all := migrations(t)
	name := "login_" + strings.ToLower(rand.Text()[:8])
	dropLater(t, d, name)
	logins := []postgres.Login{{User: name, Password: "x", Group: postgres.GroupApplication}}
	ctx := patience(t, 60*time.Second)
	var mu sync.Mutex
	var wg sync.WaitGroup
	total := 0
	for range 3 {
		wg.Go(func() {
			n, err := postgres.Migrate(ctx, d.Superuser, files, logins)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			total += n
		})
	}
	wg.Wait()
	if total != all {
		t.Errorf("%d migrations ran, there are %d", total, all)
	}
	db := connect(t, d.As(name, "x"))
	if _, err := db.Exec(`SELECT count(*) FROM casework.requests`); err != nil {
		t.Errorf("the login has not its group's rights: %v", err)
	}
}

// dropLater takes roles away at the end: they belong to the whole server.
func dropLater(t testing.TB, d pgtest.Database, roles ...string) {
	t.Helper()
	db := connect(t, d.Superuser)
	t.Cleanup(func() {
		for _, r := range roles {
			_, _ = db.Exec("DROP OWNED BY " + pq.QuoteIdentifier(r) + " CASCADE")
			_, _ = db.Exec("DROP ROLE IF EXISTS " + pq.QuoteIdentifier(r))
		}
	})
}

func TestAnOwnerWhoMayNotMakeRolesIsTheExactSQLTold(t *testing.T) {
	t.Parallel()
	files, all := migrations(t)
	housetest.Database(t) // so that the groups are there
	d := empty(t)
	suffix := strings.ToLower(rand.Text()[:8])
	owner, app, reader := "owner_"+suffix, `app "`+suffix+`"`, "reader_"+suffix
	superuser := connect(t, d.Superuser)
	dropLater(t, d, app, reader, owner)
	for _, statement := range []string{
		"CREATE ROLE " + owner + " LOGIN PASSWORD 'x'", "GRANT CREATE ON DATABASE " + d.Name + " TO " + owner,
		"GRANT CREATE ON SCHEMA public TO " + owner,
	} {
		if _, err := superuser.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	logins := []postgres.Login{
		{User: app, Password: "its-secret", Group: postgres.GroupApplication}, {User: reader, Password: "its-secret", Group: postgres.GroupReader},
	}
	ctx := patience(t, 30*time.Second)
	n, err := postgres.Migrate(ctx, d.As(owner, "x"), files, logins)
	if err == nil || n != 0 {
		t.Fatalf("%d, %v", n, err)
	}
	first, lines, _ := strings.Cut(err.Error(), "\n")
	want := []string{
		`CREATE ROLE ` + pq.QuoteIdentifier(app) + ` LOGIN PASSWORD '…'; GRANT caldicott_app TO ` + pq.QuoteIdentifier(app) + `;`,
		`CREATE ROLE "` + reader + `" LOGIN PASSWORD '…'; GRANT caldicott_reader TO "` + reader + `";`,
	}
	if got := strings.Split(strings.ReplaceAll(lines, "  ", ""), "\n"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\ngot\n%q\nwant\n%q", first, got, want)
	}
	if strings.Contains(err.Error(), "its-secret") {
		t.Error("the error tells the password")
	}
	if len(words(t, superuser, `SELECT nspname FROM pg_namespace WHERE nspname IN ('casework', 'audit')`)) > 0 {
		t.Error("something was made all the same")
	}
	for _, statement := range want { // somebody who may runs it as it stands
		if _, err := superuser.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if n, err := postgres.Migrate(ctx, d.As(owner, "x"), files, logins); err != nil || n != all {
		t.Errorf("afterwards: %d, %v", n, err)
	}
}

func TestAWrongURLIsNotRepeated(t *testing.T) {
	t.Parallel()
	files, _ := migrations(t)
	wrong := "postgres://u:its-secret@host:notaport/db"
	_, err := postgres.Migrate(t.Context(), wrong, files, nil)
	_, open := postgres.Open(postgres.Settings{URL: wrong}, house.Scribe)
	_, login := postgres.LoginOf("postgres://host/its-secret", "app")
	for _, err := range []error{err, open, login} {
		if err == nil || strings.Contains(err.Error(), "its-secret") {
			t.Errorf("%v", err)
		}
	}
	if l, err := postgres.LoginOf("postgres://u:p%40ss@host/db", postgres.GroupReader); err != nil || l != (postgres.Login{User: "u", Password: "p@ss", Group: "caldicott_reader"}) {
		t.Errorf("%+v, %v", l, err)
	}
}

// The first use of a statement must not need a second connection while a transaction holds the first: with as many
// transactions as connections, all would wait for one another for ever.
func TestMoreTransactionsThanConnectionsAllEnd(t *testing.T) {
	t.Parallel()
	d := housetest.Database(t)
	db, err := postgres.Open(postgres.Settings{URL: housetest.AppURL(d), Application: "test", Connections: 2, StatementTimeout: 5 * time.Second}, house.Scribe)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := patience(t, 5*time.Second)
	inside := make(chan struct{}, 2)
	both := make(chan struct{})
	go func() { <-inside; <-inside; close(both) }()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			err := db.InTx(ctx, func(tx caldicott.Tx) error {
				inside <- struct{}{}
				select {
				case <-both:
				case <-ctx.Done():
				}
				_, err := tx.LockCase(ctx, house.NewID())
				return err
			})
			if caldicott.KindOf(err) != caldicott.NotFound {
				t.Errorf("two transactions on two connections: %v, want NOT_FOUND", err)
			}
		})
	}
	wg.Wait()
}

// A rehearsal is taken back whole, and holds each deed to what a commit would.
func TestARehearsalLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	h := housetest.New(t)
	org := house.NewID()
	rows := caldicott.DirectoryRows{Organisations: []caldicott.OrganisationRow{{
		OrganisationRecord: caldicott.OrganisationRecord{ID: org, Code: "TST01", Name: "One", Type: "OTHER", Revision: 1}, AnswersFor: org,
	}}}
	event := caldicott.Event{Stream: caldicott.OrganisationStream(org), Chained: true, Action: caldicott.Bootstrapped, Outcome: caldicott.OutcomeDone, At: h.Clock.Now(), Organisation: org}
	err := h.DB.Rehearse(t.Context(), func(s caldicott.Store) error {
		save := func(e caldicott.Event) error {
			return s.InTx(t.Context(), func(tx caldicott.Tx) error {
				if e.Stream != event.Stream || e.Organisation != org {
					if _, err := tx.LockOrganisation(t.Context(), "TST01"); err != nil {
						return err
					}
				}
				return tx.SaveDirectory(t.Context(), e, rows)
			})
		}
		if err := save(event); err != nil {
			return err
		}
		wrong := event
		wrong.Organisation = house.NewID()
		wrong.Stream = caldicott.OrganisationStream(wrong.Organisation)
		if err := save(wrong); err == nil {
			t.Error("a row changed under another organisation's entry, in a rehearsal")
		}
		_, err := s.OrganisationByCode(t.Context(), "TST01")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.DB.OrganisationByCode(t.Context(), "TST01"); caldicott.KindOf(err) != caldicott.NotFound {
		t.Errorf("it is still there: %v", err)
	}
}
