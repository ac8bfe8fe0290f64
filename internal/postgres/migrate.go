package postgres

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"slices"
	"strings"

	"github.com/lib/pq"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// A Login is a role that may connect, and the group whose rights it has.
type Login struct{ User, Password, Group string }

// Groups of rights, made by the migrations.
const (
	GroupApplication = "caldicott_app"
	GroupReader      = "caldicott_reader"
	GroupSealer      = "caldicott_sealer"
)

// LoginOf reads the user and password from a URL.
func LoginOf(raw, group string) (Login, error) {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil || u.User.Username() == "" {
		return Login{}, fmt.Errorf("database URL of %s: names no user", group)
	}
	password, _ := u.User.Password()
	return Login{User: u.User.Username(), Password: password, Group: group}, nil
}

// Migrate brings the schema up to date as the owner, forward only, one process at a time (a session lock: connect
// directly, not through a transaction pooler), and gives the logins their rights. It returns how many migrations ran.
func Migrate(ctx context.Context, ownerURL string, files fs.FS, logins []Login) (int, error) {
	connector, err := pq.NewConnector(ownerURL)
	if err != nil {
		return 0, fmt.Errorf("owner's database URL: %w", errURL)
	}
	release, err := releaseOf(connector, files)
	if err != nil {
		return 0, err
	}
	db := sql.OpenDB(release)
	defer db.Close() //nolint:errcheck // nothing was promised about this connection
	if err := mayMakeRoles(ctx, db, logins); err != nil {
		return 0, err
	}
	provider, err := newProvider(db, files)
	if err != nil {
		return 0, err
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return 0, fmt.Errorf("migrations: %w", err)
	}
	for _, l := range logins {
		if err := makeLogin(ctx, db, l); err != nil {
			return 0, err
		}
	}
	return len(results), nil
}

// Pending says how many migrations the database lacks.
func Pending(ctx context.Context, ownerURL string, files fs.FS) (int, error) {
	db, err := openOwner(ownerURL)
	if err != nil {
		return 0, err
	}
	defer db.Close() //nolint:errcheck // nothing was promised about this connection
	provider, err := newProvider(db, files)
	if err != nil {
		return 0, err
	}
	states, err := provider.Status(ctx)
	if err != nil {
		return 0, fmt.Errorf("migrations: %w", err)
	}
	return len(slices.DeleteFunc(states, func(s *goose.MigrationStatus) bool { return s.State == goose.StateApplied })), nil
}

// MigrationsDigest names a set of migrations: what a template database is kept under.
func MigrationsDigest(files fs.FS) (string, error) {
	h := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(h, "%s %d\n%s", path, len(b), b)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:8]), err
}

func openOwner(ownerURL string) (*sql.DB, error) {
	connector, err := pq.NewConnector(ownerURL)
	if err != nil {
		return nil, fmt.Errorf("owner's database URL: %w", errURL)
	}
	return sql.OpenDB(connector), nil
}

func newProvider(db *sql.DB, files fs.FS) (*goose.Provider, error) {
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker))
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return provider, nil
}

// mayMakeRoles lets an owner with CREATEROLE go on. Without it the roles must be there; if they are not, the error is the
// exact SQL that somebody with the right must run, passwords left out.
func mayMakeRoles(ctx context.Context, db *sql.DB, logins []Login) error {
	var may bool
	const query = `SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user`
	if err := db.QueryRowContext(ctx, query).Scan(&may); err != nil {
		return fmt.Errorf("owner's rights: %w", err)
	}
	if may {
		return nil
	}
	var lack []string
	statements := []struct{ role, sql string }{
		{GroupApplication, "CREATE ROLE " + GroupApplication + " NOLOGIN;"},
		{GroupReader, "CREATE ROLE " + GroupReader + " NOLOGIN;"},
		{GroupSealer, "CREATE ROLE " + GroupSealer + " NOLOGIN;"},
	}
	for _, l := range logins {
		name := pq.QuoteIdentifier(l.User)
		statements = append(statements, struct{ role, sql string }{l.User,
			"CREATE ROLE " + name + " LOGIN PASSWORD '…'; GRANT " + l.Group + " TO " + name + ";"})
	}
	for _, s := range statements {
		var exists bool
		if err := db.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`, s.role).Scan(&exists); err != nil {
			return fmt.Errorf("roles: %w", err)
		}
		if !exists {
			lack = append(lack, s.sql)
		}
	}
	if len(lack) == 0 {
		return nil
	}
	return fmt.Errorf("the owner may not create roles; somebody who may must run this first:\n  %s", strings.Join(lack, "\n  "))
}

// makeLogin makes a login if it is missing and gives it its group's rights. Roles belong to the whole cluster, so another
// process may win the race: that is no error. An existing login keeps its password.
func makeLogin(ctx context.Context, db *sql.DB, l Login) error {
	var exists, member bool
	const ask = `
		SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1),
			COALESCE((SELECT pg_has_role(rolname, CAST($2 AS name), 'MEMBER') FROM pg_roles WHERE rolname = $1), false)`
	if err := db.QueryRowContext(ctx, ask, l.User, l.Group).Scan(&exists, &member); err != nil {
		return fmt.Errorf("login %s: %w", l.User, err)
	}
	if !exists {
		create := "CREATE ROLE " + pq.QuoteIdentifier(l.User) + " LOGIN PASSWORD " + pq.QuoteLiteral(l.Password)
		if _, err := db.ExecContext(ctx, create); err != nil && !raced(err) {
			return fmt.Errorf("login %s: %w", l.User, err)
		}
	}
	if member {
		return nil
	}
	grant := "GRANT " + pq.QuoteIdentifier(l.Group) + " TO " + pq.QuoteIdentifier(l.User)
	if _, err := db.ExecContext(ctx, grant); err != nil && !raced(err) {
		return fmt.Errorf("login %s: %w", l.User, err)
	}
	return nil
}

// raced says whether another session made the same role at the same time.
func raced(err error) bool {
	switch sqlState(err) {
	case "42710", "23505", "XX000": // duplicate object, unique violation, "tuple concurrently updated"
		return true
	}
	return false
}

// CreateDatabase makes a database if it is missing, owned by the role if one is named.
func CreateDatabase(ctx context.Context, adminURL, name, owner string) error {
	db, err := openOwner(adminURL)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing was promised about this connection
	var exists bool
	if err := db.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&exists); err != nil || exists {
		return err
	}
	create := "CREATE DATABASE " + pq.QuoteIdentifier(name)
	if owner != "" {
		create += " OWNER " + pq.QuoteIdentifier(owner)
	}
	if _, err := db.ExecContext(ctx, create); err != nil {
		return fmt.Errorf("database %s: %w", name, err)
	}
	return nil
}

// CreateOwner makes the login that owns the schema, with the right to make the other roles, if it is missing.
func CreateOwner(ctx context.Context, adminURL, user, password string) error {
	db, err := openOwner(adminURL)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing was promised about this connection
	var exists bool
	if err := db.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`, user).Scan(&exists); err != nil || exists {
		return err
	}
	create := "CREATE ROLE " + pq.QuoteIdentifier(user) + " LOGIN CREATEROLE PASSWORD " + pq.QuoteLiteral(password)
	if _, err := db.ExecContext(ctx, create); err != nil {
		return fmt.Errorf("owner %s: %w", user, err)
	}
	return nil
}

// Ready says whether the database answers and its schema is the newest that the files know.
func (d *DB) Ready(ctx context.Context, files fs.FS) error {
	newest, err := newestMigration(files)
	if err != nil {
		return err
	}
	var at int64
	if err := d.pool.get(ctx, &at, `SELECT COALESCE(max(version_id), 0) FROM goose_db_version WHERE is_applied`); err != nil {
		return explain(err, "schema")
	}
	if at < newest {
		return caldicott.Errorf(caldicott.Unavailable, caldicott.CodeUnavailable, "The schema is at %d, not %d.", at, newest)
	}
	return nil
}

func newestMigration(files fs.FS) (int64, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil || len(names) == 0 {
		return 0, fmt.Errorf("migrations: none: %w", err)
	}
	slices.Sort(names)
	return goose.NumericComponent(names[len(names)-1])
}

// OwnsSchema refuses a login that is not the owner's, and a database that was never migrated.
func OwnsSchema(ctx context.Context, url string) error {
	db, err := openOwner(url)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing was promised about this connection
	var owns bool
	const query = `SELECT COALESCE((SELECT pg_has_role(current_user, nspowner, 'USAGE') FROM pg_namespace WHERE nspname = 'casework'), false)`
	if err := db.QueryRowContext(ctx, query).Scan(&owns); err != nil {
		return fmt.Errorf("owner's rights: %w", err)
	}
	if !owns {
		return errNotOwner
	}
	return nil
}

var errNotOwner = errors.New("the schema is not there (migrate first), or this login does not own it")
