package attackbook_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
	"github.com/caldicott/caldicott/internal/postgres"
	"github.com/caldicott/caldicott/internal/receipt"
)

// ago is when the deeds of A7 are done: their receipts are due, and nobody has to wait.
const ago = 2 * time.Minute

// promising signs receipts as the service does, and gives what their holders have.
func promising(t testing.TB) (promise func(caldicott.Appended) string, open func(header string) receipt.Receipt) {
	t.Helper()
	secret, verifier, err := notary.GenerateKey(origin + receipt.Suffix)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := notary.ParseKeys(strings.NewReader(secret))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := receipt.NewSigner(keys, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	verifiers, err := notary.Verifiers(verifier)
	if err != nil {
		t.Fatal(err)
	}
	promise = func(e caldicott.Appended) string {
		signed, err := signer.Sign(e.Stream, e.Seq, e.Leaf, time.Now().Add(-ago))
		if err != nil {
			t.Error(err)
		}
		return receipt.Header(signed)
	}
	return promise, func(header string) receipt.Receipt {
		t.Helper()
		signed, err := receipt.Unfold(header)
		if err != nil {
			t.Fatal(err)
		}
		r, err := receipt.Open(signed, verifiers)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

// judged is what the holder of a receipt is told, who believes a proof only.
func (b *book) judged(r receipt.Receipt) receipt.Verdict {
	b.t.Helper()
	proof, err := b.proofs().Chained(b.t.Context(), r.Stream, r.Seq, r.Leaf)
	if err != nil {
		if !errors.Is(err, notary.ErrNoEntry) && !errors.Is(err, notary.ErrUnsealed) {
			b.t.Fatal(err)
		}
		return r.Judge(false, time.Now())
	}
	keys, err := audit.ParseKeys(strings.NewReader(public))
	if err != nil {
		b.t.Fatal(err)
	}
	checked, err := audit.CheckLeaf(proof.Text(), r.Leaf)
	if err := errors.Join(err, keys.OfLog(checked.Note, origin)); err != nil {
		b.t.Errorf("what is proved of an entry that is there: %v", err)
	}
	return r.Judge(true, time.Now())
}

// The window is a fraction of a second, and whoever uses it leaves a hole in the numbers, as a rollback does. Only what was
// given away shows which entry was there.
func TestA7AnAcknowledgedEntryThatIsDeletedBeforeItIsSealedIsMissedByItsReceipt(t *testing.T) {
	t.Parallel()
	b := open(t)
	promise, held := promising(t)
	service := b.service(promise)
	service.Clock = func() time.Time { return time.Now().Add(-ago) }
	asks, err := service.Store.ActorByUserID(t.Context(), "u-req-research")
	if err != nil {
		t.Fatal(err)
	}
	content := caldicott.Content{Title: "Attacked", Kind: vocabulary.KindAdviceOnly}
	begun, err := service.Begin(t.Context(), casework.Call{By: asks}, caldicott.Drafting{Content: content})
	if err != nil {
		t.Fatal(err)
	}
	id := begun.Case.Request.ID
	row := b.text(`SELECT CAST(to_jsonb(r) AS text) FROM casework.requests r WHERE id = $1`, id)
	b.grow(10)
	content.Title = "What must not have been asked"
	call := casework.Call{By: asks, IfMatch: casework.Revision(&begun.Case, caldicott.Amend, "")}
	amended, err := service.Do(t.Context(), call, casework.Target{Noun: caldicott.Requests, ID: id}, caldicott.Amending{Content: content})
	if err != nil {
		t.Fatal(err)
	}
	kept, lost := held(begun.Receipt), held(amended.Receipt)
	entry := b.number(`SELECT entry_id FROM casework.requests WHERE id = $1`, id)
	if v := b.judged(kept); v != receipt.Sealed {
		t.Errorf("the entry that is sealed: %s", v)
	}
	b.disarm()
	b.exec(`DELETE FROM audit.entries WHERE id = $1`, entry)
	findings, _ := b.verify()
	b.names(findings, "I5", 0) // the chain says more than there is
	b.names(findings, "I1", entry)

	// Whoever rolls back the chain's head and the case too leaves nothing to be found in the database.
	b.exec(`UPDATE audit.chains c SET seq = e.seq, head = e.leaf_hash FROM audit.entries e
		WHERE e.stream = c.stream AND e.seq = (SELECT max(seq) FROM audit.entries x WHERE x.stream = c.stream) AND c.stream = $1`, lost.Stream)
	for _, table := range []string{"audit.details", "casework.versions", "casework.deeds"} {
		b.exec(`DELETE FROM `+table+` WHERE entry_id = $1`, entry)
	}
	b.exec(`DELETE FROM casework.requests WHERE id = $1`, id)
	b.exec(`INSERT INTO casework.requests SELECT * FROM jsonb_populate_record(CAST(NULL AS casework.requests), CAST($1 AS jsonb))`, row)
	b.grow(10)
	findings, sum := b.verify(b.half, b.whole)
	if len(findings) > 0 || !sum.Certain() {
		t.Errorf("the log by itself: %v %+v", findings, sum)
	}
	if !slices.ContainsFunc(b.noted, func(f audit.Finding) bool {
		return f.Entry == entry+1 && strings.Contains(f.Text, "may have been rolled back")
	}) {
		t.Errorf("nobody notes that there is no entry %d", entry)
	}
	if v := b.judged(kept); v != receipt.Sealed {
		t.Errorf("the entry before it: %s", v)
	}
	if v := b.judged(lost); v != receipt.Broken {
		t.Errorf("the entry that was taken away: %s", v)
	}

	// Nor does another entry in its place keep the promise.
	content.Title = "Something harmless"
	instead, err := service.Do(t.Context(), call, casework.Target{Noun: caldicott.Requests, ID: id}, caldicott.Amending{Content: content})
	if err != nil {
		t.Fatal(err)
	}
	b.grow(10)
	if other := held(instead.Receipt); other.Seq != lost.Seq || b.judged(other) != receipt.Sealed {
		t.Errorf("what was put in its place: %+v", other)
	}
	if v := b.judged(lost); v != receipt.Broken {
		t.Errorf("the entry that was replaced: %s", v)
	}
	if lost.Stream != caldicott.RequestStream(id) || lost.Seq != kept.Seq+1 {
		t.Errorf("the receipt does not say which entry: %+v", lost)
	}
}

// The lock between sealers only saves work. What makes them one log is keys and a trigger, against a sealer that believes
// whatever it likes; internal/notarydb has sealers that die, stall and come back.
func TestA13ASecondSealerCannotForkTheLog(t *testing.T) {
	t.Parallel()
	b := open(t)
	const taken, extends = "23505", "CG007"
	const leaf = `INSERT INTO audit.leaves (leaf_index, entry_id, leaf_hash) VALUES ($1, $2, sha256('mine'))`
	b.refusedAs(taken, b.sealer, leaf, wanted-1, wanted+1_000_000)
	b.refusedAs(taken, b.sealer, leaf, b.whole.N, b.chained())
	const checkpoint = `INSERT INTO audit.checkpoints (size, root, low_water) VALUES ($1, sha256('mine'), '1')`
	for _, size := range []int64{b.half.N, b.half.N + 1, b.whole.N, b.whole.N + 1} {
		b.refusedAs(extends, b.sealer, checkpoint, size)
	}
	b.refusedAs(taken, b.sealer, `INSERT INTO audit.tiles (level, idx, root, hashes) SELECT level, idx, sha256('mine'), hashes FROM audit.tiles LIMIT 1`)

	if err := readings(t.Context(), b.app, b.database.Superuser, wanted+3000); err != nil {
		t.Fatal(err)
	}
	var both sync.WaitGroup
	for range 2 {
		sealer := notary.Sealer{Book: notarydb.Book{DB: b.sealer}, Batch: 100}
		both.Go(func() {
			for range 60 { // whoever finds the other at work leaves, and comes again
				if err := sealer.Seal(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	both.Wait()
	b.grow(1)
	if n := b.number(`SELECT count(*) FROM audit.entries e WHERE (SELECT count(*) FROM audit.leaves l WHERE l.entry_id = e.id) <> 1`); n != 0 {
		t.Errorf("%d entries have not one leaf", n)
	}
	if findings, sum := b.verify(b.half, b.whole); len(findings) > 0 || !sum.Certain() || sum.Anchors != 2 {
		t.Errorf("%v %+v", findings, sum)
	}
}

// A standby that lags is an older database that nobody put back on purpose.
func TestA14AStandbyThatLaggedIsNotSigned(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.rollBack()
	b.alarmsOn(b.whole)
	if _, sum := b.verify(); sum.Certain() {
		t.Error("what nobody signs is taken as certain")
	}
	if err := readings(t.Context(), b.app, b.database.Superuser, wanted+500); err != nil { // and goes on beyond what was signed
		t.Fatal(err)
	}
	if err := (&notary.Sealer{Book: notarydb.Book{DB: b.sealer}}).Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := b.number(`SELECT max(size) FROM audit.checkpoints`); n <= b.whole.N {
		t.Fatalf("the standby has %d leaves", n)
	}
	b.alarmsOn(b.whole)
	b.signWithStolenKey()
	findings, _ := b.verify(b.whole)
	b.names(findings, "anchor", 0)
}

func TestA19ADefinitionThatIsWeakenedIsRefusedToTheOwnerAndOtherwiseInTheLog(t *testing.T) {
	t.Parallel()
	b := open(t)
	owner := b.handOver()
	if awake, err := postgres.Guard(t.Context(), b.database.Superuser); !awake || err != nil {
		t.Fatalf("the event triggers are awake: %t, %v", awake, err)
	}
	service := b.service(nil)
	attest := func() (entry int64, digest string) {
		t.Helper()
		err := notary.Attest(t.Context(), notarydb.Catalogue{DB: b.reader}, func(ctx context.Context, d string, lines int) error {
			digest = d
			return service.Attested(ctx, d, lines)
		})
		if err != nil {
			t.Fatal(err)
		}
		return b.number(`SELECT max(id) FROM audit.entries WHERE action = 'attested'`), digest
	}
	_, before := attest()
	const refused, forbidden = "CG010", "42501"
	for statement, state := range map[string]string{
		`ALTER TABLE audit.entries DISABLE TRIGGER keep_rows`:                  refused,
		`DROP TRIGGER keep_rows ON audit.leaves`:                               refused,
		`CREATE RULE swallow AS ON INSERT TO audit.entries DO INSTEAD NOTHING`: refused,
		`GRANT UPDATE ON audit.entries TO PUBLIC`:                              refused,
		`ALTER TABLE audit.entries DROP CONSTRAINT entries_leaf_hash_check`:    refused,
		`DROP TABLE audit.checkpoints CASCADE`:                                 refused,
		`ALTER EVENT TRIGGER caldicott_definition DISABLE`:                     forbidden,
		`SET session_replication_role = replica`:                               forbidden,
	} {
		b.refusedAs(state, owner, statement)
	}
	if _, digest := attest(); digest != before {
		t.Error("what was refused has changed the definition")
	}
	b.exec(`ALTER EVENT TRIGGER caldicott_definition DISABLE`)
	b.exec(`ALTER TABLE audit.entries DISABLE TRIGGER keep_rows`)
	entry, after := attest()
	if after == before {
		t.Error("the definition was weakened, and its digest is the same")
	}
	b.grow(1)
	if findings, sum := b.verify(b.whole); len(findings) > 0 || !sum.Certain() {
		t.Errorf("%v %+v", findings, sum)
	}
	// It is in the log for good, and its entry names the digest; the log's health says it without being asked.
	if n := b.number(`SELECT count(*) FROM audit.leaves l JOIN audit.entries e ON e.id = l.entry_id WHERE e.id = $1 AND position($2 IN convert_from(e.canon, 'UTF8')) > 0`, entry, after); n != 1 {
		t.Errorf("entry %d does not have the digest in the log", entry)
	}
	if pulse, err := (notarydb.Shelf{DB: b.reader}).Pulse(t.Context()); err != nil || pulse.Definition != after {
		t.Errorf("the log's health has the digest %q, %v", pulse.Definition, err)
	}
}

// handOver makes all that is the trail's that of somebody who is no superuser, as in service, and gives their session.
func (b *book) handOver() *sqlx.DB {
	b.t.Helper()
	role := "owner_" + strings.ReplaceAll(house.NewID(), "-", "")
	b.exec(`CREATE ROLE ` + role + ` NOLOGIN`)
	b.exec(`DO $$ DECLARE x record; BEGIN
		ALTER SCHEMA audit OWNER TO ` + role + `;
		FOR x IN SELECT tablename FROM pg_tables WHERE schemaname = 'audit' LOOP EXECUTE format('ALTER TABLE audit.%I OWNER TO ` + role + `', x.tablename); END LOOP;
	END $$`)
	owner := connect(b.t, b.database.Superuser)
	owner.SetMaxOpenConns(1)
	if _, err := owner.ExecContext(b.t.Context(), `SET SESSION AUTHORIZATION `+role); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { // roles are the server's, and outlive the database
		_ = owner.Close()
		for _, statement := range []string{`ALTER EVENT TRIGGER caldicott_definition DISABLE`, `REASSIGN OWNED BY ` + role + ` TO CURRENT_USER`, `DROP OWNED BY ` + role, `DROP ROLE ` + role} {
			if _, err := b.superuser.Exec(statement); err != nil {
				b.t.Error(err)
			}
		}
	})
	return owner
}
