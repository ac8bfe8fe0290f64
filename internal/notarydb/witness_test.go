package notarydb_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/anchor"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
	"github.com/caldicott/caldicott/internal/witness"
)

// watch serves a witness of the log whose verifier key is given; in front of it may stand something.
func watch(t testing.TB, name, logKey string, front func(http.Handler) http.Handler) (w notary.Witness, vkey string) {
	t.Helper()
	served := housetest.NewWitness(t, name, logKey, front)
	return served.Witness, served.Key
}

func (h house) publisher(clock func() time.Time, witnesses ...notary.Witness) *notary.Publisher {
	desk := notarydb.Desk{Shelf: notarydb.Shelf{DB: h.sealer}}
	return &notary.Publisher{Origin: origin, Log: desk, Store: desk, Witnesses: witnesses, Clock: clock}
}

func publish(t testing.TB, p *notary.Publisher) {
	t.Helper()
	if err := p.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// grow seals and signs so many more entries.
func (h house) grow(t testing.TB, n int, signer *notary.Signer) {
	t.Helper()
	h.fill(t, n)
	seal(t, h.newSealer())
	sign(t, signer)
}

func requireAlarm(t testing.TB, p *notary.Publisher, name string) {
	t.Helper()
	for range 2 { // for good
		if alarm, is := notary.Alarmed(p.Publish(t.Context())); !is || alarm.Name != name {
			t.Errorf("%s: %+v", name, alarm)
		}
	}
}

// What is given away then satisfies whoever demands a quorum of witnesses, with nothing but a text file.
func TestWhatIsSignedIsCosignedAndServedWithItsCosignatures(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	key, _ := newKey(t)
	first, firstKey := watch(t, "w1", key.Verifier(), nil)
	second, secondKey := watch(t, "w2", key.Verifier(), nil)
	p := h.publisher(time.Now, first, second)
	publish(t, p) // nothing is signed yet
	signer := h.newSigner(filepath.Join(t.TempDir(), "signed"), key)
	policy, err := witness.ParsePolicy(strings.NewReader("log " + key.Verifier() + "\nwitness a " + firstKey + "\nwitness b " + secondKey + "\ngroup both all a b\nquorum both\n"))
	if err != nil {
		t.Fatal(err)
	}
	_, ids := h.deeds(t, 1)
	for _, n := range []int{1, 300, 5} {
		h.grow(t, n, signer)
		_, bare, err := h.proofs().Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := policy.Check(bare); err == nil {
			t.Error("it is believed before it is cosigned")
		}
		publish(t, p)
		publish(t, p) // again is nothing more
		proof, err := h.proofs().Entry(t.Context(), ids[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := policy.Check(proof.Note); err != nil || !strings.HasPrefix(proof.Note, bare) {
			t.Errorf("%v\n%s", err, proof.Note)
		}
	}
	if n := count(t, h.superuser, `SELECT count(*) FROM audit.cosignatures`); n != 6 {
		t.Errorf("%d cosignatures", n)
	}
	publish(t, h.publisher(time.Now, first)) // another process
	if n := count(t, h.reader, `SELECT count(*) FROM audit.keys WHERE role = 'witness' AND vkey IN ($1, $2)`, firstKey, secondKey); n != 2 {
		t.Errorf("%d keys of witnesses", n)
	}
	h.grow(t, 5, signer) // the newest is not cosigned yet: what is proved by the one before it is still believed
	proofs := h.proofs()
	proofs.Public = p.Public
	proof, err := proofs.Entry(t.Context(), ids[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := policy.Check(proof.Note); err != nil {
		t.Error(err)
	}
	last := count(t, h.reader, `SELECT entry_id FROM audit.leaves WHERE leaf_index = 311`)
	if proof, err = proofs.Entry(t.Context(), last); err != nil || !strings.HasPrefix(proof.Note, origin+"\n312\n") {
		t.Errorf("%v %s", err, proof.Note)
	}
	publish(t, p)
	s, err := p.State(t.Context())
	if err != nil || s.Size != 312 || s.Public != 312 || s.Quorum != 2 || len(s.Witnesses) != 2 || s.Witnesses[0].Size != 312 || s.Witnesses[0].Behind != 0 || s.Witnesses[0].At.IsZero() {
		t.Errorf("%+v %v", s, err)
	}
}

// rollback removes, as a superuser can, all of the log above a size.
func (h house) rollback(t testing.TB, size int64) {
	t.Helper()
	ctx := t.Context()
	tx, err := h.superuser.BeginTxx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // does nothing once committed
	for _, table := range []string{"entries", "leaves", "tiles", "checkpoints", "signatures", "cosignatures"} {
		if _, err := tx.ExecContext(ctx, `ALTER TABLE audit.`+table+` DISABLE TRIGGER ALL`); err != nil {
			t.Fatal(err)
		}
	}
	for _, query := range []string{
		`DELETE FROM audit.cosignatures WHERE size > $1`, `DELETE FROM audit.signatures WHERE size > $1`, `DELETE FROM audit.checkpoints WHERE size > $1`,
		`DELETE FROM audit.tiles WHERE level = 0 AND (idx + 1) * 256 > $1`,
		`DELETE FROM audit.entries WHERE id IN (SELECT entry_id FROM audit.leaves WHERE leaf_index >= $1)`, `DELETE FROM audit.leaves WHERE leaf_index >= $1`,
	} {
		if _, err := tx.ExecContext(ctx, query, size); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range []string{"entries", "leaves", "tiles", "checkpoints", "signatures", "cosignatures"} {
		if _, err := tx.ExecContext(ctx, `ALTER TABLE audit.`+table+` ENABLE TRIGGER ALL`); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// The clean rollback (A9): what is left is sound, the signer's own memory is taken away as well, and only the witness knows.
func TestOnlyTheWitnessSeesThatTheLogWasPutBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	key, _ := newKey(t)
	w, _ := watch(t, "w", key.Verifier(), nil)
	signer := h.newSigner(filepath.Join(t.TempDir(), "signed"), key)
	for range 2 {
		h.grow(t, 200, signer)
		publish(t, h.publisher(time.Now, w))
	}
	h.rollback(t, 200)
	requireSealed(t, h) // sound in itself
	requireAlarm(t, h.publisher(time.Now, w), notary.AlarmRollback)
	fresh := h.newSigner(filepath.Join(t.TempDir(), "signed"), key)
	h.grow(t, 50, fresh)
	rolled := h.publisher(time.Now, w)
	requireAlarm(t, rolled, notary.AlarmRollback)
	if s, err := rolled.State(t.Context()); err != nil || s.Witnesses[0].Fault != notary.AlarmRollback {
		t.Errorf("%+v %v", s, err)
	}
	h.grow(t, 250, fresh) // larger than what the witness knows, and another
	requireAlarm(t, h.publisher(time.Now, w), notary.AlarmFork)
}

// A DBA who also invents cosignatures keeps nobody from asking the witness.
func TestAForgedCosignatureHidesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	key, _ := newKey(t)
	w, _ := watch(t, "w", key.Verifier(), nil)
	signer := h.newSigner(filepath.Join(t.TempDir(), "signed"), key)
	for range 2 {
		h.grow(t, 200, signer)
		publish(t, h.publisher(time.Now, w))
	}
	h.rollback(t, 200)
	h.grow(t, 50, h.newSigner(filepath.Join(t.TempDir(), "signed"), key))
	const forge = `INSERT INTO audit.cosignatures (size, witness, line) SELECT 250, witness, line FROM audit.cosignatures`
	if _, err := h.superuser.ExecContext(t.Context(), forge); err != nil {
		t.Fatal(err)
	}
	requireAlarm(t, h.publisher(time.Now, w), notary.AlarmRollback)
}

// A witness that hangs takes its own time, and not that of the others; one that is away is left alone for a while.
func TestASlowOrSilentWitnessHoldsUpNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	key, _ := newKey(t)
	var away atomic.Bool
	var asked atomic.Int32
	release := make(chan struct{})
	slow, _ := watch(t, "slow", key.Verifier(), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-release
			next.ServeHTTP(w, r)
		})
	})
	silent, _ := watch(t, "silent", key.Verifier(), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1); away.Load() {
				http.Error(w, "away", http.StatusBadGateway)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	quick, _ := watch(t, "quick", key.Verifier(), nil)
	clock := housetest.NewClock(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC))
	slow.Client.Timeout = time.Minute
	p := h.publisher(clock.Now, slow, silent, quick)
	p.Quorum = 1
	signer := h.newSigner(filepath.Join(t.TempDir(), "signed"), key)
	h.grow(t, 5, signer)
	away.Store(true)
	done := make(chan error, 1)
	go func() { done <- p.Publish(t.Context()) }()
	for { // the quick one's is stored while the slow one hangs
		s, err := p.State(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s.Public == 5 && s.Witnesses[1].Fault == notary.FaultRefused {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	close(release)
	if err := <-done; err == nil || !strings.Contains(err.Error(), "witness silent") || strings.Contains(err.Error(), "slow") {
		t.Errorf("%v", err)
	}
	for range 3 { // not asked before its pause is over
		publish(t, p)
	}
	clock.Put(clock.At().Add(2 * time.Second))
	if err := p.Publish(t.Context()); err == nil || asked.Load() != 2 {
		t.Errorf("%v, asked %d times", err, asked.Load())
	}
	away.Store(false)
	clock.Put(clock.At().Add(2 * time.Second))
	publish(t, p)
	if asked.Load() != 2 {
		t.Error("the second pause is no longer than the first")
	}
	clock.Put(clock.At().Add(2 * time.Second))
	publish(t, p)
	s, err := p.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range s.Witnesses {
		if w.Size != 5 || w.Fault != "" {
			t.Errorf("%+v", w)
		}
	}
}

// The witness has cosigned and the answer is lost; then it is asked again, by a process that knows nothing of it.
func TestALostAnswerIsAskedForAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	key, _ := newKey(t)
	var lose atomic.Bool
	w, _ := watch(t, "w", key.Verifier(), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if lose.Load() {
				w = httptest.NewRecorder()
				defer panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, r)
		})
	})
	signer := h.newSigner(filepath.Join(t.TempDir(), "signed"), key)
	h.grow(t, 300, signer)
	publish(t, h.publisher(time.Now, w))
	h.grow(t, 300, signer)
	lose.Store(true)
	p := h.publisher(time.Now, w)
	if err := p.Publish(t.Context()); err == nil {
		t.Error("the answer is not lost")
	}
	if s, err := p.State(t.Context()); err != nil || s.Witnesses[0].Size != 300 || s.Witnesses[0].Behind != 300 || s.Witnesses[0].Fault != notary.FaultSilent {
		t.Errorf("%+v %v", s, err)
	}
	lose.Store(false)
	publish(t, h.publisher(time.Now, w))
	if s, err := p.State(t.Context()); err != nil || s.Witnesses[0].Size != 600 {
		t.Errorf("%+v %v", s, err)
	}
}

// Replicas push at the same time while the log grows. None takes the other for a rollback.
func TestReplicasThatPublishTogetherRaiseNoAlarm(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	key, _ := newKey(t)
	w, _ := watch(t, "w", key.Verifier(), nil)
	signer := h.newSigner(filepath.Join(t.TempDir(), "signed"), key)
	ctx, stop := context.WithCancel(t.Context())
	var replicas sync.WaitGroup
	for range 3 {
		replicas.Go(func() {
			p := h.publisher(time.Now, w)
			for ctx.Err() == nil {
				if alarm, is := notary.Alarmed(p.Publish(t.Context())); is {
					t.Error(alarm)
					return
				}
			}
		})
	}
	for range 30 {
		h.grow(t, 17, signer)
	}
	stop()
	replicas.Wait()
	publish(t, h.publisher(time.Now, w))
	s, err := h.publisher(time.Now, w).State(t.Context())
	if err != nil || s.Public != 510 {
		t.Errorf("%+v %v", s, err)
	}
}

func TestWitnessesOutOfFormAreRefused(t *testing.T) {
	t.Parallel()
	_, vkey, err := witness.GenerateKey("w")
	if err != nil {
		t.Fatal(err)
	}
	_, logKey, err := note.GenerateKey(nil, "w")
	if err != nil {
		t.Fatal(err)
	}
	one := `{"name": "a", "url": "https://w.example", "vkey": "` + vkey + `"}`
	for _, bad := range []string{
		"", "{}", `[{"name": "a"}]`, "[" + one + "," + one + "]", "[" + strings.Replace(one, "https", "ftp", 1) + "]",
		"[" + strings.Replace(one, vkey, logKey, 1) + "]", "[" + strings.Replace(one, `"a"`, `""`, 1) + "]", "[" + strings.Replace(one, "name", "nom", 1) + "]",
	} {
		if _, err := notary.ParseWitnesses(strings.NewReader(bad)); err == nil || strings.Contains(err.Error(), "w.example") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// Anchors are stored once a checkpoint, and nobody changes one.
func TestAnchorsAreKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	key, _ := newKey(t)
	desk := notarydb.Desk{Shelf: notarydb.Shelf{DB: h.sealer}}
	signer := h.newSigner(filepath.Join(t.TempDir(), "signed"), key)
	h.grow(t, 3, signer)
	folder := anchor.Folder(t.TempDir())
	daily := anchor.Daily{Newest: h.proofs().Checkpoint, Store: desk, Anchors: []anchor.Anchor{folder}, Clock: time.Now}
	for range 2 {
		if err := daily.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.grow(t, 3, signer)
	}
	if n := count(t, h.reader, `SELECT count(*) FROM audit.anchors WHERE size = 3 AND kind = 'file' AND convert_from(token, 'UTF8') LIKE '%-3.checkpoint'`); n != 1 {
		t.Errorf("%d anchors", n)
	}
	if err := desk.Anchor(t.Context(), 3, anchor.KindFile, []byte("again")); err != nil {
		t.Error(err)
	}
	kinds, err := desk.Anchored(t.Context(), 6, time.Now().Add(time.Hour))
	if err != nil || len(kinds) != 0 {
		t.Errorf("%v %v", kinds, err)
	}
	for _, query := range []string{
		`UPDATE audit.anchors SET made_at = now()`, `DELETE FROM audit.anchors`, `TRUNCATE audit.anchors`, `INSERT INTO audit.anchors (size, kind, token) VALUES (3, 'pigeon', 'x')`,
		`TRUNCATE audit.cosignatures`, `INSERT INTO audit.cosignatures (size, witness, line) VALUES (4, 'w', 'x')`,
	} {
		for name, pool := range map[string]*sqlx.DB{"sealer": h.sealer, "superuser": h.superuser, "app": h.app} {
			if _, err := pool.ExecContext(t.Context(), query); err == nil {
				t.Errorf("%s: %s", name, query)
			}
		}
	}
}
