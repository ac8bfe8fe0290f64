package notarydb_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
)

// Nobody but the sealer writes the log, and nobody at all changes it.
func TestTheLogIsWrittenByTheSealerAndKeptFromAll(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill(t, 300)
	seal(t, h.newSealer())
	for _, table := range []string{"leaves", "tiles", "checkpoints", "keys", "signatures"} {
		for _, attempt := range []string{`SELECT FROM audit.` + table, `INSERT INTO audit.` + table + ` DEFAULT VALUES`, `DELETE FROM audit.` + table} {
			requireCode(t, h, "app", attempt, "42501")
			if !strings.HasPrefix(attempt, "SELECT") {
				requireCode(t, h, "reader", attempt, "42501")
			}
		}
		requireCode(t, h, "sealer", `DELETE FROM audit.`+table, "42501")
		requireCode(t, h, "sealer", `TRUNCATE audit.`+table, "42501")
		requireCode(t, h, "superuser", `SET session_replication_role = replica; TRUNCATE audit.`+table+` CASCADE`, "CG004")
	}
	for _, attempt := range []string{`DELETE FROM audit.leaves`, `UPDATE audit.leaves SET leaf_index = leaf_index`, `UPDATE audit.tiles SET idx = idx`, `UPDATE audit.checkpoints SET size = size`} {
		requireCode(t, h, "superuser", `SET session_replication_role = replica; `+attempt, "CG004")
	}
	for _, attempt := range []string{`INSERT INTO audit.entries (stream) VALUES ('x')`, `SELECT stream FROM audit.entries`, `SELECT FROM casework.requests`, `SELECT body FROM audit.details`} {
		requireCode(t, h, "sealer", attempt, "42501")
	}
	requireCode(t, h, "sealer", `INSERT INTO audit.checkpoints (size, root, low_water) VALUES (301, sha256(''), '1')`, "CG007")
	requireCode(t, h, "sealer", `INSERT INTO audit.leaves VALUES (300, 999999, sha256('')); INSERT INTO audit.checkpoints (size, root, low_water) VALUES (302, sha256(''), '1')`, "CG007")
}

func requireCode(t *testing.T, h house, who, attempt, want string) {
	t.Helper()
	pool := h.app
	switch who {
	case "reader":
		pool = h.reader
	case "sealer":
		pool = h.sealer
	case "superuser":
		pool = h.superuser
	}
	_, err := pool.ExecContext(t.Context(), attempt)
	if e, ok := errors.AsType[*pq.Error](err); !ok || string(e.Code) != want {
		t.Errorf("%s: %s: %v, want %s", who, attempt, err, want)
	}
}

// Two sealers that both believe to be alone, with what each had read before the other wrote.
func TestTwoSealersNeverForkTheLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for round := range 20 {
		h.fill(t, 700)
		start := make(chan struct{})
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				s := &notary.Sealer{Book: reckless{notarydb.Book{DB: h.sealer}}, Batch: 300}
				<-start
				for s.Seal(t.Context()) != nil { // the other was first
					s = &notary.Sealer{Book: reckless{notarydb.Book{DB: h.sealer}}, Batch: 300}
				}
			})
		}
		close(start)
		both.Wait()
		if n := count(t, h.superuser, `SELECT count(*) FROM audit.leaves`); n != int64(700*(round+1)) {
			t.Fatalf("round %d: %d leaves", round, n)
		}
	}
	requireSealed(t, h)
}

// reckless seals without the lock: what a second leader does that a pooler or a split brain lets in.
type reckless struct{ notarydb.Book }

func (r reckless) Alone(ctx context.Context, f func(notary.Page) error) (bool, error) {
	return r.Unlocked(ctx, f)
}

func TestWhatWasTamperedWithStopsTheSealerForGood(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tamper, alarm string
		atSweep       bool
	}{
		"a leaf at the edge":      {`UPDATE audit.leaves SET leaf_hash = sha256('x') WHERE leaf_index = 590`, notary.AlarmTree, false},
		"a leaf that is missing":  {`DELETE FROM audit.leaves WHERE leaf_index = 590`, notary.AlarmTree, false},
		"a tile's root":           {`UPDATE audit.tiles SET root = sha256('x') WHERE idx = 1`, notary.AlarmTree, false},
		"the checkpoint's root":   {`UPDATE audit.checkpoints SET root = sha256('x')`, notary.AlarmTree, false},
		"an entry not sealed yet": {`ALTER TABLE audit.entries DROP CONSTRAINT entries_leaf_hash_check; UPDATE audit.entries SET canon = '{}' WHERE id = 601`, notary.AlarmEntry, false},
		"an old leaf":             {`UPDATE audit.leaves SET leaf_hash = sha256('x') WHERE leaf_index = 5`, notary.AlarmLeaf, true},
		"an old leaf with its entry": {`ALTER TABLE audit.entries DROP CONSTRAINT entries_leaf_hash_check;
			UPDATE audit.leaves SET leaf_hash = sha256('x') WHERE leaf_index = 5; UPDATE audit.entries SET leaf_hash = sha256('x') WHERE id = 6`, notary.AlarmCheckpoint, true},
		"a sealed entry that is gone": {`DELETE FROM audit.entries WHERE id = 9`, notary.AlarmLeaf, true},
		"an old tile":                 {`UPDATE audit.tiles SET hashes = overlay(hashes PLACING '\x00000000' FROM 77) WHERE idx = 0`, notary.AlarmTile, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.fill(t, 600)
			s := h.newSealer()
			seal(t, s)
			h.fill(t, 10)
			if _, err := h.superuser.ExecContext(t.Context(), `ALTER TABLE audit.leaves DISABLE TRIGGER ALL; ALTER TABLE audit.tiles DISABLE TRIGGER ALL;
				ALTER TABLE audit.checkpoints DISABLE TRIGGER ALL; ALTER TABLE audit.entries DISABLE TRIGGER ALL; `+c.tamper); err != nil {
				t.Fatal(err)
			}
			err := s.Sweep(t.Context())
			if !c.atSweep {
				s = h.newSealer()
				err = s.Seal(t.Context())
			}
			if alarm, is := notary.Alarmed(err); !is || alarm.Name != c.alarm {
				t.Fatalf("%v, want the alarm %s", err, c.alarm)
			}
			before := count(t, h.superuser, `SELECT count(*) FROM audit.leaves`)
			if again := s.Seal(t.Context()); !errors.Is(again, err) {
				t.Errorf("it goes on: %v", again)
			}
			if n := count(t, h.superuser, `SELECT count(*) FROM audit.leaves`); n != before {
				t.Errorf("%d leaves more", n-before)
			}
		})
	}
}

// A dump that is restored into another cluster brings transaction numbers that this one has not reached.
func TestAMarkAheadOfAllTransactionsIsNotBelieved(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill(t, 50)
	seal(t, h.newSealer())
	if _, err := h.superuser.ExecContext(t.Context(), `ALTER TABLE audit.checkpoints DISABLE TRIGGER ALL; UPDATE audit.checkpoints SET low_water = '4000000000'`); err != nil {
		t.Fatal(err)
	}
	if _, err := h.superuser.ExecContext(t.Context(), `ALTER TABLE audit.checkpoints ENABLE ALWAYS TRIGGER extend`); err != nil {
		t.Fatal(err)
	}
	s := h.newSealer()
	seal(t, s)
	h.fill(t, 7)
	seal(t, s)
	requireSealed(t, h)
	if n := count(t, h.superuser, `SELECT count(*) FROM audit.checkpoints WHERE size = 57 AND low_water < '4000000000'`); n != 1 {
		t.Error("the mark stays ahead")
	}
}

// A transaction that was open when all others were sealed is found by the mark, not by its number.
func TestAnEntryThatCommitsLateIsSealedAfterThoseBehindIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	late, err := h.app.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	first, err := h.deed(t.Context(), late, "00000000-0000-0000-0000-000000000001")
	if err != nil {
		t.Fatal(err)
	}
	s := h.newSealer()
	for range 3 {
		h.deeds(t, 2)
		seal(t, s)
	}
	if err := late.Commit(); err != nil {
		t.Fatal(err)
	}
	seal(t, s)
	if n := count(t, h.superuser, `SELECT leaf_index FROM audit.leaves WHERE entry_id = $1`, first); n != 6 {
		t.Errorf("it is leaf %d", n)
	}
	requireSealed(t, h)
}

// A sweep also finds what a mark has passed over, however that came to be.
func TestASweepFindsWhatWasSkipped(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill(t, 5)
	s := h.newSealer()
	seal(t, s)
	if _, err := h.superuser.ExecContext(t.Context(), `INSERT INTO audit.entries (xid, stream, canon, leaf_hash, action, outcome, occurred_at)
		VALUES ('3', 'policy', 'x', sha256('\x0078'), 'viewed', 'done', now())`); err != nil {
		t.Fatal(err)
	}
	seal(t, s)
	if n := count(t, h.superuser, `SELECT count(*) FROM audit.leaves`); n != 5 {
		t.Fatalf("%d leaves before the sweep", n)
	}
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	seal(t, s)
	requireSealed(t, h)
}

func TestABacklogIsSealedInBatches(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill(t, 70_000)
	s := &notary.Sealer{Book: notarydb.Book{DB: h.sealer}, Batch: 16384}
	seal(t, s)
	requireSealed(t, h)
	if n := count(t, h.superuser, `SELECT count(*) FROM audit.checkpoints`); n != 5 {
		t.Errorf("%d batches", n)
	}
	if n := count(t, h.superuser, `SELECT count(*) FROM audit.tiles`); n != 70_000/merkle.TileWidth+1 {
		t.Errorf("%d tiles", n)
	}
}
