package postgres_test

import (
	"io/fs"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/postgres"
)

// guarded is a database of an owner who is no superuser, with the event triggers in place.
func guarded(t *testing.T) (owner, superuser string, files fs.FS) {
	t.Helper()
	const password = "owner"
	name := "guarded_" + strings.ReplaceAll(house.NewID(), "-", "")
	role := "owner_" + name
	files = housetest.Furnished(t).Migrations
	admin := housetest.Database(t).Superuser
	if err := postgres.CreateOwner(t.Context(), admin, role, password); err != nil {
		t.Fatal(err)
	}
	if err := postgres.CreateDatabase(t.Context(), admin, name, role); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		db := connect(t, admin)
		db.MustExec(`DROP DATABASE ` + name + ` WITH (FORCE)`)
		db.MustExec(`DROP ROLE ` + role)
	})
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	superuser = u.String()
	u.User = url.UserPassword(role, password)
	owner = u.String()
	if _, err := postgres.Migrate(t.Context(), owner, files, nil); err != nil {
		t.Fatal(err)
	}
	if there, err := postgres.Guard(t.Context(), owner); there || err != nil {
		t.Fatalf("an owner installed event triggers: %t, %v", there, err)
	}
	if there, err := postgres.Guard(t.Context(), superuser); !there || err != nil {
		t.Fatalf("the event triggers are there: %t, %v", there, err)
	}
	return owner, superuser, files
}

func TestTheOwnerCannotWeakenWhatIsDefined(t *testing.T) {
	t.Parallel()
	as, superuser, _ := guarded(t)
	owner := connect(t, as)
	const refused, forbidden, kept = "CG010", "42501", "CG004"
	for statement, want := range map[string]string{
		`ALTER TABLE audit.entries DISABLE TRIGGER keep_rows`:        refused,
		`ALTER TABLE audit.entries ENABLE REPLICA TRIGGER keep_rows`: refused,
		`DROP TRIGGER keep_rows ON audit.entries`:                    refused,
		`DROP TABLE audit.details CASCADE`:                           refused,
		`DROP TABLE public.goose_db_version`:                         refused,
		`DROP SCHEMA audit CASCADE`:                                  refused,
		`DROP FUNCTION audit.erase(bigint)`:                          refused,
		`CREATE OR REPLACE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`: refused,
		`ALTER FUNCTION audit.append(text, integer, bytea, bytea, bytea, bytea) SECURITY INVOKER`:               refused,
		`GRANT UPDATE ON audit.entries TO caldicott_app`:                                                        refused,
		`GRANT INSERT (canon) ON audit.entries TO caldicott_app`:                                                refused,
		`GRANT EXECUTE ON FUNCTION audit.keep(regclass, text) TO PUBLIC`:                                        refused,
		`ALTER DEFAULT PRIVILEGES IN SCHEMA audit GRANT ALL ON TABLES TO PUBLIC`:                                refused,
		`REVOKE SELECT ON audit.entries FROM caldicott_reader`:                                                  refused,
		`CREATE RULE swallow AS ON INSERT TO audit.details DO INSTEAD NOTHING`:                                  refused,
		`CREATE TRIGGER early BEFORE INSERT ON audit.entries FOR EACH ROW EXECUTE FUNCTION audit.refuse()`:      refused,
		`ALTER TABLE audit.entries DROP CONSTRAINT entries_leaf_hash_check`:                                     refused,
		`ALTER TABLE audit.tiles ALTER COLUMN level TYPE integer`:                                               refused,
		`ALTER TABLE audit.entries SET SCHEMA public`:                                                           refused,
		`ALTER SCHEMA audit RENAME TO another`:                                                                  refused,
		`ALTER TABLE casework.requests RENAME TO another`:                                                       refused,
		`ALTER TABLE casework.comments ENABLE ROW LEVEL SECURITY`:                                               refused,
		`CREATE VIEW public.peep AS SELECT * FROM audit.details`:                                                refused,
		`SELECT * INTO public.copied FROM audit.entries`:                                                        refused,
		`ALTER SEQUENCE audit.entries_id_seq CACHE 50`:                                                          refused,
		`ALTER EVENT TRIGGER caldicott_definition DISABLE`:                                                      forbidden,
		`DROP EVENT TRIGGER caldicott_drop`:                                                                     forbidden,
		`SET session_replication_role = replica`:                                                                forbidden,
		`CREATE OR REPLACE FUNCTION caldicott_guard.releasing() RETURNS boolean LANGUAGE sql AS 'SELECT true'`:  forbidden,
		`TRUNCATE audit.chains`:      kept,
		`TRUNCATE casework.comments`: kept,
	} {
		if _, err := owner.ExecContext(t.Context(), statement); sqlState(err) != want {
			t.Errorf("%s: %v, want %s", statement, err, want)
		}
	}
	if _, err := owner.ExecContext(t.Context(), `CREATE TEMPORARY TABLE mine (x int); ALTER TABLE mine ALTER x TYPE bigint; DROP TABLE mine`); err != nil {
		t.Errorf("what is temporary may come and go: %v", err)
	}
	// A superuser is stopped from slips, even as a replica; not from meaning it.
	super := connect(t, superuser)
	super.SetMaxOpenConns(1)
	super.MustExec(`SET session_replication_role = replica`)
	if _, err := super.ExecContext(t.Context(), `ALTER TABLE audit.entries DISABLE TRIGGER keep_rows`); sqlState(err) != refused {
		t.Errorf("a superuser as a replica: %v", err)
	}
}

func TestAReleasePassesTheGuardWithAMigrationThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	as, superuser, files := guarded(t)
	later := fstest.MapFS{"00998_more.sql": {Data: []byte("-- +goose Up\nCREATE TABLE casework.more (x int);\nGRANT SELECT ON casework.more TO caldicott_reader;\nDROP TABLE casework.more;")}}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		later[name] = &fstest.MapFile{Data: data}
	}
	for want := 1; want >= 0; want-- {
		if ran, err := postgres.Migrate(t.Context(), as, later, nil); ran != want || err != nil {
			t.Fatalf("%d migrations, want %d: %v", ran, want, err)
		}
	}
	owner := connect(t, as)
	owner.SetMaxOpenConns(1)
	for release, want := range map[string]string{"998": "CG010", "": "CG010", "x": "CG010", "999": ""} { // the last is what a superuser's log shows
		owner.MustExec(`SELECT set_config('caldicott.release', $1, false)`, release)
		if _, err := owner.ExecContext(t.Context(), `COMMENT ON TABLE audit.entries IS 'One row for each deed.'`); sqlState(err) != want {
			t.Errorf("release %q: %v", release, err)
		}
	}
	if there, err := postgres.Guard(t.Context(), superuser); !there || err != nil { // twice is no fault
		t.Errorf("%t, %v", there, err)
	}
	connect(t, superuser).MustExec(`ALTER EVENT TRIGGER caldicott_drop DISABLE`)
	if there, err := postgres.Guard(t.Context(), as); there || err != nil {
		t.Errorf("one sleeps, and the guard is there: %t, %v", there, err)
	}
}
