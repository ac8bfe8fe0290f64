package notarydb_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
)

// leaders is how often another sealer must take over; CALDICOTT_LEADERS says otherwise.
const leaders = 100

// Each leader dies at some point of its work, has its connection cut, or stalls there and comes back when the next one has
// sealed, believing itself alone. The signer signs after every tenth.
func TestManyLeadersAreOneLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	key, verifier := newKey(t)
	signer := h.newSigner(filepath.Join(t.TempDir(), "signed"), key)
	ends := []func(*testing.T, house, func()){dies, isCutOff, returns}
	var took []time.Duration
	rounds := amount(t, "CALDICOTT_LEADERS", leaders)
	for round := range rounds {
		h.add(t, 1+rand.IntN(300))
		next := h.newSealer()
		takeOver := func() {
			began := time.Now()
			h.sealAll(t, next)
			took = append(took, time.Since(began))
		}
		ends[round%len(ends)](t, h, takeOver)
		if n := count(t, h.superuser, `SELECT (SELECT count(*) FROM audit.entries) - (SELECT count(*) FROM audit.leaves)`); n != 0 {
			t.Fatalf("round %d: %d entries are not sealed", round, n)
		}
		if round%10 == 9 {
			sign(t, signer)
		}
	}
	requireSealed(t, h)
	sign(t, signer)
	requireSigned(t, h, verifier)
	slices.Sort(took)
	t.Logf("%d leaders, each sealed by the next within p50 %s, p99 %s of its end", rounds, took[len(took)/2], took[len(took)*99/100])
}

// sealAll seals until nothing waits: the lock of a leader that was cut off goes with its connection, which takes a moment,
// and idle connections may have been cut off with it.
func (h house) sealAll(t *testing.T, s *notary.Sealer) {
	t.Helper()
	const query = `SELECT count(*) FROM audit.entries e WHERE NOT EXISTS (SELECT FROM audit.leaves l WHERE l.entry_id = e.id)`
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		if _, is := notary.Alarmed(s.Seal(t.Context())); is {
			t.Fatal("the next leader was alarmed")
		}
		waiting := count(t, h.superuser, query)
		if waiting == 0 {
			return
		}
		if pause(ctx, 5*time.Millisecond); ctx.Err() != nil {
			t.Errorf("%d entries are never sealed", waiting)
			return
		}
	}
}

// after counts moments and then calls once.
func after(moments int, call func() error) func() error {
	return func() error {
		if moments--; moments == 0 {
			return call()
		}
		return nil
	}
}

// moments is about how many there are in one sealing.
const moments = 12

func dies(t *testing.T, h house, takeOver func()) {
	t.Helper()
	s := &notary.Sealer{Book: mortal{notarydb.Book{DB: h.sealer}, after(1+rand.IntN(moments), func() error { return errDied })}}
	if _, is := notary.Alarmed(s.Seal(t.Context())); is {
		t.Error("a dying leader was alarmed")
	}
	takeOver()
}

func isCutOff(t *testing.T, h house, takeOver func()) {
	t.Helper()
	s := &notary.Sealer{Book: mortal{notarydb.Book{DB: h.sealer}, after(1+rand.IntN(moments), func() error {
		_, err := h.superuser.ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sealer' AND datname = current_database()`)
		return err
	})}}
	if _, is := notary.Alarmed(s.Seal(t.Context())); is {
		t.Error("a leader that was cut off was alarmed")
	}
	takeOver()
}

// returns stalls before it writes. It holds no lock, as one whose lock a pooler or a proxy has let go of.
func returns(t *testing.T, h house, takeOver func()) {
	t.Helper()
	stalled := false
	s := &notary.Sealer{Book: stalling{reckless{notarydb.Book{DB: h.sealer}}, func() { stalled = true; takeOver() }}}
	if err := s.Seal(t.Context()); err == nil || !stalled {
		t.Errorf("a leader that came back wrote over the next one (stalled: %v)", stalled)
	} else if _, is := notary.Alarmed(err); is {
		t.Errorf("a leader that came back was alarmed: %v", err)
	}
}

// stalling is a book whose writer is held up just before it writes.
type stalling struct {
	notary.Book
	before func()
}

func (s stalling) Alone(ctx context.Context, f func(notary.Page) error) (bool, error) {
	return s.Book.Alone(ctx, func(p notary.Page) error { return f(late{p, s.before}) })
}

type late struct {
	notary.Page
	before func()
}

func (l late) Write(ctx context.Context, b notary.Batch) error {
	l.before()
	return l.Page.Write(ctx, b)
}
