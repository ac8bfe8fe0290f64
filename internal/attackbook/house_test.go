// Package attackbook acts out the threats to the trail, as a superuser who may do everything to the database but has no key.
package attackbook_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/auditdb"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
	"github.com/caldicott/caldicott/internal/pgtest"
	"github.com/caldicott/caldicott/internal/postgres"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const origin = "trust.example/caldicott"

// secret and public are the log's key: the same in every run, as the log is made once for a server and then copied.
var secret, public = func() (string, string) {
	s, p, err := note.GenerateKey(strings.NewReader(strings.Repeat("a key for tests only ", 4)), origin)
	if err != nil {
		panic(err)
	}
	return s, p
}()

// The log that is attacked: deeds of real requests, and readings to make up the number. At half of it a checkpoint is signed
// that somebody keeps outside.
const (
	wanted   = 10_000
	requests = 120
	amended  = 3 // times, each
)

// book is a copy of the log, with a pool for each who works on it.
type book struct {
	t                              testing.TB
	database                       pgtest.Database
	superuser, app, sealer, reader *sqlx.DB
	half, whole                    audit.Note // what is kept outside
	noted                          []audit.Finding
}

// open gives a copy of the log to one attack.
func open(t testing.TB) *book {
	t.Helper()
	f := housetest.Furnished(t)
	key, err := postgres.MigrationsDigest(f.Migrations)
	if err != nil {
		t.Fatal(err)
	}
	d := pgtest.New(t, pgtest.Schema{Key: fmt.Sprintf("attack book, %d of %s", wanted, key), Migrate: func(_ context.Context, superuser string) error {
		return write(t, superuser)
	}})
	b := &book{t: t, database: d}
	b.superuser, b.app = connect(t, d.Superuser), connect(t, housetest.AppURL(d))
	b.sealer, b.reader = connect(t, housetest.SealerURL(d)), connect(t, housetest.ReaderURL(d))
	b.half, b.whole = b.note(fmt.Sprint(b.number(`SELECT min(size) FROM audit.signatures`))), b.note("newest")
	return b
}

func connect(t testing.TB, url string) *sqlx.DB {
	t.Helper()
	db, err := postgres.OpenReader(postgres.Settings{URL: url, Application: "attack", Connections: 4, StatementTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// write makes the log: everything in it by the ways of the house.
func write(t testing.TB, superuser string) error {
	f := housetest.Furnished(t)
	d := pgtest.Database{Superuser: superuser}
	if _, err := postgres.Migrate(t.Context(), superuser, f.Migrations, housetest.Logins()); err != nil {
		return err
	}
	db, err := postgres.Open(postgres.Settings{URL: housetest.AppURL(d), Application: "house", Connections: 4, StatementTimeout: time.Minute}, house.Scribe)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // what was done is committed
	h := &housetest.House{Furnished: f, Database: d, DB: db, Service: &casework.Service{Store: db, Policy: f.Policy, House: f.House, Clock: time.Now, NewID: house.NewID}}
	h.Enrol(t)
	if err := requestsOf(t, h); err != nil {
		return err
	}
	pool, err := sqlx.Connect("postgres", housetest.AppURL(d))
	if err != nil {
		return err
	}
	defer pool.Close() //nolint:errcheck // what was done is committed
	sealer, err := sqlx.Connect("postgres", housetest.SealerURL(d))
	if err != nil {
		return err
	}
	defer sealer.Close() //nolint:errcheck // what was done is committed
	memory := filepath.Join(t.TempDir(), "signed")
	for _, to := range []int64{wanted / 2, wanted} {
		if err := readings(t.Context(), pool, superuser, to); err != nil {
			return err
		}
		if err := sealAndSign(t.Context(), sealer, notary.File(memory)); err != nil {
			return err
		}
	}
	return nil
}

func requestsOf(t testing.TB, h *housetest.House) error {
	asks, err := h.Service.Store.ActorByUserID(t.Context(), "u-req-research")
	if err != nil {
		return err
	}
	for i := range requests {
		content := caldicott.Content{Title: fmt.Sprintf("Request %d", i), Kind: vocabulary.KindAdviceOnly}
		r, err := h.Service.Begin(t.Context(), casework.Call{By: asks}, caldicott.Drafting{Content: content})
		for range amended {
			if err != nil {
				return err
			}
			content.Title += "."
			call := casework.Call{By: asks, IfMatch: casework.Revision(&r.Case, caldicott.Amend, "")}
			r, err = h.Service.Do(t.Context(), call, casework.Target{Noun: caldicott.Requests, ID: r.Case.Request.ID}, caldicott.Amending{Content: content})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readings fill the log up to a number.
func readings(ctx context.Context, app *sqlx.DB, superuser string, to int64) error {
	counter, err := sqlx.Connect("postgres", superuser)
	if err != nil {
		return err
	}
	defer counter.Close() //nolint:errcheck // only read
	var have int64
	if err := counter.GetContext(ctx, &have, `SELECT count(*) FROM audit.entries`); err != nil {
		return err
	}
	for have < to {
		n := min(500, to-have)
		canons := make([][]byte, n)
		for i := range canons {
			w, err := audit.Write(caldicott.Event{Stream: "access:20261122", Action: caldicott.Viewed, Outcome: caldicott.OutcomeDone, At: time.Now().UTC().Truncate(time.Microsecond)}, 0, [32]byte{})
			if err != nil {
				return err
			}
			canons[i] = w.Canon
		}
		const query = `SELECT count(audit.append('access:20261122', NULL, NULL, c, NULL, NULL)) FROM unnest(CAST($1 AS bytea[])) c`
		if _, err := app.ExecContext(ctx, query, pq.ByteaArray(canons)); err != nil {
			return err
		}
		have += n
	}
	return nil
}

func sealAndSign(ctx context.Context, sealer *sqlx.DB, memory notary.Memory) error {
	if err := (&notary.Sealer{Book: notarydb.Book{DB: sealer}}).Seal(ctx); err != nil {
		return err
	}
	signer, err := signerOf(sealer, memory)
	if err != nil {
		return err
	}
	return signer.Sign(ctx)
}

func signerOf(sealer *sqlx.DB, memory notary.Memory) (*notary.Signer, error) {
	keys, err := notary.ParseKeys(strings.NewReader(secret))
	if err != nil {
		return nil, err
	}
	return &notary.Signer{Origin: origin, Keys: keys, Desk: notarydb.Desk{Shelf: notarydb.Shelf{DB: sealer}}, Memory: memory}, nil
}

// note reads a signed checkpoint as an auditor is given it.
func (b *book) note(size string) audit.Note {
	b.t.Helper()
	proofs := b.proofs()
	var signed string
	var err error
	if size == "newest" {
		_, signed, err = proofs.Checkpoint(b.t.Context())
	} else {
		var n int64
		if _, err = fmt.Sscan(size, &n); err == nil {
			_, signed, err = proofs.CheckpointAt(b.t.Context(), n)
		}
	}
	if err != nil {
		b.t.Fatal(err)
	}
	n, err := audit.ParseNote(signed)
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

func (b *book) number(query string, args ...any) (n int64) {
	b.t.Helper()
	if err := b.superuser.GetContext(b.t.Context(), &n, query, args...); err != nil {
		b.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// disarm takes away whatever guards the tables, as only a superuser can.
func (b *book) disarm() {
	b.t.Helper()
	b.exec(`DO $$ DECLARE x record; BEGIN
		FOR x IN SELECT evtname FROM pg_event_trigger LOOP EXECUTE format('ALTER EVENT TRIGGER %I DISABLE', x.evtname); END LOOP;
		FOR x IN SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('audit', 'casework') LOOP
			EXECUTE format('ALTER TABLE %I.%I DISABLE TRIGGER ALL', x.schemaname, x.tablename);
		END LOOP;
		FOR x IN SELECT conname FROM pg_constraint WHERE conrelid = 'audit.entries'::regclass AND contype = 'c' LOOP
			EXECUTE format('ALTER TABLE audit.entries DROP CONSTRAINT %I', x.conname);
		END LOOP;
	END $$`)
}

// exec does something as the superuser.
func (b *book) exec(query string, args ...any) sql.Result {
	b.t.Helper()
	done, err := b.superuser.ExecContext(b.t.Context(), query, args...)
	if err != nil {
		b.t.Fatalf("%s: %v", query, err)
	}
	return done
}

// refused tries something under a login that must not be able to.
func (b *book) refused(by *sqlx.DB, query string, args ...any) {
	b.t.Helper()
	if _, err := by.ExecContext(b.t.Context(), query, args...); err == nil {
		b.t.Errorf("was not refused: %s", query)
	}
}

// refusedAs is refused for that reason alone, an SQLSTATE.
func (b *book) refusedAs(state string, by *sqlx.DB, query string, args ...any) {
	b.t.Helper()
	_, err := by.ExecContext(b.t.Context(), query, args...)
	if refusal, is := errors.AsType[*pq.Error](err); !is || string(refusal.Code) != state {
		b.t.Errorf("%s: %v, not %s", query, err, state)
	}
}

// verify is what an auditor finds who has the key, and perhaps checkpoints, from elsewhere.
func (b *book) verify(anchors ...audit.Note) ([]audit.Finding, audit.Summary) {
	b.t.Helper()
	return b.audit(audit.Auditor{Anchors: anchors})
}

// audit is verify by an auditor who may have brought other things too.
func (b *book) audit(a audit.Auditor) ([]audit.Finding, audit.Summary) {
	b.t.Helper()
	var err error
	if a.Keys, err = audit.ParseKeys(strings.NewReader(public)); err != nil {
		b.t.Fatal(err)
	}
	a.Origin = origin
	trail, err := auditdb.Open(b.t.Context(), b.reader)
	if err != nil {
		b.t.Fatal(err)
	}
	defer trail.Close() //nolint:errcheck // only read
	var findings []audit.Finding
	b.noted = nil
	sum, err := a.Database(b.t.Context(), trail, func(f audit.Finding) {
		if f.Note() {
			b.noted = append(b.noted, f)
		} else {
			findings = append(findings, f)
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return findings, sum
}

// names says that one of the findings is of the invariant and of the entry; 0 where none is meant.
func (b *book) names(findings []audit.Finding, invariant string, entry int64) {
	b.t.Helper()
	for _, f := range findings {
		if f.Invariant == invariant && f.Entry == entry {
			return
		}
	}
	var said bytes.Buffer
	for _, f := range findings {
		fmt.Fprintln(&said, " ", f)
	}
	b.t.Errorf("nothing names %s of entry %d:\n%s", invariant, entry, said.String())
}

// chained is an entry in the middle of a request's chain, which is sealed.
func (b *book) chained() int64 {
	return b.number(`SELECT id FROM audit.entries WHERE seq = 3 AND stream LIKE 'request:%' ORDER BY id OFFSET 40 LIMIT 1`)
}

// reading is an entry outside of all chains.
func (b *book) reading() int64 {
	return b.number(`SELECT id FROM audit.entries WHERE action = 'viewed' ORDER BY id OFFSET 4000 LIMIT 1`)
}

// service is the house at work on the copy.
func (b *book) service(promise func(caldicott.Appended) string) *casework.Service {
	b.t.Helper()
	db, err := postgres.Open(postgres.Settings{URL: housetest.AppURL(b.database), Application: "house", Connections: 4, StatementTimeout: time.Minute}, house.Scribe)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = db.Close() })
	f := housetest.Furnished(b.t)
	return &casework.Service{Store: db, Policy: f.Policy, House: f.House, Clock: time.Now, NewID: house.NewID, Promise: promise}
}

// grow has the house go on: so many more readings, sealed and signed by a signer that remembers nothing.
func (b *book) grow(n int64) audit.Note {
	b.t.Helper()
	if err := readings(b.t.Context(), b.app, b.database.Superuser, b.number(`SELECT count(*) FROM audit.entries`)+n); err != nil {
		b.t.Fatal(err)
	}
	if err := sealAndSign(b.t.Context(), b.sealer, notary.File(filepath.Join(b.t.TempDir(), "signed"))); err != nil {
		b.t.Fatal(err)
	}
	return b.note("newest")
}

func (b *book) proofs() notary.Proofs {
	return notary.Proofs{Origin: origin, Shelf: notarydb.Shelf{DB: b.reader}}
}

func (b *book) text(query string, args ...any) (s string) {
	b.t.Helper()
	if err := b.superuser.GetContext(b.t.Context(), &s, query, args...); err != nil {
		b.t.Fatalf("%s: %v", query, err)
	}
	return s
}

// logins are those that the service has.
func (b *book) logins() []*sqlx.DB { return []*sqlx.DB{b.app, b.sealer, b.reader} }
